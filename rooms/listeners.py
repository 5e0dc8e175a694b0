"""How accounts and rooms know of each other: whom a guest may see, and who is told of a changed profile."""

from contextlib import suppress
from uuid import UUID

from django.db.models import QuerySet

from accounts.actions.registration import setup_steps
from accounts.actor import Actor
from accounts.events import ProfileUpdated, UserRegistered
from accounts.models import User
from accounts.queries import register_acquaintances
from accounts.shapes import UserOutput
from lairchat.core.events import announce, listen
from lairchat.core.log import lock, room_stream
from rooms.actions.rooms import create_first_room
from rooms.entering import enter
from rooms.errors import RoomClosed, RoomFull
from rooms.models import Membership, Room
from rooms.queries import streams_for


@register_acquaintances
def people_of_shared_rooms(user: User) -> QuerySet[Membership, UUID]:
    """Everybody who is in a room together with this person."""
    own = Membership.objects.filter(user=user, room__deleted_at=None).values("room_id")
    return Membership.objects.filter(room__in=own).values_list("user_id", flat=True)


@listen(ProfileUpdated)
def tell_shared_rooms(event: ProfileUpdated) -> None:
    """A profile has no stream of its own: who shares a room and listens now is told, the others read it again."""
    user = event.user
    payload = {"user": UserOutput.of(user)}
    for stream in streams_for(user.id):
        announce(stream, "profile_changed", payload, key=f"profile:{user.id}")


@listen(UserRegistered)
def join_default_rooms(event: UserRegistered) -> None:
    """Nobody starts in an empty house; a room that is full, closed or no longer public is left out."""
    waiting = Room.objects.filter(is_default=True, privacy=Room.Privacy.PUBLIC, deleted_at=None)
    for room_id in waiting.order_by("id").values_list("id", flat=True):
        lock(room_stream(room_id))
        for room in waiting.filter(pk=room_id):  # none, if it ended while we waited for its lock
            with suppress(RoomFull, RoomClosed):
                enter(room, event.user)


def make_first_room(actor: Actor, name: str) -> None:
    create_first_room(actor, name)


setup_steps.append(make_first_room)
