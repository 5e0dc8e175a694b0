"""Values into the form that was asked for, the same for every surface."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from lairchat.core.errors import Invalid, Malformed

PAGE_MAX = 100  # silently, as the original does
SEARCH_MAX = 100  # characters; SQLite refuses patterns of 50,000 bytes
INTEGER_MAX = 2**53 - 1  # what every JSON reader holds exactly (RFC 7493, section 2.2); the databases' end is higher
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def parsed(form: type[msgspec.Struct], values: Any, *, lax: bool = False) -> Any:
    """The values in the form asked for; unknown fields are passed over (S14). Raises Malformed, naming the field.

    What no database could take is refused here too: integers and times out of range, text with NUL.
    """
    try:
        data = msgspec.convert(values, form, strict=not lax)
    except msgspec.ValidationError as error:
        raise Malformed(f"Validation failed: {error}") from error
    except RecursionError as error:
        raise Malformed("Validation failed: nested too deeply") from error
    _check(data, "$")
    return data


def _check(value: Any, path: str) -> None:
    match value:
        case str() if "\x00" in value:
            raise Malformed(f"Validation failed: text must not contain NUL - at `{path}`")
        case int() if abs(value) > INTEGER_MAX:
            raise Malformed(f"Validation failed: number out of range - at `{path}`")
        case datetime() if not _is_in_range(value):
            raise Malformed(f"Validation failed: time out of range - at `{path}`")
        case msgspec.Struct():
            _check_each(((name, getattr(value, name)) for name in value.__struct_fields__), path)
        case list():
            _check_each(((str(index), item) for index, item in enumerate(value)), path)
        case dict():
            _check_each(value.items(), path)


def _check_each(items: Iterable[tuple[Any, Any]], path: str) -> None:
    for name, item in items:
        _check(name, path)
        _check(item, f"{path}.{name}")


def _is_in_range(moment: datetime) -> bool:
    """Compared without its offset, which near the ends of time cannot be applied."""
    wall = moment.replace(tzinfo=UTC)
    return EARLIEST < wall < LATEST


def search_text(text: str) -> str:
    """What to look for. Raises Invalid if it is too long."""
    if len(text) > SEARCH_MAX:
        raise Invalid(f"Validation failed: search - at most {SEARCH_MAX} characters", field="search")
    return text


def page_limit(limit: int) -> int:
    """How many a page may hold, from what was asked. Raises Invalid below 1."""
    if limit < 1:
        raise Invalid("Validation failed: limit - must be at least 1", field="limit")
    return min(limit, PAGE_MAX)
