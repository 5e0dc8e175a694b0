"""Rows by SQL that is written down are the rows the ORM reads and writes."""

from typing import Any

import pytest

from accounts.models import User, UserSession
from chat.models import Message
from chat.queries import _OF_NONCES
from lairchat.core.models import StreamEntry
from lairchat.core.prepared import Insert, Prepared
from rooms.models import Membership, Room

KINDS = [User, UserSession, Room, Membership, StreamEntry]


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_the_instance_the_orm_makes(kind: Any, alice: Any, den: Any) -> None:
    table = kind._meta.db_table
    read = Prepared(f"SELECT {{0}} FROM {table} AS t0 WHERE t0.id = %s", kind)
    for expected in kind.objects.all():
        (found,) = read.first(expected.pk) or (None,)
        assert found == expected
        assert (found._state.db, found._state.adding) == (expected._state.db, expected._state.adding)
        assert {name: value for name, value in vars(found).items() if name != "_state"} == {
            name: value for name, value in vars(expected).items() if name != "_state"
        }
        found.refresh_from_db()


def test_what_a_join_does_not_find_is_none(alice: Any, mallory: Any, den: Any) -> None:
    read = Prepared(
        "SELECT {0}, {1} FROM rooms_room AS t0"
        " LEFT JOIN rooms_membership AS t1 ON t1.room_id = t0.id AND t1.user_id = %s WHERE t0.id = %s",
        Room,
        Membership,
    )
    assert read.first(mallory.person.id, den.id) == (den, None)
    assert read.first(alice.person.id, mallory.person.id) is None


def test_nothing_wanted_asks_nothing(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert _OF_NONCES.each([]) == []
        Insert(Message, "id")([])


def test_what_is_inserted_is_what_the_orm_reads(alice: Any, den: Any) -> None:
    message = Message(room=den, author=alice.person, seq=99, rev=99, nonce="n", digest="d", content="Grüße {%s} '\"")
    names = [field.attname for field in Message._meta.concrete_fields]
    Insert(Message, *names)([[getattr(message, name) for name in names]])
    found = Message.objects.get(pk=message.pk)
    assert [getattr(found, name) for name in names] == [getattr(message, name) for name in names]


def test_a_conflict_is_answered_as_it_is_written(alice: Any, den: Any) -> None:
    insert = Insert(StreamEntry, "stream_id", "seq", "type", "refs", "at", on_conflict="ON CONFLICT DO NOTHING")
    entry = StreamEntry.objects.filter(stream=den.stream).first()
    before = StreamEntry.objects.count()
    insert(
        [
            (entry.stream_id, entry.seq, "again", {"a": [1]}, entry.at),
            (entry.stream_id, 99, "new", {"a": [1]}, entry.at),
        ]
    )
    assert StreamEntry.objects.count() == before + 1
    assert StreamEntry.objects.get(stream=den.stream, seq=99).refs == {"a": [1]}
