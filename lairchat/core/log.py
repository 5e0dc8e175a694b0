"""The log: numbers taken in the transaction of the change, so that order is commit order without holes (D3)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from lairchat.core.models import Epoch, Stream, StreamEntry
from lairchat.core.prepared import Insert, listed

SITE = "site"

_ENTRIES = Insert(StreamEntry, "stream_id", "seq", "type", "refs", "at")


def room_stream(room_id: UUID | str) -> str:
    return f"room:{room_id}"


def user_stream(user_id: UUID | str) -> str:
    return f"user:{user_id}"


def lock(name: str) -> None:
    """Hold the stream's row until the transaction ends: rights checked after this are ordered against its changes."""
    if connection.features.has_select_for_update:
        Stream.objects.select_for_update().filter(name=name).values_list("head").first()


def lock_each(names: Collection[str]) -> None:
    """The same for several streams, in name order: two who lock several cannot wait for each other; one statement."""
    if connection.features.has_select_for_update:
        list(Stream.objects.select_for_update().filter(name__in=names).order_by("name").values_list("head"))


def take(name: str) -> int:
    """The next seq of the stream, which begins with its first one. A rollback gives the number back.

    On PostgreSQL the stream's row stays locked until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_stream (name, head, floor) VALUES (%s, 1, 1)"
            " ON CONFLICT (name) DO UPDATE SET head = core_stream.head + 1 RETURNING head",
            [name],
        )
        return cursor.fetchone()[0]


def take_each(counts: Mapping[str, int]) -> dict[str, int]:
    """Take so many numbers of each stream; answers the last of each. One statement for every 300 streams.

    The streams are locked in name order: two takers of several cannot wait for each other.
    """
    last: dict[str, int] = {}
    ordered = sorted(counts.items())
    with connection.cursor() as cursor:
        for start in range(0, len(ordered), 300):
            batch = ordered[start : start + 300]
            rows = ", ".join(["(%s, %s, 1)"] * len(batch))
            cursor.execute(
                f"INSERT INTO core_stream (name, head, floor) VALUES {rows}"  # noqa: S608
                " ON CONFLICT (name) DO UPDATE SET head = core_stream.head + excluded.head RETURNING name, head",
                [value for row in batch for value in row],
            )
            last.update(cursor.fetchall())
    return last


def append(rows: Iterable[tuple[str, int, str, dict[str, Any]]]) -> None:
    """Write entries `(stream, seq, type, refs)` whose numbers were taken in this transaction; one statement."""
    now = timezone.now()
    _ENTRIES((stream, seq, type_, refs, now) for stream, seq, type_, refs in rows)


_HEADS = "SELECT name, head FROM core_stream WHERE name IN (VALUES {wanted})"


def heads(names: Sequence[str]) -> dict[str, int]:
    """Highest seq of each named stream that exists; one statement."""
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(*listed(_HEADS, [[name] for name in names]))
        return dict(cursor.fetchall())


def bounds(names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """`(head, floor)` of each named stream that exists; one statement."""
    rows = Stream.objects.filter(name__in=names).values_list("name", "head", "floor")
    return {name: (head, floor) for name, head, floor in rows}


def entries(name: str, after: int, upto: int, limit: int) -> list[StreamEntry]:
    """Entries with `after` < seq ≤ `upto`, in order, at most `limit`."""
    return list(StreamEntry.objects.filter(stream=name, seq__gt=after, seq__lte=upto).order_by("seq")[:limit])


_epoch: str | None = None


def known_epoch() -> str:
    """The epoch as this process first read it: the same for all its life, since a restore needs a restart."""
    global _epoch
    if _epoch is None:
        _epoch = epoch()
    return _epoch


def epoch() -> str:
    """The name of this database's history, made when first asked for; one statement."""
    value = Epoch.objects.filter(pk=1).values_list("value", flat=True).first()
    if value is not None:
        return value
    return Epoch.objects.get_or_create(pk=1, defaults={"value": str(uuid4())})[0].value


def begin_epoch() -> str:
    """Give this database's history a new name, after a backup took it back: every client then reads everything again
    (F11). Running servers know the old name, so there must be none."""
    value = str(uuid4())
    Epoch.objects.update_or_create(pk=1, defaults={"value": value})
    return value


def prune(name: str, *, keep_entries: int, older_than: Any, at_most: int = 1000) -> int:
    """Drop the oldest entries, never the last `keep_entries` nor one not older than `older_than`; raise the floor (D8).

    Returns how many of `at_most` went: a long past goes in several short transactions.
    """
    with transaction.atomic():
        lock(name)
        head = Stream.objects.values_list("head", flat=True).get(name=name)
        oldest = StreamEntry.objects.filter(stream=name, seq__lte=head - keep_entries).order_by("seq")
        doomed = takewhile(lambda row: row[1] < older_than, oldest.values_list("seq", "at")[:at_most])
        last = max((seq for seq, _ in doomed), default=None)
        if last is None:
            return 0
        gone, _ = StreamEntry.objects.filter(stream=name, seq__lte=last).delete()
        Stream.objects.filter(name=name).update(floor=last + 1)
        return gone
