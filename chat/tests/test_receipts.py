"""Read positions, unread counts and typing."""

from uuid import uuid4

import pytest

from chat import queries
from chat.actions.messages import delete_message, send_message
from chat.actions.receipts import mark_read, typing
from chat.errors import MessageNotFound
from chat.events import ReadPositionChanged
from lairchat.core import events, log
from lairchat.core.errors import Invalid
from rooms.actions.memberships import join_room, leave_room
from rooms.actions.rooms import archive_room, update_room
from rooms.errors import NotRoomMember, RoomClosed, RoomNotFound
from rooms.shapes import SidebarItem


def count_of(actor, room):
    return queries.counts(actor.person.id)[room.id]


@pytest.mark.promise("D12")
def test_what_others_say_is_unread_and_what_i_say_is_not(alice, bob, den):
    send_message(alice, den.id, "one")
    send_message(alice, den.id, "two @bob")
    send_message(bob, den.id, "mine")
    count = count_of(bob, den)
    assert (count.unread, count.mentions) == (2, 1)
    assert count.head == log.heads([den.stream])[den.stream]


def test_what_was_said_before_somebody_joined_is_not_unread(alice, plaza, person):
    send_message(alice, plaza.id, "early")
    carol = person("carol")
    join_room(carol, plaza.id)
    assert count_of(carol, plaza).unread == 0
    send_message(alice, plaza.id, "late")
    assert count_of(carol, plaza).unread == 1


@pytest.mark.promise("D12")
def test_a_deleted_message_is_not_unread(alice, bob, den):
    message = send_message(alice, den.id, "oops @bob").message
    delete_message(alice, message.id)
    count = count_of(bob, den)
    assert (count.unread, count.mentions) == (0, 0)


@pytest.mark.promise("D12")
def test_counts_stop_at_a_hundred(alice, bob, den):
    for _ in range(6):
        for _ in range(18):
            send_message(alice, den.id, "hello")
        from lairchat.core import limits

        limits.forget()
    assert count_of(bob, den).unread == 100


def test_reading_moves_the_position_and_tells_ones_other_devices(alice, bob, den, publishes):
    send_message(alice, den.id, "one")
    message = send_message(alice, den.id, "two").message
    with publishes(ReadPositionChanged, on=log.user_stream(bob.person.id)) as event:
        position = mark_read(bob, den.id, message.seq)
    assert (position.read_seq, position.unread) == (message.seq, 0)
    assert event.payload()["read_seq"] == message.seq


def test_others_see_how_far_one_has_read(alice, bob, den, django_capture_on_commit_callbacks):
    message = send_message(alice, den.id, "one").message
    told = []
    events.outlets.append(told.extend)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            mark_read(bob, den.id, up_to=message.id)
    finally:
        events.outlets.remove(told.extend)
    (receipt,) = [delivery for delivery in told if delivery.type == "read_up_to"]
    assert receipt.seq is None
    assert receipt.except_user == bob.person.id
    assert queries.receipts(alice, den.id) == [(bob.person.id, message.seq)]


@pytest.mark.promise("D12")
def test_a_position_moves_only_forward(alice, bob, den, publishes_nothing):
    first = send_message(alice, den.id, "one").message
    second = send_message(alice, den.id, "two").message
    mark_read(bob, den.id, second.seq)
    with publishes_nothing():
        assert mark_read(bob, den.id, first.seq).read_seq == second.seq


@pytest.mark.promise("D12")
def test_unless_one_marks_unread(alice, bob, den, publishes):
    first = send_message(alice, den.id, "one").message
    second = send_message(alice, den.id, "two").message
    mark_read(bob, den.id, second.seq)
    with publishes(ReadPositionChanged):
        position = mark_read(bob, den.id, up_to=first.id, unread=True)
    assert (position.read_seq, position.unread) == (first.seq - 1, 2)


def test_nobody_reads_beyond_the_end(alice, bob, den):
    message = send_message(alice, den.id, "one").message
    assert mark_read(bob, den.id, 10**9).read_seq == message.seq


def test_reading_needs_a_place_that_exists(alice, bob, den, plaza):
    with pytest.raises(Invalid):
        mark_read(bob, den.id)
    with pytest.raises(MessageNotFound):
        mark_read(bob, den.id, up_to=uuid4())
    elsewhere = send_message(alice, plaza.id, "x").message
    with pytest.raises(MessageNotFound):
        mark_read(bob, den.id, up_to=elsewhere.id)


def test_strangers_have_no_position(mallory, den, plaza, publishes_nothing):
    with publishes_nothing(), pytest.raises(RoomNotFound):
        mark_read(mallory, den.id, 1)
    with publishes_nothing(), pytest.raises(NotRoomMember):
        mark_read(mallory, plaza.id, 1)
    with pytest.raises(NotRoomMember):
        queries.receipts(mallory, plaza.id)


@pytest.fixture
def told(django_capture_on_commit_callbacks):
    """What was announced by the call given."""

    def collect(call):
        heard = []
        outlet = heard.extend
        events.outlets.append(outlet)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                call()
        finally:
            events.outlets.remove(outlet)
        return heard

    return collect


def test_typing_is_told_to_the_others_but_not_too_often(alice, den, told):
    (note,) = told(lambda: typing(alice, den.id))
    assert (note.type, note.seq, note.except_user) == ("user_typing", None, alice.person.id)
    assert told(lambda: typing(alice, den.id)) == []


def test_who_may_not_write_cannot_type(mallory, alice, bob, den, plaza, told):
    for room, refusal in ((den, RoomNotFound), (plaza, NotRoomMember)):
        with pytest.raises(refusal):
            typing(mallory, room.id)
    archive_room(alice, den.id)
    with pytest.raises(RoomClosed):
        typing(bob, den.id)


@pytest.mark.promise("D12")
def test_whoever_comes_back_begins_at_the_return(alice, bob, plaza):
    send_message(alice, plaza.id, "one")
    mark_read(bob, plaza.id, log.heads([plaza.stream])[plaza.stream])
    leave_room(bob, plaza.id)
    send_message(alice, plaza.id, "while bob was away")
    back = join_room(bob, plaza.id)
    count = count_of(bob, plaza)
    gained = SidebarItem.gained(back, ())  # what bob's clients are told
    assert (count.read_seq, count.unread) == (gained.read_seq, gained.unread) == (back.joined_seq, 0)


@pytest.mark.promise("D12")
def test_what_one_may_not_read_is_not_counted(alice, bob, mallory, den):
    send_message(alice, den.id, "between us")
    update_room(alice, den.id, privacy="public")
    join_room(mallory, den.id)
    assert count_of(mallory, den).last_message_at is None
    assert count_of(bob, den).last_message_at is not None
    send_message(alice, den.id, "welcome @mallory")
    position = mark_read(mallory, den.id, 0, unread=True)
    assert (position.unread, position.mentions) == (1, 1)
    assert mark_read(bob, den.id, 0, unread=True).unread == 2
