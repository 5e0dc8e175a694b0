"""Group commit: acts that wait together are stored together, and none suffers from another (performance.md, 1a)."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions.sessions import end_session
from accounts.actor import Caller
from accounts.errors import SessionNotFound
from chat.actions.messages import send_message, send_message_soon, send_of
from chat.actions.reactions import React, add_reaction, store_reactions
from chat.actions.receipts import Read, store_positions
from chat.actions.sends import Send, Sent, store_messages
from chat.errors import ContentInvalid, MessageNotFound, NonceConflict, TooManyReactions
from chat.events import MessageReceived, ReactionsChanged
from chat.models import Message, Reaction
from lairchat.core import events, log
from lairchat.core import writer as writer_module
from lairchat.core.errors import Busy, DomainError, RateLimited
from lairchat.core.metrics import BATCH_RETRIES
from lairchat.core.models import StreamEntry
from lairchat.core.writer import Alone, Writer
from lairchat.testing.cast import signed_in
from rooms.actions.sanctions import kick_member, mute_member
from rooms.errors import NotRoomMember, RoomMuted, RoomNotFound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """A writer lane at work, as in a serving process."""
    lane = Writer()
    monkeypatch.setattr("lairchat.core.batch.writer", lane)
    monkeypatch.setattr("lairchat.core.action.writer", lane)
    lane.start()
    yield lane
    lane.write(Alone(connections.close_all), None)
    lane.stop()


class Held:
    """The lane, busy until told otherwise: what is asked for meanwhile waits together."""

    def __init__(self, lane: Writer) -> None:
        self.lane, self.gate, self.begun = lane, threading.Event(), threading.Event()
        self.threads = ThreadPoolExecutor(40)

    def __enter__(self) -> "Held":
        self.threads.submit(self.lane.write, Alone(self._wait), None)
        assert self.begun.wait(60)
        return self

    def _wait(self) -> None:
        self.begun.set()
        self.gate.wait()

    def begin(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask in a thread of its own; it waits in the queue when this returns."""
        before = self.lane.waiting()
        future = self.threads.submit(call, *args, **kwargs)
        while self.lane.waiting() == before and not future.done():
            threading.Event().wait(0.001)
        return future

    def __exit__(self, *_error: object) -> None:
        self.gate.set()
        self.threads.submit(connections.close_all).result()
        self.threads.shutdown()


class Nowhere:
    id = UUID(int=0)


def says(actor: Any, room: Any, content: str, nonce: str | None = None) -> Send:
    return send_of(actor, room.id, content, None, nonce)


def kinds(outcomes: list[Any]) -> list[Any]:
    return [type(outcome) for outcome in outcomes]


def entries_of(room: Any) -> list[int]:
    return list(StreamEntry.objects.filter(stream=room.stream).order_by("seq").values_list("seq", flat=True))


def test_what_is_refused_in_a_batch_harms_nothing_else_in_it(alice: Any, bob: Any, mallory: Any, den: Any) -> None:
    send_message(alice, den.id, "once", nonce="n")
    mute_member(alice, den.id, bob.person.id, reason="loud", until=timezone.now() + timedelta(minutes=5))
    outcomes = store_messages.commit(
        [
            says(alice, den, "one"),
            says(mallory, den, "let me in"),
            says(alice, den, "other words", nonce="n"),
            says(bob, den, "muted"),
            says(alice, den, "two"),
            says(alice, den, "once", nonce="n"),
        ]
    )
    assert kinds(outcomes) == [Sent, RoomNotFound, NonceConflict, RoomMuted, Sent, Sent]
    assert [outcome.duplicate for outcome in outcomes if isinstance(outcome, Sent)] == [False, False, True]
    assert list(Message.objects.order_by("seq").values_list("content", flat=True)) == ["once", "one", "two"]
    assert entries_of(den) == list(range(1, log.heads([den.stream])[den.stream] + 1))


def test_a_failure_nobody_foresaw_strikes_only_its_cause(alice: Any, den: Any, plaza: Any) -> None:
    def fail(event: Any) -> None:
        if event.message.content == "boom":
            raise ZeroDivisionError

    events.listen(MessageReceived)(fail)
    before = BATCH_RETRIES._value.get()
    try:
        outcomes = store_messages.commit([says(alice, den, "one"), says(alice, den, "boom"), says(alice, plaza, "two")])
    finally:
        events._listeners[MessageReceived].remove(fail)
    assert kinds(outcomes) == [Sent, ZeroDivisionError, Sent]
    assert BATCH_RETRIES._value.get() == before + 1
    assert set(Message.objects.values_list("content", flat=True)) == {"one", "two"}
    assert entries_of(den) == list(range(1, log.heads([den.stream])[den.stream] + 1))


