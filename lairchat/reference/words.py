"""Types of the wire in words, for the tables people read."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

PLAIN: dict[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.StrType: "text",
    inspect.UUIDType: "id",
    inspect.DateTimeType: "time",
    inspect.NoneType: "null",
    inspect.AnyType: "anything",
}


def type_in_words(type_: Any) -> str:
    """What values of the type look like; forms by their name, which links to its table."""
    return _words(type_ if isinstance(type_, inspect.Type) else inspect.type_info(type_))


def _words(type_: inspect.Type) -> str:
    match type_:
        case inspect.Metadata():
            return _words(type_.type)
        case inspect.StructType():
            return f"[{type_.cls.__name__}](commands.md#{type_.cls.__name__.lower()})"
        case inspect.UnionType():
            return " or ".join(_words(kind) for kind in type_.types if not isinstance(kind, inspect.CustomType))
        case inspect.ListType() | inspect.VarTupleType():
            return f"list of {_words(type_.item_type)}"
        case inspect.DictType():
            return f"object of {_words(type_.key_type)} to {_words(type_.value_type)}"
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in type_.values)
    return PLAIN[type(type_)]


def fields_of(form: type[msgspec.Struct]) -> Iterable[tuple[str, str, bool]]:
    """`(name, type in words, is required)` of each field; the tag of a union comes first."""
    info = inspect.type_info(form)
    assert isinstance(info, inspect.StructType)
    if info.tag_field is not None:
        yield info.tag_field, f"`{info.tag}`", True
    for field in info.fields:
        yield field.encode_name, _words(field.type), field.required


def forms_in(type_: Any) -> Iterable[type[msgspec.Struct]]:
    """The forms a type mentions, itself first, each once for each mention."""
    info = type_ if isinstance(type_, inspect.Type) else inspect.type_info(type_)
    match info:
        case inspect.Metadata():
            yield from forms_in(info.type)
        case inspect.StructType():
            yield info.cls
            for field in info.fields:
                yield from forms_in(field.type)
        case inspect.UnionType():
            for kind in info.types:
                yield from forms_in(kind)
        case inspect.ListType() | inspect.VarTupleType():
            yield from forms_in(info.item_type)
        case inspect.DictType():
            yield from forms_in(info.value_type)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a Markdown table."""
    head = list(head)
    lines = [_row(head), _row("---" for _ in head)]
    return lines + [_row(cell.replace("|", "\\|") for cell in row) for row in rows]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")
