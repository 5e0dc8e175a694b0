"""Saying, changing and removing."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from accounts import audit
from accounts.actor import Actor, Caller
from chat import queries
from chat.actions.mentions import store_mentions
from chat.actions.sends import Send, Sent, store_messages
from chat.errors import ContentInvalid, MessageNotFound, NonceInvalid, NotMessageAuthor
from chat.events import MessageDeleted, MessageEdited
from chat.models import Mention, Message, Reaction, Revision
from chat.policy import may_delete_message, may_edit_message
from chat.shapes import MessageOutput
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Forbidden
from lairchat.core.events import publish
from lairchat.core.ids import uuid7
from lairchat.core.text import byte_length, has_control
from rooms.errors import NotRoomMember
from rooms.models import Membership, Room
from rooms.roles import RoomRole

audit.records_refusals("delete_message")


def send_message(
    actor: Actor, room_id: UUID, content: str, *, reply_to: UUID | None = None, nonce: str | None = None
) -> Sent:
    """Say something in a room, once for each nonce (D2).

    Raises RoomNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed, ContentInvalid, NonceInvalid, NonceConflict,
    MessageNotFound (of `reply_to`), RateLimited.
    """
    return store_messages(send_of(actor, room_id, content, reply_to, nonce))


async def send_message_soon(
    caller: Caller, room_id: UUID, content: str, *, reply_to: UUID | None = None, nonce: str | None = None
) -> Sent:
    """The same for a socket: no thread waits while the writer lane stores it with what others say."""
    return await store_messages.soon(send_of(caller, room_id, content, reply_to, nonce))


def send_of(actor: Actor | Caller, room_id: UUID, content: str, reply_to: UUID | None, nonce: str | None) -> Send:
    """Everything about a send that needs no database. Raises ContentInvalid, NonceInvalid."""
    check_content(content)
    nonce = uuid7().hex if nonce is None else checked_nonce(nonce)
    return Send(actor, room_id, content, reply_to, nonce, digest_of(content, reply_to))


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
    store_mentions([message])
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
