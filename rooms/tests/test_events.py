"""What is told again later is what was told at once."""

from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from accounts.events import ProfileUpdated
from accounts.models import User
from lairchat.core import events
from lairchat.core.action import action
from lairchat.core.events import publish
from lairchat.core.models import StreamEntry
from rooms import events as kinds
from rooms.actions.invitations import accept_invitation, decline_invitation, invite_to_room
from rooms.actions.memberships import (
    change_member_role,
    join_room,
    leave_room,
    set_notifications,
    transfer_ownership,
)
from rooms.actions.rooms import create_room, delete_room, open_direct_room, update_room
from rooms.actions.sanctions import kick_member, mute_member, unmute_member
from rooms.models import Invitation, Room

OURS = {kind.type for kind in vars(kinds).values() if isinstance(kind, type) and "type" in vars(kind)}


def frames(deliveries):
    return {(delivery.stream, delivery.seq): msgspec.json.decode(delivery.frame) for delivery in deliveries}


def replayed():
    return frames(events.load(list(StreamEntry.objects.filter(type__in=OURS).order_by("id"))))


@pytest.mark.promise("D5")
def test_membership_entries_are_told_again_as_they_were_though_the_rows_are_gone(alice, bob, mallory, plaza, recording):
    with recording() as published:
        join_room(mallory, plaza.id)
        change_member_role(alice, plaza.id, mallory.person.id, "moderator")
        until = timezone.now() + timedelta(hours=1)
        mute_member(alice, plaza.id, bob.person.id, reason="noise", until=until)
        unmute_member(alice, plaza.id, bob.person.id)
        kick_member(alice, plaza.id, bob.person.id)
        leave_room(mallory, plaza.id)
    told = {key: frame for key, frame in frames(published.deliveries).items() if key[0] == plaza.stream}
    again = replayed()
    assert len(told) == 6
    for key, frame in told.items():
        assert again[key] == frame


def test_the_other_entries_are_told_again_with_the_rows_of_today(alice, bob, mallory, den, plaza, recording):
    with recording() as published:
        update_room(alice, plaza.id, topic="one")
        set_notifications(bob, den.id, notifications="mentions")
        accept_invitation(mallory, invite_to_room(alice, den.id, mallory.person.id).id)
        decline_invitation(mallory, invite_to_room(alice, create_room(alice, "tea").room.id, mallory.person.id).id)
        open_direct_room(alice, [bob.person.id])
        transfer_ownership(alice, den.id, bob.person.id)
        delete_room(alice, plaza.id)
    again = replayed()
    for delivery in published.deliveries:
        assert again[delivery.stream, delivery.seq]["type"] == delivery.type
    by_type = {frame["type"]: frame for frame in again.values()}
    topics = [frame["room"]["topic"] for frame in again.values() if frame["type"] == "room_updated"]
    assert "one" in topics
    assert by_type["room_settings_changed"]["notifications"] == "mentions"
    assert by_type["room_deleted"]["room_name"] == "plaza"
    assert by_type["invitation_received"]["invitation"]["status"] == "declined"
    assert by_type["room_lost"]["reason"] == "deleted"
    direct = [frame["item"] for frame in again.values() if frame["type"] == "room_gained"]
    assert sorted(len(item["people"]) for item in direct if item["room"]["kind"] == "direct") == [2, 2]


def test_effects_are_the_same_again(alice, mallory, plaza, recording):
    with recording() as published:
        join_room(mallory, plaza.id)
    loaded = {(d.stream, d.seq): d for d in events.load(list(StreamEntry.objects.all()))}
    for delivery in published.deliveries:
        assert tuple(loaded[delivery.stream, delivery.seq].effects) == tuple(delivery.effects)


def test_a_room_gained_and_lost_again_is_only_a_place_in_the_order(mallory, plaza):
    first = join_room(mallory, plaza.id)
    leave_room(mallory, plaza.id)
    join_room(mallory, plaza.id)
    own = StreamEntry.objects.filter(stream=f"user:{mallory.person.id}", type="room_gained").order_by("seq")
    told = [msgspec.json.decode(delivery.frame) for delivery in events.load(list(own))]
    assert [frame["type"] for frame in told] == ["unavailable", "room_gained"]
    assert told[1]["item"]["membership"]["rev"] > first.rev


def test_what_was_erased_leaves_its_place(alice, bob, mallory, plaza, den):
    change_member_role(alice, plaza.id, bob.person.id, "moderator")
    invite_to_room(alice, den.id, mallory.person.id)
    Invitation.objects.all().delete()
    entries = list(
        StreamEntry.objects.filter(type__in=["user_joined_room", "member_role_changed", "invitation_received"])
    )
    erased = bob.person.id
    update_room(alice, plaza.id, topic="x")
    delete_room(alice, den.id)
    rooms_told = list(StreamEntry.objects.filter(type__in=["room_updated", "room_deleted"]))
    User.objects.filter(pk=erased).delete()
    Room.objects.all().delete()
    told = [msgspec.json.decode(delivery.frame) for delivery in events.load(entries)]
    for entry, frame in zip(entries, told, strict=True):
        is_gone = entry.type == "invitation_received" or entry.refs["user"] == str(erased)
        assert frame["type"] == ("unavailable" if is_gone else entry.type)
    told = [msgspec.json.decode(delivery.frame) for delivery in events.load(rooms_told)]
    assert {frame["type"] for frame in told} == {"unavailable"}


@pytest.mark.parametrize("number", [3, 9])
def test_replay_takes_the_same_queries_for_more_entries(alice, person, plaza, den, number, django_assert_num_queries):
    for index in range(number):
        actor = person(f"guest{index}")
        join_room(actor, plaza.id)
        change_member_role(alice, plaza.id, actor.person.id, "moderator")
        open_direct_room(alice, [actor.person.id])
        accept_invitation(actor, invite_to_room(alice, den.id, actor.person.id).id)
        update_room(alice, plaza.id, topic=f"topic {index}")
        leave_room(actor, plaza.id)
    entries = list(StreamEntry.objects.filter(type__in=OURS))
    with django_assert_num_queries(7):
        events.load(entries)


@action
def _change_profile(actor):
    publish(ProfileUpdated(actor.person))


def test_a_changed_profile_is_announced_to_the_shared_rooms(
    bob, den, plaza, monkeypatch, django_capture_on_commit_callbacks
):
    heard = []
    monkeypatch.setattr(events, "outlets", [heard.extend])
    bob.person.display_name = "Robert"
    bob.person.save(update_fields=["display_name"])
    with django_capture_on_commit_callbacks(execute=True):
        _change_profile(bob)
    announced = [delivery for delivery in heard if delivery.type == "profile_changed"]
    assert {delivery.stream for delivery in announced} == {den.stream, plaza.stream}
    for delivery in announced:
        frame = msgspec.json.decode(delivery.frame)
        assert delivery.seq is None
        assert (frame["user"]["display_name"], frame["user"]["email"]) == ("Robert", "")


@pytest.mark.promise("D5")
def test_nothing_that_people_wrote_stands_in_the_log(alice, bob, mallory, den):
    update_room(alice, den.id, name="secret name", topic="secret topic", description="secret words")
    invite_to_room(alice, den.id, mallory.person.id, message="secret message")
    kick_member(alice, den.id, bob.person.id, reason="secret reason")
    delete_room(alice, den.id)
    assert "secret" not in str(list(StreamEntry.objects.values_list("refs", flat=True)))
