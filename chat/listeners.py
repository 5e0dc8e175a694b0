"""What chat adds to the apps below it: counts for the sidebar's items."""

from uuid import UUID

from chat import queries
from rooms.shapes import SidebarItem
from rooms.sidebar import count_with


@count_with
def count_unread(user_id: UUID, items: list[SidebarItem]) -> None:
    """Fill in read positions and counts; one statement, for one item or for all."""
    counts = queries.counts(user_id, items[0].room.id if len(items) == 1 else None)
    for item in items:
        count = counts.get(item.room.id)
        if count is not None:
            item.read_seq, item.unread, item.mentions = count.read_seq, count.unread, count.mentions
            item.counted_to, item.last_message_at = count.head, count.last_message_at
