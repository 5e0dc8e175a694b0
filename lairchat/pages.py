"""What every page needs, whichever app draws it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from lairchat import config
from lairchat.core.errors import DomainError, Forbidden, Internal, Invalid, NotFound
from lairchat.core.net import request_id_of
from lairchat.core.rest import envelope


def site(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: the site's name."""
    return {"site_name": config.current().site.name}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was older than the sign-in it belongs to: say so, and what to do."""
    return render(
        request,
        "400.html",
        {"title": "This page was open for too long", "what": "Go back, reload the page and send the form again."},
        status=403,
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django refused the request itself."""
    return _answer(request, Invalid(), "400.html")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A view, or the desk, refused."""
    return _answer(request, Forbidden(), "400.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such address."""
    return _answer(request, NotFound(), "404.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """Something failed outside the views of the API, which answer for themselves. The log has the cause."""
    return _answer(request, Internal(), "500.html")


def _answer(request: HttpRequest, error: DomainError, template: str) -> HttpResponse:
    """Programs get the envelope, people a page."""
    request_id = request_id_of(request)
    if request.path.startswith("/api/"):
        return JsonResponse(envelope(error, request_id), status=error.status)
    # The page of a failure is drawn without the request: whatever context it needs may be what failed.
    drawn_for = None if error.status == 500 else request
    return render(drawn_for, template, {"request_id": request_id}, status=error.status)
