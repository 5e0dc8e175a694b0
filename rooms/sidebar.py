"""One person's rooms as their sidebar shows them. What is unread there is counted by the app of the messages."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from rooms import queries
from rooms.models import Membership
from rooms.shapes import SidebarItem

Counter = Callable[[UUID, list[SidebarItem]], None]
_counters: list[Counter] = []


def count_with(counter: Counter) -> Counter:
    """Decorator for an app above: fills in the person's read positions and counts of the items."""
    _counters.append(counter)
    return counter


def items_of(user_id: UUID, memberships: Sequence[Membership]) -> list[SidebarItem]:
    """The person's rooms with their counts; statements do not grow with the rooms."""
    people = queries.direct_people(direct_ids(memberships))
    items = [SidebarItem.gained(membership, people.get(membership.room_id, ())) for membership in memberships]
    for counter in _counters:
        counter(user_id, items)
    return items


def item_of(membership: Membership) -> SidebarItem:
    return items_of(membership.user_id, [membership])[0]


def direct_ids(memberships: Collection[Membership]) -> list[UUID]:
    return [membership.room_id for membership in memberships if membership.room.is_direct]
