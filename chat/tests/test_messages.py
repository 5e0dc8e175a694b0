"""Saying, changing and removing messages."""

import threading
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from chat.actions.messages import delete_message, edit_message, revisions_of, send_message
from chat.errors import ContentInvalid, MessageNotFound, NonceConflict, NonceInvalid, NotMessageAuthor
from chat.events import MessageDeleted, MessageEdited, MessageReceived
from chat.models import Message
from lairchat.core import log
from lairchat.core.errors import Forbidden, RateLimited
from lairchat.core.models import StreamEntry
from lairchat.testing.cast import bring_in
from rooms.actions.memberships import change_member_role
from rooms.actions.rooms import archive_room
from rooms.actions.sanctions import kick_member
from rooms.errors import NotRoomMember, RoomClosed, RoomNotFound


def test_a_message_reaches_the_room_once_committed(alice, den, publishes):
    with publishes(MessageReceived, on=den.stream) as event:
        message = send_message(alice, den.id, "hello").message
    assert event.payload()["message"].seq == message.seq
    assert Message.objects.get(pk=message.id).content == "hello"


@pytest.mark.promise("S11")
def test_text_is_kept_as_it_was_written(alice, den):
    assert send_message(alice, den.id, "  two\n\nlines \n").message.content == "  two\n\nlines \n"


def test_a_stranger_learns_nothing(mallory, den, publishes_nothing):
    with publishes_nothing(), pytest.raises(RoomNotFound):
        send_message(mallory, den.id, "hello?")


def test_a_stranger_is_told_to_join_a_public_room(mallory, plaza, publishes_nothing):
    with publishes_nothing(), pytest.raises(NotRoomMember):
        send_message(mallory, plaza.id, "hello?")


