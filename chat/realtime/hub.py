"""The hub of one process: committed events in, frames to the connections that follow their stream, in seq order.

A plain object on the event loop. `deliver` is the only door from other threads. What the hub is told are hints; it
fills holes and finds lost ends by reading the log (D6, D10), so that other processes need nothing but the database.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError

from chat.queries import Followed
from chat.realtime.connection import TOO_SLOW, CatchingUp, Connection
from lairchat import config
from lairchat.core import events, lane, log, processes
from lairchat.core.bus import bus
from lairchat.core.events import Close, Delivery, Join, Leave
from lairchat.core.frames import text_frame
from lairchat.core.metrics import GAPS, HEADS_FOUND, RESETS, SOCKETS

logger = logging.getLogger(__name__)

RING = 256  # last deliveries kept per stream, so that a short absence costs no query
GAP_SECONDS = 0.02  # how long a hole may be only a swapped hint
VOLATILE_SECONDS = 0.1  # typing, presence and receipts are collected so long; the latest value of a key wins
FETCH_MAX = 500
HEADS_AT_ONCE = 500
EXPIRY_SECONDS = 30.0
AGAIN_SECONDS = 0.5  # until a database that is away is asked again
SESSION_ENDED = 4010


@dataclass(slots=True)
class Served:
    """A stream that somebody here follows. `position` is the seq of the last frame handed out."""

    name: str
    position: int
    early: dict[int, Delivery] = field(default_factory=dict)
    ring: deque[Delivery] = field(default_factory=lambda: deque(maxlen=RING))
    connections: set[Connection] = field(default_factory=set)
    healing: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Reset:
    stream: str
    head: int
    reason: str

    def frame(self) -> dict[str, Any]:
        return {"type": "reset", "stream": self.stream, "head": self.head, "reason": self.reason}


@dataclass(slots=True)
class Plan:
    """How a connection joins its streams: after which position each goes on, and which must be read again."""

    start: dict[str, int]
    resets: list[Reset]


class Hub:
    def __init__(self) -> None:
        self.streams: dict[str, Served] = {}
        self.by_user: dict[UUID, set[Connection]] = defaultdict(set)
        self.volatile: dict[str, Delivery] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.watchers: list[Callable[[Connection, bool], None]] = []
        self._unflushed: list[Connection] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    # From actions, on any thread

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Take committed events of this process; returns at once."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.arrive, deliveries)

    # On the loop

    def arrive(self, deliveries: Iterable[Delivery]) -> None:
        """Put each delivery where its seq belongs: out, aside until the hole before it is filled, or away."""
        unfollowed = []
        for delivery in deliveries:
            if delivery.seq is None:
                self._collect(delivery)
            elif delivery.stream in self.streams:
                self._place(delivery)
            else:
                unfollowed.append(delivery)
        for delivery in unfollowed:
            # One of the others may have let somebody in: what this act stored after that is for them.
            self._place(delivery)

    def _place(self, delivery: Delivery) -> None:
        served = self.streams.get(delivery.stream)
        if served is None or delivery.seq is None or delivery.seq <= served.position:
            return
        if not delivery.frame:
            self._start(self._advance(served, delivery.seq))
            return
        served.early[delivery.seq] = delivery
        self._drain(served)
        if served.early and served.healing is None:
            served.healing = self._start(self._heal(served))

    def _drain(self, served: Served) -> None:
        while (delivery := served.early.pop(served.position + 1, None)) is not None:
            self._hand_out(served, delivery)

    def _hand_out(self, served: Served, delivery: Delivery) -> None:
        for effect in delivery.effects:
            if isinstance(effect, Join):
                for connection in tuple(self.by_user.get(effect.user_id, ())):
                    self._join(connection, effect)
        served.position = delivery.seq or served.position
        served.ring.append(delivery)
        framed = text_frame(delivery.frame)
        for connection in tuple(served.connections):
            waiting = connection.catching_up.get(served.name) if connection.catching_up else None
            if waiting is None:
                if connection.put(delivery.frame, framed):
                    self._flush_soon(connection)
            else:
                self._keep_waiting(connection, served, waiting, delivery)
        for effect in delivery.effects:
            if isinstance(effect, Leave):
                self._leave(effect, served.position)
            elif isinstance(effect, Close):
                for connection in tuple(self.by_user.get(effect.user_id, ())):
                    self._close(connection, effect)

    def _flush_soon(self, connection: Connection) -> None:
        """Each connection is written to once for all that a commit, or several, brought it in one turn of the loop."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(connection)

    def _flush(self) -> None:
        unflushed, self._unflushed = self._unflushed, []
        for connection in unflushed:
            connection.flush()

    def _keep_waiting(self, connection: Connection, served: Served, waiting: CatchingUp, delivery: Delivery) -> None:
        if waiting.is_ahead:
            if served.position >= waiting.after:
                del connection.catching_up[served.name]
        elif len(waiting.pending) < config.current().delivery.resume_frames:
            waiting.pending.append(delivery)
        else:
            self._reset(connection, served.name, "too_many")

    def _join(self, connection: Connection, effect: Join) -> None:
        """The connection follows the stream from the position on, before anything later is sent."""
        if effect.stream in connection.streams:
            # The entry that took them out may still be on its way here: it must not undo this later one.
            connection.returned[effect.stream] = effect.after
        else:
            self._follow(connection, effect.stream, effect.after)

    def _follow(self, connection: Connection, stream: str, after: int) -> None:
        served = self.streams.get(stream)
        if served is None:
            served = self.streams[stream] = Served(stream, after)
        connection.streams.add(stream)
        served.connections.add(connection)
        if log.user_stream(connection.user_id) in connection.catching_up:
            # Nothing of the room may come before the frame that tells of it, which still waits.
            connection.catching_up[stream] = CatchingUp(after)
            connection.joined_early.append(stream)
        elif served.position != after:
            connection.catching_up[stream] = CatchingUp(after)
            self._start(self.catch_up(connection, [stream]))

    def _leave(self, effect: Leave, seq: int) -> None:
        served = self.streams.get(effect.stream)
        leaving = (
            tuple(served.connections if served else ())
            if effect.user_id is None
            else tuple(self.by_user.get(effect.user_id, ()))
        )
        for connection in leaving:
            self._let_go(connection, effect.stream, seq)

    def _let_go(self, connection: Connection, stream: str, seq: int) -> None:
        returned = connection.returned.get(stream, 0)
        self._unfollow(connection, stream)
        if returned > seq:
            self._follow(connection, stream, returned)

    def _close(self, connection: Connection, effect: Close) -> None:
        if effect.session_id is not None and connection.session_id != effect.session_id:
            return
        if effect.except_session is not None and connection.session_id == effect.except_session:
            return
        connection.close(effect.code)
        self.detach(connection)

    def _unfollow(self, connection: Connection, stream: str) -> None:
        connection.streams.discard(stream)
        connection.catching_up.pop(stream, None)
        connection.returned.pop(stream, None)
        served = self.streams.get(stream)
        if served is not None:
            served.connections.discard(connection)
            if not served.connections:
                self._forget(served)

    def _forget(self, served: Served) -> None:
        if served.healing is not None:
            served.healing.cancel()
        self.streams.pop(served.name, None)

    # Volatile

    def _collect(self, delivery: Delivery) -> None:
        if not self.volatile:
            asyncio.get_running_loop().call_later(VOLATILE_SECONDS, self._flush_volatile)
        self.volatile[f"{delivery.stream} {delivery.key}"] = delivery

    def _flush_volatile(self) -> None:
        collected, self.volatile = self.volatile, {}
        for delivery in collected.values():
            framed = text_frame(delivery.frame)
            for connection in self._hearers(delivery):
                if connection.user_id != delivery.except_user and connection.put_volatile(delivery.frame, framed):
                    self._flush_soon(connection)

    def _hearers(self, delivery: Delivery) -> set[Connection]:
        if delivery.users is not None:
            return {connection for user_id in delivery.users for connection in self.by_user.get(user_id, ())}
        served = self.streams.get(delivery.stream)
        return set(served.connections) if served else set()

    def hearing(self, streams: Iterable[str]) -> set[UUID]:
        """The accounts connected here that follow any of the streams."""
        return {
            connection.user_id
            for name in streams
            if (served := self.streams.get(name)) is not None
            for connection in served.connections
        }

    # Coming and going

    def online(self) -> list[UUID]:
        return list(self.by_user)

    def attach(self, connection: Connection, followed: dict[str, Followed], plan: Plan) -> None:
        """Follow the streams, caught up or not, from this moment: nothing that is committed later can be missed.

        `followed` was read in one snapshot with the memberships, after the session was found in force. What changed
        since is either still to come on its stream, or lies between the head read and the hub's position: it is
        looked for there, and takes effect now.
        """
        if connection.user_id not in self.by_user:
            self.tell_presence(connection, is_online=True)
        self.by_user[connection.user_id].add(connection)
        SOCKETS.inc()
        for name, stream in followed.items():
            served = self.streams.get(name)
            if served is None:
                served = self.streams[name] = Served(name, stream.head)
            connection.streams.add(name)
            connection.catching_up[name] = CatchingUp(plan.start.get(name, served.position))
            served.connections.add(connection)
        for name, stream in followed.items():
            self._repeat_effects(connection, name, stream.head)

    def _repeat_effects(self, connection: Connection, name: str, since: int) -> None:
        served = self.streams.get(name)
        if served is None or served.position <= since or not connection.is_open:
            return
        later = [delivery for delivery in served.ring if (delivery.seq or 0) > since]
        if len(later) != served.position - since:
            connection.close(TOO_SLOW)  # too much happened for us to know; the next attempt reads it anew
            self.detach(connection)
            return
        for seq, effect in ((delivery.seq or 0, effect) for delivery in later for effect in delivery.effects):
            if isinstance(effect, Leave) and effect.user_id in (None, connection.user_id):
                self._let_go(connection, effect.stream, seq)
            elif isinstance(effect, Join) and effect.user_id == connection.user_id:
                self._join(connection, effect)
            elif isinstance(effect, Close) and effect.user_id == connection.user_id:
                self._close(connection, effect)

    def detach(self, connection: Connection) -> None:
        """Forget a connection at once, wherever it stood."""
        here = self.by_user.get(connection.user_id)
        if here is None or connection not in here:
            return
        connection.is_open = False
        here.discard(connection)
        SOCKETS.dec()
        streams = tuple(connection.streams)
        if not here:
            del self.by_user[connection.user_id]
            self.tell_presence(connection, is_online=False)
        for name in streams:
            self._unfollow(connection, name)

    def tell_presence(self, connection: Connection, *, is_online: bool) -> None:
        """Somebody's first connection here opens, or their last one closes; `watchers` decide what that means."""
        for watcher in self.watchers:
            watcher(connection, is_online)

    # Catching up

    async def catch_up(self, connection: Connection, names: Sequence[str]) -> None:
        """Send what the connection missed of each stream, in order, then go live; or a reset for that stream (D7)."""
        limits = config.current().delivery
        frames_left, bytes_left = limits.resume_frames, limits.resume_bytes
        for name in names:
            missing = await self._missing(connection, name, min(frames_left, limits.resume_frames_per_stream))
            if missing is None:
                continue
            size = sum(len(delivery.frame) for delivery in missing)
            if size > bytes_left:
                self._reset(connection, name, "too_many")
                continue
            frames_left -= len(missing)
            bytes_left -= size
            if await self._send(connection, name, missing):
                self._go_live(connection, name)

    async def _send(self, connection: Connection, name: str, missing: list[Delivery]) -> bool:
        """Write what was missed no faster than the reader takes it: a long absence is not a slow reader (F8).

        False if the stream was lost or reset meanwhile.
        """
        waiting = connection.catching_up.get(name)
        for delivery in missing:
            await connection.drained()
            if waiting is None or connection.catching_up.get(name) is not waiting:
                return False
            connection.write(delivery.frame)
            waiting.after = delivery.seq or waiting.after
        return waiting is not None

    async def _missing(self, connection: Connection, name: str, most: int) -> list[Delivery] | None:
        """The deliveries between the connection's position and the hub's; None if it no longer follows or was reset."""
        waiting, served = connection.catching_up.get(name), self.streams.get(name)
        if waiting is None or served is None:
            return None
        upto = served.position
        count = upto - waiting.after
        if count <= 0:
            return []
        if count > most:
            self._reset(connection, name, "too_many")
            return None
        kept = [delivery for delivery in served.ring if waiting.after < (delivery.seq or 0) <= upto]
        if len(kept) == count:
            return kept
        loaded = await self._replayed(name, waiting.after, upto, count)
        if connection.catching_up.get(name) is not waiting:
            return None
        if len(loaded) != count:
            self._reset(connection, name, "too_old")
            return None
        return loaded

    async def _replayed(self, name: str, after: int, upto: int, limit: int) -> list[Delivery]:
        """What the log holds; while the database is away, who waits for it waits on (F4)."""
        while True:
            try:
                return await lane.run(_replay, name, after, upto, limit)
            except (OperationalError, InterfaceError) as error:
                logger.warning("%s could not be read for who comes back (%s); tried again", name, error)
                await asyncio.sleep(AGAIN_SECONDS)

    def _go_live(self, connection: Connection, name: str) -> None:
        waiting = connection.catching_up.pop(name, None)
        if waiting is None:
            return
        position = waiting.after
        for delivery in waiting.pending:
            if delivery.seq is not None and delivery.seq > position:
                connection.write(delivery.frame)
                position = delivery.seq
        served = self.streams.get(name)
        if served is not None and position > served.position:
            connection.catching_up[name] = CatchingUp(position, is_ahead=True)
        self._begin_early(connection, name)

    def _begin_early(self, connection: Connection, name: str) -> None:
        """Once the own stream is live, so may be the rooms gained on it meanwhile."""
        if connection.joined_early and name == log.user_stream(connection.user_id):
            names, connection.joined_early = connection.joined_early, []
            self._start(self.catch_up(connection, names))

    def _reset(self, connection: Connection, name: str, reason: str) -> None:
        waiting, served = connection.catching_up.pop(name, None), self.streams.get(name)
        if waiting is None or served is None:
            return
        self.tell_reset(connection, Reset(name, served.position, reason))
        self._begin_early(connection, name)

    def tell_reset(self, connection: Connection, reset: Reset) -> None:
        RESETS.labels(reset.reason).inc()
        connection.answer(reset.frame())

    # Healing

    async def _heal(self, served: Served) -> None:
        """Fill a hole from the log, unless the missing hint comes within 20 ms."""
        try:
            await asyncio.sleep(GAP_SECONDS)
            while served.early and self.streams.get(served.name) is served:
                upto = min(served.early) - 1
                if upto > served.position:
                    GAPS.inc()
                    await self._fetch(served, upto)
                self._drain(served)
        finally:
            served.healing = None

    async def _fetch(self, served: Served, upto: int) -> None:
        """Hand out what the log holds between the hub's position and `upto`; afterwards the position has moved."""
        after = served.position
        loaded = await lane.run(_replay, served.name, after, upto, FETCH_MAX)
        if self.streams.get(served.name) is not served:
            return  # nobody follows it any more; whoever does again began anew
        for delivery in loaded:
            if delivery.seq == served.position + 1:
                served.early.pop(delivery.seq, None)
                self._hand_out(served, delivery)
        if served.position == after:
            # Pruned, or a log cut short: nobody may wait for ever for what is not there.
            served.position = (loaded[0].seq or 0) - 1 if loaded else upto
            served.ring.clear()
            for connection in tuple(served.connections):
                connection.catching_up.pop(served.name, None)
                self.tell_reset(connection, Reset(served.name, served.position, "too_old"))
                self._begin_early(connection, served.name)

    async def watch_heads(self) -> None:
        """Each second: one query for the heads of all served streams; the whole path from other processes (D10)."""
        self.loop = asyncio.get_running_loop()
        next_expiry_check = self.loop.time()
        while True:
            pause = config.current().delivery.heads_seconds
            await asyncio.sleep(pause / 2 if bus.state == "down" else pause)
            try:
                await self.compare_heads()
            except (OperationalError, InterfaceError) as error:  # away for a while: sockets stay, this goes on (F4)
                logger.warning("heads could not be compared: %s", error)
            except Exception:
                logger.exception("heads could not be compared")
            if self.loop.time() >= next_expiry_check:
                next_expiry_check = self.loop.time() + EXPIRY_SECONDS
                self._close_expired()

    async def compare_heads(self) -> None:
        names = list(self.streams)
        for start in range(0, len(names), HEADS_AT_ONCE):
            heads = await lane.run(log.heads, names[start : start + HEADS_AT_ONCE])
            # People's own streams before the rooms: whose sign-in ended is sent nothing more that was found with it.
            for name, head in sorted(heads.items(), reverse=True):
                served = self.streams.get(name)
                # A stream that is just being healed gets there by itself.
                if served is not None and head > served.position and served.healing is None:
                    HEADS_FOUND.inc()
                    await self._advance(served, head)

    async def _advance(self, served: Served, head: int) -> None:
        while served.position < head and self.streams.get(served.name) is served:
            await self._fetch(served, head)
        self._drain(served)

    def _close_expired(self) -> None:
        now = datetime.now(UTC)
        for connections in tuple(self.by_user.values()):
            for connection in tuple(connections):
                if connection.expires_at <= now:
                    connection.close(SESSION_ENDED)
                    self.detach(connection)

    def _start(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("the hub's work failed", exc_info=task.exception())


def _replay(name: str, after: int, upto: int, limit: int) -> list[Delivery]:
    """Deliveries rebuilt from the log; runs on a thread of the lane."""
    return events.load(log.entries(name, after, upto, limit))


hub = Hub()
events.outlets.append(hub.deliver)
bus.receive = hub.arrive
processes.online_here = hub.online
