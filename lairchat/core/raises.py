"""What a command may refuse, read from the "Raises" of what it calls: those sentences are the reference."""

import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from lairchat.core import errors
from lairchat.core.errors import DomainError

SENTENCE = re.compile(r"\bRaises\b(.*?)(?:\.(?=\s|$)|\Z)", re.DOTALL)
ASIDE = re.compile(r"\([^)]*\)")
ERROR = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]*)*\b")
REFERENCE = re.compile(r"`(\w+)`")
OURS = ("accounts.", "rooms.", "chat.", "lairchat.core.", "lairchat.ops.")


def raised_by(function: Callable[..., Any]) -> list[type[DomainError]]:
    """The errors that the function and what it calls say they raise, in the order of their statuses and codes.

    A function that says what it raises speaks for everything it calls. Raises LookupError if it names what is no error.
    """
    found = set(_raised(_plain(function), set()))
    return sorted(found, key=lambda error: (error.status, error.code))


def all_errors() -> list[type[DomainError]]:
    """Every error there is, by status and code."""

    def below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    ours = {kind for kind in below(DomainError) if ".tests." not in kind.__module__}
    return sorted(ours, key=lambda kind: (kind.status, kind.code, kind.__module__))


def _raised(function: FunctionType, seen: set[FunctionType]) -> Iterator[type[DomainError]]:
    if function in seen:
        return
    seen.add(function)
    sentences = SENTENCE.findall(function.__doc__ or "")
    for sentence in sentences:
        yield from _named(function, ASIDE.sub("", sentence), seen)
    if not sentences:
        for called in _called(function):
            yield from _raised(called, seen)


def _named(function: FunctionType, sentence: str, seen: set[FunctionType]) -> Iterator[type[DomainError]]:
    for name in ERROR.findall(sentence):
        error = _error(function, name)
        if error is not None:
            yield error
    for name in REFERENCE.findall(sentence):
        other = function.__globals__.get(name)
        if callable(other):
            yield from _raised(_plain(other), seen)


def _error(function: FunctionType, name: str) -> type[DomainError] | None:
    """The error of that name where the function stands, in its app, or in the floor; None for one of Python's own."""
    if hasattr(builtins, name):
        return None
    app = function.__module__.partition(".")[0]
    nearest = [function.__globals__.get(name), getattr(errors, name, None)]
    named = [kind for kind in all_errors() if kind.__name__ == name]
    nearest[1:1] = [kind for kind in named if kind.__module__.startswith(app)]
    for kind in [*nearest, *named]:
        if isinstance(kind, type) and issubclass(kind, DomainError):
            return kind
    raise LookupError(f"{function.__module__}.{function.__qualname__} says it raises {name}, which is no error of ours")


def _called(function: FunctionType) -> Iterator[FunctionType]:
    """The functions of ours whose names stand in the code: `name(…)` and `module.name(…)`."""
    names = function.__code__.co_names
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and _is_ours(value.__name__):
            members = [getattr(value, member, None) for member in names]
        else:
            members = [value]
        for member in members:
            if inspect.isfunction(member) and _is_ours(member.__module__):
                yield _plain(member)


def _plain(function: Callable[..., Any]) -> Any:
    return inspect.unwrap(function)


def _is_ours(module: str) -> bool:
    return module.startswith(OURS)
