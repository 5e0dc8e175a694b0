"""Values into the form that was asked for, the same for every surface."""

from typing import Any

import msgspec

from lairchat.core.errors import Invalid, Malformed

PAGE_MAX = 100  # silently, as the original does


def parsed(form: type[msgspec.Struct], values: Any, *, lax: bool = False) -> Any:
    """The values in the form asked for; unknown fields are passed over (S14). Raises Malformed, naming the field."""
    try:
        return msgspec.convert(values, form, strict=not lax)
    except msgspec.ValidationError as error:
        raise Malformed(f"Validation failed: {error}") from error
    except RecursionError as error:
        raise Malformed("Validation failed: nested too deeply") from error


def page_limit(limit: int) -> int:
    """How many a page may hold, from what was asked. Raises Invalid below 1."""
    if limit < 1:
        raise Invalid("Validation failed: limit - must be at least 1", field="limit")
    return min(limit, PAGE_MAX)
