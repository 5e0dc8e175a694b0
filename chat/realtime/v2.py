"""Dialect 2.x: the opening, the frames that are no events, and how to resume (docs/protocol/websocket.md)."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from accounts.actor import Actor
from accounts.shapes import UserOutput
from chat.queries import Followed
from chat.realtime.connection import Connection
from chat.realtime.hub import Plan, Reset, hub
from lairchat.core import log
from lairchat.core.errors import Invalid, Malformed, Unauthenticated
from lairchat.core.forms import parsed
from lairchat.core.metrics import RESUMES

VERSIONS = ["1.0", "2.0"]


class Resume(Struct):
    epoch: Annotated[str, Meta(max_length=64)]
    positions: dict[str, Annotated[int, Meta(ge=0)]]


class ClientHello(Struct):
    version: str
    resume: Resume | None
    client_name: str | None = None
    features: list[str] | None = None


class Authenticate(Struct):
    token: str


def encoded(frame: Any) -> bytes:
    return msgspec.json.encode(frame)


def server_hello() -> dict[str, Any]:
    """The server speaks first; `version` and `features` are what the original expects."""
    return {
        "type": "server_hello",
        "version": "1.0",
        "server_name": "Lair Chat",
        "features": [],
        "encryption_required": False,
        "supported_versions": VERSIONS,
    }


def pong() -> dict[str, Any]:
    return {"type": "pong", "server_time": datetime.now(UTC).isoformat()}


def client_hello(name: str, values: dict[str, Any]) -> ClientHello:
    """The hello of a 2.x client. Raises Invalid `version_mismatch`, Malformed, or Unauthenticated for anything else."""
    if name != "client_hello":
        raise Unauthenticated("Must complete handshake first", code="unauthorized")
    version = values.get("version")
    if not isinstance(version, str) or not version.startswith("2.") or "resume" not in values:
        raise Invalid(
            "This server speaks 2.0, whose hello has `resume` (null or {epoch, positions}).", code="version_mismatch"
        )
    return parsed(ClientHello, values)


def token_of(name: str, values: dict[str, Any]) -> str:
    """The token of an `authenticate` frame. Raises Malformed for any other."""
    if name != "authenticate":
        raise Malformed("Must authenticate first", code="unauthorized")
    return parsed(Authenticate, values).token


def plan(streams: dict[str, Followed], resume: Resume | None, epoch: str) -> Plan:
    """Where each stream goes on, from the client's positions, and which must be read again (D7)."""
    if resume is None:
        return Plan({name: stream.head for name, stream in streams.items()}, [])
    start: dict[str, int] = {}
    resets: list[Reset] = []
    for name, stream in streams.items():
        position = resume.positions.get(name)
        if resume.epoch != epoch or (position is not None and position > stream.head):
            reason = "epoch"
        elif position is None:
            start[name] = stream.joined
            continue
        elif name.startswith("room:") and position < stream.joined:
            # Gone and come back since: what was said in between is not for them (D11).
            start[name] = stream.joined
            resets.append(Reset(name, stream.joined, "too_old"))
            continue
        elif position + 1 < stream.floor:
            reason = "too_old"
        else:
            start[name] = position
            continue
        start[name] = stream.head
        resets.append(Reset(name, stream.head, reason))
    resets.extend(Reset(name, 0, "no_access") for name in resume.positions if name not in streams)
    return Plan(start, resets)


def attach(connection: Connection, actor: Actor, streams: dict[str, Followed], hello: ClientHello) -> None:
    """Say `ready`, follow every stream from this moment on, and say what must be read again."""
    epoch = log.known_epoch()
    joining = plan(streams, hello.resume, epoch)
    hub.attach(connection, streams, joining)
    following = {name: stream for name, stream in streams.items() if name in connection.streams}
    connection.answer(
        {
            "type": "ready",
            "user": UserOutput.own(actor.person),
            "session": {"id": connection.session_id, "expires_at": connection.expires_at},
            "epoch": epoch,
            "streams": {name: stream.head for name, stream in following.items()},
            "from": {name: joining.start[name] for name in following},
        }
    )
    for reset in joining.resets:
        hub.tell_reset(connection, reset)
    if hello.resume is not None:
        RESUMES.inc()


async def catch_up(connection: Connection, streams: dict[str, Followed]) -> None:
    """Send what was missed, the own stream first (it tells of rooms gained), then `live`."""
    await hub.catch_up(connection, sorted(streams, key=lambda name: name.startswith("room:")))
    connection.answer({"type": "live"})
