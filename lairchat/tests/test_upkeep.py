"""What is done now and then: by one of all, each thing as often as it is due, and nothing that somebody needs."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import LoginAttempt, UserSession
from accounts.tasks import attempts, sessions
from chat.actions.messages import send_message
from lairchat import config
from lairchat.core import chores, lane, log, upkeep
from lairchat.core.lease import Candidate
from lairchat.core.limits import DatabaseStorage
from lairchat.core.models import ChoreRun, Lease, LimitWindow, Process, StreamEntry, SubmittedForm
from rooms.actions.invitations import accept_invitation, decline_invitation, expire_invitation, invite_to_room
from rooms.actions.rooms import create_room
from rooms.events import InvitationAnswered, RoomUpdated
from rooms.models import Invitation, Room
from rooms.tasks import end_invitations, end_rooms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put other settings in force for one test: `settings_of(**{"delivery.keep_entries": 5})`."""
    monkeypatch.setattr(config, "_current", config.current())
    return lambda **values: config.reload(values) and None


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


# Who does it


def test_of_two_one_holds_and_the_other_waits() -> None:
    clock = Clock()
    first, second = (Candidate("upkeep", 20, clock=clock) for _ in range(2))
    assert (first.hold(), second.hold()) == (True, False)
    for clock.now in (10, 25, 40, 55):
        assert (first.hold(), second.hold()) == (True, False)


def test_who_is_silent_for_long_enough_is_followed_by_another() -> None:
    clock = Clock()
    first, second, third = (Candidate("upkeep", 20, clock=clock) for _ in range(3))
    assert (first.hold(), second.hold(), third.hold()) == (True, False, False)
    clock.now = 19.9
    assert not second.hold()
    clock.now = 20
    assert (second.hold(), third.hold()) == (True, False)
    assert not first.hold()  # frozen until now: it finds that it is not the one any more
    assert second.hold()


def test_what_is_given_back_is_taken_at_once() -> None:
    first, second = Candidate("upkeep", 20), Candidate("upkeep", 20)
    assert (first.hold(), second.hold()) == (True, False)
    first.release()
    assert (second.hold(), first.hold()) == (True, False)
    first.release()  # it is not its own to give
    assert Lease.objects.get().holder == second.id


@pytest.mark.promise("F7")
def test_a_clock_that_jumps_takes_the_lease_from_nobody() -> None:
    first, second = Candidate("upkeep", 20), Candidate("upkeep", 20)
    assert (first.hold(), second.hold()) == (True, False)
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        assert (second.hold(), first.hold()) == (False, True)


# How often


def test_a_chore_is_due_when_its_time_has_come_and_after_a_clock_was_moved_back() -> None:
    for each in upkeep.chores.values():
        upkeep.done(each, 0)
    assert upkeep.due() == []
    with time_machine.travel(timezone.now() + timedelta(seconds=31), tick=False):
        assert {each.every for each in upkeep.due()} == {"expiry_seconds"}
    with time_machine.travel(timezone.now() + timedelta(seconds=3601), tick=False):
        assert len(upkeep.due()) == len(upkeep.chores)
    with time_machine.travel(timezone.now() - timedelta(days=1), tick=False):
        assert len(upkeep.due()) == len(upkeep.chores)


async def until_done(names: set[str]) -> None:
    async with asyncio.timeout(60):
        while not names <= set(await lane.run(lambda: list(ChoreRun.objects.values_list("name", flat=True)))):
            await asyncio.sleep(0.01)


async def test_a_chore_that_fails_keeps_nobody_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise RuntimeError("no")

    others = set(upkeep.chores)
    first_of_all = {"broken": upkeep.Chore("broken", "expiry_seconds", broken)}
    monkeypatch.setattr(upkeep, "chores", first_of_all | upkeep.chores)
    task = asyncio.ensure_future(upkeep.keep_up())
    await until_done(others)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not await lane.run(ChoreRun.objects.filter(name="broken").exists)
    assert (await lane.run(Lease.objects.get)).holder is None  # given back at the end


async def test_a_long_chore_goes_in_steps_and_is_noted_with_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [3, 3, 1, 0]
    monkeypatch.setattr(upkeep, "chores", {"long": upkeep.Chore("long", "expiry_seconds", lambda: left.pop(0))})
    task = asyncio.ensure_future(upkeep.keep_up())
    await until_done({"long"})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await lane.run(ChoreRun.objects.get)).rows == 7
    assert left == []


# What


@pytest.mark.promise("D8")
def test_the_log_keeps_what_is_young_or_among_the_last(
    alice: Actor, den: Room, plaza: Room, settings_of: Callable[..., None]
) -> None:
    settings_of(**{"delivery.keep_entries": 5})
    for number in range(10):
        send_message(alice, den.id, str(number))
    send_message(alice, plaza.id, "hello")
    head = log.bounds([den.stream])[den.stream][0]
    long_ago = datetime.now(UTC) - timedelta(days=31)
    StreamEntry.objects.filter(stream=den.stream, seq__lte=head - 7).update(at=long_ago)
    StreamEntry.objects.filter(stream=plaza.stream).update(at=long_ago)
    before = log.bounds([plaza.stream])
    assert chores.prune_log() == head - 7
    assert chores.prune_log() == 0
    assert log.bounds([den.stream]) == {den.stream: (head, head - 6)}
    assert log.bounds([plaza.stream]) == before  # old, but few
    StreamEntry.objects.filter(stream=den.stream).update(at=long_ago)
    assert chores.prune_log() == 2
    assert log.bounds([den.stream]) == {den.stream: (head, head - 4)}


