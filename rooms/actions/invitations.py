"""Asking people in, and their answers."""

from uuid import UUID

from accounts.actor import Actor
from accounts.errors import UserNotFound
from accounts.queries import user_for
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Forbidden
from lairchat.core.events import publish
from lairchat.core.log import room_stream
from rooms import policy, queries, texts
from rooms.entering import answer_invitation, enter, is_banned
from rooms.errors import (
    AlreadyInvited,
    AlreadyMember,
    BannedFromRoom,
    InvitationExpired,
    InvitationNotFound,
    InvitationUsed,
    NotRoomMember,
    RoomClosed,
    RoomNotFound,
)
from rooms.events import InvitationReceived
from rooms.models import Invitation, Membership
from rooms.roles import RoomRole

Status = Invitation.Status


@action(limit="invitations")
def invite_to_room(actor: Actor, room_id: UUID, user_id: UUID, *, message: str = "") -> Invitation:
    """Ask somebody into the room; they have seven days to answer.

    Raises RoomNotFound, NotRoomMember, Forbidden, RoomClosed, UserNotFound, AlreadyMember, BannedFromRoom,
    AlreadyInvited, Invalid, RateLimited.
    """
    text = texts.clean_invitation_message(message)
    room, membership = queries.room_and_membership(actor, room_id, lock=True)
    if membership is None:
        raise NotRoomMember()
    if not policy.may_invite(room, membership):
        raise Forbidden()
    if room.is_closed():
        raise RoomClosed()
    invitee = user_for(actor, user_id)
    if not invitee.is_active:
        raise UserNotFound()
    if queries.membership_for(user_id, room_id) is not None:
        raise AlreadyMember()
    if is_banned(room_id, user_id):
        raise BannedFromRoom()
    _make_way(room_id, user_id)
    invitation = Invitation(room=room, inviter=actor.person, invitee=invitee, message=text)
    event = InvitationReceived(invitation)
    event.seq = invitation.rev = log.take(event.stream())
    invitation.save(force_insert=True)
    publish(event)
    return invitation


def _make_way(room_id: UUID, user_id: UUID) -> None:
    """An invitation that ran out makes place for a new one. Raises AlreadyInvited while one can be answered."""
    earlier = queries.pending_invitation(room_id, user_id)
    if earlier is None:
        return
    if not earlier.is_expired():
        raise AlreadyInvited()
    answer_invitation(earlier, Status.EXPIRED)


@action
def accept_invitation(actor: Actor, invitation_id: UUID) -> Membership:
    """Join the room the invitation is for.

    Raises InvitationNotFound (not the actor's), InvitationExpired, InvitationUsed, AlreadyMember, BannedFromRoom,
    RoomClosed, RoomFull.
    """
    invitation = _answerable(actor, invitation_id)
    membership = enter(invitation.room, actor.person, role=RoomRole(invitation.role))
    answer_invitation(invitation, Status.ACCEPTED)
    return membership


@action
def decline_invitation(actor: Actor, invitation_id: UUID) -> None:
    """Say no; the person may be asked again. Raises InvitationNotFound, InvitationExpired, InvitationUsed."""
    answer_invitation(_answerable(actor, invitation_id), Status.DECLINED)


def _answerable(actor: Actor, invitation_id: UUID) -> Invitation:
    _lock_room_of(invitation_id)
    invitation = queries.invitation_to(actor.person.id, invitation_id)
    return _still_pending(invitation)


@action
def revoke_invitation(actor: Actor, invitation_id: UUID) -> None:
    """Take an invitation back: one's own, or as somebody who may invite into that room.

    Raises InvitationNotFound, InvitationExpired, InvitationUsed.
    """
    room_id = _lock_room_of(invitation_id)
    invitation = queries.invitation(invitation_id)
    if invitation.inviter_id != actor.user_id and not _may_invite_into(actor, room_id):
        raise InvitationNotFound()
    answer_invitation(_still_pending(invitation), Status.CANCELLED)


@action
def expire_invitation(actor: Actor, invitation_id: UUID) -> None:
    """Upkeep: take an invitation that ran out off the invitee's list; one that was answered meanwhile stays so."""
    _lock_room_of(invitation_id)
    invitation = queries.invitation(invitation_id)
    if invitation.is_expired() and not invitation.is_answered:
        answer_invitation(invitation, Status.EXPIRED)


def _may_invite_into(actor: Actor, room_id: UUID) -> bool:
    try:
        room, membership = queries.room_and_membership(actor, room_id)
    except RoomNotFound:
        return False
    return policy.may_invite(room, membership)


def _lock_room_of(invitation_id: UUID) -> UUID:
    # The room's lock orders answers: of two, or of an answer and a deletion, the second finds it answered.
    room_id = queries.invitation_room_id(invitation_id)
    log.lock(room_stream(room_id))
    return room_id


def _still_pending(invitation: Invitation) -> Invitation:
    if invitation.is_answered:
        raise InvitationUsed()
    if invitation.is_expired():
        raise InvitationExpired()
    return invitation
