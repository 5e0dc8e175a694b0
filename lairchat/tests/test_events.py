"""D1, F10: what is published leaves after the commit, once; what fails on the way harms nobody else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from lairchat.core import events, log
from lairchat.core.action import action
from lairchat.core.events import Delivery, Event, announce, publish
from lairchat.core.models import StreamEntry

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Somebody:
    limit_key = "somebody"


class Rang(Event):
    """A kind of event that exists only here."""

    type = "rang"

    def __init__(self, times: int) -> None:
        self.times = times

    def stream(self) -> str:
        return "room:a"

    def refs(self) -> dict[str, Any]:
        return {"times": self.times}

    def payload(self) -> dict[str, Any]:
        return {"times": self.times}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> "list[Rang | None]":
        return [None if entry.refs["times"] == 0 else cls(1 // (entry.refs["times"] - 13)) for entry in entries]


@action
def ring(actor: Somebody, *times: int) -> None:
    publish(*(Rang(number) for number in times))


@pytest.fixture
def delivered() -> Iterator[list[Delivery]]:
    heard: list[Delivery] = []
    events.outlets.append(heard.extend)
    yield heard
    events.outlets.remove(heard.extend)


@pytest.fixture
def known() -> Iterator[None]:
    """The kind is in the registry for this test."""
    events.register(Rang)
    yield
    del events.registry[Rang.type]


def test_publishing_belongs_inside_an_action(delivered: list[Delivery]) -> None:
    with pytest.raises(RuntimeError, match="inside an action"):
        publish(Rang(1))
    assert delivered == []
    assert not StreamEntry.objects.exists()


@pytest.mark.promise("D1")
def test_nothing_leaves_before_the_commit(delivered: list[Delivery]) -> None:
    with transaction.atomic():
        ring(Somebody(), 1)
        announce("room:a", "typing", {}, key="k")
        assert delivered == []
    assert [(delivery.type, delivery.seq) for delivery in delivered] == [("rang", 1), ("typing", None)]


@pytest.mark.promise("D1", "D3")
def test_nothing_leaves_if_the_transaction_is_taken_back(delivered: list[Delivery]) -> None:
    with transaction.atomic():
        ring(Somebody(), 1)
        announce("room:a", "typing", {}, key="k")
        transaction.set_rollback(True)
    assert delivered == []
    assert log.heads(["room:a"]) == {}


@pytest.mark.promise("F10")
def test_an_outlet_that_fails_harms_neither_the_commit_nor_the_others(delivered: list[Delivery]) -> None:
    def broken(deliveries: list[Delivery]) -> None:
        raise OSError("the line is cut")

    events.outlets.insert(0, broken)
    try:
        ring(Somebody(), 1)
    finally:
        events.outlets.remove(broken)
    assert [delivery.seq for delivery in delivered] == [1]
    assert log.heads(["room:a"]) == {"room:a": 1}


def test_a_witness_that_fails_takes_the_act_back(delivered: list[Delivery]) -> None:
    def doubting(event: Event, delivery: Delivery) -> None:
        raise AssertionError("this should not have happened")

    events.witnesses.append(doubting)
    try:
        with pytest.raises(AssertionError):
            ring(Somebody(), 1)
    finally:
        events.witnesses.remove(doubting)
    assert delivered == []
    assert log.heads(["room:a"]) == {}


def test_listeners_take_part_in_the_transaction(delivered: list[Delivery]) -> None:
    heard = []

    @events.listen(Rang)
    def listener(event: Rang) -> None:
        assert connection.in_atomic_block
        heard.append(event.times)
        if event.times == 2:
            raise LookupError

    try:
        ring(Somebody(), 1)
        with pytest.raises(LookupError):
            ring(Somebody(), 1, 2)
    finally:
        del events._listeners[Rang]
    assert heard == [1, 1, 2]
    assert [delivery.seq for delivery in delivered] == [1]


def test_the_last_steps_come_after_everything_was_stored() -> None:
    seen = []

    @action
    def act(actor: Somebody) -> None:
        events.at_last(lambda: seen.append(log.heads(["room:a"])["room:a"]))
        publish(Rang(1), Rang(2))

    act(Somebody())
    assert seen == [2]
    events.at_last(lambda: seen.append(0))
    assert seen == [2, 0]


def test_a_stored_event_is_loaded_as_it_was_told(known: None, delivered: list[Delivery]) -> None:
    ring(Somebody(), 14)
    [loaded] = events.load(log.entries("room:a", 0, 9, 9))
    assert (loaded.stream, loaded.seq, loaded.type) == ("room:a", 1, "rang")
    assert loaded.frame == events.encode("rang", "room:a", 1, {"times": 1})


@pytest.mark.promise("D5")
def test_what_is_gone_or_not_known_has_a_placeholder(known: None) -> None:
    ring(Somebody(), 14, 0)
    assert [delivery.frame for delivery in events.load(log.entries("room:a", 0, 9, 9))] == [rung(1), placeholder(2)]
    StreamEntry.objects.update(type="of_the_future")
    [first, *_] = events.load(log.entries("room:a", 0, 9, 9))
    assert first.frame == events.encode("unavailable", "room:a", 1, {"was": "of_the_future"})


def test_while_the_database_is_away_nothing_is_called_gone(known: None) -> None:
    ring(Somebody(), 14)
    entries = log.entries("room:a", 0, 9, 9)

    class Away(Rang):
        @classmethod
        def load(cls, entries: Sequence[StreamEntry]) -> list[Event | None]:
            raise OperationalError("the connection is closed")

    events.registry["rang"] = Away
    with pytest.raises(OperationalError):
        events.load(entries)


def placeholder(seq: int) -> bytes:
    return events.encode("unavailable", "room:a", seq, {"was": "rang"})


def rung(seq: int) -> bytes:
    return events.encode("rang", "room:a", seq, {"times": 1})


@pytest.mark.promise("F10")
def test_an_entry_that_cannot_be_shown_harms_no_other_of_its_kind(known: None) -> None:
    ring(Somebody(), 14, 13, 14)  # loading the second divides by zero
    loaded = events.load(log.entries("room:a", 0, 9, 9))
    assert [delivery.frame for delivery in loaded] == [rung(1), placeholder(2), rung(3)]
    assert [delivery.type for delivery in loaded] == ["rang", "unavailable", "rang"]


@pytest.mark.promise("D6", "F4")
def test_a_database_that_fails_is_no_reason_for_a_placeholder(known: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost: whoever wanted the entries asks again."""

    def interrupted(entries: Sequence[StreamEntry]) -> list[Rang | None]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT x FROM nowhere")
        return []

    ring(Somebody(), 14)
    monkeypatch.setattr(Rang, "load", interrupted)
    with pytest.raises(DatabaseError):
        events.load(log.entries("room:a", 0, 9, 9))


def test_an_event_that_was_numbered_before_keeps_its_number(delivered: list[Delivery]) -> None:
    @action
    def act(actor: Somebody) -> None:
        early = Rang(1)
        early.seq = log.take("room:a")
        publish(Rang(2), early)

    act(Somebody())
    assert [(delivery.seq, delivery.frame) for delivery in delivered] == [
        (1, events.encode("rang", "room:a", 1, {"times": 1})),
        (2, events.encode("rang", "room:a", 2, {"times": 2})),
    ]


def test_an_event_says_its_stream_and_how_it_is_loaded() -> None:
    with pytest.raises(NotImplementedError):
        Event().stream()
    with pytest.raises(NotImplementedError):
        Event.load([])
    assert (Event().refs(), Event().payload(), Event().effects()) == ({}, {}, ())
