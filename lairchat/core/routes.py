"""Every route of the API with the command behind it, read from the URL table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from lairchat.core.commands import Command

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """One method of one path; `path` has its ids in braces."""

    method: str
    path: str
    command: Command
    view: Any

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """The names in the path, in order."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes() -> list[Route]:
    """All of them, in the order of the URL table."""
    return list(_below(get_resolver().url_patterns, "/"))


def _below(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + PARAMETER.sub(r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, path)
            continue
        view = getattr(pattern.callback, "cls", None)
        for method in METHODS:
            command = getattr(getattr(view, method, None), "command", None)
            if command is not None:
                yield Route(method.upper(), path, command, view)
