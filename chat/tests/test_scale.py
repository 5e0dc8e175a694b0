"""Sending, reading and the sidebar cost the same however many people, rooms and messages there are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import presence
from chat.actions.messages import send_message
from chat.commands import get_messages, get_sidebar
from chat.shapes import GetMessagesInput, RoomTarget
from lairchat.core.commands import Nothing
from lairchat.testing import scale
from lairchat.testing.cast import bring_in
from rooms.actions.rooms import create_room

SMALL, LARGE = 10_000, 1_000_000
RATIO = 1.5


def statements(act: Callable[[], Any]) -> list[str]:
    act()  # what is read once in the life of a process is not counted
    presence.forget()  # kept for a second: here it is read each time
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"].split()[0] for query in captured.captured_queries]


def acts_of(alice: Any, den: Any) -> dict[str, Callable[[], Any]]:
    target = RoomTarget(den.id)
    return {
        "send": lambda: send_message(alice, den.id, "hello"),
        "newest page": lambda: get_messages(alice, GetMessagesInput(target=target)),
        "page around": lambda: get_messages(alice, GetMessagesInput(target=target, around=5)),
        "sidebar": lambda: get_sidebar(alice, Nothing()),
    }


def counted(alice: Any, den: Any) -> dict[str, list[str]]:
    return {name: statements(act) for name, act in acts_of(alice, den).items()}


def test_more_members_cost_no_more_statements(alice: Any, den: Any, fill: Callable[..., None]) -> None:
    few = counted(alice, den)
    fill(den, members=200)
    assert counted(alice, den) == few


def test_more_messages_cost_no_more_statements(alice: Any, bob: Any, den: Any) -> None:
    first = send_message(bob, den.id, "the first")
    send_message(bob, den.id, "an answer", reply_to=first.message.id)
    few = counted(alice, den)
    for number in range(15):
        send_message(bob, den.id, f"number {number} for @alice", reply_to=first.message.id)
    assert counted(alice, den) == few


def test_more_rooms_cost_no_more_statements(alice: Any, bob: Any, den: Any) -> None:
    few = counted(alice, den)
    for number in range(15):
        room = create_room(alice, f"room {number}").room
        bring_in(alice, room, bob)
        send_message(bob, room.id, "hello")
    assert counted(alice, den) == few


@pytest.mark.processes
def test_a_million_messages_cost_hardly_more_time_than_ten_thousand(tmp_path: Path) -> None:
    """Two databases in files, the same acts on each in turns, medians of two hundred (must hold 7)."""
    medians = scale.compare(tmp_path, SMALL, LARGE)
    ratios = {name: large / small for name, (small, large) in medians.items()}
    assert {name: ratio for name, ratio in ratios.items() if ratio > RATIO} == {}
