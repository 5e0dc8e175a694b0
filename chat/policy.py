"""Who may do what with messages: pure questions about objects in hand (rights table of docs/architecture/rights.md)."""

from accounts.actor import Actor
from accounts.roles import Permission
from chat.models import Message
from rooms.models import Membership, Room
from rooms.roles import RoomPermission, RoomRole


def may_edit_message(actor: Actor, message: Message) -> bool:
    """The author, and nobody else whatever their rank (note 8). That they still read the room the fetch has shown."""
    return actor.user_id is not None and message.author_id == actor.user_id


def may_delete_message(
    actor: Actor, message: Message, room: Room, membership: Membership | None, author_role: RoomRole | None
) -> bool:
    """The author; the room's moderators, but an owner's only owners (note 9); staff in public rooms (note 4)."""
    if membership is not None and message.author_id == actor.user_id:
        return True
    if membership is not None and membership.allows(RoomPermission.REMOVE_MESSAGES):
        return author_role is not RoomRole.OWNER or membership.room_role is RoomRole.OWNER
    is_public = room.kind == Room.Kind.CHANNEL and room.privacy == Room.Privacy.PUBLIC
    return is_public and actor.allows(Permission.MESSAGE_REMOVE)
