"""Up or not: what a container runtime asks before it kills."""

from django.http import HttpRequest, HttpResponse

PROTOCOL_VERSION = "1.0"  # of the protocol, not of the software (guarantees S21)
HEALTHY = b'{"status":"healthy","version":"%s"}' % PROTOCOL_VERSION.encode()


def health(request: HttpRequest) -> HttpResponse:
    """Alive, whatever else is wrong. The guard gives the same answer without a thread, so that a full lane cannot
    delay it."""
    return HttpResponse(HEALTHY, content_type="application/json")
