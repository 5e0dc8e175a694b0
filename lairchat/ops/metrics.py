"""/metrics, for this machine or the bearer of the token (guarantees S21)."""

import ipaddress
import secrets

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from lairchat import config
from lairchat.core.metrics import refresh

REFUSAL = b'{"error":{"code":"permission_denied","message":"Metrics are for this machine, or need the token."}}'


def metrics(request: HttpRequest) -> HttpResponse:
    """Everything counted in this process, in Prometheus' text form."""
    if not may_see_metrics(request):
        return HttpResponse(REFUSAL, status=403, content_type="application/json")
    refresh()
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def may_see_metrics(request: HttpRequest) -> bool:
    token = config.current().metrics_token
    given = request.headers.get("Authorization", "")
    if token and secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    # A proxy on this machine would make everyone's request loopback, so a forwarded one never is.
    return not _was_forwarded(request) and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _was_forwarded(request: HttpRequest) -> bool:
    return bool(getattr(request, "scope", {}).get("forwarded", False))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
