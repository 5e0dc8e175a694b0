"""The command table: what a program may ask, over a socket and by REST, in one place."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct


class Nothing(Struct):
    """A command without fields."""


class Done(Struct):
    """The answer of a command that has nothing else to say."""

    success: bool = True


@dataclass(slots=True)
class Command:
    """A wire command: its name, the form it takes and gives, and the function `(actor, data) -> answer`.

    `run_soon`, where a socket may wait for the writer lane without a thread: `(caller, data) -> answer`, awaited; or
    None for input that only `run` can answer.
    """

    name: str
    takes: type[Struct]
    gives: type[Struct]
    run: Callable[[Any, Any], Struct]
    silent: bool = False  # answered by nothing, not even an error
    run_soon: Callable[[Any, Any], Awaitable[Struct] | None] | None = None

    @property
    def summary(self) -> str:
        return (self.run.__doc__ or "").strip().split("\n")[0]


table: dict[str, Command] = {}


def command(
    name: str, *, takes: type[Struct] = Nothing, gives: type[Struct] = Done, silent: bool = False
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Decorator: enter `(actor, data) -> answer` into the table under the name of its action."""

    def enter(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        if name in table and table[name].run.__qualname__ != function.__qualname__:
            raise ValueError(f"two commands are called {name}")
        entry = Command(name, takes, gives, function, silent)
        table[name] = entry
        function.command = entry  # type: ignore[attr-defined]
        return function

    return enter


def soon(
    name: str,
) -> Callable[[Callable[[Any, Any], Awaitable[Any] | None]], Callable[[Any, Any], Awaitable[Any] | None]]:
    """Decorator: give the command of that name its `run_soon`."""

    def enter(function: Callable[[Any, Any], Awaitable[Any] | None]) -> Callable[[Any, Any], Awaitable[Any] | None]:
        table[name].run_soon = function
        return function

    return enter
