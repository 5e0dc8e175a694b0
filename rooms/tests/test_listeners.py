"""What happens in rooms when something happens to accounts."""

import pytest

from accounts.actions.profile import update_profile
from lairchat.core import events
from lairchat.core.errors import Forbidden
from rooms.actions.rooms import archive_room, create_first_room, update_room
from rooms.models import Membership


def names_in(room):
    return set(Membership.objects.filter(room=room).values_list("user__username", flat=True))


def test_a_newcomer_finds_the_first_room(root, person):
    room = create_first_room(root, "General").room
    person("carol")
    assert names_in(room) == {"root", "carol"}


def test_a_newcomer_is_not_put_into_other_rooms(plaza, person):
    person("carol")
    assert "carol" not in names_in(plaza)


def test_registering_works_when_the_first_room_is_full_or_closed(root, person):
    room = create_first_room(root, "General").room
    update_room(root, room.id, max_members=1)
    person("carol")
    update_room(root, room.id, max_members=None)
    archive_room(root, room.id)
    person("dave")
    assert names_in(room) == {"root"}


def test_a_first_room_that_became_private_takes_no_newcomers(root, person):
    room = create_first_room(root, "General").room
    update_room(root, room.id, privacy="private")
    person("carol")
    assert names_in(room) == {"root"}


def test_only_an_administrator_makes_a_room_for_all_newcomers(alice, mona, publishes_nothing):
    with publishes_nothing():
        for actor in (alice, mona):
            with pytest.raises(Forbidden):
                create_first_room(actor, "General")


def test_a_changed_profile_is_told_in_every_shared_room(alice, den, plaza, django_capture_on_commit_callbacks):
    told = []
    events.outlets.append(told.extend)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            update_profile(alice, display_name="Alice A.")
    finally:
        events.outlets.remove(told.extend)
    assert {delivery.stream for delivery in told if delivery.type == "profile_changed"} == {den.stream, plaza.stream}
