"""Django's middlewares for the requests that need them.

Seven of them cost an API call 2 ms against 0.1 ms without, so `/api/` passes by all that serve pages.
"""

from typing import cast

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.actor import Actor, Via
from accounts.sessions import SessionStore, touch
from lairchat.core.net import request_id_of


class PagesOnly:
    """Mix-in before a middleware: requests under `/api/` go straight to the next one."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]

    def process_view(self, request: HttpRequest, *args: object) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None
        inherited = getattr(super(), "process_view", None)
        return None if inherited is None else inherited(request, *args)


class Static(PagesOnly, WhiteNoiseMiddleware):
    pass


class Sessions(PagesOnly, SessionMiddleware):
    pass


class Locale(PagesOnly, LocaleMiddleware):
    pass


class Csrf(PagesOnly, CsrfViewMiddleware):  # type: ignore[misc]
    pass


class Account(PagesOnly, AuthenticationMiddleware):
    """Sets `request.user` and `request.actor` (None for a visitor) from the session row, read once per page (S1)."""

    def process_request(self, request: HttpRequest) -> None:
        request.actor = self._actor(request)  # type: ignore[attr-defined]
        request.user = request.actor.person if request.actor else AnonymousUser()  # type: ignore[attr-defined]

    def _actor(self, request: HttpRequest) -> Actor | None:
        session = cast(SessionStore, request.session)
        session.is_live()
        if session.row is None:
            return None
        touch(session.row)
        via: Via = "admin" if request.path.startswith("/admin") else "web"
        address = request.META.get("REMOTE_ADDR", "")
        return Actor.through(session.row, via=via, address=address, request_id=request_id_of(request))


class Messages(PagesOnly, MessageMiddleware):
    pass


class ContentPolicy(PagesOnly, CSPMiddleware):
    pass
