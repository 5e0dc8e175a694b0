"""F5: nobody waits for the writer lane longer than for the database itself."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lairchat.core import writer as writer_module
from lairchat.core.errors import Busy
from lairchat.core.writer import Writer
from lairchat.testing.processes import eventually

DEADLINE_SECONDS = 60


class Locked:
    """Acts of a kind that finds the database locked, until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def commit(self, requests: Sequence[Any]) -> list[Any]:
        self.begun.set()
        assert self.let_go.wait(DEADLINE_SECONDS)
        return [Busy() for _ in requests]


class Quick:
    def __init__(self) -> None:
        self.carried_out: list[Any] = []

    def commit(self, requests: Sequence[Any]) -> list[Any]:
        self.carried_out += requests
        return list(requests)


@pytest.fixture
def lane() -> Iterator[Writer]:
    lane = Writer()
    lane.start()
    yield lane
    lane.stop()


@pytest.mark.parametrize(("tedious_seconds", "also_refused"), [(0.0, True), (float(DEADLINE_SECONDS), False)])
def test_who_waited_behind_a_long_refusal_is_refused_with_it(
    lane: Writer, monkeypatch: pytest.MonkeyPatch, tedious_seconds: float, also_refused: bool
) -> None:
    """A refusal that came at once was chance: who waited behind that one has their turn."""
    monkeypatch.setattr(writer_module, "TEDIOUS_SECONDS", tedious_seconds)
    locked, quick = Locked(), Quick()
    with ThreadPoolExecutor(3) as people:
        first = people.submit(lane.write, locked, "first")
        assert locked.begun.wait(DEADLINE_SECONDS)
        others = [people.submit(lane.write, quick, number) for number in range(2)]
        eventually(lambda: lane.waiting() == 2, "two wait behind it")
        locked.let_go.set()
        refused = [isinstance(one.exception(DEADLINE_SECONDS), Busy) for one in (first, *others)]
    assert refused == [True, also_refused, also_refused]
    assert len(quick.carried_out) == (0 if also_refused else 2)


@pytest.mark.parametrize(("waiting", "seconds", "is_refused"), [(64, 0.0, True), (63, 0.0, False), (64, 3600.0, False)])
def test_a_crowd_that_has_waited_long_grows_no_longer(
    lane: Writer, monkeypatch: pytest.MonkeyPatch, waiting: int, seconds: float, is_refused: bool
) -> None:
    monkeypatch.setattr(writer_module, "CROWDED_SECONDS", seconds)
    monkeypatch.setattr(writer_module, "TEDIOUS_SECONDS", 3600.0)
    locked, quick = Locked(), Quick()
    with ThreadPoolExecutor(waiting + 2) as people:
        first = people.submit(lane.write, locked, "first")
        assert locked.begun.wait(DEADLINE_SECONDS)
        crowd = [people.submit(lane.write, quick, number) for number in range(waiting)]
        eventually(lambda: lane.waiting() == waiting, "the crowd waits")
        late = people.submit(lane.write, quick, "late")
        eventually(lambda: late.done() or lane.waiting() == waiting + 1, "the last one is heard")
        locked.let_go.set()
        assert [one.result(DEADLINE_SECONDS) for one in crowd] == list(range(waiting))
        assert isinstance(first.exception(DEADLINE_SECONDS), Busy)
        assert isinstance(late.exception(DEADLINE_SECONDS), Busy) == is_refused
