"""What the tests stand on: SQLite and one server process, or PostgreSQL, Redis and two processes.

The same tests run on both. `python -m lairchat.testing.stack -m pytest …` runs Python so, beside a PostgreSQL that
lives as long as the run; without it everything is SQLite. Where a server is given in TEST_DATABASE_URL (an account
that may make databases), that one is used.

An installation is known by its data directory; on PostgreSQL each has a database and a Redis of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lairchat.testing.redis import RedisServer

VARIABLE = "TEST_DATABASE_URL"
DATABASE_URL = os.environ.get(VARIABLE, "")
ON_POSTGRES = bool(DATABASE_URL)
PROCESSES = 2 if ON_POSTGRES else 1
# Tests of one database's own behaviour: collected on its stack only.
ELSEWHERE = "*_sqlite.py" if ON_POSTGRES else "*_postgres.py"

_databases: dict[Path, str] = {}
_settled: dict[Path, str] = {}
_redis: "dict[Path, RedisServer]" = {}


def environment(data_dir: Path, **given: str) -> dict[str, str]:
    """The environment of a program that works on the installation in `data_dir`; nothing of the tests' own leaks in."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LAIR_", "DJANGO_", VARIABLE))}
    return own | {"LAIR_DATA_DIR": str(data_dir)} | services(data_dir) | given


def services(data_dir: Path) -> dict[str, str]:
    """Where the installation's database and Redis are, made when first asked for; nothing on SQLite."""
    if data_dir.absolute() in _settled:
        return {"LAIR_DATABASE_URL": database_url(data_dir)}
    if not ON_POSTGRES:
        return {}
    return {"LAIR_DATABASE_URL": database_url(data_dir), "LAIR_REDIS_URL": _redis_of(data_dir).url}


def database_url(data_dir: Path) -> str:
    """The address of the installation's database; it may be empty, or, on SQLite, not there yet."""
    data_dir = data_dir.absolute()
    if data_dir in _settled:
        return _settled[data_dir]
    if not ON_POSTGRES:
        return f"sqlite:///{data_dir / 'lair.sqlite3'}"
    if data_dir not in _databases:
        _databases[data_dir] = _create_database(data_dir)
    return _databases[data_dir]


def settle(data_dir: Path, address: str) -> None:
    """The installation's database is at this address, whatever the others stand on, and it has no Redis."""
    _settled[data_dir.absolute()] = address


def copy(installed: Path, data_dir: Path) -> None:
    """A second installation like one that nobody uses at the moment."""
    shutil.copytree(installed, data_dir)
    if ON_POSTGRES:
        template = database_url(installed).rpartition("/")[2]
        _databases[data_dir.absolute()] = _create_database(data_dir.absolute(), template)


def ask(address: str, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a SELECT in the database of this address, whether or not a server has it open; `%s` for values."""
    if address.startswith("sqlite:"):
        import sqlite3

        database = sqlite3.connect(f"file:{address.removeprefix('sqlite:///')}?mode=ro", uri=True)
        try:
            return database.execute(question.replace("%s", "?"), values).fetchall()
        finally:
            database.close()
    import psycopg

    with psycopg.connect(address) as connection:
        return connection.execute(question.encode(), values).fetchall()


@contextmanager
def held(address: str) -> Iterator[Callable[[], None]]:
    """Another program keeps everybody from writing, inside the block or until it is told to let go; reading goes on."""
    if address.startswith("sqlite:"):
        import sqlite3

        database: Any = sqlite3.connect(address.removeprefix("sqlite:///"), isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
    else:
        import psycopg
        from psycopg import sql

        database = psycopg.connect(address)
        names = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in names)
        database.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(tables))
    try:
        yield lambda: database.rollback()
    finally:
        database.close()


def end() -> None:
    """End every Redis that was started."""
    while _redis:
        _redis.popitem()[1].kill()


def _create_database(data_dir: Path, template: str = "template1") -> str:
    import psycopg
    from psycopg import sql

    name = f"town_{sha256(str(data_dir).encode()).hexdigest()[:16]}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(DATABASE_URL, autocommit=True) as connection:
        connection.execute(statement)
    return f"{DATABASE_URL.rpartition('/')[0]}/{name}"


def _redis_of(data_dir: Path) -> "RedisServer":
    from lairchat.testing.redis import RedisServer

    data_dir = data_dir.absolute()
    if data_dir not in _redis:
        data_dir.mkdir(parents=True, exist_ok=True)
        _redis[data_dir] = RedisServer(data_dir)
    return _redis[data_dir]


def main(arguments: Sequence[str]) -> int:
    """Run Python with these arguments on PostgreSQL; answers its exit code."""
    from lairchat.testing.postgres import PostgresServer

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with PostgresServer(max_connections=300) as postgres:
        given = os.environ | {VARIABLE: postgres.url}
        return subprocess.run([sys.executable, *arguments], env=given, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
