"""The hub alone: real connections without sockets, committed events in, frames out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.actions.sessions import end_session
from accounts.actor import Actor
from accounts.errors import SessionNotFound
from accounts.queries import live_session
from chat.actions.messages import send_message
from chat.consumers import _signed_in
from chat.models import Message
from chat.queries import followed
from chat.realtime import v2
from chat.realtime.connection import TOO_SLOW
from chat.realtime.hub import Hub
from chat.tests.listening import Listener, until
from lairchat import config
from lairchat.core import events, lane, limits, log
from lairchat.core.events import Delivery, Effect, Join, Leave
from lairchat.testing.cast import signed_in
from rooms.actions.memberships import join_room
from rooms.actions.rooms import delete_room, open_direct_room
from rooms.actions.sanctions import kick_member
from rooms.models import Room

pytestmark = pytest.mark.django_db(transaction=True)


async def do(act: Any, *args: Any, **kwargs: Any) -> Any:
    """An action, on a thread of the lane as always, by people without limits."""
    limits.forget()
    return await lane.run(act, *args, **kwargs)


async def say(actor: Actor, room: Room, *texts: str) -> list[int]:
    return [(await do(send_message, actor, room.id, text)).message.seq for text in texts]


async def unheard(hub: Hub, actor: Actor, room: Room, *texts: str) -> list[Delivery]:
    """Say something in another process, whose hints do not reach this hub; answers them."""
    hints: list[Delivery] = []
    events.outlets.remove(hub.deliver)
    events.outlets.append(hints.extend)
    try:
        await say(actor, room, *texts)
    finally:
        events.outlets.remove(hints.extend)
        events.outlets.append(hub.deliver)
    return hints


def texts(listener: Listener) -> list[str]:
    return [event["message"]["content"] for event in listener.events if event["type"] == "message_received"]


def made_up(stream: str, seq: int | None, effects: Sequence[Effect] = (), **fields: Any) -> Delivery:
    return Delivery(stream, seq, "made_up", events.encode("made_up", stream, seq, fields), effects)


# Order


async def test_members_hear_what_is_said_in_order(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listeners = [await Listener(person).listen() for person in (alice, bob)]
    seqs = await say(alice, den, "one", "two", "three")
    for listener in listeners:
        await listener.reaches(den.stream, seqs[-1])
        assert texts(listener) == ["one", "two", "three"]


async def test_an_outsider_hears_nothing(hub: Hub, alice: Actor, mallory: Actor, den: Room) -> None:
    outsider = await Listener(mallory).listen()
    insider = await Listener(alice).listen()
    [seq] = await say(alice, den, "just us")
    await insider.reaches(den.stream, seq)
    assert outsider.events == []


@pytest.mark.promise("D6", "D10")
async def test_hints_swapped_and_doubled_come_out_once_and_in_order(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one", "two", "three", "four")
    for number in (2, 2, 1, 3, 0, 0, 3, 1):
        hub.arrive([hints[number]])
    listener.check()
    assert texts(listener) == ["one", "two", "three", "four"]


@pytest.mark.promise("D6", "D10")
async def test_a_lost_hint_is_filled_in_from_the_log(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one", "two", "three")
    hub.arrive([hints[2]])
    assert texts(listener) == []
    await listener.reaches(den.stream, hints[2].seq or 0)
    assert texts(listener) == ["one", "two", "three"]


async def test_a_hint_that_says_only_how_far_is_enough(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one", "two")
    hub.arrive([Delivery(den.stream, hints[1].seq, "message_received", b"")])
    await listener.reaches(den.stream, hints[1].seq or 0)
    assert texts(listener) == ["one", "two"]


@pytest.mark.promise("D10")
async def test_a_lost_last_frame_is_found_by_comparing_heads(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one", "two")
    await hub.compare_heads()
    assert texts(listener) == ["one", "two"]
    hub.arrive(hints)
    assert texts(listener) == ["one", "two"]


async def test_more_than_one_read_holds_is_found_by_comparing_heads(
    hub: Hub, alice: Actor, bob: Actor, den: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.realtime.hub.FETCH_MAX", 2)
    listener = await Listener(bob).listen()
    await unheard(hub, alice, den, "one", "two", "three", "four", "five")
    await hub.compare_heads()
    assert texts(listener) == ["one", "two", "three", "four", "five"]


async def test_the_hub_compares_heads_by_itself(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one")
    hub._start(hub.watch_heads())
    await listener.reaches(den.stream, hints[0].seq or 0)


@pytest.mark.promise("D6")
async def test_what_was_pruned_before_it_was_heard_is_a_reset(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one", "two", "three")
    await do(log.prune, den.stream, keep_entries=1, older_than=datetime.now(UTC) + timedelta(hours=1))
    await hub.compare_heads()
    assert [(reset["stream"], reset["reason"]) for reset in listener.resets] == [(den.stream, "too_old")]
    await listener.reaches(den.stream, hints[2].seq or 0)
    assert texts(listener) == ["three"]


async def test_an_entry_that_cannot_be_shown_has_a_frame_in_its_place(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    listener = await Listener(bob).listen()
    hints = await unheard(hub, alice, den, "one", "two")
    await sync_to_async(lambda: Message.objects.filter(content="one").delete())()
    await hub.compare_heads()
    listener.check()
    placeholder, shown = listener.of_stream(den.stream)
    assert placeholder == {
        "type": "unavailable",
        "stream": den.stream,
        "seq": hints[0].seq,
        "was": "message_received",
    }
    assert shown["message"]["content"] == "two"


# Effects have a position


async def test_who_joins_hears_what_comes_after(hub: Hub, alice: Actor, mallory: Actor, plaza: Room) -> None:
    await say(alice, plaza, "before")
    listeners = [await Listener(mallory).listen() for _ in range(2)]
    await do(join_room, mallory, plaza.id)
    [seq] = await say(alice, plaza, "after")
    for listener in listeners:
        await listener.reaches(plaza.stream, seq)
        assert texts(listener) == ["after"]


async def test_who_joins_where_others_listen_hears_what_comes_after(
    hub: Hub, alice: Actor, bob: Actor, mallory: Actor, plaza: Room
) -> None:
    await Listener(bob).listen()
    listener = await Listener(mallory).listen()
    await do(join_room, mallory, plaza.id)
    [seq] = await say(alice, plaza, "after")
    await listener.reaches(plaza.stream, seq)
    assert texts(listener) == ["after"]
    assert listener.seqs(plaza.stream) == [seq]


async def test_who_is_let_in_hears_all_that_the_same_act_stored_after(
    hub: Hub, alice: Actor, bob: Actor, mallory: Actor
) -> None:
    listener = await Listener(alice).listen()
    room = (await do(open_direct_room, alice, [bob.person.id, mallory.person.id])).room
    head = (await do(log.heads, [room.stream]))[room.stream]
    await until(lambda: room.stream in listener.positions, "alice follows it")
    assert listener.positions[room.stream] == head
    listener.check()


@pytest.mark.promise("D11")
async def test_who_is_kicked_hears_why_and_then_nothing(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    staying, kicked = await Listener(alice).listen(), await Listener(bob).listen()
    await do(kick_member, alice, den.id, bob.person.id)
    [seq] = await say(alice, den, "now we are alone")
    await staying.reaches(den.stream, seq)
    kicked.check()
    assert kicked.of_stream(den.stream)[-1]["type"] == "user_left_room"
    assert texts(kicked) == []
    assert kicked.events[-1]["type"] == "room_lost"
    assert den.stream not in kicked.connection.streams


async def test_who_is_kicked_while_catching_up_hears_nothing_from_after_it(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    await say(alice, den, "missed")
    kicked, streams = await _reading_first(bob)
    kicked.attach(streams)
    await do(kick_member, alice, den.id, bob.person.id)
    staying = await Listener(alice).listen()
    [seq] = await say(alice, den, "now we are alone")
    await staying.reaches(den.stream, seq)
    await hub.catch_up(kicked.connection, list(streams))
    kicked.check()
    assert texts(kicked) == []
    assert den.stream not in kicked.connection.streams


async def test_a_deleted_room_ends_for_everybody(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listeners = [await Listener(person).listen() for person in (alice, bob)]
    await do(delete_room, alice, den.id)
    for listener in listeners:
        await until(
            lambda listener=listener: listener.events[-1:] and listener.events[-1]["type"] == "room_lost", "it is told"
        )
        listener.check()
        assert listener.of_stream(den.stream)[-1]["type"] == "room_deleted"
        assert den.stream not in listener.connection.streams
    assert den.stream not in hub.streams


async def test_an_ended_session_closes_its_connections_only(hub: Hub, alice: Actor) -> None:
    other = await do(signed_in, alice.person)
    here, there = await Listener(alice).listen(), await Listener(other).listen()
    await do(end_session, alice, other.session_id)
    await until(lambda: there.code is not None, "it is closed")
    assert (here.code, there.code) == (None, 4010)
    assert there.connection not in hub.by_user[alice.person.id]


@pytest.mark.promise("F10")
async def test_a_stream_nobody_follows_is_forgotten(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    one, other = await Listener(alice).listen(), await Listener(bob).listen()
    hub.detach(one.connection)
    assert hub.streams[den.stream].connections == {other.connection}
    hub.detach(other.connection)
    hub.detach(other.connection)
    assert hub.streams == {}
    assert hub.online() == []


# While somebody connects


async def _reading_first(actor: Actor) -> tuple[Listener, Any]:
    """A connection that has read its streams, but is not on the hub yet."""
    await do(log.known_epoch)
    return Listener(actor), await do(followed, actor.person.id)


async def _attached(listener: Listener, streams: Any) -> None:
    listener.attach(streams)
    await v2.catch_up(listener.connection, streams)


@pytest.mark.promise("D11")
async def test_who_is_kicked_while_connecting_never_follows_the_room(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    staying = await Listener(alice).listen()
    late, streams = await _reading_first(bob)
    await do(kick_member, alice, den.id, bob.person.id)
    [seq] = await say(alice, den, "now we are alone")
    await staying.reaches(den.stream, seq)
    await _attached(late, streams)
    late.check()
    assert late.of_stream(den.stream) == []
    assert den.stream not in late.positions


async def test_who_is_signed_out_while_connecting_is_closed(hub: Hub, alice: Actor) -> None:
    other = await do(signed_in, alice.person)
    here = await Listener(alice).listen()
    late, streams = await _reading_first(other)
    await do(end_session, alice, other.session_id)
    await until(lambda: here.events, "the first tab knows")
    await _attached(late, streams)
    assert late.code == 4010
    assert late.connection not in hub.by_user[alice.person.id]


async def test_who_gains_a_room_while_connecting_hears_of_it_first_and_then_follows(
    hub: Hub, alice: Actor, mallory: Actor, plaza: Room
) -> None:
    here = await Listener(mallory).listen()
    late, streams = await _reading_first(mallory)
    await do(join_room, mallory, plaza.id)
    [seq] = await say(alice, plaza, "welcome")
    await here.reaches(plaza.stream, seq)
    await _attached(late, streams)
    await until(lambda: texts(late) == ["welcome"], "the late one hears it")
    late.check()


async def test_a_room_gained_while_the_own_stream_is_caught_up_with_comes_after_the_frame_that_tells(
    hub: Hub, alice: Actor, mallory: Actor, plaza: Room
) -> None:
    late, streams = await _reading_first(mallory)
    late.attach(streams)
    await do(join_room, mallory, plaza.id)
    [seq] = await say(alice, plaza, "welcome")
    await until(lambda: plaza.stream in late.connection.streams, "the hub has let mallory in")
    assert late.events == []
    await hub.catch_up(late.connection, list(streams))
    await late.reaches(plaza.stream, seq)
    assert texts(late) == ["welcome"]


async def test_who_misses_more_than_is_at_hand_while_connecting_begins_again(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    here = await Listener(alice).listen()
    late, streams = await _reading_first(bob)
    seqs = await say(alice, den, "one", "two")
    await here.reaches(den.stream, seqs[-1])
    hub.streams[den.stream].ring.popleft()
    late.attach(streams)
    assert late.code == TOO_SLOW
    assert late.connection not in hub.by_user.get(bob.person.id, ())


async def test_a_session_that_ended_before_the_streams_were_read_opens_nothing(hub: Hub, alice: Actor) -> None:
    other = await do(signed_in, alice.person)
    session = await do(live_session, other.session_id)
    await do(end_session, alice, other.session_id)
    with pytest.raises(SessionNotFound):
        await do(_signed_in, session, "")


# Readers


@pytest.mark.promise("F8")
async def test_a_reader_too_slow_for_stored_frames_is_closed(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    slow, quick = await Listener(bob).listen(), await Listener(alice).listen()
    slow.unsent_bytes = config.current().limits.socket_output_bytes + 1
    seqs = await say(alice, den, "one", "two")
    await quick.reaches(den.stream, seqs[-1])
    assert slow.code == TOO_SLOW
    assert texts(slow) == []


async def test_the_latest_volatile_value_of_a_key_counts(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    for number in range(5):
        for key in ("here", "there"):
            delivery = made_up(den.stream, None, number=number, key=key)
            hub.arrive([Delivery(den.stream, None, "made_up", delivery.frame, key=key)])
    await until(lambda: len(listener.events) >= 2, "something came")
    assert [(event["key"], event["number"]) for event in listener.events] == [("here", 4), ("there", 4)]


@pytest.mark.promise("F8")
async def test_volatile_frames_are_dropped_for_a_reader_who_falls_behind(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    slow, quick = await Listener(bob).listen(), await Listener(alice).listen()
    slow.unsent_bytes = config.current().limits.socket_output_bytes // 2
    hub.arrive([made_up(den.stream, None)])
    await until(lambda: quick.events, "the other hears it")
    assert slow.events == []
    [seq] = await say(alice, den, "stored")
    await slow.reaches(den.stream, seq)
    assert texts(slow) == ["stored"]


async def test_a_volatile_frame_may_be_for_some_people_only(
    hub: Hub, alice: Actor, bob: Actor, mallory: Actor, den: Room
) -> None:
    listeners = {person: await Listener(person).listen() for person in (alice, bob, mallory)}
    frame = made_up("", None).frame
    users = (alice.person.id, mallory.person.id)
    hub.arrive([Delivery("", None, "made_up", frame, key="a", users=users)])
    hub.arrive([Delivery(den.stream, None, "made_up", frame, key="b", except_user=alice.person.id)])
    await until(lambda: listeners[bob].events, "bob hears the second")
    assert [len(listeners[person].events) for person in (alice, bob, mallory)] == [1, 1, 1]


async def test_an_expired_session_is_closed(hub: Hub, alice: Actor) -> None:
    over = Listener(alice, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await over.listen()
    lasting = await Listener(alice).listen()
    hub._start(hub.watch_heads())
    await until(lambda: over.code is not None, "it is closed")
    assert (over.code, lasting.code) == (4010, None)


async def test_the_hub_forgets_what_was_fetched_for_people_who_left(
    hub: Hub, alice: Actor, bob: Actor, den: Room
) -> None:
    first = await Listener(bob).listen()
    served = hub.streams[den.stream]
    await unheard(hub, alice, den, "one")
    fetching = hub._start(hub._advance(served, served.position + 1))
    hub.detach(first.connection)
    await fetching
    again = await Listener(bob).listen()
    [seq] = await say(alice, den, "two")
    await again.reaches(den.stream, seq)
    assert texts(again) == ["two"]


async def test_deliveries_of_a_stream_nobody_follows_cost_nothing(hub: Hub, alice: Actor, den: Room) -> None:
    await Listener(alice).listen()
    before = dict(hub.streams)
    hub.arrive([made_up(f"room:{uuid4()}", 1), made_up(f"user:{uuid4()}", 1, [Leave(None, "room:x")])])
    assert hub.streams == before


async def test_a_join_of_somebody_who_is_elsewhere_begins_nothing(hub: Hub, alice: Actor) -> None:
    await Listener(alice).listen()
    stream = f"user:{alice.person.id}"
    seq = hub.streams[stream].position + 1
    hub.arrive([made_up(stream, seq, [Join(UUID(int=1), "room:x", 1)])])
    assert "room:x" not in hub.streams


def test_a_frame_is_encoded_once_with_its_place() -> None:
    assert json.loads(events.encode("made_up", "room:x", 7, {"a": 1})) == {
        "type": "made_up",
        "stream": "room:x",
        "seq": 7,
        "a": 1,
    }
    assert json.loads(events.encode("made_up", "room:x", None, {})) == {"type": "made_up", "stream": "room:x"}