def test_a_long_past_goes_in_short_steps(alice: Actor, den: Room, settings_of: Callable[..., None]) -> None:
    settings_of(**{"delivery.keep_entries": 1})
    for number in range(9):
        send_message(alice, den.id, str(number))
    head = log.bounds([den.stream])[den.stream][0]
    StreamEntry.objects.update(at=datetime.now(UTC) - timedelta(days=31))
    older_than = datetime.now(UTC) - timedelta(days=30)
    assert log.prune(den.stream, keep_entries=1, older_than=older_than, at_most=4) == 4
    assert log.bounds([den.stream]) == {den.stream: (head, 5)}


def test_looking_for_a_past_takes_one_statement_however_many_rooms(
    alice: Actor, den: Room, plaza: Room, django_assert_num_queries: Callable[..., object]
) -> None:
    with django_assert_num_queries(1):
        assert chores.prune_log() == 0


def test_what_only_a_moment_needed_is_forgotten() -> None:
    now = timezone.now()
    storage = DatabaseStorage()
    storage.incr("over", -120)
    storage.incr("running", 600)
    old = SubmittedForm.objects.create(key=Candidate("", 1).id, user_id=Candidate("", 1).id, title="a", back="/")
    SubmittedForm.objects.filter(pk=old.pk).update(at=now - timedelta(days=2))
    young = SubmittedForm.objects.create(key=Candidate("", 1).id, user_id=old.user_id, title="b", back="/")
    for host, seconds in (("dead", 16), ("alive", 1)):
        Process.objects.create(role="all", host=host, pid=1, version="0", beat_at=now - timedelta(seconds=seconds))
    assert (chores.forget_limits(), chores.forget_forms(), chores.forget_processes()) == (1, 1, 1)
    assert (chores.forget_limits(), chores.forget_forms(), chores.forget_processes()) == (0, 0, 0)
    assert [window.key for window in LimitWindow.objects.all()] == ["running"]
    assert [form.pk for form in SubmittedForm.objects.all()] == [young.pk]
    assert [process.host for process in Process.objects.all()] == ["alive"]


def test_tries_to_sign_in_are_forgotten_after_a_day() -> None:
    now = timezone.now()
    for hours in (1, 23, 25, 100):
        LoginAttempt.objects.create(identifier="x", address="::", succeeded=False, at=now - timedelta(hours=hours))
    assert (attempts(), attempts()) == (2, 0)
    assert LoginAttempt.objects.filter(at__lt=now - timedelta(hours=24)).count() == 0
    assert LoginAttempt.objects.count() == 2


def test_sign_ins_are_forgotten_a_month_after_their_end(alice: Actor) -> None:
    now = timezone.now()
    for days in (1, 29, 31):
        UserSession.objects.create(user=alice.person, kind="api", expire_date=now - timedelta(days=days))
    assert (sessions(), sessions()) == (1, 0)
    assert UserSession.objects.filter(pk=alice.session_id).exists()
    assert UserSession.objects.count() == 3


def test_a_temporary_room_says_that_it_has_ended(alice: Actor, publishes: Callable[..., object]) -> None:
    room = create_room(alice, "tea", expires_at=timezone.now() + timedelta(minutes=5)).room
    later = create_room(alice, "dinner", expires_at=timezone.now() + timedelta(hours=5)).room
    assert end_rooms() == 0
    with (
        time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False),
        publishes(RoomUpdated, on=room.stream),
    ):
        assert end_rooms() == 1
        assert end_rooms() == 0
    room.refresh_from_db()
    later.refresh_from_db()
    assert (room.archived_at is None, later.archived_at) == (False, None)


def test_an_invitation_that_ran_out_leaves_the_list(
    alice: Actor, bob: Actor, mallory: Actor, den: Room, plaza: Room, publishes: Callable[..., object]
) -> None:
    waiting = invite_to_room(alice, den.id, mallory.person.id)
    over = invite_to_room(alice, plaza.id, mallory.person.id)
    Invitation.objects.filter(pk=over.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with publishes(InvitationAnswered, on=log.user_stream(mallory.person.id)):
        assert (end_invitations(), end_invitations()) == (1, 0)
    over.refresh_from_db()
    assert over.status == Invitation.Status.EXPIRED
    assert accept_invitation(mallory, waiting.id).room_id == den.id


def test_an_answer_that_came_just_in_time_stands(alice: Actor, mallory: Actor, den: Room) -> None:
    invitation = invite_to_room(alice, den.id, mallory.person.id)
    expire_invitation(Actor.system(), invitation.id)
    invitation.refresh_from_db()
    assert not invitation.is_answered
    decline_invitation(mallory, invitation.id)
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now())
    expire_invitation(Actor.system(), invitation.id)
    invitation.refresh_from_db()
    assert invitation.status == Invitation.Status.DECLINED
