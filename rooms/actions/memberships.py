"""Coming, going, ranks, and how a room behaves for one person."""

from uuid import UUID

from accounts import audit
from accounts.actor import Actor
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import publish
from lairchat.core.log import user_stream
from rooms import policy, queries, texts
from rooms.entering import active_owners, answer_invitation, enter, go, has_other_active_owner
from rooms.errors import AlreadyMember, LastOwner, NotRoomMember, RoomPrivate
from rooms.events import MemberRoleChanged, RoomSettingsChanged, RoomUpdated
from rooms.models import Invitation, Membership, Room
from rooms.roles import RoomRole

audit.records_refusals("change_member_role", "transfer_ownership")


@action
def join_room(actor: Actor, room_id: UUID) -> Membership:
    """Become a member of a public room, or of one the actor is invited to: the invitation is accepted by it.

    Raises RoomNotFound, AlreadyMember, RoomPrivate, BannedFromRoom, RoomClosed, RoomFull.
    """
    room, membership, invitation = queries.room_to_enter(actor, room_id)
    if membership is not None:
        raise AlreadyMember()
    if invitation is None and not policy.may_join_freely(actor, room):
        raise RoomPrivate()
    role = RoomRole.MEMBER if invitation is None else RoomRole(invitation.role)
    membership = enter(room, actor.person, role=role)
    if invitation is not None:
        answer_invitation(invitation, Invitation.Status.ACCEPTED)
    return membership


@action
def leave_room(actor: Actor, room_id: UUID) -> None:
    """Go out of the room. Raises RoomNotFound, NotRoomMember, Forbidden (direct, system), LastOwner."""
    room, membership = queries.room_and_membership(actor, room_id, lock=True)
    if membership is None:
        raise NotRoomMember()
    if not policy.may_leave(room):
        raise Forbidden()
    go(membership, "left")


@action
def change_member_role(actor: Actor, room_id: UUID, user_id: UUID, role: str) -> Membership:
    """Give a member another rank in the room. Nothing changes if they hold it already.

    Raises RoomNotFound, NotRoomMember (the actor, or the other), Forbidden, LastOwner, Invalid.
    """
    new_role = _role(role)
    _, target = _member_to_rank(actor, room_id, user_id)
    if not policy.may_hold_rank(target.user, new_role):
        raise Forbidden()
    if target.room_role is new_role:
        return target
    if target.room_role is RoomRole.OWNER and not has_other_active_owner(target):
        raise LastOwner()
    _set_role(actor, target, new_role)
    return target


@action
def transfer_ownership(actor: Actor, room_id: UUID, user_id: UUID, *, reason: str = "") -> Room:
    """Make a member the room's owner; an owner who hands over becomes a moderator.

    Raises RoomNotFound, NotRoomMember (the actor, or the other), Forbidden (also where they own it already).
    """
    reason = texts.clean_reason(reason, required=False)
    room, target = _member_to_rank(actor, room_id, user_id)
    if target.room_role is RoomRole.OWNER or not policy.may_hold_rank(target.user, RoomRole.OWNER):
        raise Forbidden()
    old_owner = room.owner_id
    _set_role(actor, target, RoomRole.OWNER)
    own = None if actor.user_id is None else queries.membership_for(actor.user_id, room_id)
    if own is not None and own.room_role is RoomRole.OWNER:
        _set_role(actor, own, RoomRole.MODERATOR)
    room.owner = target.user
    room.rev = log.take(room.stream)
    room.save(update_fields=["owner", "rev"])
    event = RoomUpdated(room, actor.user_id)
    event.seq = room.rev
    publish(event)
    audit.record(actor, "ownership.transfer", room, room_id=room.id, old=old_owner, new=user_id, reason=reason)
    return room


def _member_to_rank(actor: Actor, room_id: UUID, user_id: UUID) -> tuple[Room, Membership]:
    """The room, locked, and the member whose rank the actor may change."""
    room, membership = queries.room_to_moderate(actor, room_id, lock=True)
    target = queries.membership_for(user_id, room_id)
    has_active_owner = bool(active_owners(room_id))
    if not policy.may_change_some_roles(actor, room, membership, has_active_owner=has_active_owner):
        raise NotRoomMember() if membership is None else Forbidden()
    if target is None:
        raise NotRoomMember()
    if not policy.may_change_role_of(actor, room, membership, target, has_active_owner=has_active_owner):
        raise Forbidden()
    return room, target


def _set_role(actor: Actor, membership: Membership, role: RoomRole) -> None:
    old_role = membership.role
    event = MemberRoleChanged(membership.room_id, membership.user, old_role, role.value, actor.user_id)
    event.seq = log.take(event.stream())
    membership.role = role.value
    membership.rev = event.seq
    membership.save(update_fields=["role", "rev"])
    publish(event)
    audit.record(actor, "member_role.change", membership.user, room_id=membership.room_id, old=old_role, new=role.value)


def _role(text: str) -> RoomRole:
    """The rank; `admin` is the original's other word for moderator. Raises Invalid."""
    try:
        return RoomRole("moderator" if text == "admin" else text)
    except ValueError:
        raise Invalid(
            f"Validation failed: role - must be one of {', '.join(role.value for role in RoomRole)}", field="role"
        ) from None


@action
def set_notifications(
    actor: Actor, room_id: UUID, *, notifications: str | None = None, favourite: bool | None = None
) -> Membership:
    """Choose how loud the room is for the actor, and whether it stands among the favourites.

    Raises RoomNotFound, NotRoomMember, Invalid.
    """
    if notifications is not None and notifications not in Membership.Level.values:
        raise Invalid(
            f"Validation failed: notifications - must be one of {', '.join(Membership.Level.values)}",
            field="notifications",
        )
    membership = queries.room_and_membership(actor, room_id, lock=True)[1]
    if membership is None:
        raise NotRoomMember()
    new_level = membership.notifications if notifications is None else notifications
    new_favourite = membership.favourite if favourite is None else favourite
    if (new_level, new_favourite) == (membership.notifications, membership.favourite):
        return membership
    membership.notifications, membership.favourite = new_level, new_favourite
    membership.settings_rev = log.take(user_stream(membership.user_id))
    membership.save(update_fields=["notifications", "favourite", "settings_rev"])
    event = RoomSettingsChanged(membership.user_id, room_id, new_level, new_favourite)
    event.seq = membership.settings_rev
    publish(event)
    return membership
