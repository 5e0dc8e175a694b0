"""What happens in and around rooms. A membership's events are rendered from their refs: its row may be gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from accounts.models import User
from accounts.shapes import UserOutput
from lairchat.core.events import Effect, Event, Join, Leave, register
from lairchat.core.log import room_stream, user_stream
from lairchat.core.models import StreamEntry
from rooms import queries
from rooms.models import Invitation, Membership, Room
from rooms.shapes import InvitationOutput, MembershipOutput, RoomOutput, SidebarItem


def _id_of(stream: str) -> UUID:
    """The id behind `room:` or `user:`."""
    return UUID(stream.partition(":")[2])


def _text(value: UUID | datetime | None) -> str | None:
    match value:
        case None:
            return None
        case datetime():
            return value.isoformat()
    return str(value)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _people(entries: Sequence[StreamEntry]) -> dict[UUID, User]:
    """The accounts that the entries' `user` refs name; one statement."""
    return User.objects.in_bulk([UUID(entry.refs["user"]) for entry in entries])


class RoomEvent(Event):
    """Something that everybody in the room is told."""

    room_id: UUID

    def stream(self) -> str:
        return room_stream(self.room_id)


class UserEvent(Event):
    """Something that only one person is told, on all their devices."""

    user_id: UUID

    def stream(self) -> str:
        return user_stream(self.user_id)


@register
class UserJoinedRoom(RoomEvent):
    """Somebody is in the room now."""

    type = "user_joined_room"

    def __init__(self, membership: Membership, user: User) -> None:
        self.room_id: UUID = membership.room_id
        self.user = user
        self.role = membership.role
        self.joined_at = membership.joined_at
        self.muted_until = membership.muted_until
        self.seq = membership.joined_seq

    def refs(self) -> dict[str, Any]:
        return {
            "user": str(self.user.id),
            "role": self.role,
            "joined_at": _text(self.joined_at),
            "muted_until": _text(self.muted_until),
        }

    def payload(self) -> dict[str, Any]:
        membership = MembershipOutput(
            self.room_id, self.user.id, self.role, self.joined_at, self.muted_until, self.seq or 0
        )
        return {"room_id": self.room_id, "user": UserOutput.of(self.user), "membership": membership}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        people = _people(entries)
        return [cls._from(entry, people.get(UUID(entry.refs["user"]))) for entry in entries]

    @classmethod
    def _from(cls, entry: StreamEntry, user: User | None) -> Self | None:
        if user is None:
            return None
        membership = Membership(
            room_id=_id_of(entry.stream_id),
            user_id=user.id,
            role=entry.refs["role"],
            joined_at=datetime.fromisoformat(entry.refs["joined_at"]),
            muted_until=_time(entry.refs["muted_until"]),
            joined_seq=entry.seq,
        )
        return cls(membership, user)


@register
class UserLeftRoom(RoomEvent):
    """Someone left, was kicked or banned: `reason` is left, kicked or banned."""

    type = "user_left_room"

    def __init__(self, room_id: UUID, user_id: UUID, reason: str) -> None:
        self.room_id = room_id
        self.user_id = user_id
        self.reason = reason

    def refs(self) -> dict[str, Any]:
        return {"user": str(self.user_id), "reason": self.reason}

    def payload(self) -> dict[str, Any]:
        return {"room_id": self.room_id, "user_id": self.user_id, "reason": self.reason, "rev": self.seq}

    def effects(self) -> Sequence[Effect]:
        return [Leave(self.user_id, self.stream())]  # after the frame, so that they learn why

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        return [cls(_id_of(entry.stream_id), UUID(entry.refs["user"]), entry.refs["reason"]) for entry in entries]


@register
class MemberRoleChanged(RoomEvent):
    """A member has another rank."""

    type = "member_role_changed"

    def __init__(self, room_id: UUID, user: User, old_role: str, new_role: str, changed_by: UUID | None) -> None:
        self.room_id = room_id
        self.user = user
        self.old_role = old_role
        self.new_role = new_role
        self.changed_by = changed_by

    def refs(self) -> dict[str, Any]:
        return {"user": str(self.user.id), "old": self.old_role, "new": self.new_role, "by": _text(self.changed_by)}

    def payload(self) -> dict[str, Any]:
        return {
            "room_id": self.room_id,
            "user_id": self.user.id,
            "username": self.user.username,
            "old_role": self.old_role,
            "new_role": self.new_role,
            "changed_by": self.changed_by,
            "rev": self.seq,
        }

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        people = _people(entries)
        return [cls._from(entry, people.get(UUID(entry.refs["user"]))) for entry in entries]

    @classmethod
    def _from(cls, entry: StreamEntry, user: User | None) -> Self | None:
        refs = entry.refs
        if user is None:
            return None
        return cls(_id_of(entry.stream_id), user, refs["old"], refs["new"], _uuid(refs["by"]))


@register
class MemberMuted(RoomEvent):
    """Someone may not write in the room until then; null: again they may."""

    type = "member_muted"

    def __init__(self, room_id: UUID, user_id: UUID, muted_until: datetime | None) -> None:
        self.room_id = room_id
        self.user_id = user_id
        self.muted_until = muted_until

    def refs(self) -> dict[str, Any]:
        return {"user": str(self.user_id), "until": _text(self.muted_until)}

    def payload(self) -> dict[str, Any]:
        return {"room_id": self.room_id, "user_id": self.user_id, "muted_until": self.muted_until, "rev": self.seq}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        return [cls(_id_of(entry.stream_id), UUID(entry.refs["user"]), _time(entry.refs["until"])) for entry in entries]


