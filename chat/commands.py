"""What a program may ask of chat: checked input in, the answer's form out."""

from collections.abc import Awaitable
from uuid import UUID

from accounts.actor import Actor, Caller
from accounts.presence import online_ids
from accounts.shapes import UserOutput
from chat import queries
from chat.actions import messages, reactions, receipts
from chat.actions.sends import Sent
from chat.events import ReactionsChanged
from chat.shapes import (
    EditMessageInput,
    GetMessagesInput,
    HistoryAnswer,
    MarkReadInput,
    MessageAnswer,
    MessageIdInput,
    ReactionInput,
    ReactionsAnswer,
    ReadAnswer,
    ReceiptOutput,
    ReceiptsAnswer,
    RevisionOutput,
    RevisionsAnswer,
    RoomIdInput,
    RoomTarget,
    SendMessageInput,
    SentAnswer,
    SidebarAnswer,
    Target,
    TypingInput,
)
from lairchat.core import log
from lairchat.core.commands import Done, Nothing, command, soon
from lairchat.core.errors import Invalid
from lairchat.core.forms import page_limit
from lairchat.core.snapshot import as_of
from rooms.actions.rooms import open_direct_room
from rooms.queries import memberships_of, open_invitations
from rooms.shapes import InvitationOutput
from rooms.sidebar import items_of


def room_of(actor: Actor, target: Target) -> UUID:
    """The room a target means: itself, or the direct conversation with somebody, opened if need be."""
    if isinstance(target, RoomTarget):
        return target.room_id
    return open_direct_room(actor, [target.recipient])[0].room_id


@command("send_message", takes=SendMessageInput, gives=SentAnswer)
def send_message(actor: Actor, data: SendMessageInput) -> SentAnswer:
    """Say something in a room or to a person, once for each nonce."""
    room_id = room_of(actor, data.target)
    return _sent(messages.send_message(actor, room_id, data.content, reply_to=data.reply_to, nonce=data.nonce))


@soon("send_message")
def send_message_soon(caller: Caller, data: SendMessageInput) -> Awaitable[SentAnswer] | None:
    """To a room; a direct conversation may have to be opened first."""
    return _send_soon(caller, data.target.room_id, data) if isinstance(data.target, RoomTarget) else None


async def _send_soon(caller: Caller, room_id: UUID, data: SendMessageInput) -> SentAnswer:
    return _sent(
        await messages.send_message_soon(caller, room_id, data.content, reply_to=data.reply_to, nonce=data.nonce)
    )


def _sent(sent: Sent) -> SentAnswer:
    return SentAnswer(sent.message.id, sent.message.seq, sent.duplicate, sent.message)


@command("edit_message", takes=EditMessageInput, gives=MessageAnswer)
def edit_message(actor: Actor, data: EditMessageInput) -> MessageAnswer:
    """Change what an own message says; what it said before is kept."""
    return MessageAnswer(messages.edit_message(actor, data.message_id, data.content))


@command("delete_message", takes=MessageIdInput, gives=MessageAnswer)
def delete_message(actor: Actor, data: MessageIdInput) -> MessageAnswer:
    """Turn a message into a tombstone."""
    return MessageAnswer(messages.delete_message(actor, data.message_id))


@command("get_message", takes=MessageIdInput, gives=MessageAnswer)
def get_message(actor: Actor, data: MessageIdInput) -> MessageAnswer:
    """One message, with the position it was read at."""
    message = queries.readable_message(actor, data.message_id)
    position = as_of(message.room.stream)
    return MessageAnswer(queries.output(queries.readable_message(actor, data.message_id)), position)


@command("get_revisions", takes=MessageIdInput, gives=RevisionsAnswer)
def get_revisions(actor: Actor, data: MessageIdInput) -> RevisionsAnswer:
    """What a message said before its edits, oldest first."""
    rows = messages.revisions_of(actor, data.message_id)
    return RevisionsAnswer([RevisionOutput(row.content, row.edited_at) for row in rows])


