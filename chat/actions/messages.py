"""Saying, changing and removing."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from chat import queries
from chat.errors import ContentInvalid, MessageNotFound, NonceConflict, NonceInvalid, NotMessageAuthor
from chat.events import MessageDeleted, MessageEdited, MessageReceived
from chat.models import Mention, Message, Reaction, Revision
from chat.policy import may_delete_message, may_edit_message
from chat.shapes import MessageOutput
from lairchat.core import limits, log
from lairchat.core.action import action, database_errors
from lairchat.core.errors import Forbidden
from lairchat.core.events import publish
from lairchat.core.ids import uuid7
from lairchat.core.metrics import DUPLICATES
from lairchat.core.text import byte_length, fold, has_control
from rooms.errors import NotRoomMember
from rooms.models import Membership, Room
from rooms.roles import RoomRole

MENTION = re.compile(r"(?<![\w@])@(\w{3,32})")
MENTIONS_MAX = 50  # of different people in one message

audit.records_refusals("delete_message")


class Sent(NamedTuple):
    message: MessageOutput
    duplicate: bool


def send_message(
    actor: Actor, room_id: UUID, content: str, *, reply_to: UUID | None = None, nonce: str | None = None
) -> Sent:
    """Say something in a room, once for each nonce (D2).

    Raises RoomNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed, ContentInvalid, NonceInvalid, NonceConflict,
    MessageNotFound (of `reply_to`), RateLimited.
    """
    check_content(content)
    nonce = uuid7().hex if nonce is None else checked_nonce(nonce)
    digest = digest_of(content, reply_to)
    with database_errors():
        # In this order: somebody who was removed is refused, a repeat costs nothing, and only then the limit is spent.
        room = queries.writable_room(actor, room_id)
        earlier = earlier_send(actor, room.id, nonce, digest)
    if earlier is not None:
        return earlier
    limits.spend("send", actor.limit_key)
    return _store_message(actor, room_id, content, reply_to, nonce, digest)


@action
def _store_message(actor: Actor, room_id: UUID, content: str, reply_to: UUID | None, nonce: str, digest: str) -> Sent:
    """The locked half of `send_message`: everything was true a moment ago and is asked again under the lock."""
    room = queries.writable_room(actor, room_id, lock=True)
    earlier = earlier_send(actor, room.id, nonce, digest)
    if earlier is not None:
        return earlier
    limits.spend("room_send", room.id)
    if reply_to is not None and not Message.objects.filter(pk=reply_to, room=room).exists():
        raise MessageNotFound()
    seq = log.take(room.stream)
    message = Message(
        room=room,
        author=actor.person,
        seq=seq,
        rev=seq,
        nonce=nonce,
        digest=digest,
        content=content,
        reply_to_id=reply_to,
        created_at=next_moment(room),
    )
    message.save(force_insert=True)
    mentions = store_mentions(message)
    output = MessageOutput.of(message, mentions)
    event = MessageReceived(output)
    event.seq = seq
    publish(event)
    return Sent(output, duplicate=False)


def check_content(content: str) -> None:
    """Raises ContentInvalid for what cannot be said: nothing, too much, or control characters."""
    if not content.strip():
        raise ContentInvalid("Content invalid: value cannot be empty")
    length = byte_length(content)
    if length > Message.MAX_BYTES:
        raise ContentInvalid(f"Content invalid: value too long: maximum {Message.MAX_BYTES}, got {length}")
    if has_control(content, lines=True):
        raise ContentInvalid("Content invalid: invalid format: control characters are not allowed")


def checked_nonce(nonce: str) -> str:
    if not 1 <= len(nonce) <= Message.NONCE_MAX or has_control(nonce):
        raise NonceInvalid()
    return nonce


def digest_of(content: str, reply_to: UUID | None) -> str:
    """What a repeat must equal: the text and what it answers."""
    return hashlib.sha256(f"{reply_to}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def earlier_send(actor: Actor, room_id: UUID, nonce: str, digest: str) -> Sent | None:
    """A step of sending: what this nonce already made, if anything. Raises NonceConflict if that says otherwise."""
    message = queries.message_of_nonce(actor.person.id, room_id, nonce)
    if message is None:
        return None
    if message.digest != digest:
        raise NonceConflict()
    DUPLICATES.inc()
    return Sent(queries.output(message), duplicate=True)


def next_moment(room: Room) -> datetime:
    """Now, but never before the room's last message, whatever the clock did (F7)."""
    now = timezone.now()
    last = queries.last_moment(room.id)
    return now if last is None else max(now, last)


