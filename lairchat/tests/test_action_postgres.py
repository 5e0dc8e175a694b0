"""What an act says when PostgreSQL makes it wait."""

from dataclasses import dataclass

import psycopg
import pytest
from django.db import OperationalError, connection

from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Busy, Unavailable

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Somebody:
    limit_key = "somebody"


@action
def ring(actor: Somebody) -> str:
    """Touch a row."""
    log.take("site")
    return "rang"


def _elsewhere() -> "psycopg.Connection[tuple[object, ...]]":
    names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
    return psycopg.connect(**{theirs: str(connection.settings_dict[ours]) for ours, theirs in names.items()})


def test_a_row_that_stays_locked_is_busy() -> None:
    """Another program holds the stream's row for longer than anybody waits."""
    ring(Somebody())
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    with _elsewhere() as other:
        other.execute("SELECT head FROM core_stream WHERE name = 'site' FOR UPDATE")
        with pytest.raises(Busy) as refused:
            ring(Somebody())
        assert isinstance(refused.value.__cause__, OperationalError)
        other.rollback()
        assert ring(Somebody()) == "rang"
    connection.close()


def test_a_connection_that_was_ended_is_unavailable_and_the_next_one_serves() -> None:
    ring(Somebody())
    with _elsewhere() as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    with pytest.raises(Unavailable):
        ring(Somebody())
    connection.close()  # as the lane does after each call
    assert ring(Somebody()) == "rang"
