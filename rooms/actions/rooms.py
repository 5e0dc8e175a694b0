"""Making, changing, closing and deleting rooms."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone
from msgspec import UNSET, UnsetType

from accounts import audit
from accounts.actor import Actor
from accounts.errors import UserNotFound
from accounts.models import User
from accounts.queries import visible_to
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import number, publish
from lairchat.core.text import fold
from rooms import policy, queries, texts
from rooms.entering import admit
from rooms.errors import NotRoomMember, RoomClosed, RoomNameTaken
from rooms.events import InvitationAnswered, RoomDeleted, RoomGained, RoomLost, RoomUpdated
from rooms.models import Invitation, Membership, Room
from rooms.roles import RoomRole

audit.records_refusals("update_room", "archive_room", "unarchive_room", "delete_room")


def create_room(
    actor: Actor,
    name: str,
    *,
    description: str = "",
    topic: str = "",
    privacy: str = Room.Privacy.PUBLIC,
    max_members: int | None = None,
    expires_at: datetime | None = None,
) -> Membership:
    """Make a channel; the actor owns it. Returns the actor's membership.

    Raises Forbidden, RoomNameInvalid, RoomNameTaken, Invalid, RateLimited.
    """
    room = Room(
        owner=actor.person,
        privacy=_choice("privacy", privacy, Room.Privacy),
        description=texts.clean_description(description),
        topic=texts.clean_topic(topic),
        max_members=_checked_max_members(max_members),
        expires_at=_checked_end(expires_at),
    )
    _set_name(room, texts.clean_name(name))
    try:
        return _create_room(actor, room)
    except IntegrityError as error:  # somebody took the name between our look and our write
        raise RoomNameTaken() from error


@action(limit="rooms")
def _create_room(actor: Actor, room: Room) -> Membership:
    if not policy.may_create_rooms(actor):
        raise Forbidden()
    _refuse_taken_name(room)
    room.save(force_insert=True)
    membership = admit(room, actor.person, role=RoomRole.OWNER)
    publish(RoomGained(membership))
    return membership


@action
def create_first_room(actor: Actor, name: str) -> Membership:
    """Make a public room that newcomers are in from the start: the set-up page's last step, an administrator's.

    Raises Forbidden and what `create_room` raises.
    """
    if not policy.may_make_default_rooms(actor):
        raise Forbidden()
    membership = create_room(actor, name)
    membership.room.is_default = True
    membership.room.save(update_fields=["is_default"])
    return membership


def update_room(
    actor: Actor,
    room_id: UUID,
    *,
    name: str | None = None,
    topic: str | None = None,
    description: str | None = None,
    privacy: str | None = None,
    mode: str | None = None,
    max_members: int | UnsetType | None = UNSET,
    reason: str = "",
) -> Room:
    """Change what is given; each has its own right, and without one of them nothing changes. Staff give a reason.

    Raises RoomNotFound, NotRoomMember, Forbidden, RoomClosed, RoomNameInvalid, RoomNameTaken, Invalid.
    """
    wanted: dict[str, Any] = {}
    if name is not None:
        wanted["name"] = texts.clean_name(name)
    if topic is not None:
        wanted["topic"] = texts.clean_topic(topic)
    if description is not None:
        wanted["description"] = texts.clean_description(description)
    if privacy is not None:
        wanted["privacy"] = _choice("privacy", privacy, Room.Privacy)
    if mode is not None:
        wanted["mode"] = _choice("mode", mode, Room.Mode)
    if max_members is not UNSET:
        wanted["max_members"] = _checked_max_members(max_members)
    try:
        return _update_room(actor, room_id, wanted, texts.clean_reason(reason, required=False))
    except IntegrityError as error:
        raise RoomNameTaken() from error


@action
def _update_room(actor: Actor, room_id: UUID, wanted: dict[str, Any], reason: str) -> Room:
    room, membership = queries.room_to_moderate(actor, room_id, lock=True)
    refused = [field for field in wanted if not _may_change(actor, room, membership, field)]
    if refused:
        raise _not_allowed(membership)
    if room.is_closed():
        raise RoomClosed()
    old = {field: getattr(room, field) for field in wanted if getattr(room, field) != wanted[field]}
    if not old:
        return room
    changes = {field: wanted[field] for field in old}
    _apply(room, changes, log.take(room.stream))
    _publish_update(actor, room)
    audited = old.keys() & {"privacy", "mode"}
    if audited:
        audit.record(
            actor,
            "room.update",
            room,
            room_id=room.id,
            old={field: str(old[field]) for field in sorted(audited)},
            new={field: str(changes[field]) for field in sorted(audited)},
            reason=reason,
        )
    return room


def _may_change(actor: Actor, room: Room, membership: Membership | None, field: str) -> bool:
    match field:
        case "topic":
            return policy.may_set_topic(room, membership)
        case "name" | "description":
            return policy.may_rename(room, membership)
        case "mode":
            return policy.may_set_mode(actor, room, membership)
    return policy.may_configure(room, membership)


def _apply(room: Room, changes: dict[str, Any], seq: int) -> None:
    was_hidden = room.is_hidden
    for field, value in changes.items():
        setattr(room, field, value)
    if was_hidden and not room.is_hidden:
        room.opened_seq = seq
    if "name" in changes or "privacy" in changes:
        _set_name(room, room.name)
        _refuse_taken_name(room)
    _save(room, seq, *changes, "name_folded", "opened_seq")


def _save(room: Room, seq: int, *fields: str) -> None:
    room.rev = seq
    room.updated_at = timezone.now()
    room.save(update_fields=[*fields, "rev", "updated_at"])


def _publish_update(actor: Actor, room: Room) -> None:
    event = RoomUpdated(room, actor.user_id)
    event.seq = room.rev
    publish(event)


@action
def archive_room(actor: Actor, room_id: UUID, *, reason: str = "") -> Room:
    """Close the room: it can be read, nothing more is written. Nothing changes if it is archived already.

    Raises RoomNotFound, NotRoomMember, Forbidden.
    """
    reason = texts.clean_reason(reason, required=False)
    room = _room_to_archive(actor, room_id)
    if room.archived_at is None:
        _set_archived(actor, room, timezone.now(), "room.archive", reason)
    return room


@action
def unarchive_room(actor: Actor, room_id: UUID, *, reason: str = "") -> Room:
    """Open the room again. Nothing changes if it is not archived; a temporary room stays ended.

    Raises RoomNotFound, NotRoomMember, Forbidden.
    """
    reason = texts.clean_reason(reason, required=False)
    room = _room_to_archive(actor, room_id)
    if room.archived_at is not None:
        _set_archived(actor, room, None, "room.unarchive", reason)
    return room


def _room_to_archive(actor: Actor, room_id: UUID) -> Room:
    room, membership = queries.room_to_moderate(actor, room_id, lock=True)
    if not policy.may_archive(actor, room, membership):
        raise _not_allowed(membership)
    return room


def _set_archived(actor: Actor, room: Room, at: datetime | None, act: str, reason: str) -> None:
    room.archived_at = at
    _save(room, log.take(room.stream), "archived_at")
    _publish_update(actor, room)
    audit.record(actor, act, room, room_id=room.id, reason=reason)


@action
def delete_room(actor: Actor, room_id: UUID, *, reason: str = "") -> None:
    """End the room for everybody in it; open invitations to it fall. Its name is free again.

    Raises RoomNotFound, NotRoomMember, Forbidden.
    """
    reason = texts.clean_reason(reason, required=False)
    room = _room_to_archive(actor, room_id)
    room.deleted_at = timezone.now()
    _save(room, log.take(room.stream), "deleted_at")
    end = RoomDeleted(room, actor.user_id)
    end.seq = room.rev
    publish(end)
    people = Membership.objects.filter(room=room).values_list("user_id", flat=True)
    lost = [RoomLost(user_id, room.id, "deleted") for user_id in people]
    pending = queries.invitations_into(room.id)
    cancelled = [InvitationAnswered(invitation) for invitation in pending]
    number([*lost, *cancelled])  # together: taken apart, two deletions could wait for each other's people
    for event in cancelled:
        event.invitation.mark_answered(Invitation.Status.CANCELLED, rev=event.seq or 0)
    Invitation.objects.bulk_update(pending, Invitation.ANSWER_FIELDS)
    publish(*lost, *cancelled)
    audit.record(actor, "room.delete", room, room_id=room.id, reason=reason)


class OpenedRoom(NamedTuple):
    """A direct room as the actor holds it; `is_new` if this very act made it."""

    membership: Membership
    is_new: bool

    @property
    def room(self) -> Room:
        return self.membership.room


def open_direct_room(actor: Actor, user_ids: Collection[UUID]) -> OpenedRoom:
    """The direct room of exactly these people and the actor, found or made.

    Alone it is the actor's own notebook. Raises UserNotFound, Invalid, RateLimited.
    """
    ids = {*user_ids, actor.person.id}
    if len(ids) > Room.DIRECT_MAX:
        raise Invalid(f"Validation failed: user_ids - at most {Room.DIRECT_MAX} people", field="user_ids")
    key = direct_key(ids)
    known = queries.direct_membership(actor.person.id, key)
    if known is not None:
        return OpenedRoom(known, is_new=False)
    return _create_direct_room(actor, ids, key)


def direct_key(ids: Collection[UUID]) -> str:
    """What the direct room of these people is found by; the order does not matter."""
    return hashlib.sha256("\n".join(sorted(map(str, ids))).encode()).hexdigest()


@action(limit="rooms")
def _create_direct_room(actor: Actor, ids: set[UUID], key: str) -> OpenedRoom:
    people = _people_to_meet(actor, ids)
    room = Room(kind=Room.Kind.DIRECT, privacy=Room.Privacy.PRIVATE, direct_key=key)
    # Two people who write to each other for the first time at once: one inserts, the other waits and finds it.
    Room.objects.bulk_create([room], ignore_conflicts=True)
    known = queries.direct_membership(actor.person.id, key)
    if known is not None:
        return OpenedRoom(known, is_new=False)
    memberships = [admit(room, user, role=RoomRole.MEMBER) for user in people]
    publish(*(RoomGained(membership, people) for membership in memberships))
    own = next(membership for membership in memberships if membership.user_id == actor.user_id)
    return OpenedRoom(own, is_new=True)


def _people_to_meet(actor: Actor, ids: set[UUID]) -> list[User]:
    """The accounts, by name. A site guest meets only people of its rooms (rights, note 15). Raises UserNotFound."""
    people = list(visible_to(actor).filter(id__in=ids, is_active=True).order_by("username_folded"))
    if len(people) < len(ids):
        raise UserNotFound()
    return people


def _set_name(room: Room, name: str) -> None:
    room.name, room.name_folded = name, fold(name)


def _refuse_taken_name(room: Room) -> None:
    """Only listed channels have unique names, so that no refusal tells of a private one (rights, rule i)."""
    if room.is_hidden or room.kind != Room.Kind.CHANNEL:
        return
    listed = Room.objects.filter(kind=Room.Kind.CHANNEL, deleted_at=None).exclude(privacy=Room.Privacy.PRIVATE)
    if listed.filter(name_folded=room.name_folded).exclude(pk=room.pk).exists():
        raise RoomNameTaken()


def _not_allowed(membership: Membership | None) -> Forbidden:
    return NotRoomMember() if membership is None else Forbidden()


def _choice(field: str, value: str, choices: Any) -> str:
    if value not in choices.values:
        raise Invalid(f"Validation failed: {field} - must be one of {', '.join(choices.values)}", field=field)
    return value


def _checked_max_members(count: Any) -> int | None:
    if count is not None and not 1 <= count <= Room.MEMBERS_MAX:
        raise Invalid(f"Validation failed: max_members - must be from 1 to {Room.MEMBERS_MAX}", field="max_members")
    return count


def _checked_end(at: datetime | None) -> datetime | None:
    if at is not None and (at.tzinfo is None or at <= timezone.now()):
        raise Invalid("Validation failed: expires_at - must be a time to come, with its zone", field="expires_at")
    return at
