"""Somebody who listens without a socket: a real connection on the hub, whose frames land in a strict client."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.actor import Actor
from chat.queries import Followed, followed
from chat.realtime import v2
from chat.realtime.connection import Connection
from lairchat.core import lane, log
from lairchat.testing.clients import Client

DEADLINE_SECONDS = 30.0


async def until(question: Callable[[], Any], what: str) -> Any:
    """Wait for the loop's other work to make the answer true. Raises AssertionError at the deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not (answer := question()):
            await asyncio.sleep(0.002)
    return answer


class Listener(Client):
    """A strict client whose line is a Connection in this very process."""

    is_live = False  # there is no socket to ask

    def __init__(self, actor: Actor, *, expires_at: datetime | None = None) -> None:
        super().__init__(0, "")
        self.actor = actor
        self.frames: list[dict[str, Any]] = []  # everything, in the order it came
        self.code: int | None = None
        self.unsent_bytes = 0
        self.connection = Connection(
            user_id=actor.person.id,
            username=actor.person.username,
            session_id=actor.session_id,
            expires_at=expires_at or datetime.now(UTC) + timedelta(hours=1),
            via="ws",
            address="",
            write=self._heard,
            close=self._closed,
            unsent=lambda: self.unsent_bytes,
        )

    def attach(self, streams: dict[str, Followed], resume: v2.Resume | None = None) -> None:
        """Follow these streams from this moment on, as a socket does whose hello said `resume`."""
        v2.attach(self.connection, self.actor, streams, v2.ClientHello("2.0", resume))

    async def listen(self, resume: v2.Resume | None = None) -> "Listener":
        """Follow all of the person's streams, and wait until everything missed was heard."""
        await lane.run(log.known_epoch)
        streams = await lane.run(followed, self.actor.person.id)
        self.attach(streams, resume)
        await v2.catch_up(self.connection, streams)
        return self

    async def reaches(self, stream: str, seq: int) -> None:
        await until(lambda: self.positions.get(stream, -1) >= seq, f"{stream} is heard up to {seq}")
        self.check()

    def seqs(self, stream: str) -> list[int]:
        return [event["seq"] for event in self.of_stream(stream)]

    def resume(self) -> v2.Resume:
        """What this client's next hello says."""
        assert self.epoch is not None
        return v2.Resume(self.epoch, dict(self.positions))

    def _heard(self, frame: bytes) -> None:
        value = json.loads(frame)
        self.frames.append(value)
        match value["type"]:
            case "ready":
                self._ready(value)
            case "reset":
                self._reset(value)
            case "live":
                self._live()
                self.is_live = True
            case "ack" | "error" | "pong":
                pass
            case _:
                self._event(value)

    def _closed(self, code: int, reason: str) -> None:
        self.code = code
