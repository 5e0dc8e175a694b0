"""D7: who comes back goes on where they were, or is told aloud what to read again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from chat.actions.messages import send_message
from chat.queries import followed
from chat.realtime.hub import Hub, _replay
from chat.realtime.v2 import Resume
from chat.tests.listening import Listener, until
from lairchat import config
from lairchat.core import events, lane, limits, log
from lairchat.testing.cast import bring_in
from rooms.actions.memberships import join_room, leave_room
from rooms.actions.rooms import create_room
from rooms.actions.sanctions import kick_member
from rooms.models import Room

pytestmark = pytest.mark.django_db(transaction=True)


async def do(act: Any, *args: Any, **kwargs: Any) -> Any:
    limits.forget()
    return await lane.run(act, *args, **kwargs)


async def say(actor: Actor, room: Room, *texts: str) -> list[int]:
    return [(await do(send_message, actor, room.id, text)).message.seq for text in texts]


def texts(listener: Listener) -> list[str]:
    return [event["message"]["content"] for event in listener.events if event["type"] == "message_received"]


def resets(listener: Listener) -> list[tuple[str, str]]:
    return [(frame["stream"], frame["reason"]) for frame in listener.resets]


@pytest.fixture
def bounds() -> Iterator[Any]:
    """Other bounds of a replay, for this test."""

    def set_bounds(**figures: int) -> None:
        config.reload({f"delivery.{name}": value for name, value in figures.items()})

    yield set_bounds
    config.reload()


async def gone(hub: Hub, listener: Listener) -> Resume:
    """The line is cut; what the client's next hello says."""
    hub.detach(listener.connection)
    return listener.resume()


async def come_back(listener: Listener, resume: Resume) -> Listener:
    """A new line of the same client."""
    back = Listener(listener.actor)
    back.epoch, back.positions = resume.epoch, dict(resume.positions)
    return await back.listen(resume)


@pytest.mark.promise("D7")
async def test_who_comes_back_hears_what_they_missed_once_and_in_order(
    hub: Hub, alice: Actor, bob: Actor, den: Room, plaza: Room
) -> None:
    listener = await Listener(bob).listen()
    await say(alice, den, "heard")
    await until(lambda: texts(listener) == ["heard"], "bob hears it")
    resume = await gone(hub, listener)
    await say(alice, den, "one", "two")
    await say(alice, plaza, "three")
    back = await come_back(listener, resume)
    back.check()
    assert sorted(texts(back)) == ["one", "three", "two"]
    assert texts(back).index("one") < texts(back).index("two")
    assert back.resets == []
    assert [frame["type"] for frame in back.frames[:1] + back.frames[-1:]] == ["ready", "live"]
    assert back.frames[0]["from"] == resume.positions


@pytest.mark.parametrize("somebody_stayed", [True, False], ids=["from the ring", "from the log"])
async def test_a_replay_is_the_same_from_the_ring_and_from_the_log(
    hub: Hub, alice: Actor, bob: Actor, den: Room, somebody_stayed: bool
) -> None:
    listener = await Listener(bob).listen()
    if somebody_stayed:
        staying = await Listener(alice).listen()
    resume = await gone(hub, listener)
    seqs = await say(alice, den, *(f"number {number}" for number in range(30)))
    if somebody_stayed:
        await staying.reaches(den.stream, seqs[-1])
    back = await come_back(listener, resume)
    back.check()
    assert back.seqs(den.stream) == seqs
    assert texts(back) == [f"number {number}" for number in range(30)]


