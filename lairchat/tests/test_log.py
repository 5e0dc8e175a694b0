"""D3, D8: one order without holes, in the order of the commits, whoever writes at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections, transaction

from lairchat.core import events, log
from lairchat.core.action import action
from lairchat.core.events import Delivery, Event, publish
from lairchat.core.models import Stream, StreamEntry

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 8
ACTS = 12
NOW = datetime.now(UTC) + timedelta(hours=1)


@dataclass
class Somebody:
    limit_key = "somebody"


class Said(Event):
    """A change of a stream that exists only here."""

    type = "said"

    def __init__(self, name: str, text: str = "") -> None:
        self.name, self.text = name, text

    def stream(self) -> str:
        return self.name

    def payload(self) -> dict[str, Any]:
        return {"text": self.text}


@action
def say(actor: Somebody, *names: str) -> list[int]:
    said = [Said(name) for name in names]
    publish(*said)
    return []


@pytest.fixture
def delivered() -> Iterator[list[Delivery]]:
    heard: list[Delivery] = []
    events.outlets.append(heard.extend)
    yield heard
    events.outlets.remove(heard.extend)


def seqs(name: str) -> list[int]:
    return list(StreamEntry.objects.filter(stream=name).order_by("seq").values_list("seq", flat=True))


def test_a_stream_begins_with_one_and_has_no_holes() -> None:
    for _ in range(3):
        say(Somebody(), "room:a")
    assert seqs("room:a") == [1, 2, 3]
    assert log.heads(["room:a", "room:never"]) == {"room:a": 3}
    assert log.bounds(["room:a"]) == {"room:a": (3, 1)}


@pytest.mark.promise("D3")
def test_eight_writers_at_once_leave_no_hole_and_no_double() -> None:
    together = Barrier(WRITERS)

    def write(number: int) -> None:
        together.wait()
        for turn in range(ACTS):
            # In opposite orders: who takes several streams at once must not wait in a circle.
            names = ("room:a", "room:b", f"user:{number}")
            say(Somebody(), *(names if turn % 2 else reversed(names)))
        connections.close_all()

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    everything = list(range(1, WRITERS * ACTS + 1))
    assert seqs("room:a") == everything
    assert seqs("room:b") == everything
    assert [seqs(f"user:{number}") for number in range(WRITERS)] == [list(range(1, ACTS + 1))] * WRITERS


@pytest.mark.promise("D3")
def test_a_reader_never_sees_a_seq_before_a_lower_one() -> None:
    """Commit order is seq order: whatever a reader sees of a stream is all of it up to there."""
    over = False

    def write(_: int) -> None:
        for _turn in range(ACTS):
            say(Somebody(), "room:a")
        connections.close_all()

    def read() -> int:
        looks = 0
        while not over:
            seen = seqs("room:a")
            assert seen == list(range(1, len(seen) + 1))
            looks += 1
        connections.close_all()
        return looks

    with ThreadPoolExecutor(5) as threads:
        reading = threads.submit(read)
        list(threads.map(write, range(4)))
        over = True
        assert reading.result() > 0


@pytest.mark.promise("D3")
def test_a_rollback_gives_the_number_back() -> None:
    say(Somebody(), "room:a")
    with transaction.atomic():
        assert log.take("room:a") == 2
        transaction.set_rollback(True)
    assert log.heads(["room:a"]) == {"room:a": 1}
    say(Somebody(), "room:a")
    assert seqs("room:a") == [1, 2]


def test_many_numbers_of_many_streams_cost_few_statements(django_assert_num_queries: Any) -> None:
    names = [f"user:{number:04}" for number in range(650)]
    with transaction.atomic():
        log.take("user:0001")
        with django_assert_num_queries(3):
            last = log.take_each(dict.fromkeys(names, 2))
    assert last["user:0000"] == 2
    assert last["user:0001"] == 3
    assert len(last) == 650


def test_entries_are_read_between_two_positions() -> None:
    for _ in range(6):
        say(Somebody(), "room:a")
    assert [entry.seq for entry in log.entries("room:a", 2, 5, 10)] == [3, 4, 5]
    assert [entry.seq for entry in log.entries("room:a", 2, 5, 2)] == [3, 4]
    assert log.entries("room:never", 0, 5, 10) == []


@pytest.mark.promise("D8")
def test_pruning_keeps_the_last_entries_and_raises_the_floor() -> None:
    for _ in range(10):
        say(Somebody(), "room:a")
    assert log.prune("room:a", keep_entries=4, older_than=NOW) == 6
    assert seqs("room:a") == [7, 8, 9, 10]
    assert log.bounds(["room:a"]) == {"room:a": (10, 7)}
    assert log.prune("room:a", keep_entries=4, older_than=NOW) == 0
    say(Somebody(), "room:a")
    assert seqs("room:a")[-1] == 11


@pytest.mark.promise("D8")
def test_pruning_keeps_what_is_young() -> None:
    for _ in range(6):
        say(Somebody(), "room:a")
    long_ago = datetime.now(UTC) - timedelta(days=40)
    StreamEntry.objects.filter(stream="room:a", seq__lte=3).update(at=long_ago)
    assert log.prune("room:a", keep_entries=1, older_than=datetime.now(UTC) - timedelta(days=30)) == 3
    assert log.bounds(["room:a"]) == {"room:a": (6, 4)}


def test_the_history_of_a_database_has_one_name() -> None:
    assert log.epoch() == log.epoch()
    assert len(log.epoch()) == 36


def test_deliveries_leave_in_the_order_of_their_streams(delivered: list[Delivery]) -> None:
    @action
    def act(actor: Somebody) -> None:
        publish(Said("user:a", "1"), Said("room:b", "2"), Said("user:a", "3"))

    act(Somebody())
    assert [(delivery.stream, delivery.seq) for delivery in delivered] == [("room:b", 1), ("user:a", 1), ("user:a", 2)]


def test_a_lock_on_a_stream_that_is_not_there_is_no_error() -> None:
    with transaction.atomic():
        log.lock("room:never")
    assert not Stream.objects.exists()
    assert connection.vendor in ("sqlite", "postgresql")
