"""Emoji under messages."""

import unicodedata
from uuid import UUID

from accounts.actor import Actor
from chat import queries
from chat.errors import EmojiInvalid, MessageNotFound, TooManyReactions
from chat.events import ReactionsChanged
from chat.models import Message, Reaction
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.events import publish
from rooms.errors import NotRoomMember
from rooms.models import Room

KEYCAP = "\u20e3"  # of "1️⃣": a digit, a variation selector and this


@action(limit="reactions")
def add_reaction(actor: Actor, message_id: UUID, emoji: str) -> ReactionsChanged:
    """Put an emoji under a message; having put it already changes nothing.

    Raises MessageNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed, EmojiInvalid, TooManyReactions.
    """
    message, room = _open_message(actor, message_id)
    check_emoji(emoji)
    if Reaction.objects.filter(message=message, user=actor.person, emoji=emoji).exists():
        return _state(room, message)
    kinds = set(Reaction.objects.filter(message=message).values_list("emoji", flat=True))
    if emoji not in kinds and len(kinds) >= Reaction.KINDS_MAX:
        raise TooManyReactions()
    Reaction.objects.create(message=message, user=actor.person, emoji=emoji)
    return _publish_change(room, message)


@action(limit="reactions")
def remove_reaction(actor: Actor, message_id: UUID, emoji: str) -> ReactionsChanged:
    """Take an own emoji back; not having put it changes nothing.

    Raises MessageNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed.
    """
    message, room = _open_message(actor, message_id)
    gone, _ = Reaction.objects.filter(message=message, user=actor.person, emoji=emoji).delete()
    return _publish_change(room, message) if gone else _state(room, message)


def _open_message(actor: Actor, message_id: UUID) -> tuple[Message, Room]:
    message, room, membership = queries.message_for(actor, message_id, lock=True)
    if membership is None:
        raise NotRoomMember()
    if message.deleted_at is not None:
        raise MessageNotFound()
    queries.require_posting(actor, room, membership)
    return message, room


def _publish_change(room: Room, message: Message) -> ReactionsChanged:
    message.rev = log.take(room.stream)
    message.save(update_fields=["rev"])
    event = _state(room, message)
    event.seq = message.rev
    publish(event)
    return event


def _state(room: Room, message: Message) -> ReactionsChanged:
    reactions = queries.reactions_of([message.id]).get(message.id, [])
    return ReactionsChanged(room.id, message.id, message.rev, reactions)


def check_emoji(emoji: str) -> None:
    """Raises EmojiInvalid for anything but signs: a picture, its modifiers and joiners, or a keycap."""
    if not 1 <= len(emoji) <= Reaction.EMOJI_MAX:
        raise EmojiInvalid()
    categories = {unicodedata.category(sign) for sign in emoji}
    if KEYCAP not in emoji and not categories & {"So", "Sk", "Sm", "Cn"}:
        raise EmojiInvalid()
    if categories & {"Cc", "Cs", "Zs", "Zl", "Zp", "Ll", "Lu", "Lo", "Lm"}:
        raise EmojiInvalid()
