"""Room ranks and what each may do there: the room half of docs/architecture/rights.md as one table."""

from enum import StrEnum


class RoomRole(StrEnum):
    GUEST = "guest"
    MEMBER = "member"
    MODERATOR = "moderator"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        return list(RoomRole).index(self)

    def outranks(self, other: "RoomRole") -> bool:
        return self.rank > other.rank


class RoomPermission(StrEnum):
    READ = "read"
    POST = "post"
    SET_TOPIC = "set_topic"
    INVITE = "invite"
    REMOVE_MESSAGES = "remove_messages"
    SANCTION_MEMBERS = "sanction_members"
    SET_MODE = "set_mode"
    RENAME = "rename"
    CONFIGURE = "configure"
    CHANGE_ROLES = "change_roles"
    ARCHIVE = "archive"


_MEMBER = frozenset({RoomPermission.READ, RoomPermission.POST})
_MODERATOR = _MEMBER | {
    RoomPermission.SET_TOPIC,
    RoomPermission.INVITE,
    RoomPermission.REMOVE_MESSAGES,
    RoomPermission.SANCTION_MEMBERS,
    RoomPermission.SET_MODE,
    RoomPermission.RENAME,
}

PERMISSIONS: dict[RoomRole, frozenset[RoomPermission]] = {
    RoomRole.GUEST: _MEMBER,
    RoomRole.MEMBER: _MEMBER,
    RoomRole.MODERATOR: _MODERATOR,
    RoomRole.OWNER: frozenset(RoomPermission),
}