def test_one_nonce_twice_in_a_batch_is_one_message(alice: Any, den: Any) -> None:
    first, again, other = store_messages.commit(
        [says(alice, den, "once", "n"), says(alice, den, "once", "n"), says(alice, den, "twice", "n")]
    )
    assert (first.message.id, first.duplicate) == (again.message.id, False)
    assert again.duplicate
    assert isinstance(other, NonceConflict)
    assert Message.objects.count() == 1


def test_a_repeat_of_what_its_own_batch_refuses_is_refused_with_it(alice: Any, den: Any) -> None:
    spent = [says(alice, den, str(number)) for number in range(20)]
    outcomes = store_messages.commit([*spent, says(alice, den, "once", "n"), says(alice, den, "once", "n")])
    assert kinds(outcomes) == [Sent] * 20 + [RateLimited] * 2


def test_limits_count_within_a_batch(alice: Any, den: Any) -> None:
    outcomes = store_messages.commit([says(alice, den, str(number)) for number in range(25)])
    assert kinds(outcomes) == [Sent] * 20 + [RateLimited] * 5


def test_a_batch_takes_the_same_statements_whatever_its_length(alice: Any, bob: Any, den: Any, plaza: Any) -> None:
    message = send_message(alice, den.id, "hello").message

    def statements(batched: Any, *requests: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            outcomes = batched.commit(requests)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        # An INSERT of many rows is one statement; Django notes it as one, with "N times" before it.
        return len(captured.captured_queries)

    one = statements(store_messages, says(bob, plaza, "@alice"))
    many = [
        says(actor, room, f"@alice {number}") for number in range(4) for actor in (alice, bob) for room in (den, plaza)
    ]
    assert statements(store_messages, *many) == one

    one = statements(store_reactions, React(alice, message.id, "👍", is_wanted=True))
    wishes = [React(actor, message.id, emoji, is_wanted=True) for actor in (alice, bob) for emoji in "🎉🚀👀"]
    assert statements(store_reactions, *wishes) == one

    one = statements(store_positions, Read(alice, den.id, 0, None, unread=True))
    reads = [Read(actor, room.id, 1, None, unread=True) for actor in (alice, bob) for room in (den, plaza)]
    assert statements(store_positions, *reads) == one


def test_reactions_of_a_batch_end_as_if_they_had_come_one_by_one(alice: Any, bob: Any, den: Any) -> None:
    message = send_message(alice, den.id, "hello").message
    add_reaction(alice, message.id, "👍")
    wishes = [
        React(bob, message.id, "👍", is_wanted=True),
        React(alice, message.id, "👍", is_wanted=False),
        React(alice, message.id, "👍", is_wanted=True),
        React(bob, message.id, "🎉", is_wanted=True),
        React(bob, message.id, "🎉", is_wanted=False),
        React(bob, message.id, "🎉", is_wanted=False),
    ]
    outcomes = store_reactions.commit(wishes)
    assert kinds(outcomes) == [ReactionsChanged] * 6
    rows = list(Reaction.objects.order_by("id").values_list("user_id", "emoji"))
    assert rows == [(bob.person.id, "👍"), (alice.person.id, "👍")]
    assert [(entry.emoji, entry.user_ids) for entry in outcomes[-1].reactions] == [
        ("👍", [bob.person.id, alice.person.id])
    ]
    assert [outcome.rev for outcome in outcomes] == sorted(outcome.rev for outcome in outcomes)
    assert Message.objects.get(pk=message.id).rev == outcomes[-1].rev == log.heads([den.stream])[den.stream]


def test_a_refused_reaction_leaves_the_others(alice: Any, bob: Any, mallory: Any, den: Any) -> None:
    message = send_message(alice, den.id, "hello").message
    signs = [chr(0x1F600 + number) for number in range(Reaction.KINDS_MAX + 1)]
    wishes = [React(alice, message.id, sign, is_wanted=True) for sign in signs]
    outcomes = store_reactions.commit([*wishes, React(mallory, message.id, "👍", is_wanted=True)])
    assert kinds(outcomes) == [ReactionsChanged] * Reaction.KINDS_MAX + [TooManyReactions, MessageNotFound]


def test_positions_of_a_batch_only_move_forward(alice: Any, bob: Any, mallory: Any, den: Any, plaza: Any) -> None:
    for number in range(3):
        send_message(bob, den.id, str(number))
    head = log.heads([den.stream])[den.stream]
    outcomes = store_positions.commit(
        [
            Read(alice, den.id, head, None, unread=False),
            Read(alice, den.id, head - 1, None, unread=False),
            Read(mallory, den.id, 1, None, unread=False),
            Read(mallory, plaza.id, 1, None, unread=False),
        ]
    )
    assert [outcome.read_seq for outcome in outcomes[:2]] == [head, head]
    assert kinds(outcomes[2:]) == [RoomNotFound, NotRoomMember]


def test_whoever_waits_for_the_lane_shares_a_commit(lane: Writer, alice: Any, bob: Any, den: Any) -> None:
    sizes: list[int] = []
    commit = store_messages.commit
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_messages, "commit", lambda requests: sizes.append(len(requests)) or commit(requests))
        with Held(lane) as held:
            sending = [held.begin(send_message, actor, den.id, str(n)) for n in range(8) for actor in (alice, bob)]
    assert sizes == [16]
    assert {future.result().message.seq for future in sending} == set(entries_of(den)[-16:])