async def test_who_comes_back_while_others_go_on_talking_misses_nothing(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    before = await say(alice, den, "one", "two")
    back = Listener(bob)
    back.epoch, back.positions = resume.epoch, dict(resume.positions)
    listening = hub._start(back.listen(resume))
    during = await say(alice, den, "three", "four", "five")
    await listening
    await hub.compare_heads()  # as each second: nobody followed the room yet when it was said
    await back.reaches(den.stream, during[-1])
    assert back.seqs(den.stream) == before + during


@pytest.mark.promise("D7")
async def test_who_was_away_too_long_for_one_stream_reads_that_one_again(
    hub: Hub, alice: Actor, bob: Actor, den: Room, plaza: Room, bounds: Any
) -> None:
    bounds(resume_frames_per_stream=3)
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    await say(alice, den, "1", "2", "3", "4")
    [seq] = await say(alice, plaza, "short")
    back = await come_back(listener, resume)
    back.check()
    assert resets(back) == [(den.stream, "too_many")]
    assert back.resets[0]["head"] == (await do(log.heads, [den.stream]))[den.stream]
    assert texts(back) == ["short"]
    [after] = await say(alice, den, "live again")
    await back.reaches(den.stream, after)
    assert seq
    assert texts(back) == ["short", "live again"]


@pytest.mark.promise("D7")
async def test_a_connection_is_replayed_only_so_many_frames(
    hub: Hub, alice: Actor, bob: Actor, den: Room, plaza: Room, bounds: Any
) -> None:
    bounds(resume_frames=5)
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    for room in (den, plaza):
        await say(alice, room, "1", "2", "3")
    back = await come_back(listener, resume)
    back.check()
    [(stream, reason)] = resets(back)
    assert stream in (den.stream, plaza.stream)
    assert reason == "too_many"
    assert texts(back) == ["1", "2", "3"]


@pytest.mark.promise("D7")
async def test_a_connection_is_replayed_only_so_many_bytes(
    hub: Hub, alice: Actor, bob: Actor, den: Room, plaza: Room, bounds: Any
) -> None:
    bounds(resume_bytes=6000)
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    for room in (den, plaza):
        await say(alice, room, "x" * 3500)
    back = await come_back(listener, resume)
    back.check()
    assert [reason for _, reason in resets(back)] == ["too_many"]
    assert len(texts(back)) == 1


@pytest.mark.promise("D7")
async def test_what_was_pruned_is_read_again(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    await say(alice, den, "1", "2", "3")
    await do(log.prune, den.stream, keep_entries=2, older_than=datetime.now(UTC) + timedelta(hours=1))
    back = await come_back(listener, resume)
    back.check()
    assert resets(back) == [(den.stream, "too_old")]
    assert texts(back) == []


async def test_who_stands_just_below_the_floor_needs_no_reset(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    [seq] = await say(alice, den, "heard")
    await listener.reaches(den.stream, seq)
    resume = await gone(hub, listener)
    await say(alice, den, "1", "2")
    await do(log.prune, den.stream, keep_entries=2, older_than=datetime.now(UTC) + timedelta(hours=1))
    back = await come_back(listener, resume)
    back.check()
    assert back.resets == []
    assert texts(back) == ["1", "2"]


@pytest.mark.promise("D7")
async def test_a_position_of_another_history_is_read_again(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    other = await Listener(bob).listen(Resume("another", resume.positions))
    assert {reason for _, reason in resets(other)} == {"epoch"}
    assert {stream for stream, _ in resets(other)} == resume.positions.keys()
    ahead = Resume(resume.epoch, resume.positions | {den.stream: resume.positions[den.stream] + 7})
    other = await Listener(bob).listen(ahead)
    assert resets(other) == [(den.stream, "epoch")]


@pytest.mark.promise("D7", "D11")
async def test_a_room_lost_meanwhile_is_no_access(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    await say(alice, den, "still with you")
    await do(kick_member, alice, den.id, bob.person.id)
    await say(alice, den, "now we are alone")
    back = await come_back(listener, resume)
    back.check()
    assert resets(back) == [(den.stream, "no_access")]
    assert texts(back) == []
    assert "room_lost" in {event["type"] for event in back.events}


async def test_a_stream_that_never_was_is_no_access(hub: Hub, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    back = await Listener(bob).listen(Resume(resume.epoch, resume.positions | {"room:nonsense": 3, "user:x": 1}))
    assert resets(back) == [("room:nonsense", "no_access"), ("user:x", "no_access")]


async def test_the_stream_of_somebody_else_is_no_access(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    hers = log.user_stream(alice.person.id)
    back = await Listener(bob).listen(Resume(resume.epoch, resume.positions | {hers: 0}))
    assert resets(back) == [(hers, "no_access")]
    assert {event["stream"] for event in back.events} <= {den.stream}


async def test_a_room_gained_meanwhile_is_heard_from_the_joining_on(
    hub: Hub, alice: Actor, mallory: Actor, plaza: Room
) -> None:
    await say(alice, plaza, "before")
    listener = await Listener(mallory).listen()
    resume = await gone(hub, listener)
    await do(join_room, mallory, plaza.id)
    [seq] = await say(alice, plaza, "welcome")
    back = await come_back(listener, resume)
    back.check()
    assert back.resets == []
    assert [event["type"] for event in back.events] == ["room_gained", "message_received"]
    assert back.seqs(plaza.stream) == [seq]


async def test_a_room_left_and_joined_again_meanwhile_goes_on_after_the_return(
    hub: Hub, alice: Actor, bob: Actor, plaza: Room
) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    await do(leave_room, bob, plaza.id)
    await say(alice, plaza, "without bob")
    await do(join_room, bob, plaza.id)
    [seq] = await say(alice, plaza, "welcome back")
    back = await come_back(listener, resume)
    back.check()
    assert resets(back) == [(plaza.stream, "too_old")]
    assert texts(back) == ["welcome back"]
    assert back.positions[plaza.stream] == seq


async def test_what_waits_while_somebody_catches_up_is_bounded(
    hub: Hub, alice: Actor, bob: Actor, den: Room, bounds: Any
) -> None:
    bounds(resume_frames=3)
    slow, quick = Listener(bob), await Listener(alice).listen()
    streams = await do(followed, bob.person.id)
    slow.attach(streams)
    seqs = await say(alice, den, "1", "2", "3", "4", "5")
    await quick.reaches(den.stream, seqs[-1])
    assert resets(slow) == [(den.stream, "too_many")]
    await hub.catch_up(slow.connection, list(streams))
    [seq] = await say(alice, den, "live")
    await slow.reaches(den.stream, seq)
    assert texts(slow)[-1] == "live"
    slow.check()


async def test_a_client_ahead_of_this_process_is_sent_nothing_twice(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    """It was connected to another process, which heard first."""
    behind = await Listener(alice).listen()
    position = hub.streams[den.stream].position
    # The two entries are in the log, and this hub has not heard of them.
    events.outlets.remove(hub.deliver)
    seqs = await say(alice, den, "one", "two")
    events.outlets.append(hub.deliver)
    assert hub.streams[den.stream].position == position
    ahead = Listener(bob)
    streams = await do(followed, bob.person.id)
    await do(log.known_epoch)
    positions = {name: stream.head for name, stream in streams.items()}
    assert positions[den.stream] == seqs[-1]
    await ahead.listen(Resume(log.known_epoch(), positions))
    assert ahead.events == []
    [last] = await say(alice, den, "three")
    await behind.reaches(den.stream, last)
    await ahead.reaches(den.stream, last)
    assert texts(behind) == ["one", "two", "three"]
    assert texts(ahead) == ["three"]


async def test_a_replay_costs_the_same_statements_whatever_its_length(hub: Hub, alice: Actor, den: Room) -> None:
    await say(alice, den, *(str(number) for number in range(40)))

    def statements(after: int, upto: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(_replay(den.stream, after, upto, 500)) == upto - after
        return len(captured)

    head = (await do(log.heads, [den.stream]))[den.stream]
    assert await do(statements, head - 40, head) == await do(statements, head - 2, head)


@pytest.mark.promise("D7")
def test_the_bounds_are_those_promised() -> None:
    delivery = config.current().delivery
    assert (delivery.resume_frames_per_stream, delivery.resume_frames, delivery.resume_bytes) == (500, 2000, 2 << 20)


async def test_rooms_made_and_joined_at_once_do_not_disturb_a_replay(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    listener = await Listener(bob).listen()
    resume = await gone(hub, listener)
    room = (await do(create_room, alice, "new")).room
    await do(bring_in, alice, room, bob)
    back = await come_back(listener, resume)
    [seq] = await say(alice, room, "hello")
    await back.reaches(room.stream, seq)
    assert texts(back) == ["hello"]
