"""Keeping order in a room: kick, mute, ban, and taking it back."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.queries import user_for
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import publish
from lairchat.core.log import room_stream
from rooms import policy, queries, texts
from rooms.entering import answer_invitation, go, muted_until, sanctions_in_force
from rooms.errors import NotRoomMember, RoomNotFound, SanctionNotFound, SanctionOver
from rooms.events import MemberMuted
from rooms.models import Invitation, Membership, Room, RoomSanction

MUTE_MIN = timedelta(minutes=1)
MUTE_MAX = timedelta(days=28)
Kind = RoomSanction.Kind

audit.records_refusals(
    "kick_member", "mute_member", "ban_member", "lift_room_sanction", "unban_member", "unmute_member"
)


@action
def kick_member(actor: Actor, room_id: UUID, user_id: UUID, *, reason: str = "") -> None:
    """Put a member out of the room; they may come back.

    Raises RoomNotFound, NotRoomMember (the actor, or the other), Forbidden, LastOwner, Invalid.
    """
    reason = texts.clean_reason(reason, required=False)
    room, target = _member_to_sanction(actor, room_id, user_id)
    now = timezone.now()
    _sanction(actor, room, target.user_id, Kind.KICK, reason, starts_at=now, ends_at=now)
    go(target, "kicked")
    audit.record(actor, "member.kick", target.user, room_id=room_id, reason=reason)


@action
def mute_member(actor: Actor, room_id: UUID, user_id: UUID, *, reason: str, until: datetime | None) -> RoomSanction:
    """Let a member read only, for one minute to 28 days; leaving and coming back does not end it.

    Raises RoomNotFound, NotRoomMember (the actor, or the other), Forbidden, Invalid.
    """
    reason = texts.clean_reason(reason)
    now = timezone.now()
    if until is None or until.tzinfo is None or not MUTE_MIN <= until - now <= MUTE_MAX:
        raise Invalid("Validation failed: until - must be one minute to 28 days from now", field="until")
    room, target = _member_to_sanction(actor, room_id, user_id)
    sanction = _sanction(actor, room, user_id, Kind.MUTE, reason, starts_at=now, ends_at=until)
    _update_mute(target)
    audit.record(actor, "member.mute", target.user, room_id=room_id, new={"until": until}, reason=reason)
    return sanction


@action
def ban_member(
    actor: Actor, room_id: UUID, user_id: UUID, *, reason: str, until: datetime | None = None
) -> RoomSanction:
    """Keep somebody out of the room, a member or not, until then or for good.

    Raises RoomNotFound, NotRoomMember (the actor), Forbidden, UserNotFound, LastOwner, Invalid.
    """
    reason = texts.clean_reason(reason)
    now = timezone.now()
    if until is not None and (until.tzinfo is None or until <= now):
        raise Invalid("Validation failed: until - must be a time to come, with its zone", field="until")
    room, membership = _room_to_keep(actor, room_id)
    user = user_for(actor, user_id)
    target = queries.membership_for(user_id, room_id)
    if not policy.may_sanction(actor, room, membership, user, target):
        raise Forbidden()
    sanction = _sanction(actor, room, user_id, Kind.BAN, reason, starts_at=now, ends_at=until)
    if target is not None:
        go(target, "banned")
    invitation = queries.pending_invitation(room_id, user_id)
    if invitation is not None:
        answer_invitation(invitation, Invitation.Status.CANCELLED)
    audit.record(actor, "member.ban", user, room_id=room_id, new={"until": until}, reason=reason)
    return sanction


@action
def lift_room_sanction(actor: Actor, sanction_id: UUID, *, reason: str = "") -> RoomSanction:
    """End a mute or a ban before its time; the row stays.

    Raises SanctionNotFound (also where the room may not be known), NotRoomMember, Forbidden, SanctionOver.
    """
    reason = texts.clean_reason(reason, required=False)
    room_id = queries.sanction_room_id(sanction_id)
    try:
        room, membership = _room_to_keep(actor, room_id)
    except RoomNotFound:
        raise SanctionNotFound() from None
    sanction = queries.sanction(sanction_id)
    target = queries.membership_for(sanction.user_id, room_id)
    if not policy.may_sanction(actor, room, membership, sanction.user, target):
        raise Forbidden()
    if not sanction.is_in_force():
        raise SanctionOver()
    _lift(actor, sanction, target, reason)
    return sanction


@action
def unban_member(actor: Actor, room_id: UUID, user_id: UUID) -> RoomSanction:
    """Lift what keeps somebody out of the room; returns the latest ban. Raises as `lift_room_sanction`."""
    return _lift_all(actor, room_id, user_id, Kind.BAN)


@action
def unmute_member(actor: Actor, room_id: UUID, user_id: UUID) -> RoomSanction:
    """Lift what keeps somebody silent in the room; returns the latest mute. Raises as `lift_room_sanction`."""
    return _lift_all(actor, room_id, user_id, Kind.MUTE)


def _lift_all(actor: Actor, room_id: UUID, user_id: UUID, kind: str) -> RoomSanction:
    # The room first: who may not keep order there does not learn who is banned.
    _room_to_keep(actor, room_id)
    lasting = [sanction for sanction in sanctions_in_force(room_id, user_id) if sanction.kind == kind]
    if not lasting:
        raise SanctionNotFound()
    return [lift_room_sanction(actor, sanction.id) for sanction in sorted(lasting, key=lambda row: row.id)][-1]


def _room_to_keep(actor: Actor, room_id: UUID) -> tuple[Room, Membership | None]:
    """The room, locked, where the actor may keep order over somebody."""
    room, membership = queries.room_to_moderate(actor, room_id, lock=True)
    if not policy.may_sanction_somebody(actor, room, membership):
        raise NotRoomMember() if membership is None else Forbidden()
    return room, membership


def _member_to_sanction(actor: Actor, room_id: UUID, user_id: UUID) -> tuple[Room, Membership]:
    room, membership = _room_to_keep(actor, room_id)
    target = queries.membership_for(user_id, room_id)
    if target is None:
        raise NotRoomMember()
    if not policy.may_sanction(actor, room, membership, target.user, target):
        raise Forbidden()
    return room, target


def _sanction(
    actor: Actor, room: Room, user_id: UUID, kind: str, reason: str, *, starts_at: datetime, ends_at: datetime | None
) -> RoomSanction:
    return RoomSanction.objects.create(
        room=room, user_id=user_id, by=actor.user, kind=kind, reason=reason, starts_at=starts_at, ends_at=ends_at
    )


def _lift(actor: Actor, sanction: RoomSanction, target: Membership | None, reason: str) -> None:
    sanction.lifted_at = timezone.now()
    sanction.lifted_by = actor.user
    sanction.save(update_fields=["lifted_at", "lifted_by"])
    if sanction.kind == Kind.MUTE and target is not None:
        _update_mute(target)
    summary = {"sanction": str(sanction.id), "kind": sanction.kind}
    audit.record(actor, "room_sanction.lift", sanction.user, room_id=sanction.room_id, old=summary, reason=reason)


def _update_mute(membership: Membership) -> None:
    """Copy the longest mute in force to the membership, so that a send reads one row, and tell the room."""
    until = muted_until(sanctions_in_force(membership.room_id, membership.user_id))
    event = MemberMuted(membership.room_id, membership.user_id, until)
    event.seq = log.take(room_stream(membership.room_id))
    membership.muted_until = until
    membership.rev = event.seq
    membership.save(update_fields=["muted_until", "rev"])
    publish(event)