def store_mentions(message: Message) -> list[UUID]:
    """Rows for the members named in the text; none for the author. At most two statements."""
    names = {fold(name) for name in MENTION.findall(message.content)}
    if not names or len(names) > MENTIONS_MAX:
        return []
    members = Membership.objects.filter(room=message.room_id, user__username_folded__in=names)
    user_ids = list(members.exclude(user=message.author_id).order_by("id").values_list("user_id", flat=True))
    Mention.objects.bulk_create(
        Mention(message=message, user_id=user_id, room_id=message.room_id, seq=message.seq) for user_id in user_ids
    )
    return user_ids


@action(limit="edits")
def edit_message(actor: Actor, message_id: UUID, content: str) -> MessageOutput:
    """Change what an own message says; what it said before is kept.

    Raises MessageNotFound, NotRoomMember, NotMessageAuthor, ContentInvalid, Muted, ReadOnly, RoomClosed.
    """
    message, room, membership = queries.message_for(actor, message_id, lock=True)
    if membership is None:
        raise NotRoomMember()
    if message.deleted_at is not None:
        raise MessageNotFound()
    if not may_edit_message(actor, message):
        raise NotMessageAuthor()
    queries.require_posting(actor, room, membership)
    check_content(content)
    if content == message.content:
        return queries.output(message)
    Revision.objects.create(message=message, content=message.content)
    message.rev = log.take(room.stream)
    message.content, message.edited_at = content, timezone.now()
    message.save(update_fields=["rev", "content", "edited_at"])
    Mention.objects.filter(message=message).delete()
    store_mentions(message)
    return published(MessageEdited(queries.output(message)))


@action
def delete_message(actor: Actor, message_id: UUID, *, reason: str = "") -> MessageOutput:
    """Turn a message into a tombstone. Its text stays in a revision, shown to nobody, until it is purged.

    Raises MessageNotFound, NotRoomMember, Forbidden. Deleting a tombstone changes nothing.
    """
    message, room, membership = queries.message_for(actor, message_id, lock=True)
    if not may_delete_message(actor, message, room, membership, author_role(message, room, membership)):
        raise NotRoomMember() if membership is None else Forbidden()
    if message.deleted_at is not None:
        return queries.output(message)
    Revision.objects.create(message=message, content=message.content)
    message.rev = log.take(room.stream)
    message.content = ""
    message.deleted_at, message.deleted_by = timezone.now(), actor.user
    message.save(update_fields=["rev", "content", "deleted_at", "deleted_by"])
    Mention.objects.filter(message=message).delete()
    Reaction.objects.filter(message=message).delete()
    if message.author_id != actor.user_id:
        audit.record(actor, "message.remove", message, room_id=room.id, reason=reason)
    return published(MessageDeleted(MessageOutput.of(message)))


def author_role(message: Message, room: Room, membership: Membership | None) -> RoomRole | None:
    """The rank of a message's author in the room now; only asked where it decides."""
    if membership is None or message.author_id == membership.user_id:
        return None
    author = Membership.objects.filter(room=room, user=message.author_id).first()
    return author.room_role if author else None


def published(event: MessageEdited | MessageDeleted) -> MessageOutput:
    """Publish under the number the row already carries."""
    event.seq = event.message.rev
    publish(event)
    return event.message


def revisions_of(actor: Actor, message_id: UUID) -> Sequence[Revision]:
    """What a message said before, oldest first. Raises MessageNotFound, NotRoomMember."""
    message = queries.readable_message(actor, message_id)
    if message.deleted_at is not None:
        raise MessageNotFound()
    return list(message.revisions.all())
