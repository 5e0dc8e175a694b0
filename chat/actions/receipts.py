"""How far somebody has read, and that somebody is writing."""

from uuid import UUID

from django.utils import timezone

from accounts.actor import Actor
from chat import queries
from chat.errors import MessageNotFound
from chat.events import ReadPositionChanged
from chat.models import Message, ReadReceipt
from chat.shapes import ReadPosition
from lairchat.core import limits, log
from lairchat.core.action import action
from lairchat.core.errors import Invalid, RateLimited
from lairchat.core.events import announce, publish


@action
def mark_read(
    actor: Actor, room_id: UUID, seq: int | None = None, *, up_to: UUID | None = None, unread: bool = False
) -> ReadPosition:
    """Move the own read position forward to `seq` or the message `up_to`; with `unread`, set it back to just before.

    A position never moves back by itself, and never above the room's head (D12).
    Raises RoomNotFound, NotRoomMember, MessageNotFound, Invalid (neither given).
    """
    room, membership = queries.readable_room(actor, room_id, lock=True)
    if seq is None:
        seq = _seq_of(room_id, up_to) - (1 if unread else 0)
    head = log.heads([room.stream]).get(room.stream, 0)
    before = ReadReceipt.objects.filter(room=room, user=actor.person).values_list("seq", flat=True).first()
    position = membership.joined_seq if before is None else before
    target = max(0, min(seq, head))
    moved = target != position if unread else target > position
    if moved:
        ReadReceipt.objects.update_or_create(
            room=room, user=actor.person, defaults={"seq": target, "at": timezone.now()}
        )
    count = queries.counts(actor.person.id, room.id)[room.id]
    answer = ReadPosition(room.id, count.read_seq, count.unread, count.mentions, count.head)
    if moved:
        publish(ReadPositionChanged(actor.person.id, answer))
        receipt = {"room_id": room.id, "user_id": actor.person.id, "read_seq": target}
        key = f"read:{room.id}:{actor.person.id}"
        announce(room.stream, "read_up_to", receipt, key=key, except_user=actor.person.id)
    return answer


def _seq_of(room_id: UUID, message_id: UUID | None) -> int:
    if message_id is None:
        raise Invalid("Validation failed: seq - give seq or up_to", field="seq")
    seq = Message.objects.filter(pk=message_id, room=room_id).values_list("seq", flat=True).first()
    if seq is None:
        raise MessageNotFound()
    return seq


@action
def typing(actor: Actor, room_id: UUID) -> None:
    """Tell the room that the actor is writing; more often than the limit allows it is dropped without an error.

    Raises RoomNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed.
    """
    room = queries.writable_room(actor, room_id)
    try:
        limits.spend("typing", f"{actor.limit_key}:{room.id}")
    except RateLimited:
        return
    note = {"room_id": room.id, "user_id": actor.person.id}
    announce(room.stream, "user_typing", note, key=f"typing:{room.id}:{actor.person.id}", except_user=actor.person.id)
