"""Wrong and extreme values for each type of field."""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, inspect

NO_OBJECTS: list[Any] = ["x", 3, [], [{}]]
NO_TARGETS: list[Any] = [{}, {"type": "nonsense"}, {"room_id": 3}, {"type": "room"}, {"type": ["room"]}]
WRONG: dict[type[inspect.Type], list[Any]] = {
    inspect.StrType: [3, 1.5, True, [], {}, ["x"]],
    inspect.IntType: ["x", "3", 1.5, True, [], {}],
    inspect.BoolType: ["true", 1, [], {}],
    inspect.UUIDType: ["nonsense", "", 3, True, [], {}, "\x00", "0" * 40],
    inspect.DateTimeType: ["yesterday", "", True, [], {}, "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z"],
    inspect.ListType: ["x", 3, {}, [3], [None], [[]]],
    inspect.LiteralType: ["nonsense", 3, [], {}],
}
# Right by type, wrong or strange otherwise. The surrogates are written as JSON writes them.
EXTREME: dict[type[inspect.Type], list[Any]] = {
    inspect.StrType: [
        "",
        " ",
        "\x00",
        "a\x00b",
        "\x1b[31m",
        "\r\n",
        "\u202e\u2066",
        "\u200b",
        "\ufeff",
        "\ufffe",
        "x" * 5_000,
        "x" * 60_000,
        "🙂" * 2_000,
        "\u0301" * 3_000,
        "%00%s%n{}{0}",
        "' OR 1=1 --",
        "@" * 3_000,
        "\ud800",
        "a\udfffb",
    ],
    inspect.IntType: [-1, 0, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), -(10**30), 10**400],
    inspect.DateTimeType: [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999-23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:00",
        "2026-01-01T00:00:00.000000000001Z",
    ],
    inspect.ListType: [[], ["00000000-0000-7000-8000-00000000dead"] * 3_000],
    inspect.UUIDType: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
}
IN_QUERY: dict[type[inspect.Type], list[Any]] = {
    inspect.IntType: ["x", "1.5", "", "0x10", "１", "1e999"],
    inspect.BoolType: ["maybe", "2", ""],
    inspect.UUIDType: ["nonsense", "\x00"],
}


def fields(form: type[Struct]) -> list[inspect.Field]:
    info = inspect.type_info(form)
    assert isinstance(info, inspect.StructType)
    return list(info.fields)


def wrong(field: inspect.Field) -> Iterator[Any]:
    """Values that the field's type does not allow."""
    kinds = _kinds(field.type)
    if not any(isinstance(kind, inspect.NoneType) for kind in kinds):
        yield None
    forms = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
    if forms:
        yield from NO_OBJECTS
        if all(form.tag_field for form in forms):
            yield from NO_TARGETS
        return
    for kind in kinds:
        yield from WRONG.get(type(kind), [])


def extreme(field: inspect.Field) -> Iterator[Any]:
    """Values of the right type that no honest program sends."""
    for kind in _kinds(field.type):
        yield from EXTREME.get(type(kind), [])


def wrong_in_query(field: inspect.Field) -> Iterator[str]:
    for kind in _kinds(field.type):
        yield from IN_QUERY.get(type(kind), [])


def as_json(value: Any) -> str:
    """JSON that may hold what `json` writes and no honest program does: lone surrogates, huge numbers."""
    return json.dumps(value)


def _kinds(type_: inspect.Type) -> list[inspect.Type]:
    match type_:
        case inspect.UnionType():
            return [kind for each in type_.types for kind in _kinds(each)]
        case inspect.Metadata():
            return _kinds(type_.type)
        case inspect.CustomType():
            return []
    return [type_]
