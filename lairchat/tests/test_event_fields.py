"""The fields on the page of events are those of real frames."""

import json
from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from accounts.actions.profile import update_profile
from accounts.actions.sanctions import lift_sanction, warn_user
from accounts.actions.sessions import end_sessions
from accounts.actions.staff import change_role
from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.reactions import add_reaction
from chat.actions.receipts import mark_read, typing
from lairchat.core import events as core_events
from lairchat.core.events import registry
from lairchat.reference.events import FIELDS, VOLATILE, stream_of
from lairchat.testing.cast import signed_in
from rooms.actions.invitations import accept_invitation, invite_to_room
from rooms.actions.memberships import change_member_role, leave_room, set_notifications
from rooms.actions.rooms import create_room, delete_room, update_room
from rooms.actions.sanctions import mute_member

HEAD = {"type", "stream", "seq"}


def a_day_in_the_life(person):
    """Something of every kind happens."""
    alice, bob, root = person("alice"), person("bob"), person("root")
    type(root.user).objects.filter(pk=root.user.pk).update(role="admin")
    root.user.refresh_from_db()
    room = create_room(alice, "salon", privacy="private").room
    accept_invitation(bob, invite_to_room(alice, room.id, bob.person.id).id)
    change_member_role(alice, room.id, bob.person.id, "moderator")
    update_room(alice, room.id, topic="Tea")
    set_notifications(bob, room.id, favourite=True)
    message = send_message(bob, room.id, "hello").message
    edit_message(bob, message.id, "hello!")
    add_reaction(alice, message.id, "👍")
    mark_read(alice, room.id, message.seq)
    typing(alice, room.id)
    delete_message(bob, message.id)
    mute_member(alice, room.id, bob.person.id, reason="loud", until=timezone.now() + timedelta(hours=1))
    leave_room(bob, room.id)
    delete_room(alice, room.id)
    update_profile(alice, bio="Here.")
    lift_sanction(root, warn_user(root, bob.person.id, "careful").id)
    signed_in(bob.person)
    end_sessions(bob)
    change_role(root, bob.person.id, "moderator")


def check(frame, fields):
    assert frame.keys() - HEAD == fields.keys(), frame["type"]
    for name, type_ in fields.items():
        msgspec.convert(frame[name], type_, strict=False)


def test_a_stored_frame_has_the_fields_of_its_line(person, recording):
    with recording() as published:
        a_day_in_the_life(person)
    for delivery in published.deliveries:
        frame = json.loads(delivery.frame)
        check(frame, FIELDS[delivery.type])
        assert frame["stream"].partition(":")[0] == stream_of(delivery.type)
    assert {delivery.type for delivery in published.deliveries} == registry.keys()


@pytest.fixture
def delivered():
    """What the hub would be handed."""
    heard = []
    core_events.outlets.append(heard.extend)
    yield heard
    core_events.outlets.remove(heard.extend)


def test_a_volatile_frame_has_the_fields_of_its_line(person, delivered, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        alice = person("alice")
        room = create_room(alice, "salon").room
        message = send_message(alice, room.id, "hello").message
        mark_read(alice, room.id, message.seq - 1, unread=True)
        mark_read(alice, room.id, message.seq)
        typing(alice, room.id)
        update_profile(alice, bio="Here.")
    volatile = [delivery for delivery in delivered if delivery.seq is None]
    for delivery in volatile:
        check(json.loads(delivery.frame), VOLATILE[delivery.type][1])
    # Who is online is told by the hub, when a socket opens or closes.
    assert {delivery.type for delivery in volatile} == VOLATILE.keys() - {"user_online", "user_offline"}
