"""The server: Daphne with bounds. What is private to Daphne, Twisted and Autobahn stays in this package."""

import asyncio
import logging
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.server import Server as Daphne
from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogBeginner

from lairchat.config import Config
from lairchat.core import metrics
from lairchat.server.forwarded import Trust
from lairchat.server.http import Channel, Factory
from lairchat.server.inbox import Inbox
from lairchat.server.websocket import Socket, SocketFactory

logger = logging.getLogger(__name__)

RESTART = 4012
CLOSE_HANDSHAKE_SECONDS = 5.0
TIMEOUT_CHECK_SECONDS = 1.0
BACKLOG = 1024
FRESH_CHECK_SECONDS = 0.02


class PortInUse(Exception):
    """The address to listen on is taken or not ours; the text says which."""


class Server(Daphne):
    """Serves one ASGI application on one address until `stop_gracefully`."""

    def __init__(self, application: Any, config: Config) -> None:
        super().__init__(application, endpoints=["unused"], server_name="", http_timeout=None)
        self.config = config
        self.trust = Trust(config.trusted_proxies)
        self.channels: set[Channel] = set()
        self.connections: dict[Any, dict[str, Any]] = {}
        self.running: set[asyncio.Future] = set()
        self.unfinished = 0  # bytes of unfinished frames, sockets not signed in
        self.sockets = 0
        self.not_signed_in = 0
        self.not_signed_in_from: Counter[str] = Counter()
        self.port: Any = None
        self.stopping = False

    # Life

    def listen(self) -> int:
        """Begin to accept; returns the port. Raises PortInUse."""
        globalLogBeginner.beginLoggingTo([lambda _event: None], redirectStandardIO=False, discardBuffer=True)
        limits = self.config.limits
        self.http_factory = Factory(self)
        self.ws_factory = SocketFactory(self, server="")
        self.ws_factory.setProtocolOptions(
            autoPingInterval=0,  # our own check pings and counts any byte as a sign of life
            autoPingTimeout=0,
            allowNullOrigin=True,  # the origin is the consumer's to check: it knows the dialect
            openHandshakeTimeout=self.websocket_handshake_timeout,
            closeHandshakeTimeout=CLOSE_HANDSHAKE_SECONDS,
            maxMessagePayloadSize=limits.early_frame_bytes,
            maxFramePayloadSize=limits.early_frame_bytes,
            failByDrop=False,  # a peer that broke a rule is told which
            perMessageCompressionAccept=lambda _offers: None,
        )
        try:
            self.port = reactor.listenTCP(self.config.http_port, self.http_factory, BACKLOG, self.config.host)
        except (CannotListenError, OSError) as error:
            cause = getattr(error, "socketError", error)
            reason = getattr(cause, "strerror", None) or str(cause)
            raise PortInUse(f"cannot listen on {self.config.host}:{self.config.http_port}: {reason}") from error
        reactor.callLater(TIMEOUT_CHECK_SECONDS, self.timeout_checker)
        return self.port.getHost().port

    async def stop_gracefully(self) -> None:
        """Accept nothing more, let running requests finish, close the sockets with 4012 one after the other.

        Returns when all are gone or the time is over.
        """
        await self._stop_listening()
        self.stopping = True
        for channel in list(self.channels):
            channel.close_when_idle()
        await self._close_sockets()
        deadline = asyncio.get_running_loop().time() + self.config.server.stop_seconds
        deadline -= self.config.server.stop_spread_seconds
        while self.running and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self.running, timeout=left)
        for task in self.running:
            task.cancel()
        for channel in list(self.channels):
            channel.loseConnection()

    async def _stop_listening(self) -> None:
        """Whoever connected before is served still: the system would cut those not accepted yet, and the first
        request of one just accepted is on its way. A proxy may not repeat a POST elsewhere: it would be a 502."""
        self.port.numberAccepts = BACKLOG
        self.port.doRead()
        await self.port.stopListening().asFuture(asyncio.get_running_loop())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.config.server.first_request_seconds
        while loop.time() < deadline and any(channel.is_fresh for channel in self.channels):
            await asyncio.sleep(FRESH_CHECK_SECONDS)

    async def _close_sockets(self) -> None:
        sockets = [protocol for protocol in self.connections if isinstance(protocol, Socket)]
        random.shuffle(sockets)
        pause = self.config.server.stop_spread_seconds / len(sockets) if sockets else 0
        for socket in sockets:
            # The reason is the delay in seconds: not everyone at once at the door of the next process.
            socket.end(RESTART, f"{random.uniform(0.5, 3):.1f}")  # noqa: S311
            await asyncio.sleep(pause)

    # Applications

    def create_application(self, protocol: Any, scope: dict) -> "Putter":
        """Daphne asks for the queue of a new socket; requests come through `start`."""
        limits = self.config.limits
        inbox = Inbox(limits.socket_frames_waiting, limits.socket_input_bytes, protocol.room)
        protocol.inbox = inbox
        scope.setdefault("scheme", "ws")
        scope["lair"] = {
            "unsent": protocol.unsent,
            "waiting": inbox.__len__,
            "waited": lambda: inbox.waited_seconds,
            "send": protocol.send_text,
            "drained": protocol.drained,
            "send_frames": protocol.send_frames,
            "close": protocol.close,
            "abort": protocol.abort,
            "signed_in": protocol.signed_in,
            "set_frame_cap": protocol.set_frame_cap,
        }
        self.start(protocol, scope, inbox.get)
        return Putter(inbox)

    def start(self, protocol: Any, scope: dict, receive: Callable[[], Awaitable[dict]]) -> None:
        """Run the application for one request or socket."""

        async def send(message: dict) -> None:
            await self.handle_reply(protocol, message)
            if isinstance(getattr(protocol, "channel", None), Channel):
                await protocol.channel.drained(self.config.server.body_seconds)

        task = asyncio.ensure_future(self.application(scope, receive, send))
        self.running.add(task)
        task.add_done_callback(lambda done: self._ended(protocol, done))

    def _ended(self, protocol: Any, task: "asyncio.Future[None]") -> None:
        self.running.discard(task)
        details = self.connections.get(protocol)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("an application failed", exc_info=error)
        if details is None:
            return
        if "disconnected" in details:
            del self.connections[protocol]
        elif error is not None or task.cancelled() or isinstance(protocol, Socket):
            # Whatever the reason: nobody is behind this connection any more.
            protocol.handle_exception(error or RuntimeError("the application ended"))

    def protocol_disconnected(self, protocol: Any) -> None:
        details = self.connections.get(protocol)
        if details is not None:
            details["disconnected"] = True
            del self.connections[protocol]

    def timeout_checker(self) -> None:
        for protocol in list(self.connections):
            protocol.check_timeouts()
        reactor.callLater(TIMEOUT_CHECK_SECONDS, self.timeout_checker)

    # Requests

    def most_body_bytes(self, uri: bytes) -> int:
        limits = self.config.limits
        path = uri.partition(b"?")[0].decode("latin-1")
        uploads = path.startswith(self.config.server.upload_prefixes)
        return limits.upload_body_bytes if uploads else limits.request_body_bytes

    def new_request_id(self) -> str:
        return secrets.token_hex(8)

    # Sockets

    def admits(self, address: str) -> bool:
        limits = self.config.limits
        return (
            not self.stopping
            and self.sockets < limits.sockets
            and self.not_signed_in < limits.sockets_not_signed_in
            and self.not_signed_in_from[address] < limits.sockets_not_signed_in_per_address
        )

    def count(self, socket: Socket, step: int) -> None:
        self.sockets += step
        metrics.OPEN_SOCKETS.set(self.sockets)
        if socket.is_signed_in or socket.counted is None:
            return
        self.not_signed_in += step
        self.not_signed_in_from[socket.counted] += step
        if not self.not_signed_in_from[socket.counted]:
            del self.not_signed_in_from[socket.counted]

    def relieve(self) -> None:
        """Too much is unfinished: whoever holds most of it goes, not whoever comes next."""
        while self.unfinished > self.config.limits.unfinished_bytes:
            sockets = [p for p in self.connections if isinstance(p, Socket) and not p.is_signed_in and p.unfinished]
            if not sockets:
                return
            max(sockets, key=lambda socket: socket.unfinished).too_big()


class Putter:
    """The inbox, as Daphne calls it."""

    def __init__(self, inbox: Inbox) -> None:
        self.put_nowait = inbox.put
