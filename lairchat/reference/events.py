"""docs/protocol/events.md: every kind of frame that tells of a change, with its fields."""

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.shapes import SanctionOutput, UserOutput
from chat.shapes import MessageOutput, ReactionOutput
from lairchat.core.events import registry
from lairchat.reference.words import table, type_in_words
from rooms.shapes import InvitationOutput, MembershipOutput, RoomOutput, SidebarItem

HEAD = """\
# Events

Frames of the [socket](websocket.md) that tell of a change. A stored one is `{"type", "stream", "seq", …fields}`; a
volatile one has no `seq`, and losing it does no harm. The forms are those of the [commands](commands.md#forms).
New kinds and new fields may come at any time: pass over what you do not know.

This page is generated from the code; do not edit it.
"""

# The fields of each kind; a test compares them with real frames.
FIELDS: dict[str, dict[str, Any]] = {
    "user_registered": {"user": UserOutput},
    "profile_updated": {"user": UserOutput},
    "user_sanctioned": {"sanction": SanctionOutput},
    "sanction_lifted": {"sanction": SanctionOutput},
    "session_ended": {"session_id": UUID | None},
    "staff_changed": {},
    "user_joined_room": {"room_id": UUID, "user": UserOutput, "membership": MembershipOutput},
    "user_left_room": {"room_id": UUID, "user_id": UUID, "reason": str, "rev": int},
    "member_role_changed": {
        "room_id": UUID,
        "user_id": UUID,
        "username": str,
        "old_role": str,
        "new_role": str,
        "changed_by": UUID | None,
        "rev": int,
    },
    "member_muted": {"room_id": UUID, "user_id": UUID, "muted_until": datetime | None, "rev": int},
    "room_updated": {"room": RoomOutput, "changed_by": UUID | None},
    "room_deleted": {"room_id": UUID, "room_name": str, "deleted_by": UUID | None},
    "room_gained": {"item": SidebarItem},
    "room_lost": {"room_id": UUID, "reason": str},
    "room_settings_changed": {"room_id": UUID, "notifications": str, "favourite": bool, "rev": int},
    "invitation_received": {"invitation": InvitationOutput},
    "invitation_answered": {"invitation": InvitationOutput},
    "message_received": {"message": MessageOutput},
    "message_edited": {"message": MessageOutput},
    "message_deleted": {"message_id": UUID, "message": MessageOutput, "deleted_by": UUID | None},
    "reactions_changed": {"message_id": UUID, "rev": int, "reactions": list[ReactionOutput]},
    "read_position_changed": {"room_id": UUID, "read_seq": int, "unread": int, "mentions": int, "counted_to": int},
    "unavailable": {"was": str},
}
VOLATILE: dict[str, tuple[str, dict[str, Any]]] = {
    "user_typing": ("Somebody is writing; show it for five seconds.", {"room_id": UUID, "user_id": UUID}),
    "read_up_to": (
        "How far somebody else has read a room.",
        {"room_id": UUID, "user_id": UUID, "read_seq": int},
    ),
    "user_online": ("Somebody one shares a room with is here.", {"user_id": UUID, "username": str}),
    "user_offline": ("Their last connection closed.", {"user_id": UUID, "username": str}),
    "profile_changed": ("Somebody one shares a room with changed their profile or rank.", {"user": UserOutput}),
}
STREAMS = {"room": "Rooms: `room:<id>`", "user": "One person: `user:<own id>`", "site": "Everybody: `site`"}
OF_STREAM = {
    "site": ("staff_changed",),
    "user": (
        "user_registered",
        "profile_updated",
        "user_sanctioned",
        "sanction_lifted",
        "session_ended",
        "room_gained",
        "room_lost",
        "room_settings_changed",
        "invitation_received",
        "invitation_answered",
        "read_position_changed",
    ),
}


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for stream, title in STREAMS.items():
        kinds = [name for name in registry if stream_of(name) == stream]
        rows = ((f"`{name}`", _fields(FIELDS[name]), _meaning(name)) for name in kinds)
        lines += ["", f"## {title}", "", *table(("kind", "fields", "meaning"), rows)]
    lines += ["", "## An entry that cannot be shown any more", ""]
    unavailable = ("`unavailable`", _fields(FIELDS["unavailable"]), "Stands for an entry of the kind `was`.")
    lines += table(("kind", "fields", "meaning"), [unavailable])
    lines += ["", "## Volatile", ""]
    volatile = ((f"`{name}`", _fields(fields), about) for name, (about, fields) in VOLATILE.items())
    lines += table(("kind", "fields", "meaning"), volatile)
    return "\n".join([*lines, ""])


def stream_of(kind: str) -> str:
    """`room`, `user` or `site`."""
    return next((stream for stream, kinds in OF_STREAM.items() if kind in kinds), "room")


def _fields(fields: dict[str, Any]) -> str:
    return ", ".join(f"`{name}` {type_in_words(type_)}" for name, type_ in fields.items())


def _meaning(kind: str) -> str:
    return " ".join((registry[kind].__dict__.get("__doc__") or "").split())
