"""`@action`: one transaction, one limit, one outcome; and the words for a database that cannot serve."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from lairchat.core import action as action_module
from lairchat.core import events, limits, log
from lairchat.core.action import action, database_errors, record_refusals, refusal_of
from lairchat.core.errors import Busy, DomainError, Forbidden, RateLimited, StorageFull, Unavailable
from lairchat.core.events import Event, publish
from lairchat.core.metrics import ACTIONS

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Somebody:
    limit_key = "somebody"


class Rang(Event):
    type = "rang"

    def stream(self) -> str:
        return "room:a"


@action
def ring(actor: Somebody, *, fails: type[Exception] | None = None) -> str:
    publish(Rang())
    if fails is not None:
        raise fails
    return "rang"


@action(limit="edits")
def ring_rarely(actor: Somebody, fails: type[Exception] | None = None) -> str:
    return ring(actor, fails=fails)


@pytest.fixture
def refusals() -> Iterator[list[tuple[str, str, dict[str, Any], int]]]:
    """What was recorded: action, code, arguments, and how much of the stream was stored by then."""
    recorded: list[tuple[str, str, dict[str, Any], int]] = []

    @record_refusals
    def recorder(actor: Somebody, name: str, error: DomainError, arguments: dict[str, Any]) -> None:
        assert not connection.in_atomic_block
        if isinstance(actor, Somebody):
            recorded.append((name, error.name, arguments, log.heads(["room:a"]).get("room:a", 0)))

    yield recorded
    action_module._recorders.remove(recorder)


def count(name: str, outcome: str) -> float:
    return ACTIONS.labels(name, outcome)._value.get()


def test_an_act_is_stored_and_counted() -> None:
    before = count("ring", "done")
    assert ring(Somebody()) == "rang"
    assert log.heads(["room:a"]) == {"room:a": 1}
    assert count("ring", "done") == before + 1


@pytest.mark.parametrize("error", [Forbidden, ZeroDivisionError])
def test_an_act_that_fails_leaves_nothing(error: type[Exception]) -> None:
    with pytest.raises(error):
        ring(Somebody(), fails=error)
    assert log.heads(["room:a"]) == {}
    assert events.current_unit() is None
    ring(Somebody())
    assert log.heads(["room:a"]) == {"room:a": 1}


@pytest.mark.promise("S16")
def test_a_refusal_is_recorded_after_everything_was_taken_back(refusals: list[Any]) -> None:
    with pytest.raises(Forbidden):
        ring(Somebody(), fails=Forbidden)
    assert refusals == [("ring", Forbidden().name, {"fails": Forbidden}, 0)]


def test_a_recorder_that_fails_does_not_hide_the_refusal() -> None:
    @record_refusals
    def broken(*_: Any) -> None:
        raise OSError

    try:
        with pytest.raises(Forbidden):
            ring(Somebody(), fails=Forbidden)
    finally:
        action_module._recorders.remove(broken)


def test_what_is_no_ones_fault_is_not_recorded(refusals: list[Any]) -> None:
    for error in (ZeroDivisionError, Unavailable):
        with pytest.raises(error):
            ring(Somebody(), fails=error)
    assert refusals == []


def test_an_act_inside_an_act_shares_its_fate(refusals: list[Any]) -> None:
    @action
    def ring_twice(actor: Somebody) -> None:
        ring(actor)
        ring(actor, fails=Forbidden)

    with pytest.raises(Forbidden):
        ring_twice(Somebody())
    assert log.heads(["room:a"]) == {}
    assert [(name, code) for name, code, *_ in refusals] == [("ring_twice", Forbidden().name)]


def test_an_act_inside_an_act_spends_no_limit() -> None:
    @action
    def ring_often(actor: Somebody) -> None:
        for _ in range(30):
            ring_rarely(actor)

    ring_often(Somebody())
    assert log.heads(["room:a"]) == {"room:a": 30}


def test_a_limit_is_spent_also_by_what_is_refused(refusals: list[Any]) -> None:
    for _ in range(10):
        with pytest.raises(Forbidden):
            ring_rarely(Somebody(), Forbidden)
    with pytest.raises(RateLimited):
        ring_rarely(Somebody())
    assert log.heads(["room:a"]) == {}
    assert refusals[-1][:2] == ("ring_rarely", RateLimited(1, 1).name)
    limits.forget()
    ring_rarely(Somebody())


def test_an_action_is_known_as_one() -> None:
    assert ring.is_action  # type: ignore[attr-defined]
    assert ring.__name__ == "ring"


# The database's own troubles


class _PostgresError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("text", "sqlstate", "told"),
    [
        ("database is locked", "", Busy),
        ("database table is locked: core_stream", "", Busy),
        ("database or disk is full", "", StorageFull),
        ("disk I/O error", "", StorageFull),
        ("canceling statement due to lock timeout", "55P03", Busy),
        ("deadlock detected", "40P01", Busy),
        ("could not serialize access", "40001", Busy),
        ("could not extend file", "53100", StorageFull),
        ("the connection is closed", "08006", Unavailable),
        ("unable to open database file", "", Unavailable),
    ],
)
def test_each_trouble_of_a_database_has_its_word(text: str, sqlstate: str, told: type[DomainError]) -> None:
    error = OperationalError(text)
    if sqlstate:
        error.__cause__ = _PostgresError(sqlstate)
    assert type(refusal_of(error)) is told


def test_a_mistake_of_ours_is_not_called_the_databases_trouble() -> None:
    with pytest.raises(IntegrityError), database_errors():
        raise IntegrityError("UNIQUE constraint failed")
