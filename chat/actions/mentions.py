"""Who is named in a message."""

import re
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from chat.models import Mention, Message
from lairchat.core.prepared import Insert
from lairchat.core.text import fold
from rooms.models import Membership

MENTION = re.compile(r"(?<![\w@])@(\w{3,32})")
MENTIONS_MAX = 50  # of different people in one message

_MENTIONS = Insert(Mention, "message_id", "user_id", "room_id", "seq")


def store_mentions(messages: Sequence[Message]) -> dict[UUID, list[UUID]]:
    """Rows for the members named in each text; none for the author. By message; at most two statements."""
    named = {message: _names_in(message.content) for message in messages}
    mentioned: dict[UUID, list[UUID]] = defaultdict(list)
    wanted = {name for names in named.values() for name in names}
    if not wanted:
        return mentioned
    rooms = {message.room_id for message, names in named.items() if names}
    members: dict[UUID, dict[str, UUID]] = defaultdict(dict)
    found = Membership.objects.filter(room__in=rooms, user__username_folded__in=wanted).order_by("id")
    for room_id, name, user_id in found.values_list("room_id", "user__username_folded", "user_id"):
        members[room_id][name] = user_id
    for message, names in named.items():
        here = members[message.room_id].items()
        mentioned[message.id] = [id_ for name, id_ in here if name in names and id_ != message.author_id]
    _MENTIONS(
        (message.id, user_id, message.room_id, message.seq) for message in messages for user_id in mentioned[message.id]
    )
    return mentioned


def _names_in(content: str) -> set[str]:
    names = {fold(name) for name in MENTION.findall(content)} if "@" in content else set()
    return names if len(names) <= MENTIONS_MAX else set()