def test_an_answer_comes_after_the_commit(lane: Writer, alice: Any, den: Any) -> None:
    for number in range(5):
        message = send_message(alice, den.id, str(number)).message  # written in the lane, by another connection
        assert Message.objects.filter(pk=message.id).exists()


def test_rights_are_those_of_the_moment_it_is_stored(lane: Writer, alice: Any, bob: Any, den: Any) -> None:
    with Held(lane) as held:
        kicking = held.begin(kick_member, alice, den.id, bob.person.id)
        sending = held.begin(send_message, bob, den.id, "one more thing")
    kicking.result()
    with pytest.raises(RoomNotFound):
        sending.result()


def test_a_session_that_ended_while_its_send_waited_is_refused(lane: Writer, alice: Any, den: Any) -> None:
    session_id = signed_in(alice.person).session_id
    with Held(lane) as held:
        ending = held.begin(end_session, alice, session_id)
        sending = held.begin(store_messages, says(Caller(session_id, "ws"), den, "am I still here?"))
    ending.result()
    with pytest.raises(SessionNotFound):
        sending.result()


def test_nobody_waits_for_ever(lane: Writer, alice: Any, den: Any) -> None:
    with pytest.MonkeyPatch.context() as patched, Held(lane) as held:
        patched.setattr(writer_module, "WAIT_SECONDS", 0.0)
        sending = held.begin(send_message, alice, den.id, "too late")
    with pytest.raises(Busy):
        sending.result()
    assert not Message.objects.exists()


def test_too_many_who_wait_are_refused_at_once(
    lane: Writer, alice: Any, den: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Held(lane) as held:
        monkeypatch.setattr(writer_module, "WAITING_MAX", 2)
        waiting = [held.begin(send_message, alice, den.id, str(number)) for number in range(2)]
        with pytest.raises(Busy):
            send_message(alice, den.id, "one too many")
    assert [future.result().message.content for future in waiting] == ["0", "1"]


def test_a_lane_that_stops_still_writes_what_waits(lane: Writer, alice: Any, den: Any) -> None:
    with Held(lane) as held:
        sending = [held.begin(send_message, alice, den.id, str(number)) for number in range(3)]
        stopping = held.threads.submit(lane.stop)
        held.gate.set()
        stopping.result()
        assert [future.result().message.content for future in sending] == ["0", "1", "2"]
    lane.start()


def test_a_coroutine_waits_without_a_thread(lane: Writer, alice: Any, den: Any) -> None:
    caller = Caller(signed_in(alice.person).session_id, "ws")

    async def everybody() -> list[Any]:
        sends = [send_message_soon(caller, den.id, str(number)) for number in range(5)]
        return await asyncio.gather(*sends, send_message_soon(caller, Nowhere.id, "x"), return_exceptions=True)

    assert kinds(asyncio.run(everybody())) == [Sent] * 5 + [RoomNotFound]


def test_what_cannot_be_said_never_reaches_the_lane(lane: Writer, alice: Any, den: Any) -> None:
    with pytest.raises(ContentInvalid):
        send_message(alice, den.id, "")
    with pytest.raises(DomainError):
        send_message(alice, den.id, "x", nonce="")
