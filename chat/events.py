"""What happens to messages and read positions. Each is rendered from the row as it is now (D5)."""

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

from chat import queries
from chat.models import Message
from chat.shapes import MessageOutput, ReactionOutput, ReadPosition
from lairchat.core.events import Event, register
from lairchat.core.log import room_stream, user_stream
from lairchat.core.models import StreamEntry


def current(entries: Sequence[StreamEntry]) -> dict[str, MessageOutput]:
    """The messages that entries refer to, as they are now; three statements."""
    ids = {entry.refs["message"] for entry in entries}
    found = queries.outputs(list(Message.objects.filter(pk__in=ids)))
    return {str(message.id): message for message in found}


class MessageEvent(Event):
    """Something that shows a whole message."""

    def __init__(self, message: MessageOutput) -> None:
        self.message = message

    def stream(self) -> str:
        return room_stream(self.message.room_id)

    def refs(self) -> dict[str, Any]:
        return {"message": str(self.message.id)}

    def payload(self) -> dict[str, Any]:
        return {"message": self.message}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        messages = current(entries)
        found = (messages.get(entry.refs["message"]) for entry in entries)
        return [None if message is None else cls(message) for message in found]


@register
class MessageReceived(MessageEvent):
    """Somebody said something."""

    type = "message_received"


@register
class MessageEdited(MessageEvent):
    """The author changed what a message says."""

    type = "message_edited"


@register
class MessageDeleted(MessageEvent):
    """A message became a tombstone."""

    type = "message_deleted"

    def payload(self) -> dict[str, Any]:
        return {"message_id": self.message.id, "message": self.message, "deleted_by": self.message.deleted_by}


@register
class ReactionsChanged(Event):
    """A message's reactions, all of them, after one was added or removed."""

    type = "reactions_changed"

    def __init__(self, room_id: UUID, message_id: UUID, rev: int, reactions: list[ReactionOutput]) -> None:
        self.room_id, self.message_id, self.rev, self.reactions = room_id, message_id, rev, reactions

    def stream(self) -> str:
        return room_stream(self.room_id)

    def refs(self) -> dict[str, Any]:
        return {"message": str(self.message_id)}

    def payload(self) -> dict[str, Any]:
        return {"message_id": self.message_id, "rev": self.rev, "reactions": self.reactions}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        messages = current(entries)
        found = (messages.get(entry.refs["message"]) for entry in entries)
        return [
            None if message is None else cls(message.room_id, message.id, message.rev, message.reactions)
            for message in found
        ]


@register
class ReadPositionChanged(Event):
    """How far the person has read a room, for their other devices."""

    type = "read_position_changed"

    def __init__(self, user_id: UUID, position: ReadPosition) -> None:
        self.user_id, self.position = user_id, position

    def stream(self) -> str:
        return user_stream(self.user_id)

    def refs(self) -> dict[str, Any]:
        return {"room": str(self.position.room_id)}

    def payload(self) -> dict[str, Any]:
        return self.position.as_dict()

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Self | None]:
        user_id = UUID(entries[0].stream_id.removeprefix("user:"))
        counts = queries.counts(user_id)
        loaded: list[Self | None] = []
        for entry in entries:
            room_id = UUID(entry.refs["room"])
            count = counts.get(room_id)
            position = count and ReadPosition(room_id, count.read_seq, count.unread, count.mentions, count.head)
            loaded.append(cls(user_id, position) if position else None)
        return loaded
