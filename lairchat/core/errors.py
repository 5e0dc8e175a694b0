"""What can be wrong, said once. Every surface turns these into its own answer in one place."""

from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal with a stable `code`, a `message` for people and, where it helps, `details`."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "validation_failed"
    message: ClassVar[str] = "The request is not valid."

    def __init__(self, message: str | None = None, *, code: str | None = None, **details: Any) -> None:
        self.text = message or self.message
        self.name = code or self.code
        self.details = details
        super().__init__(self.text)

    def as_dict(self) -> dict[str, Any]:
        """`{code, message, details?}`, the inside of the error envelope."""
        answer: dict[str, Any] = {"code": self.name, "message": self.text}
        if self.details:
            answer["details"] = self.details
        return answer


class Invalid(DomainError):
    """The values are wrong; `details["field"]` names which."""

    status = 400


class Malformed(DomainError):
    """The body could be read but has not the form asked for."""

    status = 422


class Unauthenticated(DomainError):
    status = 401
    code = "missing_token"
    message = "Sign in first."


class Forbidden(DomainError):
    status = 403
    code = "permission_denied"
    message = "Permission denied"


class NotFound(DomainError):
    """It does not exist, or this person may not know of it: the two answers are the same."""

    status = 404
    code = "not_found"
    message = "Not found"


class Conflict(DomainError):
    status = 409
    code = "conflict"
    message = "The state has changed; read it again."


class TooLarge(DomainError):
    status = 413
    code = "too_large"
    message = "The request is too large."


class RateLimited(DomainError):
    """Too many at once; `details["retry_after"]` is in whole seconds."""

    status = 429
    code = "rate_limited"
    message = "Too many requests"

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__(retry_after=retry_after, limit=limit)


class Busy(DomainError):
    """The database was held by someone else for too long; nothing was changed."""

    status = 503
    code = "busy"
    message = "The server is busy. Try again in a moment."


class Unavailable(DomainError):
    status = 503
    code = "unavailable"
    message = "The server cannot reach its database. Try again in a moment."


class StorageFull(DomainError):
    status = 507
    code = "storage_full"
    message = "The server's storage is full. Reading goes on; tell the administrator."


class Internal(DomainError):
    """Something failed that should not; the log holds the cause under the request id."""

    status = 500
    code = "internal_error"
    message = "Something went wrong on the server. It has been written down."
