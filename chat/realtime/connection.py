"""One signed-in connection: what it follows, what still waits for it, and how a command of it runs.

It knows no transport: it is given `write`, `close` and `unsent`, so that every kind of socket is the same here.
"""

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from accounts.actor import Caller, Via
from accounts.queries import live_actor
from lairchat import config
from lairchat.core import lane
from lairchat.core.commands import Command, table
from lairchat.core.errors import DomainError, Invalid, Malformed
from lairchat.core.events import Delivery
from lairchat.core.forms import parsed
from lairchat.core.metrics import CLOSES, FRAMES
from lairchat.core.refusals import as_domain_error
from lairchat.core.writer import writer

logger = logging.getLogger(__name__)

SESSION_ENDED = 4010
TOO_SLOW = 4008
TOO_MANY = 4029
VOLATILE_SHARE = 4  # typing and presence are dropped once a quarter of the allowed output waits


@dataclass(slots=True)
class CatchingUp:
    """A stream that this connection has not reached the live end of: what comes meanwhile waits here.

    `is_ahead`: the client already has frames up to `after`, which this process has yet to hear of.
    """

    after: int
    pending: list[Delivery] = field(default_factory=list)
    is_ahead: bool = False


class Connection:
    """Lives on the event loop; only `_execute` runs on a thread of the lane."""

    under_way: ClassVar[int] = 0  # commands that run now, of all connections of the process

    def __init__(
        self,
        *,
        user_id: UUID,
        username: str,
        session_id: UUID,
        expires_at: datetime,
        via: Via,
        address: str,
        write: Callable[[bytes], None],
        close: Callable[[int, str], None],
        unsent: Callable[[], int],
        drained: Callable[[], Awaitable[None]] | None = None,
        write_frames: Callable[[bytes], None] | None = None,
    ) -> None:
        self.user_id, self.username = user_id, username
        self.session_id, self.expires_at = session_id, expires_at
        self.via, self.address = via, address
        self.streams: set[str] = set()
        self.catching_up: dict[str, CatchingUp] = {}
        self.joined_early: list[str] = []  # rooms gained before the frame that tells of them could be sent
        self.returned: dict[str, int] = {}  # streams joined anew before the leave was heard of, and after which seq
        self.is_open = True
        self._write, self._close, self._unsent, self._drained = write, close, unsent, drained
        self._write_frames = write_frames  # takes framed text, several frames at once: the write-through lane
        self._outbox: list[bytes] = []  # framed, for the end of this turn of the loop
        self._frame_times: deque[float] = deque()
        self._refused_frames = 0
        self._is_running = False
        self._close_after: tuple[int, str] | None = None

    def __hash__(self) -> int:
        return id(self)

    def write(self, frame: bytes) -> None:
        """Hand a stored frame to the transport; a reader too slow for it is closed and resumes later (F8)."""
        if self._has_room():
            self._write(frame)
            FRAMES.inc()

    def put(self, frame: bytes, framed: bytes) -> bool:
        """Like `write`, but where the transport takes several frames at once, at the next `flush`, which every other
        way to write and to close brings about. True if there was nothing to flush before."""
        if self._write_frames is None:
            self.write(frame)
            return False
        self._outbox.append(framed)
        return len(self._outbox) == 1

    def flush(self) -> None:
        """Hand over what was `put`, by one call."""
        if not self._outbox:
            return
        framed, self._outbox = self._outbox, []
        if self._has_room() and self._write_frames is not None:
            self._write_frames(framed[0] if len(framed) == 1 else b"".join(framed))
            FRAMES.inc(len(framed))

    def _has_room(self) -> bool:
        """Whether something may be written; what waits goes before it."""
        self.flush()
        if self.is_open and self._unsent() > config.current().limits.socket_output_bytes:
            self.close(TOO_SLOW)
        return self.is_open

    async def drained(self) -> None:
        """Wait until little is unsent, where the transport can tell."""
        if self._drained is not None and self.is_open:
            await self._drained()

    def put_volatile(self, frame: bytes, framed: bytes) -> bool:
        """`put` a frame that may be lost; it is, as soon as the reader falls behind."""
        is_behind = self._unsent() * VOLATILE_SHARE > config.current().limits.socket_output_bytes
        return self.is_open and not is_behind and self.put(frame, framed)

    def answer(self, value: Any) -> None:
        self.write(msgspec.json.encode(value))

    def close(self, code: int, reason: str = "") -> None:
        """Nothing is sent from now on but the answer to a running command, which may be the one that signs out."""
        if code != TOO_SLOW:
            self.flush()
        if not self.is_open:
            return
        self.is_open = False
        CLOSES.labels(code).inc()
        if self._is_running and code != TOO_SLOW:
            self._close_after = code, reason
        else:
            self._close(code, reason)

    def allows_frame(self) -> bool:
        """Count one frame in (60 per 3 s). A peer that goes on after as many refusals again is closed with 4029."""
        window = config.current().limits.socket_frames
        now = time.monotonic()
        while self._frame_times and self._frame_times[0] <= now - window.seconds:
            self._frame_times.popleft()
        if len(self._frame_times) < window.count or not config.current().limits_on:
            self._frame_times.append(now)
            self._refused_frames = 0
            return True
        self._refused_frames += 1
        if self._refused_frames > window.count:
            self.close(TOO_MANY)
        return False

    async def run(self, entry: Command, values: dict[str, Any], request_id: str | None) -> None:
        """Run one command and answer it. No failure of one command ends the connection (M7, F10)."""
        self._is_running = True
        Connection.under_way += 1
        try:
            answer = await self._answer_of(entry, values, request_id)
        finally:
            Connection.under_way -= 1
            self._is_running = False
        if self._close_after is not None:
            if answer is not None:
                self._write(msgspec.json.encode(answer))
            self._close(*self._close_after)
        elif answer is not None:
            self.answer(answer)

    async def _answer_of(self, entry: Command, values: dict[str, Any], request_id: str | None) -> dict[str, Any] | None:
        try:
            answer = await self._answer(entry, values, request_id or "")
        except Exception as error:
            refusal = as_domain_error(error)
            if refusal.status == 500:
                logger.exception("command %s failed", entry.name)
            if refusal.status == 401:
                self.close(SESSION_ENDED)
            elif entry.silent:
                return None
            return refused(request_id, refusal)
        if entry.silent:
            return None
        return acknowledged(request_id, answer)

    async def _answer(self, entry: Command, values: dict[str, Any], request_id: str) -> msgspec.Struct:
        if entry.run_soon is not None and writer.is_running:
            caller = Caller(self.session_id, self.via, self.address, request_id)
            answering = entry.run_soon(caller, parsed(entry.takes, values))
            if answering is not None:
                return await answering
        return await lane.run(self._execute, entry, values, request_id)

    def _execute(self, entry: Command, values: dict[str, Any], request_id: str) -> msgspec.Struct:
        # The session and the account are read for each command, never taken from connect time (S1, S7).
        actor = live_actor(self.session_id, via=self.via, address=self.address, request_id=request_id)
        return entry.run(actor, parsed(entry.takes, values))

    def refuse(self, request_id: str | None, refusal: DomainError) -> None:
        self.answer(refused(request_id, refusal))