@register
class RoomUpdated(RoomEvent):
    """Name, topic, privacy, mode, limits, owner or the archive changed: the room as it is now."""

    type = "room_updated"

    def __init__(self, room: Room, changed_by: UUID | None) -> None:
        self.room = room
        self.room_id = room.id
        self.changed_by = changed_by

    def refs(self) -> dict[str, Any]:
        return {"by": _text(self.changed_by)}

    def payload(self) -> dict[str, Any]:
        return {"room": RoomOutput.of(self.room), "changed_by": self.changed_by}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        rooms = Room.objects.in_bulk({_id_of(entry.stream_id) for entry in entries})
        return [
            cls(room, _uuid(entry.refs["by"])) if (room := rooms.get(_id_of(entry.stream_id))) else None
            for entry in entries
        ]


@register
class RoomDeleted(RoomEvent):
    """The last entry of a room's stream."""

    type = "room_deleted"

    def __init__(self, room: Room, deleted_by: UUID | None) -> None:
        self.room_id = room.id
        self.room_name = room.name
        self.deleted_by = deleted_by

    def refs(self) -> dict[str, Any]:
        return {"by": _text(self.deleted_by)}

    def payload(self) -> dict[str, Any]:
        return {"room_id": self.room_id, "room_name": self.room_name, "deleted_by": self.deleted_by}

    def effects(self) -> Sequence[Effect]:
        return [Leave(None, self.stream())]

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        rooms = Room.objects.in_bulk({_id_of(entry.stream_id) for entry in entries})
        return [
            cls(room, _uuid(entry.refs["by"])) if (room := rooms.get(_id_of(entry.stream_id))) else None
            for entry in entries
        ]


@register
class RoomGained(UserEvent):
    """The person is in a room now; their connections follow it from behind the entry of the joining on."""

    type = "room_gained"

    def __init__(self, membership: Membership, people: Sequence[User] = ()) -> None:
        self.membership = membership
        self.user_id: UUID = membership.user_id
        self.people = people

    def refs(self) -> dict[str, Any]:
        return {"room": str(self.membership.room_id), "joined_seq": self.membership.joined_seq}

    def payload(self) -> dict[str, Any]:
        return {"item": SidebarItem.gained(self.membership, self.people)}

    def effects(self) -> Sequence[Effect]:
        membership = self.membership
        return [Join(self.user_id, room_stream(membership.room_id), after=membership.joined_seq)]

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        """None once the person left again, also if they came back: the entry of the return says it."""
        users = {_id_of(entry.stream_id) for entry in entries}
        room_ids = {UUID(entry.refs["room"]) for entry in entries}
        memberships = Membership.objects.filter(user__in=users, room__in=room_ids, room__deleted_at=None)
        found = {(m.user_id, m.room_id, m.joined_seq): m for m in memberships.select_related("room")}
        people = queries.direct_people({m.room_id for m in found.values() if m.room.is_direct})
        keys = [(_id_of(entry.stream_id), UUID(entry.refs["room"]), entry.refs["joined_seq"]) for entry in entries]
        return [cls(found[key], people.get(key[1], [])) if key in found else None for key in keys]


@register
class RoomLost(UserEvent):
    """The person is no longer in a room: `reason` is left, kicked, banned or deleted."""

    type = "room_lost"

    def __init__(self, user_id: UUID, room_id: UUID, reason: str) -> None:
        self.user_id = user_id
        self.room_id = room_id
        self.reason = reason

    def refs(self) -> dict[str, Any]:
        return {"room": str(self.room_id), "reason": self.reason}

    def payload(self) -> dict[str, Any]:
        return {"room_id": self.room_id, "reason": self.reason}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        return [cls(_id_of(entry.stream_id), UUID(entry.refs["room"]), entry.refs["reason"]) for entry in entries]


@register
class RoomSettingsChanged(UserEvent):
    """The person chose how one room behaves for them."""

    type = "room_settings_changed"

    def __init__(self, user_id: UUID, room_id: UUID, notifications: str, favourite: bool) -> None:
        self.user_id = user_id
        self.room_id = room_id
        self.notifications = notifications
        self.favourite = favourite

    def refs(self) -> dict[str, Any]:
        return {"room": str(self.room_id), "notifications": self.notifications, "favourite": self.favourite}

    def payload(self) -> dict[str, Any]:
        return {
            "room_id": self.room_id,
            "notifications": self.notifications,
            "favourite": self.favourite,
            "rev": self.seq,
        }

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        return [
            cls(_id_of(entry.stream_id), UUID(refs["room"]), refs["notifications"], refs["favourite"])
            for entry in entries
            for refs in [entry.refs]
        ]


class InvitationEvent(UserEvent):
    """About an invitation, told to the person invited. Room, inviter and invitee are to be at hand."""

    def __init__(self, invitation: Invitation) -> None:
        self.invitation = invitation
        self.user_id: UUID = invitation.invitee_id

    def refs(self) -> dict[str, Any]:
        return {"invitation": str(self.invitation.id)}

    def payload(self) -> dict[str, Any]:
        return {"invitation": InvitationOutput.of(self.invitation)}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        ids = [UUID(entry.refs["invitation"]) for entry in entries]
        found = Invitation.objects.select_related("room", "inviter", "invitee").in_bulk(ids)
        return [cls(found[key]) if key in found else None for key in ids]


@register
class InvitationReceived(InvitationEvent):
    """Somebody asks the person into a room."""

    type = "invitation_received"


@register
class InvitationAnswered(InvitationEvent):
    """Accepted, declined, taken back or found expired: it leaves the list."""

    type = "invitation_answered"
