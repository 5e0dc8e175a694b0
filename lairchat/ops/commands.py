"""What programs may ask of the server itself."""

from typing import Any

from msgspec import Struct

from accounts.models import User
from accounts.presence import online_ids
from accounts.roles import Permission
from lairchat.core.commands import Nothing, command
from lairchat.core.errors import Forbidden
from lairchat.core.metrics import gauge_at_scrape
from rooms.models import Room


class Stats(Struct):
    """The original's three numbers (protocol-v1.md, 6.5)."""

    total_users: int
    total_rooms: int
    online_users: int


class StatsAnswer(Struct):
    stats: Stats


@command("get_stats", gives=StatsAnswer)
def get_stats(actor: Any, data: Nothing) -> StatsAnswer:
    """How many people, rooms and people online there are. For administrators.

    Raises Forbidden.
    """
    if not actor.allows(Permission.STATS_VIEW):
        raise Forbidden()
    return StatsAnswer(Stats(total_users(), total_rooms(), online_users()))


def total_users() -> int:
    return User.objects.count()


def total_rooms() -> int:
    return Room.objects.filter(deleted_at=None).exclude(kind=Room.Kind.DIRECT).count()


def online_users() -> int:
    return len(online_ids())


gauge_at_scrape("lair_chat_online_users", "People with an open socket.", online_users)
gauge_at_scrape("lair_chat_total_users", "Accounts.", total_users)
gauge_at_scrape("lair_chat_total_rooms", "Rooms, without direct conversations.", total_rooms)
