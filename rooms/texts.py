"""What may stand in a room's name, topic and description, and in the reasons given there."""

from lairchat.core.errors import Invalid
from lairchat.core.text import byte_length, fold, has_control, is_deceiving
from rooms.errors import RoomNameInvalid
from rooms.models import Invitation, Room, RoomSanction

NAME_FOLDED_MAX = 128


def clean_name(text: str) -> str:
    """The name without space around it. Raises RoomNameInvalid, with the reason in the original's words."""
    name = text.strip()
    size = byte_length(name)
    if not name:
        raise _bad_name("value cannot be empty")
    if size > Room.NAME_MAX_BYTES:
        raise _bad_name(f"value too long: maximum {Room.NAME_MAX_BYTES}, got {size}")
    if has_control(name) or is_deceiving(name):
        raise _bad_name("invalid format: invisible signs are not allowed")
    if len(fold(name)) > NAME_FOLDED_MAX:  # some single signs fold to twenty
        raise _bad_name("invalid format: too many compound signs")
    return name


def _bad_name(reason: str) -> RoomNameInvalid:
    return RoomNameInvalid(f"Room name invalid: {reason}", field="name")


def clean_topic(text: str) -> str:
    return _clean("topic", text, maximum=Room.TOPIC_MAX)


def clean_description(text: str) -> str:
    return _clean("description", text, maximum=Room.DESCRIPTION_MAX, lines=True)


def clean_invitation_message(text: str) -> str:
    return _clean("message", text, maximum=Invitation.MESSAGE_MAX, lines=True)


def clean_reason(text: str, *, required: bool = True) -> str:
    """Why somebody is sanctioned; the person reads it. Raises Invalid if too short, too long or unreadable."""
    reason = _clean("reason", text, maximum=RoomSanction.REASON_MAX, lines=True)
    if len(reason) < RoomSanction.REASON_MIN and (required or reason):
        raise Invalid(
            f"Validation failed: reason - value too short: minimum {RoomSanction.REASON_MIN}, got {len(reason)}",
            field="reason",
        )
    return reason


def _clean(field: str, text: str, *, maximum: int, lines: bool = False) -> str:
    cleaned = text.strip()
    if len(cleaned) > maximum:
        raise Invalid(
            f"Validation failed: {field} - value too long: maximum {maximum}, got {len(cleaned)}", field=field
        )
    if has_control(cleaned, lines=lines):
        raise Invalid(f"Validation failed: {field} - control characters are not allowed", field=field)
    return cleaned
