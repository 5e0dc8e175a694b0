"""Who may do what in a room: pure questions over objects in hand (docs/architecture/rights.md).

`membership` is always the actor's own in that room, None from outside. The site's staff act by their site rank, in
every room they may manage, member or not.
"""

from accounts.actor import Actor
from accounts.errors import AccountDisabled, Muted
from accounts.models import User
from accounts.roles import Permission, SiteRole
from lairchat.core.errors import DomainError
from rooms.errors import NotRoomMember, ReadOnly, RoomClosed, RoomMuted
from rooms.models import Membership, Room
from rooms.roles import RoomPermission, RoomRole


def may_know(actor: Actor, room: Room, membership: Membership | None) -> bool:
    """May learn that the room exists. A site guest knows only rooms it was added to (note 1)."""
    if room.deleted_at is not None:
        return False
    if actor.is_system or membership is not None:
        return True
    return not room.is_hidden and actor.allows(Permission.DISCOVER_ROOMS)


def may_read(membership: Membership | None) -> bool:
    """No preview: join first (note 3); staff read reported messages elsewhere (note 4)."""
    return membership is not None


def readable_after(room: Room, membership: Membership) -> int:
    """Only messages with a seq above this are shown to the member (note 14)."""
    return room.opened_seq if membership.joined_seq > room.opened_seq else 0


def why_not_post(actor: Actor, room: Room, membership: Membership | None) -> type[DomainError] | None:
    """The error that refuses posting, replying, reacting and typing; None if nothing does (notes 6 and 7)."""
    if actor.is_system:
        return None
    person = actor.person
    if not person.is_usable():
        return AccountDisabled
    staff_writes = room.kind == Room.Kind.SYSTEM and actor.allows(Permission.DESK_VIEW)
    if membership is None and not staff_writes:
        return NotRoomMember
    if room.is_closed():
        return RoomClosed
    if person.is_muted():
        return Muted
    if membership is None or staff_writes:
        return None
    return _why_a_member_may_not_post(room, membership)


def _why_a_member_may_not_post(room: Room, membership: Membership) -> type[DomainError] | None:
    if membership.is_muted():
        return RoomMuted
    if room.kind == Room.Kind.SYSTEM:
        return ReadOnly
    if room.mode == Room.Mode.READ_ONLY and not membership.allows(RoomPermission.SET_MODE):
        return ReadOnly
    return None


def may_post(actor: Actor, room: Room, membership: Membership | None) -> bool:
    return why_not_post(actor, room, membership) is None


def may_create_rooms(actor: Actor) -> bool:
    return actor.allows(Permission.CREATE_ROOMS)


def may_make_default_rooms(actor: Actor) -> bool:
    """Everybody who registers is put into them, so they are the site's, not one person's."""
    return actor.allows(Permission.ROOM_MANAGE)


def may_join_freely(actor: Actor, room: Room) -> bool:
    """Without an invitation: public channels and system rooms, and no site guest."""
    return room.kind != Room.Kind.DIRECT and room.privacy == Room.Privacy.PUBLIC and may_know(actor, room, None)


def may_leave(room: Room) -> bool:
    """The people of a direct conversation are fixed; a system room is everybody's."""
    return room.kind == Room.Kind.CHANNEL


def _holds(room: Room, membership: Membership | None, permission: RoomPermission) -> bool:
    """Ranks count in channels and system rooms; a direct conversation has none."""
    return membership is not None and not room.is_direct and membership.allows(permission)


def is_room_staff(actor: Actor, room: Room, permission: Permission) -> bool:
    """Acts there by site rank: admins in every channel, moderators in public and protected ones (note 11)."""
    if room.is_direct:
        return False
    if actor.allows(Permission.ROOM_MANAGE):
        return True
    return actor.allows(permission) and not room.is_hidden


def may_invite(room: Room, membership: Membership | None) -> bool:
    return room.kind == Room.Kind.CHANNEL and _holds(room, membership, RoomPermission.INVITE)


def may_set_topic(room: Room, membership: Membership | None) -> bool:
    return _holds(room, membership, RoomPermission.SET_TOPIC)


def may_rename(room: Room, membership: Membership | None) -> bool:
    """Name and description."""
    return _holds(room, membership, RoomPermission.RENAME)


def may_configure(room: Room, membership: Membership | None) -> bool:
    """Privacy and limits: owners; only channels have them (note 14)."""
    return room.kind == Room.Kind.CHANNEL and _holds(room, membership, RoomPermission.CONFIGURE)


def may_set_mode(actor: Actor, room: Room, membership: Membership | None) -> bool:
    return _holds(room, membership, RoomPermission.SET_MODE) or is_room_staff(actor, room, Permission.ROOM_MODE)


def may_archive(actor: Actor, room: Room, membership: Membership | None) -> bool:
    """Archive, take out of the archive, delete."""
    return _holds(room, membership, RoomPermission.ARCHIVE) or is_room_staff(actor, room, Permission.ROOM_MANAGE)


def may_sanction_somebody(actor: Actor, room: Room, membership: Membership | None) -> bool:
    """Keeps order there at all; over whom says `may_sanction`."""
    staff = is_room_staff(actor, room, Permission.SANCTION_LIGHT)
    return staff or _holds(room, membership, RoomPermission.SANCTION_MEMBERS)


def may_sanction(
    actor: Actor, room: Room, membership: Membership | None, target: User, target_membership: Membership | None
) -> bool:
    """Kick, mute, ban and lift: only lower ranks, never oneself (rules a and c)."""
    if target.id == actor.user_id:
        return False
    if is_room_staff(actor, room, Permission.SANCTION_LIGHT) and outranks_on_site(actor, target):
        return True
    if membership is None or not _holds(room, membership, RoomPermission.SANCTION_MEMBERS):
        return False
    if target.site_role.rank >= SiteRole.MODERATOR.rank and membership.room_role is not RoomRole.OWNER:
        return False
    return outranks(membership, target_membership)


def outranks(membership: Membership, other: Membership | None) -> bool:
    """A lower rank in the room, or none because the other is outside it."""
    return other is None or membership.room_role.outranks(other.room_role)


def outranks_on_site(actor: Actor, target: User) -> bool:
    """Admins stand above everybody (rule a); the others only above lower site ranks."""
    if actor.is_system or actor.person.site_role is SiteRole.ADMIN:
        return True
    return actor.person.site_role.outranks(target.site_role)


def may_change_some_roles(actor: Actor, room: Room, membership: Membership | None, *, has_active_owner: bool) -> bool:
    """Owners; an admin where no active owner is left (notes 12 and 13)."""
    helps_out = not has_active_owner and is_room_staff(actor, room, Permission.ROOM_MANAGE)
    return helps_out or _holds(room, membership, RoomPermission.CHANGE_ROLES)


def may_change_role_of(
    actor: Actor, room: Room, membership: Membership | None, target: Membership, *, has_active_owner: bool
) -> bool:
    """Owners over lower ranks and their own (rule a); an admin who helps out over everybody."""
    if not has_active_owner and is_room_staff(actor, room, Permission.ROOM_MANAGE):
        return True
    if membership is None or not _holds(room, membership, RoomPermission.CHANGE_ROLES):
        return False
    return target.user_id == membership.user_id or outranks(membership, target)


def may_hold_rank(user: User, role: RoomRole) -> bool:
    """A site guest acts as a room guest, wherever it was added; who owns a room can act."""
    if user.site_role is SiteRole.GUEST:
        return role is RoomRole.GUEST
    return role is not RoomRole.OWNER or user.is_active
