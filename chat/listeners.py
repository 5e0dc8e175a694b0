"""What chat adds to the apps below it: counts for the sidebar's items, and where somebody begins to read."""

from uuid import UUID

from chat import queries
from chat.models import ReadReceipt
from lairchat.core.events import listen
from rooms.events import UserJoinedRoom
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


@listen(UserJoinedRoom)
def begin_at_the_entry(event: UserJoinedRoom) -> None:
    """Whoever comes back has nothing unread from before, as `room_gained` tells their clients (D12)."""
    ReadReceipt.objects.filter(room=event.room_id, user=event.user).delete()
