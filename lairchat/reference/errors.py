"""docs/protocol/errors.md: every code that an answer or a frame may carry."""

import ast
from collections.abc import Iterator
from pathlib import Path

from lairchat.core.raises import all_errors
from lairchat.reference.words import table

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "rooms", "chat", "lairchat/core", "lairchat/server")
HEAD = """\
# Errors

By REST an error is `{"error": {"code", "message", "details"?, "request_id"}}` with the status below, over a socket
`{"type": "error", "request_id", "error": {"code", "message", "details"?}}`. Programs read the code, which never changes
its meaning; the message is for people. `details.field` names a field, `details.retry_after` whole seconds to wait (REST
says it in `Retry-After` too). A room, message or person one may not know of is answered exactly as one that never was.

This page is generated from the code; do not edit it.
"""
# What the framework and the entry layer refuse before any of our errors is raised.
ELSEWHERE = {
    "not_found": (404, "There is no such path, or this process does not serve it."),
    "method_not_allowed": (405, "The path knows other methods; `Allow` names them."),
    "not_acceptable": (406, "Answers are `application/json`."),
    "unsupported_media_type": (415, "Bodies are `application/json`."),
    "bad_request": (400, "The request is not well formed."),
    "unknown_host": (400, "This server does not answer to that host name."),
    "head_too_large": (431, "A line of the request's head is too long."),
}


def page() -> str:
    """The whole page."""
    rows: dict[tuple[int, str], list[str]] = {}
    for status, code, text in [*_classes(), *_written_inline(), *_elsewhere()]:
        texts = rows.setdefault((status, code), [])
        if text and text not in texts:
            texts.append(text)
    lines = [HEAD]
    for status in sorted({status for status, _ in rows}):
        codes = sorted((code, texts) for (of, code), texts in rows.items() if of == status)
        lines += ["", f"## {status}", ""]
        lines += table(("code", "meaning"), ((f"`{code}`", " / ".join(texts)) for code, texts in codes))
    return "\n".join([*lines, ""])


def _classes() -> Iterator[tuple[int, str, str]]:
    for error in all_errors():
        if "code" in error.__dict__:
            own = error.__dict__.get("message") or " ".join((error.__dict__.get("__doc__") or "").split())
            yield error.status, error.code, own
    yield 400, "validation_failed", "The values are wrong, or the body is no JSON; the message says what."
    yield 422, "validation_failed", "The body has not the form asked for: a field is missing or of another type."


def _elsewhere() -> Iterator[tuple[int, str, str]]:
    for code, (status, text) in ELSEWHERE.items():
        yield status, code, text


def _written_inline() -> Iterator[tuple[int, str, str]]:
    """Codes given where the error is raised: `Invalid("…", code="…")`."""
    statuses = {error.__name__: error.status for error in all_errors()}
    for call in _calls():
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        code = next((word.value for word in call.keywords if word.arg == "code"), None)
        if name in statuses and isinstance(code, ast.Constant):
            yield statuses[name], str(code.value), _text(call)


def _calls() -> Iterator[ast.Call]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "tests" not in path.parts:
                yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def _text(call: ast.Call) -> str:
    """The message, with an ellipsis for what is put in at run time."""
    match call.args:
        case [ast.Constant(value=str(text))]:
            return text
        case [ast.JoinedStr(values=parts)]:
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    return ""
