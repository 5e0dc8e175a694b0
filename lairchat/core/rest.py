"""REST around the command table: DRF routes, authenticates and describes; the commands do the work."""

import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable, ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lairchat.core import limits
from lairchat.core.commands import Command
from lairchat.core.errors import (
    DomainError,
    Invalid,
    Malformed,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from lairchat.core.formats import JsonParser, JsonRenderer
from lairchat.core.forms import parsed
from lairchat.core.net import limit_address, request_id_of
from lairchat.core.refusals import as_domain_error

logger = logging.getLogger(__name__)

IN_QUERY = ("GET", "HEAD", "DELETE")  # whose values are text, to be read as what the form asks for


class ActorView(APIView):
    """A view of the API: knows who acts, spends the general limits, answers errors in the one envelope."""

    parser_classes = [JsonParser]
    renderer_classes = [JsonRenderer]
    open_to_anybody = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before the sign-in is read: tries with wrong tokens count too.
        self.standing = limits.spend("address", address_of(request))
        super().initial(request, *args, **kwargs)
        actor: Any = request.auth
        if actor is not None:
            self.standing = limits.spend("account", actor.limit_key)
        elif not self.open_to_anybody:
            raise Unauthenticated("Authorization header required", code="missing_token")
        request.actor = actor  # type: ignore[attr-defined]

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        standing = getattr(self, "standing", None)
        if standing is not None:
            response.headers.setdefault("X-RateLimit-Limit", str(standing.limit))
            response.headers.setdefault("X-RateLimit-Remaining", str(standing.remaining))
            response.headers.setdefault("X-RateLimit-Reset", str(standing.reset_seconds))
        response["Cache-Control"] = "no-store"
        return response


def address_of(request: Any) -> str:
    """The peer's network address, as the guard settled it; an IPv6 one by its /64 (guarantees, section 3)."""
    return limit_address(request.META.get("REMOTE_ADDR", ""))


def endpoint(
    command: Callable[[Any, Any], Any],
    *,
    status: int | Callable[[Any], int] = 200,
    headers: Mapping[str, str] | None = None,
) -> Callable[..., Response]:
    """The view method that runs a command: its input is the path's ids, with the query of a GET or else the body.

    A path id that is no UUID is answered as an unknown one. `headers` gives fields the body leaves out.
    """
    entry: Command = command.command  # type: ignore[attr-defined]

    def handle(view: ActorView, request: Request, **path: str) -> Response:
        values = _values(request)
        for header, field in (headers or {}).items():
            if values.get(field) is None and header in request.headers:
                values[field] = request.headers[header]
        data = parsed(entry.takes, values | _path_ids(path), lax=request.method in IN_QUERY)
        answer = entry.run(request.actor, data)  # type: ignore[attr-defined]
        return Response(answer, status=status(answer) if callable(status) else status)

    handle.command = entry  # type: ignore[attr-defined]
    handle.status = status  # type: ignore[attr-defined]
    handle.headers = headers or {}  # type: ignore[attr-defined]
    handle.__doc__ = command.__doc__
    return handle


def _values(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = request.query_params.dict() if request.method in IN_QUERY else {}
    if request.method in ("GET", "HEAD"):
        return values
    body = request.data
    if isinstance(body, Mapping):
        return values | dict(body)
    raise Malformed("Validation failed: the body must be a JSON object")


def _path_ids(path: Mapping[str, str]) -> dict[str, Any]:
    ids: dict[str, Any] = {}
    for name, value in path.items():
        if name.endswith("_id"):
            try:
                ids[name] = UUID(value)
            except ValueError:
                kind = name.removesuffix("_id")
                raise NotFound(f"{kind.capitalize()} not found", code=f"{kind}_not_found") from None
        else:
            ids[name] = value
    return ids


def envelope(error: DomainError, request_id: str) -> dict[str, Any]:
    """`{"error": {code, message, details?, request_id}}`, the answer to everything refused."""
    return {"error": error.as_dict() | {"request_id": request_id}}


def answer_to(error: DomainError, request_id: str) -> Response:
    response = Response(envelope(error, request_id), status=error.status)
    retry_after = error.details.get("retry_after") or (2 if error.status == 503 else None)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    if isinstance(error, RateLimited):
        response["X-RateLimit-Limit"] = str(error.details["limit"])
        response["X-RateLimit-Remaining"] = "0"
        response["X-RateLimit-Reset"] = str(error.details["retry_after"])
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
    return response


def handle_error(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: every failure in the one envelope, never a stack, a query or a path."""
    request = context["request"]
    request_id = request_id_of(request)
    refusal = refusal_behind(error)
    if refusal.status == 500:
        logger.error("request %s failed", request_id, exc_info=error)
    response = answer_to(refusal, request_id)
    if isinstance(error, MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def refusal_behind(error: Exception) -> DomainError:
    """The domain error behind any exception, the framework's included."""
    match error:
        case ParseError():
            return Invalid(str(error.detail))
        case APIException():
            return _of_framework(error)
    return as_domain_error(error)


def _of_framework(error: APIException) -> DomainError:
    codes = {
        MethodNotAllowed: "method_not_allowed",
        UnsupportedMediaType: "unsupported_media_type",
        NotAcceptable: "not_acceptable",
    }
    refusal = DomainError(str(error.detail), code=codes.get(type(error), "validation_failed"))
    refusal.status = error.status_code  # type: ignore[misc]
    return refusal
