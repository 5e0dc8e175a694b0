"""Django's middlewares for the requests that need them.

Seven of them cost an API call 2 ms against 0.1 ms without, so `/api/` passes by all that serve pages.
"""

from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

Respond = Callable[[HttpRequest], HttpResponse]


class PagesOnly:
    """Mix-in before a middleware: requests under `/api/` go straight to the next one."""

    get_response: Respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]

    def process_view(self, request: HttpRequest, *args: object) -> HttpResponse | None:
        inherited = getattr(super(), "process_view", None)
        if inherited is None or request.path.startswith("/api/"):
            return None
        return inherited(request, *args)


class Static(PagesOnly, WhiteNoiseMiddleware):
    pass


class Sessions(PagesOnly, SessionMiddleware):
    pass


class Locale(PagesOnly, LocaleMiddleware):
    pass


class Csrf(PagesOnly, CsrfViewMiddleware):
    pass


class Account(PagesOnly, AuthenticationMiddleware):
    pass


class Messages(PagesOnly, MessageMiddleware):
    pass


class ContentPolicy(PagesOnly, CSPMiddleware):
    pass
