"""The people of our tests, made by the actions that make real ones."""

from dataclasses import replace
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.actions.registration import register_user
from accounts.actor import Actor
from accounts.models import User, UserSession
from accounts.roles import SiteRole
from rooms.actions.invitations import accept_invitation, invite_to_room
from rooms.actions.memberships import join_room
from rooms.models import Membership, Room

PASSWORD = "correct horse battery"
_hash: list[str] = []


def person(name: str, role: SiteRole = SiteRole.USER) -> Actor:
    """A registered person, signed in by a program."""
    user = register_user(Actor.system(), name, f"{name}@example.org", PASSWORD)
    if role is not SiteRole.USER:
        User.objects.filter(pk=user.pk).update(role=role)
        user.refresh_from_db()
    return signed_in(user)


def signed_in(user: User, kind: str = UserSession.Kind.API) -> Actor:
    """The person through a session of their own."""
    session = UserSession.objects.create(user=user, kind=kind, expire_date=timezone.now() + timedelta(hours=24))
    return Actor(user=user, via="rest", session_id=session.id, address="127.0.0.1")


def again(actor: Actor) -> Actor:
    """The same person as the database knows them now."""
    return replace(actor, user=User.objects.get(pk=actor.person.pk))


def bring_in(host: Actor, room: Room, *guests: Actor) -> None:
    """Let people into a room the way people get in: by joining, or by an invitation of `host`."""
    for guest in guests:
        if room.privacy == Room.Privacy.PUBLIC:
            join_room(guest, room.id)
        else:
            accept_invitation(guest, invite_to_room(host, room.id, guest.person.id).id)


def fill(room: Room, *, members: int) -> None:
    """Many members at once, straight into the tables: for counting statements, not for rules."""
    password = _password_hash()
    users = User.objects.bulk_create(
        User(
            username=f"member{number:05}",
            username_folded=f"member{number:05}",
            email=f"member{number:05}@example.org",
            password=password,
        )
        for number in range(members)
    )
    Membership.objects.bulk_create(Membership(room=room, user=user, joined_seq=1, rev=1) for user in users)


def _password_hash() -> str:
    if not _hash:
        _hash.append(make_password(PASSWORD))
    return _hash[0]
