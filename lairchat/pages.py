"""What every page needs, whichever app draws it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from lairchat import config


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
