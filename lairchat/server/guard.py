"""What stands before every application: whose word counts, which host, how many, how large, and the headers of S9."""

import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.http.request import split_domain_port, validate_host

from lairchat.config import Config
from lairchat.core import metrics
from lairchat.ops.health import HEALTHY
from lairchat.server.admission import Admission, Full
from lairchat.server.forwarded import Headers, Trust, directed

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

access = logging.getLogger("lairchat.access")
logger = logging.getLogger(__name__)

# Where nobody further in chose one. Pages get their policy from django-csp.
HEADERS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class BodyTooLarge(Exception):
    """More came than the head announced, or than anyone may send."""


class Guard:
    """Wraps the application that answers HTTP and sockets."""

    def __init__(self, application: Application, config: Config) -> None:
        self.application = application
        self.config = config
        self.trust = Trust(config.trusted_proxies)
        server = config.server
        self.admission = Admission(server.running_requests, server.waiting_requests, server.wait_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = directed(scope, self.trust)
        scope["state"] = {**scope.get("state", {}), "request_id": secrets.token_hex(8)}
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.knows_host(scope):
            await receive()
            await send({"type": "websocket.close", "code": 4003})
            return
        await self.application(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer(scope, send)
        try:
            await self._answered(scope, receive, answer)
        except Exception:
            logger.exception("request %s failed", answer.request_id)
            await answer.refuse(500, "internal_error", "Something went wrong on our side.")
        finally:
            answer.note()

    async def _answered(self, scope: Scope, receive: Receive, answer: "Answer") -> None:
        if scope["path"] == "/health":
            await answer.json(200, HEALTHY)
            return
        if not self.knows_host(scope):
            await answer.refuse(400, "unknown_host", "This server does not answer to that host name.")
            return
        most = self.most_bytes(scope["path"])
        if (declared_length(scope["headers"]) or 0) > most:
            await answer.refuse_size(most)
            return
        try:
            await self.admission.enter()
        except Full:
            metrics.REFUSED_REQUESTS.inc()
            await answer.refuse(503, "busy", "The server is busy. Try again shortly.", retry_after_seconds=1)
            return
        answer.on_start = self.admission.leave  # the rest is sending, which holds no thread
        try:
            await self.application(scope, capped(receive, most), answer.send)
        except BodyTooLarge:
            await answer.refuse_size(most)
        finally:
            answer.started()

    def knows_host(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        domain, _port = split_domain_port(hosts[0].decode("latin-1"))
        return bool(domain) and validate_host(domain, self.config.allowed_hosts)

    def most_bytes(self, path: str) -> int:
        limits = self.config.limits
        return limits.upload_body_bytes if self.takes_uploads(path) else limits.request_body_bytes

    def takes_uploads(self, path: str) -> bool:
        return path.startswith(self.config.server.upload_prefixes)


def declared_length(headers: Headers) -> int | None:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def capped(receive: Receive, most: int) -> Receive:
    """`receive`, raising BodyTooLarge once more than `most` bytes came."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise BodyTooLarge
        return message

    return counted


class Answer:
    """One answer on its way out: completes its headers, remembers what the log line needs."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self.request_id: str = scope["state"]["request_id"]
        self.status = 0
        self.bytes = 0
        self.began = time.perf_counter()
        self.on_start: Callable[[], None] | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._complete(message.get("headers", []))}
            self.started()
        else:
            self.bytes += len(message.get("body", b""))
        await self._send(message)

    def started(self) -> None:
        """Give the place back, once."""
        if self.on_start is not None:
            leave, self.on_start = self.on_start, None
            leave()

    async def json(self, status: int, body: bytes, headers: Headers | None = None) -> None:
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length), *(headers or [])]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse(self, status: int, code: str, message: str, *, retry_after_seconds: int | None = None) -> None:
        """The error envelope; nothing once an answer has begun."""
        if self.status:
            return
        headers = [(b"retry-after", str(retry_after_seconds).encode())] if retry_after_seconds else []
        await self.json(status, envelope(code, message, self.request_id), headers)

    async def refuse_size(self, most: int) -> None:
        await self.refuse(413, "too_large", f"At most {most} bytes are accepted here.")

    def note(self) -> None:
        """Count it, and write its line of the access log."""
        seconds = time.perf_counter() - self.began
        route = self.scope["state"].get("route", "unknown")
        address = self.scope["client"][0] if self.scope.get("client") else None
        method, path = self.scope["method"], self.scope["path"]
        note_request(self.request_id, method, path, self.status, self.bytes, seconds, address, route=route)

    def _complete(self, headers: Headers) -> Headers:
        present = {name.lower() for name, _value in headers}
        complete = [*headers, *((name, value) for name, value in HEADERS.items() if name not in present)]
        if b"x-request-id" not in present:
            complete.append((b"x-request-id", self.request_id.encode()))
        if self.scope.get("scheme") == "https" and STRICT_TRANSPORT[0] not in present:
            complete.append(STRICT_TRANSPORT)
        return complete


def envelope(code: str, message: str, request_id: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "request_id": request_id}}).encode()


def note_request(
    request_id: str,
    method: str,
    path: str,
    status: int,
    size: int,
    seconds: float,
    address: str | None,
    *,
    route: str = "unknown",
) -> None:
    """Count an answered request, and write one line of the access log. `path` is without the query: that may hold a
    token."""
    metrics.count_request(method, route, status, seconds)
    access.info(
        "request",
        extra={
            "request_id": request_id,
            "method": method,
            "path": path,
            "status": status,
            "bytes": size,
            "milliseconds": round(seconds * 1000, 1),
            "address": address,
        },
    )
