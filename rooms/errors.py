"""What can be wrong with rooms; codes and texts of the original where it has them (protocol-v1.md, 6.3)."""

from lairchat.core.errors import Conflict, Forbidden, Invalid, NotFound


class RoomNotFound(NotFound):
    """Unknown, deleted, or one this person may not know of: the answers are the same."""

    code = "room_not_found"
    message = "Room not found"


class InvitationNotFound(NotFound):
    """Unknown, or another person's."""

    code = "invitation_not_found"
    message = "Invitation not found"


class SanctionNotFound(NotFound):
    code = "sanction_not_found"
    message = "Sanction not found"


class NotRoomMember(Forbidden):
    code = "not_room_member"
    message = "Not a member of this room"


class BannedFromRoom(Forbidden):
    code = "banned_from_room"
    message = "Banned from this room"


class RoomMuted(Forbidden):
    code = "muted"
    message = "You are muted in this room"


class ReadOnly(Forbidden):
    code = "read_only"
    message = "This room is read only"


class RoomNameInvalid(Invalid):
    """Empty, too long, or with signs a name cannot have."""

    code = "room_name_invalid"


class RoomNameTaken(Conflict):
    code = "room_name_taken"
    message = "Room name already taken"


class AlreadyMember(Conflict):
    code = "already_member"
    message = "Already a member of this room"


class RoomFull(Conflict):
    code = "room_full"
    message = "Room is full"


class RoomPrivate(Conflict):
    code = "room_private"
    message = "Room requires invitation"


class RoomClosed(Conflict):
    """Archived, or a temporary room after its end: it can be read, nothing more is written."""

    code = "room_closed"
    message = "This room is closed"


class LastOwner(Conflict):
    code = "last_owner"
    message = "Cannot leave as only owner"


class AlreadyInvited(Conflict):
    code = "already_invited"
    message = "Invitation already sent"


class InvitationExpired(Conflict):
    code = "invitation_expired"
    message = "Invitation expired"


class InvitationUsed(Conflict):
    code = "invitation_used"
    message = "Invitation already answered"


class SanctionOver(Conflict):
    """Lifted already, or past its end."""

    code = "sanction_over"
    message = "This is over already"
