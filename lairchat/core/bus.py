"""Hints to other processes over Redis, if one is configured. Only a hint: the log is the truth (D10).

One channel per process in one group; one publish per batch; 250 ms, then a breaker of 2 s. Requests never wait for it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from channels_redis.pubsub import RedisPubSubChannelLayer

from lairchat import config
from lairchat.core import events
from lairchat.core.events import Close, Delivery, Effect, Join, Leave
from lairchat.core.metrics import HINTS

logger = logging.getLogger(__name__)

GROUP = "lair"
WAITING_MAX = 1000  # deliveries that may wait for the sender; more are dropped and found by their heads
PUBLISH_SECONDS = 0.25
BREAKER_SECONDS = 2.0
PULSE_SECONDS = 1.0
FRAME_MAX = 16 * 1024  # a larger one goes as its position only
BATCH_MAX = 64
_EFFECTS: dict[str, type[Effect]] = {kind.__name__: kind for kind in (Join, Leave, Close)}


class Bus:
    """Takes what this process committed, hands over what others did. `off` without Redis, else `up` or `down`."""

    def __init__(self) -> None:
        self.state = "off"
        self.receive: Callable[[Sequence[Delivery]], None] = lambda deliveries: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue(WAITING_MAX)

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        """Take committed events, on any thread; returns at once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, deliveries)

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._waiting.full():
                HINTS.labels("dropped").inc()
                return
            self._waiting.put_nowait(delivery)

    async def run(self) -> None:
        """Carry hints in both directions until cancelled; returns at once where no Redis is configured."""
        url = config.current().redis_url
        if url is None:
            return
        self._loop = asyncio.get_running_loop()
        self.state = "down"
        bounds = {"socket_connect_timeout": PUBLISH_SECONDS, "socket_timeout": None, "health_check_interval": 5}
        layer = RedisPubSubChannelLayer(hosts=[{"address": url, **bounds}])
        reader = asyncio.ensure_future(self._read(layer))
        try:
            await self._send(layer)
        finally:
            reader.cancel()
            self._loop, self.state = None, "off"

    async def _send(self, layer: RedisPubSubChannelLayer) -> None:
        while True:
            batch = await self._batch()
            message = {"type": "hint", "hints": [_packed(delivery) for delivery in batch]}
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):  # not wait_for: it may swallow the end of this task
                    await layer.group_send(GROUP, message)
                HINTS.labels("sent").inc(len(batch))
                self.state = "up"
            except Exception as error:  # a client library's errors are many; each means the same
                HINTS.labels("failed").inc(len(batch))
                if self.state != "down":
                    logger.warning(
                        "Redis does not take hints (%s); other processes follow the log", type(error).__name__
                    )
                self.state = "down"
                await asyncio.sleep(BREAKER_SECONDS)

    async def _batch(self) -> list[Delivery]:
        """What waits; nothing after a quiet while, so that the state is known also where nobody says anything."""
        try:
            async with asyncio.timeout(PULSE_SECONDS):
                batch = [await self._waiting.get()]
        except TimeoutError:
            return []
        while len(batch) < BATCH_MAX and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch

    async def _read(self, layer: RedisPubSubChannelLayer) -> None:
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self.state = "up"
                while True:
                    message = await layer.receive(channel)
                    HINTS.labels("received").inc(len(message["hints"]))
                    self.receive([_unpacked(hint) for hint in message["hints"]])
            except Exception as error:
                logger.warning("Redis gives no hints (%s); this process follows the log", type(error).__name__)
                self.state = "down"
                await asyncio.sleep(BREAKER_SECONDS)


def _packed(delivery: Delivery) -> dict[str, Any]:
    values: dict[str, Any] = {"stream": delivery.stream, "seq": delivery.seq, "type": delivery.type}
    if delivery.seq is not None and len(delivery.frame) > FRAME_MAX:
        return values
    effects = [(type(effect).__name__, msgspec.to_builtins(effect)) for effect in delivery.effects]
    values |= {"frame": delivery.frame, "effects": effects, "key": delivery.key}
    if delivery.users is not None:
        values["users"] = [str(user_id) for user_id in delivery.users]
    if delivery.except_user is not None:
        values["except_user"] = str(delivery.except_user)
    return values


def _unpacked(values: dict[str, Any]) -> Delivery:
    """The delivery of a hint. Without a frame it only says how far its stream is: the hub reads the log."""
    users, except_user = values.get("users"), values.get("except_user")
    return Delivery(
        stream=values["stream"],
        seq=values["seq"],
        type=values["type"],
        frame=values.get("frame", b""),
        effects=[msgspec.convert(fields, _EFFECTS[name]) for name, fields in values.get("effects", ())],
        key=values.get("key", ""),
        users=None if users is None else tuple(UUID(user_id) for user_id in users),
        except_user=None if except_user is None else UUID(except_user),
    )


bus = Bus()
events.outlets.append(bus.publish)