def test_a_room_that_never_was_is_not_found(alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(RoomNotFound):
        send_message(alice, uuid4(), "hello?")


@pytest.mark.parametrize("content", ["", "   \n\t", "a" * 4097, "ä" * 2049, "nul \x00", "bell \x07", "\ud800"])
def test_what_cannot_be_said_is_refused_with_a_reason(alice, den, content, publishes_nothing):
    with publishes_nothing(), pytest.raises(ContentInvalid, match="Content invalid"):
        send_message(alice, den.id, content)


@pytest.mark.parametrize("content", ["a" * 4096, "ä" * 2048])
def test_the_longest_message_may_be_said(alice, den, content):
    assert send_message(alice, den.id, content).message.content == content


@pytest.mark.promise("D3")
def test_positions_of_a_room_have_no_holes(alice, bob, den):
    for number in range(5):
        send_message(alice if number % 2 else bob, den.id, f"{number}")
    with pytest.raises(ContentInvalid):
        send_message(alice, den.id, "")
    send_message(bob, den.id, "last")
    seqs = list(StreamEntry.objects.filter(stream=den.stream).order_by("id").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert log.heads([den.stream]) == {den.stream: len(seqs)}


@pytest.mark.promise("D2")
def test_a_repeat_with_the_same_nonce_is_the_first_message(alice, den, recording):
    first = send_message(alice, den.id, "once", nonce="n1")
    with recording() as published:
        again = send_message(alice, den.id, "once", nonce="n1")
    assert (again.message.id, again.message.seq, again.duplicate) == (first.message.id, first.message.seq, True)
    assert not published.events
    assert not first.duplicate


def test_a_repeat_after_the_message_was_edited_or_deleted_is_still_the_first(alice, den):
    first = send_message(alice, den.id, "once", nonce="n1").message
    edit_message(alice, first.id, "twice")
    assert send_message(alice, den.id, "once", nonce="n1").message.id == first.id
    delete_message(alice, first.id)
    again = send_message(alice, den.id, "once", nonce="n1")
    assert again.duplicate
    assert again.message.deleted_at


@pytest.mark.promise("D2")
def test_the_same_nonce_with_other_words_is_a_conflict(alice, den, publishes_nothing):
    send_message(alice, den.id, "once", nonce="n1")
    with publishes_nothing(), pytest.raises(NonceConflict):
        send_message(alice, den.id, "other", nonce="n1")


def test_nonces_of_two_people_do_not_meet(alice, bob, den):
    one, two = send_message(alice, den.id, "a", nonce="n"), send_message(bob, den.id, "b", nonce="n")
    assert not one.duplicate
    assert not two.duplicate


@pytest.mark.promise("D2")
def test_a_repeat_costs_nothing_even_when_the_limit_is_spent(alice, den):
    send_message(alice, den.id, "0", nonce="0")
    for number in range(19):
        send_message(alice, den.id, f"{number}")
    with pytest.raises(RateLimited) as refused:
        send_message(alice, den.id, "one too many")
    assert refused.value.details["retry_after"] >= 1
    assert send_message(alice, den.id, "0", nonce="0").duplicate


@pytest.mark.promise("D2")
def test_somebody_removed_who_repeats_a_nonce_is_refused(alice, bob, den):
    send_message(bob, den.id, "once", nonce="n1")
    kick_member(alice, den.id, bob.person.id)
    with pytest.raises(RoomNotFound):
        send_message(bob, den.id, "once", nonce="n1")


@pytest.mark.parametrize("nonce", ["", "n" * 65, "n\n"])
def test_a_nonce_has_a_form(alice, den, nonce):
    with pytest.raises(NonceInvalid):
        send_message(alice, den.id, "x", nonce=nonce)


@pytest.mark.promise("D2")
def test_the_database_itself_refuses_a_second_row_with_a_nonce(alice, den):
    message = Message.objects.get(pk=send_message(alice, den.id, "once", nonce="n1").message.id)
    message.pk, message.seq = uuid4(), message.seq + 1
    with pytest.raises(IntegrityError), transaction.atomic():
        message.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise("D2")
def test_twenty_sends_at_once_with_one_nonce_make_one_message(alice, den):
    answers, gate = [], threading.Barrier(20)

    def send() -> None:
        try:
            gate.wait()
            answers.append(send_message(alice, den.id, "once", nonce="n1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.message.id for answer in answers}) == 1
    assert sorted(answer.duplicate for answer in answers) == [False] + [True] * 19
    assert Message.objects.filter(room=den).count() == 1


def test_a_reply_names_what_it_answers(alice, bob, den):
    question = send_message(alice, den.id, "why?").message
    assert send_message(bob, den.id, "because", reply_to=question.id).message.reply_to == question.id


def test_a_reply_cannot_reach_into_another_room(alice, den, plaza, publishes_nothing):
    elsewhere = send_message(alice, plaza.id, "public").message
    with publishes_nothing(), pytest.raises(MessageNotFound):
        send_message(alice, den.id, "see", reply_to=elsewhere.id)


def test_members_named_are_mentioned_others_are_not(alice, bob, mallory, den):
    message = send_message(alice, den.id, "@BOB and @mallory and @alice, see bob@example.org @bob").message
    assert message.mentions == [bob.person.id]


@pytest.mark.promise("F7")
def test_time_never_runs_backwards_in_a_room(alice, den):
    first = send_message(alice, den.id, "now").message
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    Message.objects.filter(pk=first.id).update(created_at=tomorrow)
    assert send_message(alice, den.id, "later").message.created_at >= tomorrow


def test_nothing_more_is_said_in_an_archived_room(alice, bob, den, publishes_nothing):
    archive_room(alice, den.id)
    with publishes_nothing(), pytest.raises(RoomClosed):
        send_message(bob, den.id, "hello?")


def test_an_edit_is_told_and_the_words_before_are_kept(alice, den, publishes):
    message = send_message(alice, den.id, "helo").message
    with publishes(MessageEdited, on=den.stream) as event:
        edited = edit_message(alice, message.id, "hello")
    assert edited.content == "hello"
    assert edited.edited
    assert edited.rev == event.event.seq > message.rev
    assert [revision.content for revision in revisions_of(alice, message.id)] == ["helo"]


def test_an_edit_that_changes_nothing_is_no_change(alice, den, publishes_nothing):
    message = send_message(alice, den.id, "hello").message
    with publishes_nothing():
        assert not edit_message(alice, message.id, "hello").edited


def test_an_edit_moves_the_mentions(alice, bob, den):
    message = send_message(alice, den.id, "@bob").message
    assert edit_message(alice, message.id, "nobody").mentions == []
    assert edit_message(alice, message.id, "again @bob").mentions == [bob.person.id]


def test_nobody_else_edits_whatever_their_rank(alice, bob, den, root, plaza, publishes_nothing):
    message = send_message(bob, den.id, "mine").message
    with publishes_nothing(), pytest.raises(NotMessageAuthor):
        edit_message(alice, message.id, "yours")
    public = send_message(bob, plaza.id, "mine").message
    with publishes_nothing(), pytest.raises(NotRoomMember):
        edit_message(root, public.id, "yours")


def test_a_stranger_cannot_tell_a_hidden_message_from_none(alice, mallory, den):
    message = send_message(alice, den.id, "secret").message
    for act in (lambda id_: edit_message(mallory, id_, "x"), lambda id_: delete_message(mallory, id_)):
        with pytest.raises(MessageNotFound) as hidden:
            act(message.id)
        with pytest.raises(MessageNotFound) as unknown:
            act(uuid4())
        assert hidden.value.as_dict() == unknown.value.as_dict()


def test_a_tombstone_cannot_be_edited(alice, den):
    message = send_message(alice, den.id, "gone").message
    delete_message(alice, message.id)
    with pytest.raises(MessageNotFound):
        edit_message(alice, message.id, "back")
    with pytest.raises(MessageNotFound):
        revisions_of(alice, message.id)


@pytest.mark.promise("D5")
def test_a_deleted_message_leaves_a_tombstone_without_words(alice, bob, den, publishes):
    message = send_message(alice, den.id, "secret @bob").message
    with publishes(MessageDeleted, on=den.stream) as event:
        tombstone = delete_message(alice, message.id)
    assert tombstone.content == ""
    assert tombstone.mentions == tombstone.reactions == []
    assert tombstone.deleted_by == alice.person.id
    assert b"secret" not in event.deliveries[0].frame
    assert not AuditEntry.objects.filter(action="message.remove").exists()


def test_deleting_twice_changes_nothing(alice, den, publishes_nothing):
    message = send_message(alice, den.id, "gone").message
    first = delete_message(alice, message.id)
    with publishes_nothing():
        assert delete_message(alice, message.id) == first


def test_a_member_cannot_delete_what_another_said(alice, bob, den, publishes_nothing):
    message = send_message(alice, den.id, "mine").message
    with publishes_nothing(), pytest.raises(Forbidden):
        delete_message(bob, message.id)


def test_an_owner_deletes_what_a_member_said_and_it_is_written_down(alice, bob, den):
    message = send_message(bob, den.id, "rude").message
    assert delete_message(alice, message.id).deleted_by == alice.person.id
    entry = AuditEntry.objects.get(action="message.remove")
    assert (entry.actor_id, entry.target_id, entry.room_id) == (alice.person.id, str(message.id), den.id)


def test_a_room_moderator_deletes_what_members_said_but_not_what_an_owner_said(alice, bob, person, den):
    carol = person("carol")
    bring_in(alice, den, carol)
    change_member_role(alice, den.id, bob.person.id, "moderator")
    delete_message(bob, send_message(carol, den.id, "rude").message.id)
    with pytest.raises(Forbidden):
        delete_message(bob, send_message(alice, den.id, "mine").message.id)


def test_what_somebody_said_who_left_can_still_be_removed(alice, bob, den):
    message = send_message(bob, den.id, "bye").message
    kick_member(alice, den.id, bob.person.id)
    assert delete_message(alice, message.id).deleted_at


def test_site_moderators_remove_in_public_rooms_only(mona, bob, den, plaza):
    assert delete_message(mona, send_message(bob, plaza.id, "spam").message.id).deleted_by == mona.person.id
    with pytest.raises(MessageNotFound):
        delete_message(mona, send_message(bob, den.id, "spam").message.id)


def test_a_stranger_deletes_nothing_in_a_public_room(mallory, bob, plaza):
    with pytest.raises(NotRoomMember):
        delete_message(mallory, send_message(bob, plaza.id, "mine").message.id)


def test_sending_takes_the_same_statements_in_a_big_room(alice, den, fill, django_assert_num_queries):
    send_message(alice, den.id, "warm")
    with django_assert_num_queries(SENDING):
        send_message(alice, den.id, "hello")
    fill(den, members=200)
    with django_assert_num_queries(SENDING):
        send_message(alice, den.id, "hello")


SENDING = 10 + connection.features.has_select_for_update  # there the stream's row is locked first
