"""WebSocket ↔ Connection, with a receive loop of our own: an event to a socket never hops through a thread (M6)."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from channels.consumer import AsyncConsumer
from django.conf import settings
from django.http import parse_cookie

from accounts.actor import Actor
from accounts.authentication import session_of_cookie, session_of_token
from accounts.models import UserSession
from chat.queries import Followed, followed
from chat.realtime import v2
from chat.realtime.connection import Connection, command_named, decoded, refused
from chat.realtime.hub import hub
from lairchat import config
from lairchat.core import lane, log
from lairchat.core.action import database_errors
from lairchat.core.errors import Busy, DomainError, Invalid, Malformed, RateLimited, Unauthenticated
from lairchat.core.metrics import CLOSES

logger = logging.getLogger(__name__)

NOT_AUTHENTICATED = 4001
FORBIDDEN = 4003
TOO_MANY = 4029
PROTOCOL_ERROR = 4400
CROWDED_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class SignedIn:
    actor: Actor
    session: UserSession
    streams: dict[str, Followed]


class Gone(Exception):
    """The client closed the socket."""


class Refused(Exception):
    """The server closes the socket with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket(AsyncConsumer):
    """One WebSocket from its first byte to its last: hello, sign-in, then commands in and frames out."""

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        self.scope, self.receive = scope, receive
        self.send = send  # type: ignore[method-assign]
        self.line = scope.get("lair", {})  # what our server offers beside ASGI
        self.connection: Connection | None = None
        try:
            await self._live()
        except Gone:
            pass
        except Refused as end:
            CLOSES.labels(end.code).inc()
            self._close(end.code)
        finally:
            if self.connection is not None:
                hub.detach(self.connection)

    async def _live(self) -> None:
        await self._receive()  # websocket.connect
        await self.send({"type": "websocket.accept"})
        if not self._origin_is_ours():
            raise Refused(FORBIDDEN)
        self._write(v2.server_hello())
        hello = await self._hello()
        if (set_frame_cap := self.line.get("set_frame_cap")) is not None:
            set_frame_cap(config.current().limits.frame_bytes)
        signed_in = await self._sign_in()
        connection = self._begin(signed_in, hello)
        catching_up = asyncio.ensure_future(v2.catch_up(connection, signed_in.streams))
        try:
            while True:
                await self._one_frame(connection, await self._receive_text())
        finally:
            catching_up.cancel()

    # Opening

    def _origin_is_ours(self) -> bool:
        """S7: an Origin, if sent, must be the site's own scheme, host and port, or an allowed one."""
        origin = self._header(b"origin")
        if origin is None:
            return True
        current = config.current()
        scheme = "https" if self.scope.get("scheme") == "wss" else "http"
        site = urlsplit(current.site.address)
        ours = {f"{scheme}://{self._header(b'host')}", f"{site.scheme}://{site.netloc}", *current.allowed_origins}
        return origin.rstrip("/").lower() in {address.rstrip("/").lower() for address in ours}

    def _header(self, name: bytes) -> str | None:
        for key, value in self.scope.get("headers", ()):
            if key == name:
                return value.decode("latin-1")
        return None

    async def _hello(self) -> v2.ClientHello:
        seconds = config.current().limits.hello_seconds
        async with self._within(seconds, NOT_AUTHENTICATED):
            text = await self._receive_text()
        try:
            name, values, _ = decoded(text)
            return v2.client_hello(name, values)
        except DomainError as refusal:
            self._write(refused(None, refusal))
            raise Refused(PROTOCOL_ERROR) from refusal

    async def _sign_in(self) -> SignedIn:
        """By the Authorization header, the cookie of a page of ours, or an `authenticate` frame within 10 s."""
        try:
            if (header := self._header(b"authorization")) is not None:
                return await lane.run(_by_token, header.removeprefix("Bearer "), self._address())
            if (cookie := self._cookie()) is not None:
                return await lane.run(_by_cookie, cookie, self._address())
        except DomainError as refusal:
            self._write(refused(None, refusal))
            raise Refused(self._code_of(refusal)) from refusal
        seconds = config.current().limits.sign_in_seconds
        async with self._within(seconds, NOT_AUTHENTICATED):
            return await self._sign_in_by_frame()

    def _cookie(self) -> str | None:
        """The session cookie, which counts only together with an Origin: a page of ours sent it (S7)."""
        cookies = self._header(b"cookie")
        if cookies is None or self._header(b"origin") is None:
            return None
        return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME) or None

    def _address(self) -> str:
        return (self.scope.get("client") or ("",))[0]

    async def _sign_in_by_frame(self) -> SignedIn:
        while True:
            request_id = None
            try:
                name, values, request_id = decoded(await self._receive_text())
                if name == "ping":
                    self._write(v2.pong())
                    continue
                return await lane.run(_by_token, v2.token_of(name, values), self._address())
            except DomainError as refusal:
                self._write(refused(request_id, refusal))
                if refusal.status not in (400, 422):
                    raise Refused(self._code_of(refusal)) from refusal

    def _code_of(self, refusal: DomainError) -> int:
        if refusal.name == "account_disabled":
            return 4011
        return NOT_AUTHENTICATED if refusal.status == 401 else 4012 if refusal.status == 503 else PROTOCOL_ERROR

    @contextlib.asynccontextmanager
    async def _within(self, seconds: float, code: int) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            refusal = Unauthenticated(f"Nothing came within {seconds:g} s.", code="timeout")
            self._write(refused(None, refusal))
            raise Refused(code) from None

    def _begin(self, signed_in: SignedIn, hello: v2.ClientHello) -> Connection:
        person = signed_in.actor.person
        most = config.current().limits.sockets_per_account
        if len(hub.by_user.get(person.id, ())) >= most:
            self._write(refused(None, RateLimited(5, most)))
            raise Refused(TOO_MANY)
        if (tell_server := self.line.get("signed_in")) is not None:
            tell_server()
        self.connection = Connection(
            user_id=person.id,
            username=person.username,
            session_id=signed_in.session.id,
            expires_at=signed_in.session.expire_date,
            via="ws",
            address=signed_in.actor.address,
            write=self._write,
            close=self._close,
            unsent=self.line.get("unsent", lambda: 0),
            drained=self.line.get("drained"),
            write_frames=self.line.get("send_frames"),
        )
        v2.attach(self.connection, signed_in.actor, signed_in.streams, hello)
        return self.connection

    # Living

    async def _one_frame(self, connection: Connection, text: str) -> None:
        request_id = None
        if not connection.allows_frame():
            window = config.current().limits.socket_frames
            connection.refuse(None, RateLimited(window.seconds, window.count))
            return
        try:
            name, values, request_id = decoded(text)
            if name == "ping":
                connection.answer(v2.pong() | ({"request_id": request_id} if request_id else {}))
                return
            if name in ("client_hello", "authenticate"):
                raise Invalid("Already authenticated", code="invalid_state")
            entry = command_named(name)
            if self._is_late():
                raise Busy()
        except DomainError as refusal:
            connection.refuse(request_id, refusal)
            return
        await connection.run(entry, values, request_id)

    def _is_late(self) -> bool:
        """The frame waited too long behind others of its socket: 5 s, as a request may, or, while very many commands
        run, half a second. An answer that comes late helps nobody, and keeps those who ask now from theirs."""
        waited = self.line.get("waited")
        if waited is None:
            return False
        server = config.current().server
        is_crowded = Connection.under_way >= server.running_requests
        return waited() > (min(CROWDED_SECONDS, server.wait_seconds) if is_crowded else server.wait_seconds)

    # The transport

    async def _receive(self) -> dict[str, Any]:
        message = await self.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone()
        return message

    async def _receive_text(self) -> str:
        while True:
            message = await self._receive()
            if message.get("text") is not None:
                return message["text"]
            refusal = Malformed("Binary messages not supported", code="unsupported")
            self._write(refused(None, refusal))

    def _write(self, frame: Any) -> None:
        payload = frame if isinstance(frame, bytes) else v2.encoded(frame)
        direct = self.line.get("send")
        if direct is not None:
            direct(payload)
        else:
            _finish(self.send({"type": "websocket.send", "text": payload.decode()}))

    def _close(self, code: int, reason: str = "") -> None:
        direct = self.line.get("close")
        if direct is not None:
            direct(code, reason)
        else:
            _finish(self.send({"type": "websocket.close", "code": code, "reason": reason}))


def _by_token(token: str, address: str) -> SignedIn:
    with database_errors():
        return _signed_in(session_of_token(token), address)


def _by_cookie(value: str, address: str) -> SignedIn:
    with database_errors():
        return _signed_in(session_of_cookie(value), address)


def _signed_in(session: UserSession, address: str) -> SignedIn:
    """Who it is and what they follow, the session still in force when that was read. Runs on a thread of the lane."""
    log.known_epoch()
    streams = followed(session.user_id, session.id)
    return SignedIn(Actor.through(session, via="ws", address=address), session, streams)


def _finish(sending: Awaitable[None]) -> None:
    """Run a send to its end now. Servers that buffer never suspend it; order needs that nothing overtakes it."""
    try:
        sending.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    raise RuntimeError("this server's send() waits; serve with `manage.py serve`")
