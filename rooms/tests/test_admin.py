"""Rooms, their members and their sanctions on the desk."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actions.staff import deactivate_user
from chat.actions.messages import send_message
from lairchat.core.events import Leave
from lairchat.core.log import room_stream
from lairchat.testing.cast import bring_in
from lairchat.testing.desk import Desk, last_entry
from rooms.actions.memberships import join_room
from rooms.actions.rooms import archive_room, create_room, delete_room, open_direct_room
from rooms.actions.sanctions import ban_member, kick_member
from rooms.errors import BannedFromRoom, ReadOnly, RoomMuted
from rooms.events import MemberMuted, RoomDeleted, RoomUpdated, UserLeftRoom
from rooms.models import Membership, Room, RoomSanction

pytestmark = pytest.mark.django_db


def member(actor, room):
    return Membership.objects.get(user=actor.user, room=room)


@pytest.fixture
def secret(alice, bob):
    """A direct conversation."""
    return open_direct_room(alice, [bob.user.id])[0].room


@pytest.fixture
def hall(alice):
    """A protected room."""
    return create_room(alice, "hall", privacy="protected").room


# Who sees which rooms


def test_an_administrator_sees_all_channels_and_no_direct_conversation(root, plaza, den, hall, secret):
    page = Desk(root).list(Room)
    assert set(page.rows) == {str(plaza.id), str(den.id), str(hall.id)}
    assert str(secret.id) not in page


def test_a_moderator_sees_no_private_room(mona, plaza, den, hall, secret):
    page = Desk(mona).list(Room)
    assert set(page.rows) == {str(plaza.id), str(hall.id)}
    assert ">den<" not in page.html


def test_a_stranger_sees_no_room(mallory, plaza):
    page = Desk(mallory).list(Room)
    assert page.status == 403
    assert "plaza" not in page


@pytest.mark.parametrize("query", [{"q": "den"}, {"privacy": "private"}, {"state": "open"}, {"kind": "channel"}])
def test_no_search_or_filter_tells_a_moderator_of_a_private_room(mona, den, query):
    page = Desk(mona).list(Room, **query)
    assert page.rows == []
    assert str(den.id) not in page


@pytest.mark.parametrize("model", [Membership, RoomSanction])
def test_no_list_names_a_private_room_to_a_moderator(mona, alice, bob, den, model):
    kick_member(alice, den.id, bob.user.id, reason="told secrets")
    desk = Desk(mona)
    for query in ({}, {"room": den.id}, {"q": "den"}, {"person": alice.user.id}):
        page = desk.list(model, **query)
        assert page.rows == []
        assert ">den<" not in page.html
        assert "told secrets" not in page


@pytest.mark.parametrize("model", [Room, Membership, RoomSanction])
def test_no_list_names_a_direct_conversation_to_anybody(root, alice, secret, model):
    desk = Desk(root)
    for query in ({}, {"kind": "direct"}, {"q": str(secret.id)}, {"room": secret.id}, {"person": alice.user.id}):
        assert desk.list(model, **query).rows == []
    assert "secret" not in desk.list(model, room=secret.id)


@pytest.mark.parametrize("what", ["change", "history"])
def test_a_hidden_rooms_pages_are_not_found(root, mona, den, secret, what):
    missing = Desk(mona).get(f"/admin/rooms/room/00000000-0000-7000-8000-000000000000/{what}/")
    hidden = Desk(mona).get(f"/admin/rooms/room/{den.id}/{what}/")
    assert (missing.status, missing.html) == (hidden.status, hidden.html)
    assert hidden.status == 404
    assert Desk(root).get(f"/admin/rooms/room/{den.id}/{what}/").status == 200
    assert Desk(root).get(f"/admin/rooms/room/{secret.id}/{what}/").status == 404


def test_a_button_does_not_reach_a_room_the_viewer_may_not_know_of(mona, bob, den):
    desk = Desk(mona)
    answer = desk.client.post("/admin/rooms/membership/act/kick/", {"ids": str(member(bob, den).pk)}, follow=True)
    assert "bob in den" not in answer.content.decode()
    assert 'data-testid="reason-form"' not in answer.content.decode()


def test_a_rooms_page_holds_no_word_that_was_said_there(root, alice, den):
    send_message(alice, den.id, "the code is 1234")
    page = Desk(root).page(den)
    assert "alice" in page
    assert "1234" not in page


def test_rooms_are_narrowed_by_what_they_are(root, alice, plaza, den, hall):
    archive_room(alice, hall.id)
    delete_room(alice, den.id)
    desk = Desk(root)
    assert desk.list(Room, state="open").rows == [str(plaza.id)]
    assert desk.list(Room, state="archived").rows == [str(hall.id)]
    assert desk.list(Room, state="deleted").rows == [str(den.id)]
    assert desk.list(Room, privacy="public").rows == [str(plaza.id)]
    assert desk.list(Room, q="PLA").rows == [str(plaza.id)]
    assert desk.list(Room, q=str(plaza.id)).rows == [str(plaza.id)]


def test_members_are_counted(root, plaza):
    assert 'field-members" data-label="Members"><a href="/admin/rooms/membership/?room=' in Desk(root).list(Room).html
    assert ">2</a>" in Desk(root).list(Room).html


def test_a_moderator_changes_modes_and_no_more(root, mona, plaza):
    assert Desk(root).list(Room).buttons == ["set_mode", "archive", "unarchive", "delete"]
    assert Desk(mona).list(Room).buttons == ["set_mode"]


# Buttons on rooms


def test_making_a_room_read_only(mona, bob, plaza, publishes):
    with publishes(RoomUpdated, on=room_stream(plaza.id)):
        page = Desk(mona).act("set_mode", [plaza], reason="until this calms down", pick="read_only")
    assert page.done == ["plaza"]
    with pytest.raises(ReadOnly):
        send_message(bob, plaza.id, "hello?")
    entry = last_entry()
    assert (entry.action, entry.via, entry.new) == ("room.update", "admin", {"mode": "read_only"})
    assert entry.detail.reason == "until this calms down"


def test_an_archived_rooms_mode_stays(root, alice, plaza):
    archive_room(alice, plaza.id)
    desk = Desk(root)
    assert desk.press("set_mode", [plaza]).expected_refusals == {"plaza": "it is archived"}
    assert desk.act("set_mode", [plaza], reason="calm down", pick="read_only").refused == {"plaza": "room_closed"}


def test_archiving_rooms_and_taking_them_out(root, plaza, den):
    desk = Desk(root)
    assert set(desk.act("archive", [plaza, den], reason="a year of silence").done) == {"plaza", "den"}
    assert Room.objects.get(pk=den.pk).archived_at is not None
    entry = last_entry()
    assert (entry.action, entry.via, entry.detail.reason) == ("room.archive", "admin", "a year of silence")
    desk.act("unarchive", [plaza], reason="a new start")
    assert Room.objects.get(pk=plaza.pk).archived_at is None
    assert (last_entry().action, last_entry().detail.reason) == ("room.unarchive", "a new start")


def test_deleting_a_room_takes_everybody_out_of_it(root, plaza, publishes):
    with publishes(RoomDeleted, on=room_stream(plaza.id)) as published:
        page = Desk(root).act("delete", [plaza], reason="made by mistake")
    assert page.done == ["plaza"]
    assert any(isinstance(effect, Leave) for effect in published.event.effects())
    assert (last_entry().action, last_entry().detail.reason) == ("room.delete", "made by mistake")


def test_a_deleted_room_is_refused_on_its_row(root, alice, plaza, hall):
    delete_room(alice, plaza.id)
    desk = Desk(root)
    page = desk.act("archive", [plaza, hall], reason="silence")
    assert page.refused == {"plaza": "room_not_found"}
    assert page.done == ["hall"]


# Members


def test_both_ranks_see_the_members_of_listed_rooms(root, mona, bob, plaza, den):
    assert len(Desk(root).list(Membership).rows) == 4
    assert len(Desk(mona).list(Membership).rows) == 2
    page = Desk(mona).list(Membership, room=plaza.id)
    for text in ("alice", "owner", "bob", "member", "plaza"):
        assert text in page


def test_members_are_found(root, alice, bob, plaza, den):
    desk = Desk(root)
    both = {str(member(bob, plaza).pk), str(member(bob, den).pk)}
    assert set(desk.list(Membership, q="bob").rows) == both
    assert set(desk.list(Membership, person=bob.user.id).rows) == both
    assert desk.list(Membership, q="den", role="member").rows == [str(member(bob, den).pk)]


def test_kicking_somebody_out(mona, bob, plaza, publishes):
    with publishes(UserLeftRoom, on=room_stream(plaza.id)) as published:
        page = Desk(mona).act("kick", [member(bob, plaza)], reason="cool down")
    assert page.done == ["bob in plaza"]
    assert list(published.event.effects()) == [Leave(bob.user.id, room_stream(plaza.id))]
    assert not Membership.objects.filter(user=bob.user, room=plaza).exists()
    entry = last_entry()
    assert (entry.action, entry.via, entry.room_id, entry.detail.reason) == (
        "member.kick",
        "admin",
        plaza.id,
        "cool down",
    )
    join_room(bob, plaza.id)


def test_muting_somebody_in_a_room(mona, bob, plaza, publishes):
    with publishes(MemberMuted, on=room_stream(plaza.id)):
        Desk(mona).act("mute", [member(bob, plaza)], reason="too loud", ends_in="8h")
    with pytest.raises(RoomMuted):
        send_message(bob, plaza.id, "hello?")
    assert "muted until" in Desk(mona).list(Membership, state="muted")


@pytest.mark.parametrize("ends_in", ["never", "7d"])
def test_banning_somebody_from_a_room(mona, bob, plaza, publishes, ends_in):
    with publishes(UserLeftRoom, on=room_stream(plaza.id)):
        Desk(mona).act("ban", [member(bob, plaza)], reason="flooding", ends_in=ends_in)
    with pytest.raises(BannedFromRoom):
        join_room(bob, plaza.id)
    assert (RoomSanction.objects.get().ends_at is None) is (ends_in == "never")


def test_an_administrator_keeps_order_in_private_rooms_too(root, bob, den):
    page = Desk(root).act("kick", [member(bob, den)], reason="told secrets")
    assert page.done == ["bob in den"]


def test_nobody_acts_on_staff_or_on_themselves(mona, root, bob, plaza):
    bring_in(None, plaza, mona, root)
    desk = Desk(mona)
    rows = [member(who, plaza) for who in (mona, root, bob)]
    asked = desk.press("kick", rows)
    assert asked.expected_refusals == {
        "mona in plaza": "nobody acts on themselves",
        "root in plaza": "moderators never act on staff",
    }
    page = desk.send(asked, "kick", rows, reason="cool down")
    assert page.refused == {"mona in plaza": "permission_denied", "root in plaza": "permission_denied"}
    assert page.done == ["bob in plaza"]


def test_the_last_owner_is_refused_with_the_reason(mona, alice, plaza):
    page = Desk(mona).act("kick", [member(alice, plaza)], reason="cool down")
    assert page.refused == {"alice in plaza": "last_owner"}


def test_a_room_without_an_active_owner_is_given_one(root, alice, bob, plaza):
    desk = Desk(root)
    asked = desk.press("make_owner", [member(bob, plaza)])
    assert asked.expected_refusals == {"bob in plaza": "the room has an owner"}
    deactivate_user(root, alice.user.id, "has left")
    page = desk.act("make_owner", [member(bob, plaza)], reason="somebody has to")
    assert page.done == ["bob in plaza"]
    assert member(bob, plaza).role == "owner"
    assert (last_entry().action, last_entry().detail.reason) == ("ownership.transfer", "somebody has to")


def test_only_administrators_give_rooms_away(root, mona, plaza):
    assert Desk(root).list(Membership).buttons == ["kick", "mute", "ban", "make_owner"]
    assert Desk(mona).list(Membership).buttons == ["kick", "mute", "ban"]


# Sanctions of rooms


def test_room_sanctions_say_who_where_what_and_why(mona, alice, bob, plaza):
    ban_member(alice, plaza.id, bob.user.id, reason="flooding")
    page = Desk(mona).list(RoomSanction, state="force")
    for text in ("bob", "plaza", "banned", "until lifted", "alice", "flooding", "in force"):
        assert text in page


def test_lifting_a_room_ban(mona, alice, bob, plaza):
    ban = ban_member(alice, plaza.id, bob.user.id, reason="flooding")
    page = Desk(mona).act("lift", [ban], reason="has calmed down")
    assert page.refused == {}
    join_room(bob, plaza.id)
    entry = last_entry()
    assert (entry.action, entry.via, entry.detail.reason) == ("room_sanction.lift", "admin", "has calmed down")
    assert entry.target_id == str(bob.user.id)


def test_a_kick_is_over_already(mona, alice, bob, plaza):
    kick_member(alice, plaza.id, bob.user.id, reason="cool down")
    desk = Desk(mona)
    rows = list(RoomSanction.objects.all())
    assert list(desk.press("lift", rows).expected_refusals.values()) == ["it is over already"]
    assert list(desk.act("lift", rows, reason="has calmed down").refused.values()) == ["sanction_over"]


def test_a_sanctions_end_is_told_from_its_being_lifted(root, alice, bob, plaza):
    ban_member(alice, plaza.id, bob.user.id, reason="flooding", until=timezone.now() + timedelta(hours=1))
    RoomSanction.objects.update(ends_at=timezone.now() - timedelta(minutes=1))
    desk = Desk(root)
    assert desk.list(RoomSanction, state="force").rows == []
    assert len(desk.list(RoomSanction, state="over").rows) == 1
    assert desk.list(RoomSanction, state="lifted").rows == []


def test_history_of_a_member_tells_what_was_done_to_them_there(root, alice, bob, plaza, hall):
    from rooms.actions.sanctions import mute_member

    mute_member(alice, plaza.id, bob.user.id, reason="too loud", until=timezone.now() + timedelta(hours=1))
    desk = Desk(root)
    assert "too loud" in desk.get(f"/admin/rooms/membership/{member(bob, plaza).pk}/history/")
    assert "too loud" in desk.get(f"/admin/rooms/room/{plaza.id}/history/")
    assert "too loud" not in desk.get(f"/admin/rooms/room/{hall.id}/history/")
