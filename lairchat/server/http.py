"""HTTP as Daphne speaks it, with bounds: no body beyond its cap is read, no answer outruns its reader."""

import asyncio
import logging
from io import BytesIO
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import daphne.server  # noqa: F401 - first: it installs the reactor on asyncio
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.utils import HEADER_NAME_RE, INVALID_HEADER_VALUE_BYTES
from twisted.internet import reactor
from twisted.web.http import HTTPChannel

from lairchat.core import draining
from lairchat.server.guard import HEADERS, envelope, note_request

if TYPE_CHECKING:
    from lairchat.server.daphne import Server

logger = logging.getLogger(__name__)

LINGER_SECONDS = 2.0  # so long a refused sender may go on, unread, before it is cut off: it must see the answer
CHUNK_BYTES = 64 * 1024
IN_MEMORY_BYTES = 16 * 1024


class Channel(HTTPChannel):
    """One HTTP connection."""

    server: "Server"

    def __init__(self) -> None:
        super().__init__()
        self.refused = False
        self.is_fresh = True  # no request has come yet
        self._drained: asyncio.Event = asyncio.Event()
        self._drained.set()

    # Bodies: refused from the head where it says a length, else while it comes. Nothing of a refused one is kept.

    def allHeadersReceived(self) -> None:
        if self.refused:
            return
        self.most_bytes = self.server.most_body_bytes(self._path)
        if self.length is not None and self.length > self.most_bytes:
            self.refuse(413, "too_large", f"At most {self.most_bytes} bytes are accepted here.")
            return
        super().allHeadersReceived()  # and only now "100 Continue" for those who wait for it

    def allContentReceived(self) -> None:
        if not self.refused:
            super().allContentReceived()

    def dataReceived(self, data: bytes) -> None:
        if not self.refused:
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if not self.refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(431, "head_too_large", "A line of the request's head is too long.")

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400, "bad_request", "The request is not well formed.")

    def rawDataReceived(self, data: bytes) -> None:
        if not self.refused:
            super().rawDataReceived(data)

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer at once, read nothing more, and end the connection."""
        if self.refused:
            return
        self.refused = True
        request_id = self.server.new_request_id()
        body = envelope(code, message, request_id)
        head = [b"HTTP/1.1 %d Refused" % status, b"Content-Type: application/json", b"Connection: close"]
        head += [b"Content-Length: %d" % len(body), b"X-Request-ID: " + request_id.encode()]
        head += [*(b"%s: %s" % pair for pair in HEADERS.items())]
        self.transport.write(b"\r\n".join([*head, b"", body]))
        self.setTimeout(None)
        # Closing with unread bytes waiting resets the connection, and the answer with it (RFC 9112, section 9.6).
        self.transport.loseWriteConnection()
        reactor.callLater(LINGER_SECONDS, self.transport.abortConnection)
        path = getattr(self, "_path", b"").partition(b"?")[0].decode("latin-1")
        method = getattr(self, "_command", b"").decode("latin-1")
        note_request(request_id, method, path, status, len(body), 0.0, self.transport.getPeer().host)

    # Answers: the transport tells its producer, which is this channel, when too much waits.

    def pauseProducing(self) -> None:
        self._drained.clear()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self._drained.set()
        super().resumeProducing()

    def connectionLost(self, reason: Any) -> None:
        self.server.channels.discard(self)
        self._drained.set()
        super().connectionLost(reason)

    async def drained(self, seconds: float) -> None:
        """Wait until the reader has taken what was written. One that takes nothing for so long is cut off."""
        if self._drained.is_set():
            return
        try:
            async with asyncio.timeout(seconds):
                await self._drained.wait()
        except TimeoutError:
            self.transport.abortConnection()

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """On the way to a stop each answer is its connection's last, and says so: a proxy keeps none of them."""
        self.is_fresh = False
        if not draining.has_begun():
            return super().checkPersistence(request, version)
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        return False

    def close_when_idle(self) -> None:
        """For a stop: at once if no request runs, else after it."""
        self.persistent = False
        if not self._handlingRequest and not self.requests:
            self.transport.loseConnection()