def acknowledged(request_id: str | None, answer: msgspec.Struct) -> dict[str, Any]:
    data = {name: value for name, value in msgspec.structs.asdict(answer).items() if value is not msgspec.UNSET}
    return {"type": "ack", "request_id": request_id} | data


def refused(request_id: str | None, refusal: DomainError) -> dict[str, Any]:
    return {"type": "error", "request_id": request_id, "error": refusal.as_dict()}


def decoded(text: str) -> tuple[str, dict[str, Any], str | None]:
    """`(type, fields, request_id)` of a frame. Raises Invalid (no JSON) or Malformed (no object with a type)."""
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Invalid(f"Invalid JSON: {error}", code="invalid_message") from error
    if not isinstance(values, dict) or not isinstance(values.get("type"), str):
        raise Malformed("A frame is a JSON object with a string field `type`.", code="invalid_message")
    request_id = values.get("request_id")
    if request_id is not None and (not isinstance(request_id, str) or len(request_id) > 64):
        raise Malformed("request_id must be a string of at most 64 characters.", code="invalid_message")
    return values["type"], values, request_id


def command_named(name: str) -> Command:
    """Raises Invalid for a type that is no command."""
    entry = table.get(name)
    if entry is None:
        raise Invalid(f"There is no command {name[:40]!r}.", code="unknown_command")
    return entry
