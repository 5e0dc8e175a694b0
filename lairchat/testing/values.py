"""Right values for every field of every command, so that tests over the whole table need no list of their own."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from msgspec import NODEFAULT, Struct, inspect, structs

# What is right for a field of that name wherever it stands. Ids are the situation's.
PLAIN: dict[str, Any] = {
    "content": "Hello",
    "current_password": "correct horse battery",
    "emoji": "👍",
    "email": "newcomer@example.org",
    "favourite": True,
    "identifier": "newcomer",
    "kind": "warn",
    "name": "Tea",
    "new_password": "another horse battery",
    "password": "correct horse battery",
    "reason": "It had to be.",
    "refresh": "x",
    "role": "moderator",
    "username": "newcomer",
}


def values_for(form: type[Struct], given: dict[str, Any]) -> dict[str, Any]:
    """All required fields of the form, and of the others those given. Raises LookupError for one without a value."""
    plain = PLAIN | {"until": (timezone.now() + timedelta(hours=1)).isoformat()}
    values: dict[str, Any] = {}
    for field in structs.fields(form):
        if field.name in given:
            values[field.name] = given[field.name]
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            if field.name not in plain:
                raise LookupError(f"{form.__name__}.{field.name}: no test has a value for it; give one in {__name__}")
            values[field.name] = plain[field.name]
        elif field.name in ("reason", "until"):
            values[field.name] = plain[field.name]
    return values


def names_ids(type_: inspect.Type) -> bool:
    """Values of the type are ids, or hold some."""
    match type_:
        case inspect.UUIDType() | inspect.StructType():
            return not isinstance(type_, inspect.StructType) or any(names_ids(field.type) for field in type_.fields)
        case inspect.UnionType():
            return any(names_ids(kind) for kind in type_.types)
        case inspect.ListType():
            return names_ids(type_.item_type)
        case inspect.Metadata():
            return names_ids(type_.type)
    return False


def id_fields(form: type[Struct]) -> list[str]:
    """The fields of a form that name something by its id."""
    info = inspect.type_info(form)
    assert isinstance(info, inspect.StructType)
    return [field.name for field in info.fields if names_ids(field.type)]
