"""The API described by what runs it: each route's command, its forms as msgspec gives them, the errors it names."""

from collections.abc import Iterable
from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from lairchat.core import errors
from lairchat.core.commands import Command, Nothing
from lairchat.core.errors import DomainError
from lairchat.core.raises import raised_by
from lairchat.core.rest import ActorView

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
BODY_METHODS = ("POST", "PUT", "PATCH", "DELETE")
RATE_HEADERS = {
    "X-RateLimit-Limit": "How many requests the narrowest window allows.",
    "X-RateLimit-Remaining": "How many of them are left.",
    "X-RateLimit-Reset": "Seconds until the window is whole again.",
}


class ErrorInside(msgspec.Struct):
    """What went wrong: `code` is stable and for programs, `message` is for people."""

    code: str
    message: str
    request_id: str
    details: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Error(msgspec.Struct):
    """The answer to everything refused."""

    error: ErrorInside


class CommandSchema(AutoSchema):
    """One operation of the description, from the handler's `command` and `status`."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Json | None:
        """The operation, or None for a view that runs no command. Registers the forms it names."""
        handler = getattr(type(self.view), method.lower(), None)
        command: Command | None = getattr(handler, "command", None)
        if command is None:
            return None
        in_path = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        operation = {
            "operationId": command.name,
            "summary": command.summary.rstrip("."),
            "tags": [_tag(path)],
            "parameters": _parameters(command, in_path, method, registry) + _header_parameters(handler),
            "responses": _responses(command, _statuses(handler), self._is_open, registry),
            "security": [] if self._is_open else [{"bearer": []}, {"session": [], "csrf": []}],
        }
        about = _description(command)
        if about != command.summary:
            operation["description"] = about
        body = _body(command, in_path, method, registry)
        if body is not None:
            operation["requestBody"] = body
        return operation

    @property
    def _is_open(self) -> bool:
        return isinstance(self.view, ActorView) and self.view.open_to_anybody


def _description(command: Command) -> str:
    return " ".join((command.run.__doc__ or "").split())


def _tag(path: str) -> str:
    return path.removeprefix("/api/v1/").partition("/")[0]


def _statuses(handler: Any) -> list[int]:
    """A status that depends on the answer is 201 for what was made and 200 for what was there."""
    return [200, 201] if callable(handler.status) else [handler.status]


def _form(form: type[msgspec.Struct], registry: ComponentRegistry) -> Json:
    """The JSON Schema of a form, in place; what it refers to is registered."""
    (reference,), components = msgspec.json.schema_components([form], ref_template=REF)
    own = form.__name__
    for name, schema in components.items():
        if name != own:
            _register(name, schema, registry)
    return components.get(own, reference)


def _reference(form: type[msgspec.Struct], registry: ComponentRegistry) -> Json:
    _register(form.__name__, _form(form, registry), registry)
    return {"$ref": REF.format(name=form.__name__)}


def _register(name: str, schema: Json, registry: ComponentRegistry) -> None:
    """Raises ValueError for a second form of the same name: a reader could not tell them apart."""
    component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, schema=_sparse(schema), object=name)
    known = registry._components.get(component.key)
    if known is None:
        registry.register(component)
    elif known.schema != component.schema:
        raise ValueError(f"two forms are called {name}")


def _sparse(schema: Any) -> Any:
    """Without empty lists of required fields, which some readers refuse."""
    if isinstance(schema, dict):
        return {key: _sparse(value) for key, value in schema.items() if not (key == "required" and value == [])}
    if isinstance(schema, list | tuple):
        return [_sparse(value) for value in schema]
    return schema


def _parameters(command: Command, in_path: list[str], method: str, registry: ComponentRegistry) -> list[Json]:
    schema = _form(command.takes, registry)
    fields: dict[str, Json] = schema.get("properties", {})
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": _sparse(fields.get(name, {"type": "string"}))}
        for name in in_path
    ]
    if method != "GET":
        return parameters
    for name, field in fields.items():
        if name not in in_path and _fits_in_query(field):
            required = name in schema.get("required", ())
            parameters.append({"name": name, "in": "query", "required": required, "schema": _not_null(field)})
    return parameters


def _header_parameters(handler: Any) -> list[Json]:
    """Headers that stand in for a field the body leaves out."""
    return [
        {
            "name": header,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": f"As `{field}`.",
        }
        for header, field in getattr(handler, "headers", {}).items()
    ]


def _not_null(field: Json) -> Json:
    """In a query "not given" is said by leaving out."""
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    return choices[0] if len(choices) == 1 else field


def _fits_in_query(field: Json) -> bool:
    """A query holds plain values; an object fits only into the frame of a socket."""
    choices = field.get("anyOf", [field])
    return not any("anyOf" in choice or "$ref" in choice for choice in choices)


def _body(command: Command, in_path: list[str], method: str, registry: ComponentRegistry) -> Json | None:
    if method not in BODY_METHODS or command.takes is Nothing:
        return None
    schema = _form(command.takes, registry)
    fields = {name: field for name, field in schema["properties"].items() if name not in in_path}
    if not fields:
        return None
    required = [name for name in schema.get("required", ()) if name in fields]
    name = command.takes.__name__
    if len(fields) < len(schema["properties"]):
        name = "".join(part.capitalize() for part in command.name.split("_")) + "Body"
    about = {"description": schema["description"]} if "description" in schema else {}
    _register(name, {"type": "object", **about, "properties": fields, "required": required}, registry)
    return {
        "required": bool(required),
        "content": {"application/json": {"schema": {"$ref": REF.format(name=name)}}},
    }


def _responses(command: Command, statuses: list[int], is_open: bool, registry: ComponentRegistry) -> Json:
    answer = _json(_reference(command.gives, registry))
    headers = {name: _header(name, text, registry) for name, text in RATE_HEADERS.items()}
    responses: Json = {
        str(status): {"description": "Made." if status == 201 else "Done.", "headers": headers, "content": answer}
        for status in statuses
    }
    error = _json(_reference(Error, registry))
    for status, codes in sorted(_refusals(command, is_open).items()):
        responses[str(status)] = {
            "description": f"Refused: {', '.join(f'`{code}`' for code in codes)}.",
            "content": error,
        }
    return responses


def _header(name: str, text: str, registry: ComponentRegistry) -> Json:
    schema = {"description": text, "schema": {"type": "integer"}}
    header = ResolvedComponent(name=name, type=ResolvedComponent.HEADER, schema=schema, object=name)
    registry.register_on_missing(header)
    return header.ref


def _refusals(command: Command, is_open: bool) -> dict[int, list[str]]:
    """The codes of each status: what the command says it raises, and what may happen to any request."""
    anywhere: list[type[DomainError]] = [errors.Malformed, errors.RateLimited, errors.Busy]
    if not is_open:
        anywhere.append(errors.Unauthenticated)
    codes: dict[int, set[str]] = {}
    for error in [*raised_by(command.run), *anywhere]:
        codes.setdefault(error.status, set()).add(error.code)
    codes.setdefault(400, set()).add(errors.Invalid.code)  # a body that is no JSON
    return {status: sorted(named) for status, named in codes.items()}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def operations(description: Json) -> Iterable[tuple[str, str, Json]]:
    """`(path, method, operation)` of everything described."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation
