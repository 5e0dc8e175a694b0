"""Messages on the desk: those of public rooms, and nothing of any other."""

import pytest

from chat.actions.messages import delete_message, edit_message, send_message
from chat.events import MessageDeleted
from chat.models import Message
from lairchat.core.log import room_stream
from lairchat.testing.desk import Desk, last_entry
from rooms.actions.rooms import create_room, delete_room, open_direct_room, update_room

pytestmark = pytest.mark.django_db


def said(actor, room, text):
    return Message.objects.get(pk=send_message(actor, room.id, text).message.id)


@pytest.fixture
def hello(alice, plaza):
    return said(alice, plaza, "hello everybody")


@pytest.fixture
def hidden(alice, bob, den):
    """One message in each room whose messages staff do not read."""
    hall = create_room(alice, "hall", privacy="protected").room
    direct = open_direct_room(alice, [bob.user.id])[0].room
    return [said(alice, room, f"nobody else hears word{n}") for n, room in enumerate((den, hall, direct))]


def test_both_ranks_read_what_is_said_in_public(root, mona, hello):
    for viewer in (root, mona):
        page = Desk(viewer).list(Message)
        for text in ("hello everybody", "alice", "plaza"):
            assert text in page
        assert page.buttons == ["remove"]


def test_a_stranger_reads_nothing_here(mallory, hello):
    page = Desk(mallory).list(Message)
    assert page.status == 403
    assert "hello" not in page


@pytest.mark.parametrize("viewer", ["root", "mona"])
def test_nothing_else_is_shown_however_it_is_asked_for(request, viewer, alice, bob, hello, hidden):
    desk = Desk(request.getfixturevalue(viewer))
    queries = [
        {},
        {"q": "word0"},
        {"q": "nobody"},
        {"q": "alice"},
        {"q": "den"},
        {"q": "hall"},
        {"person": alice.user.id},
        {"state": "shown"},
        *({"q": str(message.id)} for message in hidden),
        *({"room": message.room_id} for message in hidden),
    ]
    for query in queries:
        page = desk.list(Message, **query)
        assert not {str(message.id) for message in hidden} & set(page.rows), query
        assert "nobody else hears" not in page


def test_a_hidden_message_has_no_page_and_no_history(root, hidden):
    desk = Desk(root)
    missing = desk.get("/admin/chat/message/00000000-0000-7000-8000-000000000000/change/")
    for message in hidden:
        assert desk.page(message).status == 404
        assert desk.page(message).html == missing.html
        assert desk.get(f"/admin/chat/message/{message.id}/history/").status == 404


def test_a_button_does_not_reach_a_hidden_message(root, hidden):
    desk = Desk(root)
    page = desk.press("remove", hidden)
    assert 'data-testid="reason-form"' not in page.html
    assert not Message.objects.exclude(deleted_at=None).exists()


def test_what_was_said_before_a_room_was_opened_stays_hidden(root, alice, den):
    before = said(alice, den, "the old secret")
    update_room(alice, den.id, privacy="public")
    after = said(alice, den, "welcome everybody")
    desk = Desk(root)
    assert desk.list(Message).rows == [str(after.id)]
    assert desk.page(before).status == 404


def test_a_room_that_turns_private_takes_its_messages_off_the_desk(root, alice, plaza, hello):
    update_room(alice, plaza.id, privacy="private")
    assert Desk(root).list(Message).rows == []


def test_a_deleted_rooms_messages_are_gone(root, alice, plaza, hello):
    delete_room(alice, plaza.id)
    assert Desk(root).list(Message).rows == []


@pytest.mark.parametrize("words", ["hello", "EVERY", "alice", "plaza"])
def test_messages_are_found(mona, hello, words):
    assert Desk(mona).list(Message, q=words).rows == [str(hello.id)]


def test_messages_are_found_by_id_person_room_and_day(mona, alice, bob, plaza, hello):
    other = said(bob, plaza, "hi alice")
    desk = Desk(mona)
    assert desk.list(Message, q=str(hello.id)).rows == [str(hello.id)]
    assert desk.list(Message, person=bob.user.id).rows == [str(other.id)]
    assert set(desk.list(Message, room=plaza.id).rows) == {str(hello.id), str(other.id)}
    assert desk.list(Message, before="2000-01-01").rows == []


def test_removing_a_message(mona, bob, plaza, hello, publishes):
    with publishes(MessageDeleted, on=room_stream(plaza.id)):
        page = Desk(mona).act("remove", [hello], reason="advertising")
    assert len(page.done) == 1
    hello.refresh_from_db()
    assert (hello.content, hello.deleted_by.username) == ("", "mona")
    entry = last_entry()
    assert (entry.action, entry.via, entry.room_id) == ("message.remove", "admin", plaza.id)
    assert entry.detail.reason == "advertising"


def test_the_reason_page_shows_what_will_be_removed_and_the_result_does_not(mona, hello):
    desk = Desk(mona)
    assert "hello everybody" in desk.press("remove", [hello])
    assert "hello everybody" not in desk.act("remove", [hello], reason="advertising")


def test_a_removed_message_keeps_its_place_and_loses_its_words(root, mona, alice, plaza, hello):
    edit_message(alice, hello.id, "hello, world")
    delete_message(mona, hello.id, reason="advertising")
    desk = Desk(root)
    page = desk.list(Message, state="removed")
    assert page.rows == [str(hello.id)]
    for text in ("hello, world", "hello everybody"):
        assert text not in page
        assert text not in desk.page(hello)
    assert desk.press("remove", [hello]).expected_refusals != {}


def test_edits_are_counted_and_earlier_words_are_not_shown(root, alice, hello):
    edit_message(alice, hello.id, "hello, world")
    desk = Desk(root)
    page = desk.list(Message, state="edited")
    assert 'data-label="Edits">1<' in page.html
    assert "hello, world" in page
    assert "hello everybody" not in page
    assert "hello everybody" not in desk.page(hello)


def test_what_people_write_is_shown_as_text(root, alice, plaza):
    message = said(alice, plaza, "<script>alert(1)</script><img src=x onerror=alert(1)>")
    desk = Desk(root)
    for page in (desk.list(Message), desk.page(message), desk.press("remove", [message])):
        assert "<script>alert" not in page.html
        assert "<img" not in page.html


def test_a_long_message_is_cut_in_the_list_and_whole_on_its_page(root, alice, plaza):
    message = said(alice, plaza, "word " * 200 + "the end")
    desk = Desk(root)
    assert "the end" not in desk.list(Message)
    assert "the end" in desk.page(message)
