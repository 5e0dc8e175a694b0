"""Coming into a room and going out of it: the steps that several actions share. The room's lock is held."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.roles import SiteRole
from lairchat.core import log
from lairchat.core.events import publish
from rooms.errors import AlreadyMember, BannedFromRoom, LastOwner, RoomClosed, RoomFull
from rooms.events import InvitationAnswered, RoomGained, RoomLost, UserJoinedRoom, UserLeftRoom
from rooms.models import Invitation, Membership, Room, RoomSanction
from rooms.roles import RoomRole

Kind = RoomSanction.Kind


def enter(room: Room, user: User, *, role: RoomRole = RoomRole.MEMBER) -> Membership:
    """Make the person a member; a mute from before still holds.

    Raises AlreadyMember, BannedFromRoom, RoomClosed, RoomFull.
    """
    if Membership.objects.filter(room=room, user=user).exists():
        raise AlreadyMember()
    sanctions = sanctions_in_force(room.id, user.id)
    if any(sanction.kind == Kind.BAN for sanction in sanctions):
        raise BannedFromRoom()
    if room.is_closed():
        raise RoomClosed()
    # Counted under the room's lock: two people taking the last place at once would both see it free.
    if room.max_members is not None and Membership.objects.filter(room=room).count() >= room.max_members:
        raise RoomFull()
    membership = admit(room, user, role=role, muted_until=muted_until(sanctions))
    publish(RoomGained(membership))
    return membership


def admit(room: Room, user: User, *, role: RoomRole, muted_until: datetime | None = None) -> Membership:
    """Write the membership and tell the room. A site guest is a guest everywhere."""
    if user.site_role is SiteRole.GUEST:
        role = RoomRole.GUEST
    seq = log.take(room.stream)
    membership = Membership.objects.create(
        room=room, user=user, role=role, joined_seq=seq, rev=seq, muted_until=muted_until
    )
    publish(UserJoinedRoom(membership, user))
    return membership


def go(membership: Membership, reason: str) -> None:
    """End the membership and tell the room and the person why. Raises LastOwner."""
    if membership.room_role is RoomRole.OWNER and not has_other_active_owner(membership):
        raise LastOwner()
    room_id, user_id = membership.room_id, membership.user_id
    membership.delete()
    publish(UserLeftRoom(room_id, user_id, reason), RoomLost(user_id, room_id, reason))


def active_owners(room_id: UUID) -> set[UUID]:
    """Owners whose accounts are in use; suspended ones come back, so they count."""
    owners = Membership.objects.filter(
        room=room_id, role=RoomRole.OWNER, user__is_active=True, user__banned_at=None
    ).values_list("user_id", flat=True)
    return set(owners)


def has_other_active_owner(membership: Membership) -> bool:
    return bool(active_owners(membership.room_id) - {membership.user_id})


def sanctions_in_force(room_id: UUID, user_id: UUID) -> list[RoomSanction]:
    now = timezone.now()
    lasting = Q(ends_at=None) | Q(ends_at__gt=now)
    return list(RoomSanction.objects.filter(lasting, room=room_id, user=user_id, lifted_at=None))


def is_banned(room_id: UUID, user_id: UUID) -> bool:
    return any(sanction.kind == Kind.BAN for sanction in sanctions_in_force(room_id, user_id))


def muted_until(sanctions: Iterable[RoomSanction]) -> datetime | None:
    """When the longest mute among them ends; None without one."""
    ends = [sanction.ends_at for sanction in sanctions if sanction.kind == Kind.MUTE and sanction.ends_at is not None]
    return max(ends, default=None)


def answer_invitation(invitation: Invitation, status: Invitation.Status) -> None:
    """Take the invitation out of `pending`, once, and off the invitee's list."""
    event = InvitationAnswered(invitation)
    event.seq = log.take(event.stream())
    invitation.mark_answered(status, rev=event.seq)
    invitation.save(update_fields=Invitation.ANSWER_FIELDS)
    publish(event)
