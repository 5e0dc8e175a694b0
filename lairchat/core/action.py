"""`@action`: the only opener of transactions. It commits once, publishes after, and records refusals apart."""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from django.db import InterfaceError, OperationalError, transaction

from lairchat.core import events, limits
from lairchat.core.errors import Busy, DomainError, StorageFull, Unavailable
from lairchat.core.metrics import ACTIONS
from lairchat.core.writer import writer

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Acting(Protocol):
    """What an action needs to know of who acts; `accounts.actor.Actor` is it."""

    @property
    def limit_key(self) -> str: ...


A = TypeVar("A", bound=Acting)
Recorder = Callable[[Any, str, DomainError, dict[str, Any]], None]
_recorders: list[Recorder] = []


def record_refusals(recorder: Recorder) -> Recorder:
    """Register who writes refusals down: called with (actor, action name, error, arguments), in its own transaction."""
    _recorders.append(recorder)
    return recorder


@overload
def action(function: Callable[Concatenate[A, P], R], /) -> Callable[Concatenate[A, P], R]: ...
@overload
def action(
    *, limit: str | None = None
) -> Callable[[Callable[Concatenate[A, P], R]], Callable[Concatenate[A, P], R]]: ...


def action(function: Any = None, /, *, limit: str | None = None) -> Any:
    """Run the function as one act of `actor`, its first argument: limit, transaction, log, commit, delivery.

    Inside another action it joins that one's transaction and spends no limit of its own.
    Raises what the function raises; RateLimited; Busy, Unavailable or StorageFull when the database cannot serve.
    """
    if function is None:
        return functools.partial(action, limit=limit)

    @functools.wraps(function)
    def run(actor: Any, *args: Any, **kwargs: Any) -> Any:
        if events.current_unit() is not None:
            return function(actor, *args, **kwargs)
        name = function.__name__.lstrip("_")
        try:
            if limit is not None:
                limits.spend(limit, actor.limit_key)
            with database_errors():
                result = writer.alone(lambda: in_a_unit(lambda: function(actor, *args, **kwargs)))
        except DomainError as refusal:
            ACTIONS.labels(name, refusal.name).inc()
            names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
            record(actor, name, refusal, dict(zip(names, args, strict=False)) | kwargs)
            raise
        ACTIONS.labels(name, "done").inc()
        return result

    run.is_action = True  # type: ignore[attr-defined]
    return run


def in_a_unit(call: Callable[[], R]) -> R:
    """Make the call in one transaction, with what it publishes numbered, logged and handed out after the commit."""
    unit = events.Unit()
    events.set_unit(unit)
    try:
        with transaction.atomic():
            result = call()
            unit.flush()
    finally:
        events.set_unit(None)
    return result


def record(actor: Any, name: str, refusal: DomainError, arguments: dict[str, Any]) -> None:
    """Have a refusal written down, in a transaction of its own, by those who registered for it."""
    if refusal.status >= 500:
        return
    for recorder in _recorders:
        try:
            with database_errors():
                recorder(actor, name, refusal, arguments)
        except Exception:  # the refusal stands whether or not it could be written down
            logger.exception("a refusal of %s could not be recorded", name)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn a database that is busy, gone or full into the error people are told."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise refusal_of(error) from error


def refusal_of(error: Exception) -> DomainError:
    """The domain error for a database's own error (SQLite's texts, PostgreSQL's SQLSTATE)."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    text = str(error)
    if state == "53100" or "disk is full" in text or "disk I/O error" in text:
        return StorageFull()
    if state in ("40001", "40P01", "55P03", "57014") or "locked" in text:
        return Busy()
    return Unavailable()
