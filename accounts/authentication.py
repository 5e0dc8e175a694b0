"""From a header or a cookie to the actor. Session and account are read each time, in one statement (S1)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import queries, sessions, tokens
from accounts.actor import Actor, Via, Visitor
from accounts.devices import device_name
from accounts.models import User, UserSession
from lairchat.core.errors import Forbidden, Unauthenticated
from lairchat.core.net import request_id_of


class CsrfFailed(Forbidden):
    code = "csrf_failed"
    message = "The X-CSRFToken header is missing or wrong. Reload the page and try again."


def visitor_of(request: Any, via: Via) -> Visitor:
    """Who knocks: address, device and request of somebody not signed in. For REST and pages."""
    device = device_name(request.META.get("HTTP_USER_AGENT", ""))
    return Visitor(via, request.META.get("REMOTE_ADDR", ""), device, request_id_of(request))


def session_of_token(token: str) -> UserSession:
    """The live session a bearer token stands on. Raises Unauthenticated (its codes) or AccountDisabled."""
    claims = tokens.claims_of(token, "access", "session")
    session = queries.live_session(claims.session_id)
    if session.user_id != claims.user_id:
        raise tokens.InvalidClaims()
    return session


def session_of_cookie(cookie_value: str) -> UserSession:
    """The live session of a cookie. Raises SessionNotFound, SessionExpired or AccountDisabled."""
    return queries.live_session_of_key(sessions.stored_key(cookie_value))


def actor_of_token(token: str, *, via: Via, address: str, request_id: str = "") -> Actor:
    """Who holds this token, read now. Raises Unauthenticated (its codes) or AccountDisabled."""
    return _acting(session_of_token(token), via, address, request_id)


def actor_of_cookie(cookie_value: str, *, via: Via, address: str, request_id: str = "") -> Actor:
    """Who holds this session cookie, read now. Raises SessionNotFound, SessionExpired or AccountDisabled.

    A socket's Origin and a request's CSRF token are the surface's to check.
    """
    return _acting(session_of_cookie(cookie_value), via, address, request_id)


def _acting(session: UserSession, via: Via, address: str, request_id: str) -> Actor:
    sessions.touch(session)
    return Actor.through(session, via=via, address=address, request_id=request_id)


class Bearer(BaseAuthentication):
    """`Authorization: Bearer <token>`; the words of the refusals are the original's (protocol-v1.md, 6.1)."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not token:
            raise Unauthenticated("Authorization header must be 'Bearer <token>'", code="invalid_format")
        address, request_id = request.META.get("REMOTE_ADDR", ""), request_id_of(request)
        actor = actor_of_token(token, via="rest", address=address, request_id=request_id)
        return actor.person, actor


class Cookie(BaseAuthentication):
    """The browser's session cookie; anything but a read also needs the CSRF token (S8)."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        value = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not value:
            return None
        address, request_id = request.META.get("REMOTE_ADDR", ""), request_id_of(request)
        actor = actor_of_cookie(value, via="rest", address=address, request_id=request_id)
        enforce_csrf(request._request)
        return actor.person, actor


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def enforce_csrf(request: HttpRequest) -> None:
    """Raises CsrfFailed unless the request is a safe one or carries the token of its cookie."""

    def unreachable(request: HttpRequest) -> HttpResponse:
        raise AssertionError("the check answers nobody")

    check = _CsrfCheck(unreachable)
    check.process_request(request)
    if check.process_view(request, unreachable, (), {}):
        raise CsrfFailed()
