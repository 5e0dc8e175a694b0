"""One WebSocket as Daphne speaks it, with bounds on what waits in either direction."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import daphne.server  # noqa: F401 - first: it puts the reactor on asyncio
from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from lairchat.core import metrics
from lairchat.core.frames import text_frame
from lairchat.server.forwarded import client_address, counted_address
from lairchat.server.inbox import Inbox

if TYPE_CHECKING:
    from lairchat.server.daphne import Server

logger = logging.getLogger(__name__)

TOO_SLOW, IDLE = 4008, 4002
PIECE_BYTES = 64  # what a piece of an unfinished frame costs beside its content
SLACK_BYTES = 64 * 1024  # such costs beyond the frame's cap, for frames that honestly come in many pieces


class Socket(WebSocketProtocol):
    """One WebSocket: gauge on its output, pause on its input, a cap on what is unfinished."""

    server: "Server"

    def __init__(self) -> None:
        super().__init__()
        self.inbox: Inbox | None = None
        self.counted: str | None = None  # the address it counts for; None: not counted
        self.is_signed_in = False
        self.unfinished = 0
        self.heard_at = self.pinged_at = time.monotonic()
        self.paused = False
        self.is_slow = False

    # Opening

    def connectionMade(self) -> None:
        self.server = self.factory.server_class
        super().connectionMade()

    def onConnect(self, request: Any) -> Any:
        peer = str(getattr(self.transport.getPeer(), "host", ""))
        chain = request.headers.get("x-forwarded-for", "")
        address = counted_address(client_address(peer, chain, self.server.trust))
        if not self.server.admits(address):
            metrics.REFUSED_SOCKETS.inc()
            raise ConnectionDeny(503, "Too many connections")
        self.counted = address
        self.server.count(self, 1)
        self.gauge = Gauge(self)
        self.transport.registerProducer(self.gauge, True)
        return super().onConnect(request)

    def connectionLost(self, reason: Any = None) -> None:
        if self.counted is not None:
            self._finish_frame()
            self.server.count(self, -1)
            self.counted = None
        super().connectionLost(reason)

    def signed_in(self) -> None:
        """From now on it does not count among those who have yet to sign in."""
        if not self.is_signed_in and self.counted is not None:
            self.server.unfinished -= self.unfinished
            self.server.count(self, -1)
            self.is_signed_in = True
            self.server.count(self, 1)

    def set_frame_cap(self, size: int) -> None:
        self.maxMessagePayloadSize = self.maxFramePayloadSize = size

    # Input: bytes → frames → inbox. Nothing is parsed while the inbox is full, and the transport stops reading.

    def dataReceived(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        super().dataReceived(data)
        if self.inbox is not None and self.inbox.full and not self.paused:
            self.paused = True
            self.transport.pauseProducing()

    def processData(self) -> bool:
        if self.inbox is not None and self.inbox.full and self.state == self.STATE_OPEN:
            return False
        return super().processData()

    def room(self) -> None:
        """The application took enough: parse what was kept, then read on."""
        self.consumeData()
        if self.paused and not (self.inbox and self.inbox.full):
            self.paused = False
            self.heard_at = time.monotonic()
            self.transport.resumeProducing()

    def onMessageFrameBegin(self, length: int) -> None:
        self._hold(PIECE_BYTES)
        super().onMessageFrameBegin(length)
        if self.failedByMe:
            self._finish_frame()

    def onMessageFrameData(self, payload: bytes) -> None:
        self._hold(len(payload) + PIECE_BYTES)
        super().onMessageFrameData(payload)

    def onMessageEnd(self) -> None:
        self._finish_frame()
        super().onMessageEnd()

    def onMessage(self, payload: bytes, is_binary: bool) -> None:
        if self.state != self.STATE_OPEN or self.inbox is None:
            return
        content = {"bytes": payload} if is_binary else {"text": payload.decode()}
        self.inbox.put({"type": "websocket.receive", **content}, len(payload))

    def onClose(self, was_clean: bool, code: int | None, reason: str | None) -> None:
        self.server.protocol_disconnected(self)
        if self.inbox is not None:
            self.inbox.put({"type": "websocket.disconnect", "code": self.localCloseCode if self.closedByMe else code})

    def _hold(self, size: int) -> None:
        if self.failedByMe:
            return
        self.unfinished += size
        if not self.is_signed_in:
            self.server.unfinished += size
            self.server.relieve()
        if self.unfinished > 2 * self.maxMessagePayloadSize + SLACK_BYTES:
            self.too_big()

    def too_big(self) -> None:
        """Give up the unfinished frame, and the socket with it (1009)."""
        self._fail_connection(self.CLOSE_STATUS_CODE_MESSAGE_TOO_BIG, "too much of one frame waits")
        self.message_data: list[bytes] = []
        self.frame_data: list[bytes] = []
        self._finish_frame()

    def _finish_frame(self) -> None:
        if not self.is_signed_in:
            self.server.unfinished -= self.unfinished
        self.unfinished = 0

    # Output

    def unsent(self) -> int:
        """Bytes written here that the system has not taken yet; 0 once the socket closes."""
        transport = self.transport if self.state == self.STATE_OPEN else None
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen if transport else 0

    async def drained(self) -> None:
        """Wait while over 64 KiB are unsent: for one with much to send to this socket alone. Ends with the socket."""
        await self.gauge.empty.wait()

    def send_text(self, text: str | bytes) -> None:
        """One text frame (bytes are UTF-8), straight to the transport; nothing once the socket closes."""
        if self.state == self.STATE_OPEN:
            self._write_through(text_frame(text.encode() if isinstance(text, str) else text))

    def send_frames(self, frames: bytes) -> None:
        """Text frames that are framed already, straight to the transport."""
        if self.state == self.STATE_OPEN:
            self._write_through(frames)

    def _write_through(self, frame: bytes) -> None:
        """To the system at once where nothing waits, else behind what waits: order holds, and the gauge sees the rest.

        Twisted would register and unregister a writer with epoll for each frame: more than the frame itself costs.
        """
        transport = self.transport
        if transport.connected and not transport.disconnecting and not self.unsent():
            sent = transport.writeSomeData(frame)
            if sent == len(frame):
                return
            if isinstance(sent, int):
                frame = frame[sent:]  # else the connection is lost, which the transport finds by itself
        transport.write(frame)

    def too_slow(self) -> None:
        """Close with 4008. The frame waits behind the rest: whoever does not take that in time is cut off."""
        if self.is_slow or self.state != self.STATE_OPEN:
            return
        self.is_slow = True
        self.end(TOO_SLOW, "too slow")

    def end(self, code: int, reason: str) -> None:
        """Close for a reason of this layer. The application counts the closes it asks for itself."""
        if self.state == self.STATE_OPEN:
            metrics.CLOSES.labels(code).inc()
        self.close(code, reason)

    def _fail_connection(self, code: int = 1002, reason: str = "") -> None:
        if self.state == self.STATE_OPEN:
            metrics.CLOSES.labels(code).inc()
        super()._fail_connection(code, reason)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with any code of RFC 6455 or ours; refuse if not open yet."""
        if self.state == self.STATE_CONNECTING:
            if hasattr(self, "handshake_deferred"):
                self.serverReject()
            return
        self.sendCloseFrame(code=code, reasonUtf8=reason.encode()[:123] or None)

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False) -> None:
        """Autobahn's way to every close. If it is ours the application hears of it now, not when the peer agrees."""
        was_open = self.state == self.STATE_OPEN
        super().sendCloseFrame(code=code, reasonUtf8=reasonUtf8, isReply=isReply)
        if not was_open or isReply:
            return
        self.gauge.empty.set()  # nothing more is sent, so nobody need wait
        if self.inbox is not None:
            self.inbox.end({"type": "websocket.disconnect", "code": code})
        if self.paused:  # the peer's answer to the close must be read
            self.paused = False
            self.transport.resumeProducing()

    def abort(self) -> None:
        self.transport.abortConnection()

    # Daphne's hooks

    def handle_reply(self, message: dict) -> None:
        kind = message["type"]
        if kind == "websocket.send" and self.state in {self.STATE_CLOSING, self.STATE_CLOSED}:
            return  # the peer left while its last commands ran
        if kind == "websocket.send" and self.state == self.STATE_OPEN and message.get("text") is not None:
            self.send_text(message["text"])
        elif kind == "websocket.close":
            self.close(message.get("code") or 1000, message.get("reason") or "")
        elif kind == "websocket.accept" and not hasattr(self, "handshake_deferred"):
            return  # gone, or refused, in the meantime
        else:
            super().handle_reply(message)

    def handle_exception(self, exception: BaseException) -> None:
        if hasattr(self, "handshake_deferred"):
            self.handshake_deferred.errback(ConnectionDeny(500, "Internal server error"))
            del self.handshake_deferred
        else:
            self.close(1011, "internal error")

    def check_timeouts(self) -> None:
        """Called every second or two. Monotonic, so that a clock that jumps closes nothing."""
        now = time.monotonic()
        limits = self.server.config.limits
        if self.state == self.STATE_CONNECTING:
            if now - self.heard_at > self.server.websocket_connect_timeout and hasattr(self, "handshake_deferred"):
                self.serverReject()
            return
        if self.state != self.STATE_OPEN or self.paused:
            return
        quiet = now - self.heard_at
        if quiet >= limits.idle_seconds:
            self.end(IDLE, "idle")
        elif quiet >= limits.ping_seconds and now - self.pinged_at >= limits.ping_seconds:
            self.pinged_at = now
            self.sendPing()


class Gauge:
    """The transport's producer: asked to pause whenever a write leaves more than 64 KiB waiting, it looks how much."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.most = socket.server.config.limits.socket_output_bytes
        self.empty = asyncio.Event()
        self.empty.set()

    def pauseProducing(self) -> None:
        self.empty.clear()
        if self.socket.unsent() > self.most:
            self.socket.too_slow()

    def resumeProducing(self) -> None:
        """Everything was taken."""
        self.empty.set()

    def stopProducing(self) -> None:
        """The connection is lost; the socket is told by itself."""
        self.empty.set()


class SocketFactory(WebSocketFactory):
    protocol = Socket