@command("get_messages", takes=GetMessagesInput, gives=HistoryAnswer)
def get_messages(actor: Actor, data: GetMessagesInput) -> HistoryAnswer:
    """A page of a room's history, newest first."""
    window = queries.Window(page_limit(data.limit), data.before, data.after, data.around)
    return queries.history(actor, _target_room(actor, data), window)


def _target_room(actor: Actor, data: GetMessagesInput) -> UUID:
    if data.target is not None:
        return room_of(actor, data.target)
    if data.target_id is None:
        raise Invalid("Validation failed: target_id - it is needed", field="target_id")
    match data.target_type:
        case "room":
            return data.target_id
        case "direct_message" | "dm":
            return open_direct_room(actor, [data.target_id])[0].room_id
    raise Invalid("Validation failed: target_type - must be room or direct_message", field="target_type")


@command("add_reaction", takes=ReactionInput, gives=ReactionsAnswer)
def add_reaction(actor: Actor, data: ReactionInput) -> ReactionsAnswer:
    """Put an emoji under a message."""
    return _reactions(reactions.add_reaction(actor, data.message_id, data.emoji))


@command("remove_reaction", takes=ReactionInput, gives=ReactionsAnswer)
def remove_reaction(actor: Actor, data: ReactionInput) -> ReactionsAnswer:
    """Take an own emoji back."""
    return _reactions(reactions.remove_reaction(actor, data.message_id, data.emoji))


def _reactions(state: ReactionsChanged) -> ReactionsAnswer:
    return ReactionsAnswer(state.message_id, state.rev, state.reactions)


@command("mark_read", takes=MarkReadInput, gives=ReadAnswer)
def mark_read(actor: Actor, data: MarkReadInput) -> ReadAnswer:
    """Move the own read position of a room forward, or back with `unread`."""
    room_id = _named_room(actor, data.room_id, data.target)
    position = receipts.mark_read(actor, room_id, data.seq, up_to=data.up_to, unread=data.unread)
    return ReadAnswer(**position.as_dict(), unread_count=position.unread)


@command("typing", takes=TypingInput, gives=Done, silent=True)
def typing(actor: Actor, data: TypingInput) -> Done:
    """Tell the room that one is writing."""
    receipts.typing(actor, _named_room(actor, data.room_id, data.target))
    return Done()


def _named_room(actor: Actor, room_id: UUID | None, target: Target | None) -> UUID:
    if room_id is not None:
        return room_id
    if target is None:
        raise Invalid("Validation failed: room_id - give room_id or target", field="room_id")
    return room_of(actor, target)


@command("get_receipts", takes=RoomIdInput, gives=ReceiptsAnswer)
def get_receipts(actor: Actor, data: RoomIdInput) -> ReceiptsAnswer:
    """How far each member of a room has read."""
    return ReceiptsAnswer(
        [ReceiptOutput(user_id, read_seq) for user_id, read_seq in queries.receipts(actor, data.room_id)]
    )


@command("get_sidebar", takes=Nothing, gives=SidebarAnswer)
def get_sidebar(actor: Actor, data: Nothing) -> SidebarAnswer:
    """Everything the sidebar shows, with the position of each stream it was read at."""
    me = actor.person
    # Positions come first: whatever changes while the rows are read is repeated by the frames after them (D9).
    positions = {name: stream.head for name, stream in queries.followed(me.id).items()}
    items = [
        item
        for item in items_of(me.id, memberships_of(me.id))
        # What was gained while we read is told by the frame after the own stream's position.
        if log.room_stream(item.room.id) in positions
    ]
    users = {user.id: user for item in items for user in item.people}
    return SidebarAnswer(
        epoch=log.epoch(),
        positions=positions,
        me=UserOutput.own(me),
        rooms=items,
        invitations=[InvitationOutput.of(invitation) for invitation in open_invitations(me.id)],
        online=sorted(online_ids()),
        users=list(users.values()),
    )
