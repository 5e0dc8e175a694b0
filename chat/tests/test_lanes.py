"""The write-through lane and the plain one carry the same bytes (performance.md, section 2)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.testing import StringTransport

from chat.realtime.connection import TOO_SLOW, Connection
from lairchat import config
from lairchat.core.frames import text_frame

PAYLOADS = [b"{}", "Grüße 👋".encode(), b"a" * 125, b"a" * 126, b"a" * 65535, b"a" * 65536, b"a" * 200_000]


class Line:
    """A transport's two lanes, and how much it says is unsent."""

    def __init__(self, *, takes_frames: bool) -> None:
        self.written: list[bytes] = []
        self.closed: list[int] = []
        self.calls = 0
        self.unsent = 0
        self.connection = Connection(
            user_id=uuid4(),
            username="alice",
            session_id=uuid4(),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            via="ws",
            address="127.0.0.1",
            write=lambda payload: self._take(text_frame(payload)),
            close=lambda code, reason: self.closed.append(code),
            unsent=lambda: self.unsent,
            write_frames=self._take if takes_frames else None,
        )

    def _take(self, frames: bytes) -> None:
        self.calls += 1
        self.written.append(frames)

    @property
    def bytes(self) -> bytes:
        return b"".join(self.written)


def autobahn_frame(payload: bytes) -> bytes:
    """What the library that Daphne stands on writes for a text message."""
    protocol: Any = WebSocketServerProtocol()
    protocol.factory = WebSocketServerFactory()
    protocol.transport = transport = StringTransport()
    protocol.factory.isServer = True
    protocol._connectionMade()
    protocol.state = protocol.STATE_OPEN
    protocol.websocket_version = 13
    transport.clear()
    protocol.sendMessage(payload, isBinary=False)
    return transport.value()


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
def test_our_frame_is_the_librarys_to_the_byte(payload: bytes) -> None:
    assert text_frame(payload) == autobahn_frame(payload)


def talk(line: Line) -> bytes:
    """Events, an answer between them, presence, and a close at the end."""
    connection = line.connection
    for payload in PAYLOADS:
        connection.put(payload, text_frame(payload))
    connection.answer({"type": "ack"})
    connection.put_volatile(b'{"type":"user_typing"}', text_frame(b'{"type":"user_typing"}'))
    connection.put(b"{}", text_frame(b"{}"))
    connection.close(4010)
    return line.bytes


def test_both_lanes_carry_the_same_bytes_in_the_same_order() -> None:
    through, plain = Line(takes_frames=True), Line(takes_frames=False)
    assert talk(through) == talk(plain)
    assert through.closed == plain.closed == [4010]


def test_a_turn_of_the_loop_is_one_write() -> None:
    through, plain = Line(takes_frames=True), Line(takes_frames=False)
    for line in (through, plain):
        first = [line.connection.put(b"{}", text_frame(b"{}")) for _ in range(10)]
        line.connection.flush()
        assert first == [line is through] + [False] * 9
    assert (through.calls, plain.calls) == (1, 10)
    assert through.bytes == plain.bytes


@pytest.mark.parametrize("takes_frames", [True, False])
def test_a_slow_reader_is_closed_in_either_lane(takes_frames: bool) -> None:
    line = Line(takes_frames=takes_frames)
    line.unsent = config.current().limits.socket_output_bytes + 1
    line.connection.put(b"{}", text_frame(b"{}"))
    line.connection.flush()
    assert (line.closed, line.bytes, line.connection.is_open) == ([TOO_SLOW], b"", False)


@pytest.mark.parametrize("takes_frames", [True, False])
def test_typing_is_dropped_before_anybody_is_closed(takes_frames: bool) -> None:
    line = Line(takes_frames=takes_frames)
    line.unsent = config.current().limits.socket_output_bytes // 2
    assert not line.connection.put_volatile(b"{}", text_frame(b"{}"))
    line.connection.flush()
    assert (line.closed, line.bytes) == ([], b"")