class Request(WebRequest):
    """One request. Sockets begin as one."""

    error_template = "%(title)s: %(body)s"

    def __init__(self, channel: Channel, *args: Any) -> None:
        super().__init__(channel, *args)
        self._parsePOSTFormSubmission = False  # Twisted would hold every form a second time
        self.client_addr: list | None = None
        self.gone = asyncio.Event()

    def gotLength(self, length: int | None) -> None:
        """Where the body goes while it comes: Twisted would keep 100 kB of each in memory."""
        small = length is not None and length <= IN_MEMORY_BYTES
        self.content = BytesIO() if small else TemporaryFile()  # noqa: SIM115 - Twisted closes it

    def handleContentChunk(self, data: bytes) -> None:
        if self.channel.refused:
            return
        if self.content.tell() + len(data) > self.channel.most_bytes:
            self.channel.refuse(413, "too_large", f"At most {self.channel.most_bytes} bytes are accepted here.")
            return
        super().handleContentChunk(data)

    def process(self) -> Any:
        self.requestHeaders.removeHeader(b"daphne-root-path")  # Daphne would believe it, whoever sent it
        upgrade = self.requestHeaders.getRawHeaders(b"upgrade", [b""])[0]
        if upgrade.lower() == b"websocket":
            # From here the socket is the transport's producer, not this channel.
            self.transport.unregisterProducer()
            self.server.channels.discard(self.channel)
            return super().process()
        if not self._is_well_formed():
            self.basic_error(400, b"Bad Request", "The request is not well formed.")
            return None
        self._start()
        return None

    def connectionLost(self, reason: Any) -> None:
        self.gone.set()
        super().connectionLost(reason)

    def finish(self) -> None:
        self.gone.set()
        super().finish()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Daphne's own errors, in our envelope."""
        if self._response_started:
            self.channel.transport.abortConnection()  # half an answer must not look like a whole one
            return
        code = "internal_error" if status >= 500 else "bad_request"
        content = envelope(code, body, self.server.new_request_id())
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": [*headers, *HEADERS.items()]})
        self.handle_reply({"type": "http.response.body", "body": content})

    def _is_well_formed(self) -> bool:
        for name, values in self.requestHeaders.getAllRawHeaders():
            if not HEADER_NAME_RE.fullmatch(name):
                return False
            if any(INVALID_HEADER_VALUE_BYTES.intersection(value) for value in values):
                return False
        return self.uri.isascii() and self.method.isascii()

    def _start(self) -> None:
        peer, host = self.client, self.host
        self.client_addr = [peer.host, peer.port] if hasattr(peer, "port") else None
        raw_path, _, query = self.uri.partition(b"?")
        headers = [
            (name.lower(), value)
            for name, values in self.requestHeaders.getAllRawHeaders()
            if b"_" not in name  # X_Forwarded_For would read like X-Forwarded-For further in (CVE-2015-0219)
            for value in values
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": self.clientproto.partition(b"/")[2].decode(),
            "method": self.method.decode(),
            "scheme": "https" if self.isSecure() else "http",
            "path": unquote(raw_path.decode()),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": self.client_addr,
            "server": [host.host, host.port] if hasattr(host, "port") else None,
        }
        self.content.seek(0)
        self.server.start(self, scope, self.receive)

    async def receive(self) -> dict:
        """The body in parts, read from where it was spooled; after it, nothing until the client is gone."""
        if self.content is not None and not self.gone.is_set() and not self.content.closed:
            chunk = self.content.read(CHUNK_BYTES)
            if len(chunk) < CHUNK_BYTES:
                self.content.close()
            return {"type": "http.request", "body": chunk, "more_body": len(chunk) == CHUNK_BYTES}
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Factory(HTTPFactory):
    """Makes the channels, and knows them all."""

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.timeOut = server.config.server.body_seconds

    def buildProtocol(self, address: Any) -> Channel | None:
        """The channel of a new connection; None, which ends it at once, where too many are open."""
        if len(self.server.channels) >= self.server.config.server.connections:
            return None
        channel = Channel()
        channel.factory = self
        channel.site = self
        channel.server = self.server
        channel.callLater = reactor.callLater
        channel.timeOut = self.timeOut
        channel.requestFactory = Request
        self.server.channels.add(channel)
        return channel

    def log(self, request: Any) -> None:
        """Nothing: the guard writes the access log, and Twisted's would hold query strings."""
