"""How far somebody has read, and that somebody is writing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from msgspec import Struct

from accounts.actor import Actor
from chat import queries
from chat.errors import MessageNotFound
from chat.events import ReadPositionChanged
from chat.models import Message, ReadReceipt
from chat.shapes import ReadPosition
from lairchat.core import limits, log
from lairchat.core.action import action
from lairchat.core.batch import batched
from lairchat.core.errors import DomainError, Invalid, RateLimited
from lairchat.core.events import announce, publish
from lairchat.core.log import room_stream
from lairchat.core.prepared import Insert
from rooms.models import Membership

_POSITIONS = Insert(
    ReadReceipt,
    "room_id",
    "user_id",
    "seq",
    "at",
    on_conflict="ON CONFLICT (room_id, user_id) DO UPDATE SET seq = excluded.seq, at = excluded.at",
)

Place = tuple[UUID, UUID]  # a person and a room


class Read(Struct, frozen=True):
    """Up to where somebody says they have read: a seq or a message. With `unread`, from where they have not."""

    actor: Actor
    room_id: UUID
    seq: int | None
    up_to: UUID | None
    unread: bool


def mark_read(
    actor: Actor, room_id: UUID, seq: int | None = None, *, up_to: UUID | None = None, unread: bool = False
) -> ReadPosition:
    """Move the own read position forward to `seq` or the message `up_to`; with `unread`, set it back to just before.

    A position never moves back by itself, and never above the room's head (D12).
    Raises RoomNotFound, NotRoomMember, MessageNotFound, Invalid (neither given).
    """
    return store_positions(Read(actor, room_id, seq, up_to, unread))


@batched
def store_positions(reads: Sequence[Read]) -> list[ReadPosition | DomainError]:
    """Move read positions; each person's other devices and the room hear only where one moved."""
    streams = {room_stream(read.room_id) for read in reads}
    log.lock_each(streams)
    found = queries.readers([(read.actor, read.room_id) for read in reads])
    heads = log.heads(list(streams))
    messages = _seqs_of(reads)
    places = {_place(read): member for read, member in zip(reads, found, strict=True) if isinstance(member, Membership)}
    before = queries.positions_of(places)
    positions = {place: before.get(place, member.joined_seq) for place, member in places.items()}
    moved: dict[Place, datetime] = {}
    refusals: list[DomainError | None] = []
    for read, member in zip(reads, found, strict=True):
        target = member if isinstance(member, DomainError) else _target(read, messages)
        refusals.append(target if isinstance(target, DomainError) else None)
        if isinstance(target, DomainError):
            continue
        place, target = _place(read), max(0, min(target, heads.get(room_stream(read.room_id), 0)))
        if target > positions[place] or (read.unread and target != positions[place]):
            positions[place], moved[place] = target, timezone.now()
    _POSITIONS((room_id, user_id, positions[user_id, room_id], at) for (user_id, room_id), at in moved.items())
    answers = _answers(places)
    for place in moved:
        _tell(place, answers[place])
    return [refusal or answers[_place(read)] for read, refusal in zip(reads, refusals, strict=True)]


def _place(read: Read) -> Place:
    return read.actor.person.id, read.room_id


def _seqs_of(reads: Sequence[Read]) -> dict[UUID, tuple[UUID, int]]:
    """Room and seq of each message that is named; at most one statement."""
    wanted = {read.up_to for read in reads if read.seq is None and read.up_to is not None}
    rows = Message.objects.filter(pk__in=wanted).values_list("pk", "room_id", "seq") if wanted else ()
    return {id_: (room_id, seq) for id_, room_id, seq in rows}


def _target(read: Read, messages: dict[UUID, tuple[UUID, int]]) -> int | DomainError:
    if read.seq is not None:
        return read.seq
    if read.up_to is None:
        return Invalid("Validation failed: seq - give seq or up_to", field="seq")
    room_id, seq = messages.get(read.up_to, (None, 0))
    if room_id != read.room_id:
        return MessageNotFound()
    return seq - (1 if read.unread else 0)


def _answers(places: dict[Place, Membership]) -> dict[Place, ReadPosition]:
    counts = queries.counts_of(places)
    return {
        (user_id, room_id): ReadPosition(room_id, count.read_seq, count.unread, count.mentions, count.head)
        for (user_id, room_id), count in counts.items()
    }


def _tell(place: Place, answer: ReadPosition) -> None:
    user_id, room_id = place
    publish(ReadPositionChanged(user_id, answer))
    receipt = {"room_id": room_id, "user_id": user_id, "read_seq": answer.read_seq}
    announce(room_stream(room_id), "read_up_to", receipt, key=f"read:{room_id}:{user_id}", except_user=user_id)


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
