"""Site ranks and what each may do: the site half of docs/architecture/rights.md as one table."""

from enum import StrEnum


class SiteRole(StrEnum):
    GUEST = "guest"
    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(SiteRole).index(self)

    def outranks(self, other: "SiteRole") -> bool:
        return self.rank > other.rank


class Permission(StrEnum):
    """A site permission; the words are those of the desk (moderation.md, section 9)."""

    DISCOVER_ROOMS = "rooms.discover"
    CREATE_ROOMS = "rooms.create"
    SEE_DIRECTORY = "people.see"
    DESK_VIEW = "desk.view"
    MESSAGE_REMOVE = "message.remove"
    SANCTION_LIGHT = "sanction.light"
    SANCTION_SUSPEND = "sanction.suspend"
    SANCTION_BAN = "sanction.ban"
    ROOM_MODE = "room.mode"
    ROOM_MANAGE = "room.manage"
    PEOPLE_MANAGE = "people.manage"
    SESSIONS_END = "sessions.end"
    ADDRESSES_SEE = "addresses.see"
    LOG_VIEW = "log.view"
    LOG_VIEW_MODERATION = "log.view.moderation"
    STAFF_GRANT = "staff.grant"
    STATS_VIEW = "stats.view"


_USER = frozenset({Permission.DISCOVER_ROOMS, Permission.CREATE_ROOMS, Permission.SEE_DIRECTORY})
_MODERATOR = _USER | {
    Permission.DESK_VIEW,
    Permission.MESSAGE_REMOVE,
    Permission.SANCTION_LIGHT,
    Permission.SANCTION_SUSPEND,
    Permission.ROOM_MODE,
    Permission.LOG_VIEW_MODERATION,
}

PERMISSIONS: dict[SiteRole, frozenset[Permission]] = {
    SiteRole.GUEST: frozenset(),
    SiteRole.USER: _USER,
    SiteRole.MODERATOR: _MODERATOR,
    SiteRole.ADMIN: frozenset(Permission),
}
