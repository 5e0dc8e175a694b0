"""The forms of messages on the wire."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts.shapes import UserOutput
from chat.models import Message
from lairchat.core.snapshot import AsOf
from rooms.shapes import InvitationOutput, SidebarItem


class RoomTarget(Struct, tag_field="type", tag="room"):
    room_id: UUID


class DmTarget(Struct, tag_field="type", tag="dm"):
    recipient: UUID


class DirectMessageTarget(Struct, tag_field="type", tag="direct_message"):
    recipient: UUID


Target = RoomTarget | DmTarget | DirectMessageTarget


class SendMessageInput(Struct):
    target: Target
    content: str
    reply_to: UUID | None = None
    nonce: str | None = None


class EditMessageInput(Struct):
    message_id: UUID
    content: str


class MessageIdInput(Struct):
    message_id: UUID


class ReactionInput(Struct):
    message_id: UUID
    emoji: str


class MarkReadInput(Struct):
    """`seq` or `up_to` (a message id); `unread` sets the position back to it."""

    room_id: UUID | None = None
    target: Target | None = None
    seq: Annotated[int, Meta(ge=0)] | None = None
    up_to: UUID | None = None
    unread: bool = False


class TypingInput(Struct):
    room_id: UUID | None = None
    target: Target | None = None


class GetMessagesInput(Struct):
    """Which page of a room's history: at most one of `before`, `after`, `around`, all seqs."""

    target: Target | None = None
    target_type: str | None = None
    target_id: UUID | None = None
    limit: int = 50
    before: int | None = None
    after: int | None = None
    around: int | None = None


class RoomIdInput(Struct):
    room_id: UUID


class ReactionOutput(Struct):
    emoji: str
    user_ids: list[UUID]


class TargetOutput(Struct):
    type: str
    room_id: UUID


class MessageOutput(Struct):
    """A message, the same for every reader. A tombstone has `deleted_at` and nothing of what it said."""

    id: UUID
    room_id: UUID
    seq: int
    rev: int
    kind: str
    author: UUID | None
    target: TargetOutput
    content: str
    edited: bool
    edited_at: datetime | None
    deleted_at: datetime | None
    deleted_by: UUID | None
    reply_to: UUID | None
    mentions: list[UUID]
    reactions: list[ReactionOutput]
    nonce: str
    created_at: datetime

    @classmethod
    def of(
        cls, message: Message, mentions: Iterable[UUID] = (), reactions: list[ReactionOutput] | None = None
    ) -> "MessageOutput":
        return cls(
            id=message.id,
            room_id=message.room_id,
            seq=message.seq,
            rev=message.rev,
            kind=message.kind,
            author=message.author_id,
            target=TargetOutput("room", message.room_id),
            content=message.content,
            edited=message.edited_at is not None,
            edited_at=message.edited_at,
            deleted_at=message.deleted_at,
            deleted_by=message.deleted_by_id,
            reply_to=message.reply_to_id,
            mentions=list(mentions),
            reactions=reactions or [],
            nonce=message.nonce,
            created_at=message.created_at,
        )


class SentAnswer(Struct):
    id: UUID
    seq: int
    duplicate: bool
    message: MessageOutput


class MessageAnswer(Struct):
    message: MessageOutput
    as_of: AsOf | UnsetType = UNSET


class ReactionsAnswer(Struct):
    message_id: UUID
    rev: int
    reactions: list[ReactionOutput]


class ReadPosition(Struct):
    """`unread` and `mentions` are exact for the room's stream at `counted_to`, capped at 100."""

    room_id: UUID
    read_seq: int
    unread: int
    mentions: int
    counted_to: int

    def as_dict(self) -> dict[str, Any]:
        return {field: getattr(self, field) for field in self.__struct_fields__}


class ReadAnswer(Struct):
    room_id: UUID
    read_seq: int
    unread: int
    mentions: int
    counted_to: int
    unread_count: int


class HistoryAnswer(Struct):
    """A page, newest first; `related` holds messages of other pages that these reply to, `users` everybody named."""

    messages: list[MessageOutput]
    has_more: bool
    has_older: bool
    has_newer: bool
    related: list[MessageOutput]
    users: list[UserOutput]
    as_of: AsOf


class RevisionOutput(Struct):
    content: str
    edited_at: datetime


class RevisionsAnswer(Struct):
    revisions: list[RevisionOutput]


class ReceiptOutput(Struct):
    user_id: UUID
    read_seq: int


class ReceiptsAnswer(Struct):
    receipts: list[ReceiptOutput]


class SidebarAnswer(Struct):
    """Everything the sidebar shows, with the position of each stream it was read at."""

    epoch: str
    positions: dict[str, int]
    me: UserOutput
    rooms: list[SidebarItem]
    invitations: list[InvitationOutput]
    online: list[UUID]
    users: list[UserOutput]
