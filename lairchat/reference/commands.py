"""docs/protocol/commands.md: every command of the table, and the forms they take and give."""

from collections.abc import Iterable

import msgspec

from lairchat.core.commands import Command, table
from lairchat.core.raises import raised_by
from lairchat.core.routes import Route, routes
from lairchat.reference import words

HEAD = """\
# Commands

What a program may ask. Over the [socket](websocket.md) a command is a frame
`{"type": <name>, "request_id": <text>, …fields}`, answered by `ack` with the fields of the answer, or by `error`.
By REST it is the route named with it: ids in braces come from the path, the other fields of a GET from the query, of
the rest from the JSON body; the answer's fields are the same. Fields that are not named are passed over; `?` marks one
that may be missing.

Beside the errors named, any command may be refused with `validation_failed` (a field is missing or of the wrong type),
`rate_limited`, `busy`, `unavailable`, `storage_full` or `internal_error`: see [errors](errors.md).

This page is generated from the command table; do not edit it.
"""
APPS = {"accounts": "People", "rooms": "Rooms", "chat": "Messages", "lairchat": "The server"}


def page() -> str:
    """The whole page."""
    by_name: dict[str, list[Route]] = {}
    for route in routes():
        by_name.setdefault(route.command.name, []).append(route)
    at_the_door = [ways[0].command for name, ways in by_name.items() if name not in table]
    lines = [HEAD]
    for app, title in APPS.items():
        lines += ["", f"## {title}"]
        for command in table.values():
            if command.run.__module__.partition(".")[0] == app:
                lines += _about(command, by_name.get(command.name, []))
    lines += ["", "## By REST alone", ""]
    lines += ["Over a socket one signs in with the frame `authenticate`, or with the headers of the upgrade."]
    for command in at_the_door:
        lines += _about(command, by_name[command.name], has_socket=False)
    lines += ["", "## Forms", "", "What the tables above name, and events too."]
    for form in _shared_forms([*table.values(), *at_the_door]):
        lines += ["", f"### {form.__name__}", "", *_description(form), *_fields(form)]
    return "\n".join([*lines, ""])


def _about(command: Command, ways: list[Route], *, has_socket: bool = True) -> list[str]:
    lines = ["", f"### `{command.name}`", "", " ".join((command.run.__doc__ or "").split()), ""]
    rest = ", ".join(f"`{route.method} {route.path}`" for route in ways) or "none"
    lines += [f"REST: {rest}." + (" Not answered over a socket." if command.silent and has_socket else ""), ""]
    if command.takes.__struct_fields__:
        lines += [*_fields(command.takes), ""]
    lines += [f"Answer: {_answer(command)}."]
    errors = list(dict.fromkeys(f"`{error.code}` ({error.status})" for error in raised_by(command.run)))
    return [*lines, "", f"Errors: {', '.join(errors)}."] if errors else lines


def _answer(command: Command) -> str:
    return ", ".join(
        f"`{name}{'' if required else '?'}` {kind}" for name, kind, required in words.fields_of(command.gives)
    )


def _fields(form: type[msgspec.Struct]) -> list[str]:
    rows = ((f"`{name}`{'' if required else '?'}", kind) for name, kind, required in words.fields_of(form))
    return words.table(("field", "type"), rows)


def _description(form: type[msgspec.Struct]) -> list[str]:
    about = form.__dict__.get("__doc__")
    return [" ".join(about.split()), ""] if about else []


def _shared_forms(commands: Iterable[Command]) -> list[type[msgspec.Struct]]:
    """What is named inside fields and answers, by name."""
    outer = {form for command in commands for form in (command.takes, command.gives)}
    inner = {form for whole in outer for form in words.forms_in(whole)} - outer
    inner |= {form for whole in outer for field in msgspec.structs.fields(whole) for form in words.forms_in(field.type)}
    return sorted(inner, key=lambda form: form.__name__)
