"""Very many messages, written straight into the tables: for measuring what a large database costs.

The rows are those the actions would have left: each message with its entry, heads at the last seq, no holes. People
and rooms must exist. No event is published; run it while no server serves the database, or restart that afterwards.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from lairchat.core import log
from lairchat.core.log import room_stream

BATCH = 20_000
ANSWERS = 0.15  # share of messages that answer one of the few before
MESSAGE = "chat_message (id, room_id, author_id, seq, rev, nonce, digest, content, reply_to_id, created_at, kind)"
ENTRY = "core_streamentry (stream_id, seq, refs, at, type)"
KINDS = {MESSAGE: "text", ENTRY: "message_received"}  # the last column, the same in every row


@dataclass(frozen=True)
class Talk:
    """A room to fill: by whom, with which texts, and how many messages."""

    room_id: UUID
    authors: Sequence[UUID]
    texts: Sequence[str]
    count: int


def load(talks: Sequence[Talk], random: Random, *, days: int = 365) -> None:
    """Write the messages of all rooms in one transaction, their times spread evenly up to now."""
    with transaction.atomic(), _indexes_made_afterwards():
        for talk in talks:
            if talk.count:
                _load(talk, random, days)


@contextmanager
def _indexes_made_afterwards() -> Iterator[None]:
    """On SQLite one sort per index at the end is twice as fast as a million insertions into each."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size = -200000")
        cursor.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('chat_message', 'core_streamentry')"
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, sql in indexes:
            cursor.execute(sql)


def _load(talk: Talk, random: Random, days: int) -> None:
    stream = room_stream(talk.room_id)
    log.lock(stream)
    head = log.heads([stream]).get(stream, 0)
    begin = timezone.now() - timedelta(days=days)
    step = timedelta(days=days) / talk.count
    with connection.cursor() as cursor:
        messages: list[tuple[Any, ...]] = []
        entries: list[tuple[Any, ...]] = []
        for message, entry in _rows(talk, random, stream, head, begin, step):
            messages.append(message)
            entries.append(entry)
            if len(messages) == BATCH:
                _write(cursor, MESSAGE, messages)
                _write(cursor, ENTRY, entries)
                messages, entries = [], []
        _write(cursor, MESSAGE, messages)
        _write(cursor, ENTRY, entries)
        cursor.execute("UPDATE core_stream SET head = %s WHERE name = %s", [head + talk.count, stream])


def _write(cursor: Any, table: str, rows: list[tuple[Any, ...]]) -> None:
    kind = KINDS[table]
    if connection.vendor == "postgresql":
        # COPY: five times as fast as INSERT.
        with cursor.cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row((*row, kind))
    elif rows:
        places = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO {table} VALUES ({places}, '{kind}')", rows)  # noqa: S608


def _rows(
    talk: Talk, random: Random, stream: str, head: int, begin: datetime, step: timedelta
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    # Names of this function, not of the connection: a million rows pass here.
    stored, adapted = _uuid_adapter(), connection.ops.adapt_datetimefield_value
    room, authors = stored(talk.room_id), [stored(author) for author in talk.authors]
    texts = [(text, _digest(None, text)) for text in talk.texts]
    recent: list[UUID] = []
    at = begin
    for seq in range(head + 1, head + talk.count + 1):
        at += step
        id_ = _uuid7(at, random)
        text, digest = random.choice(texts)
        reply_to = None
        if random.random() < ANSWERS and recent:
            answered = random.choice(recent)
            reply_to, digest = stored(answered), _digest(answered, text)
        moment = adapted(at)
        yield (
            (stored(id_), room, random.choice(authors), seq, seq, id_.hex, digest, text, reply_to, moment),
            (stream, seq, f'{{"message": "{id_}"}}', moment),
        )
        if seq % 4 == 0:
            recent = [*recent[-5:], id_]


def _digest(answered: UUID | None, text: str) -> str:
    """As `chat.actions.messages.digest_of`, so that a repeated nonce is known again."""
    return hashlib.sha256(f"{answered}\n{text}".encode()).hexdigest()[:32]


def _uuid7(at: datetime, random: Random) -> UUID:
    """A key as of that moment (RFC 9562, section 5.7), from our own generator: the same seed, the same rows."""
    bits = random.getrandbits(74)
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1)


def _uuid_adapter() -> Callable[[UUID], Any]:
    """SQLite keeps a UUID as its 32 digits."""
    return (lambda id_: id_) if connection.features.has_native_uuid_field else (lambda id_: id_.hex)
