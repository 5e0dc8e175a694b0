"""An installation moves from SQLite to PostgreSQL and back, whole, and clients go on where they were."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client
from lairchat.testing.operator import Failed
from lairchat.testing.postgres import PostgresServer
from lairchat.testing.processes import ROOT, ServerProcess, eventually

pytestmark = pytest.mark.processes

NOT_OURS = ("django_", "auth_", "sqlite_", "core_process", "core_lease")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer(durable=False) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def small_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a team that has talked a little; not to be written to."""
    directory = tmp_path_factory.mktemp("town")
    manage(directory, "migrate", "-v", "0")
    manage(directory, "seed_demo", "--messages", "300", "--password", "a long enough password")
    return directory / "lair.sqlite3"


def environment(data_dir: Path, **given: str) -> dict[str, str]:
    """Of a program in this directory, on SQLite unless told otherwise, whatever the tests stand on."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LAIR_", "DJANGO_"))}
    return clean | {"LAIR_DATA_DIR": str(data_dir)} | given


def manage(data_dir: Path, *words: str, **given: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment(data_dir, **given),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(done.stdout)
    return done.stdout


def copy(source: Path | str, target: Path | str, data_dir: Path, *options: str) -> str:
    return manage(data_dir, "copy_database", address(source), address(target), *options)


def address(place: Path | str) -> str:
    return place if isinstance(place, str) else f"sqlite:///{place}"


def content(file: Path) -> dict[str, list[Any]]:
    """Every row of every table of ours, read without any code of ours."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(map(_readable, database.execute(f'SELECT * FROM "{name}"')), key=repr)
            for name in names
            if not name.startswith(NOT_OURS)
        }


def _readable(row: tuple[Any, ...]) -> list[Any]:
    # The order of a JSON object's keys is not kept by PostgreSQL, and means nothing.
    return [json.loads(value) if isinstance(value, str) and value.startswith(("[", "{")) else value for value in row]


def test_a_town_goes_to_postgresql_and_back_and_nothing_is_lost(small_town, postgres, tmp_path):
    there = postgres.create_database("there")
    first = copy(small_town, there, tmp_path)
    back = tmp_path / "back.sqlite3"
    second = copy(there, back, tmp_path)
    before = content(small_town)
    assert content(back) == before
    assert len(before["chat_message"]) == 300
    assert len(before["accounts_user"]) == 20
    assert {name for name, rows in before.items() if rows} >= {"chat_reaction", "chat_mention", "accounts_auditentry"}
    sums = [[line for line in text.splitlines() if line.endswith(" equal")] for text in (first, second)]
    assert sums[0] == sums[1]
    assert len(sums[0]) == len(before)
    for table, rows in before.items():
        [(count,)] = stack.ask(there, f"SELECT count(*) FROM {table}")
        assert count == len(rows)


def copied(target: str, table: str) -> int:
    """How many rows the other database has so far; 0 before it has the table."""
    import psycopg

    try:
        return stack.ask(target, f"SELECT count(*) FROM {table}")[0][0]
    except psycopg.errors.UndefinedTable:
        return 0


def test_a_copy_that_is_killed_in_the_middle_goes_on(small_town, postgres, tmp_path):
    table = "chat_message"
    target = postgres.create_database("killed")
    command = [sys.executable, "manage.py", "copy_database", address(small_town), target, "--rows", "1"]
    whole = len(content(small_town)[table])
    with (tmp_path / "said").open("w") as said:
        copier = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path), stdout=said, stderr=said)
        eventually(lambda: copied(target, table) > 20, "it has begun with that table")
        copier.kill()
        copier.wait()
    broken_off_at = copied(target, table)
    assert 20 < broken_off_at < whole
    with ServerProcess(tmp_path, "manage.py", "serve", LAIR_DATABASE_URL=target) as server:
        assert server.wait() == 1
        assert "unfinished copy" in server.output
    said_later = copy(small_town, target, tmp_path)
    assert "Going on with the copy" in said_later
    assert "equal on both sides" in said_later
    assert copied(target, table) == whole


@pytest.mark.promise("D7")
async def test_clients_go_on_where_they_were(postgres, tmp_path):
    data_dir = tmp_path / "data"
    given = {"LAIR_DATABASE_URL": f"sqlite:///{data_dir / 'lair.sqlite3'}", "LAIR_LIMITS": "off"}
    found = town.found(data_dir, ["alice", "bob"], {"den": ["alice", "bob"]}, **given)
    den = found.rooms["den"]
    with ServerProcess(data_dir, "manage.py", "serve", **given) as server:
        alice, bob = (Client(server.port, found.people[name].token) for name in ("alice", "bob"))
        await alice.connect()
        await bob.connect()
        last = await alice.send_message(den, "before", nonce="first")
        await bob.heard("message_received", seq=last["seq"])
        bob.drop()
        unheard = await alice.send_message(den, "while bob was away")
        server.terminate()
        assert server.wait() == 0
    target = postgres.create_database("moved")
    copy(data_dir / "lair.sqlite3", target, data_dir)
    with ServerProcess(data_dir, "manage.py", "serve", **(given | {"LAIR_DATABASE_URL": target})) as server:
        alice.port = bob.port = server.port
        await alice.connect()
        await bob.connect()
        await bob.heard("message_received", seq=unheard["seq"])
        repeated = await alice.send_message(den, "before", nonce="first")
        assert (repeated["seq"], repeated["duplicate"]) == (last["seq"], True)
        after = await bob.send_message(den, "after")
        assert after["seq"] == unheard["seq"] + 1
        await alice.ask("add_reaction", message_id=after["id"], emoji="👍")  # its key is one of a sequence
        await bob.heard("reactions_changed", message_id=after["id"])
        assert alice.resets == bob.resets == []


class TestRefusing:
    def test_data_of_others_stays_as_it_is(self, small_town, tmp_path):
        other = tmp_path / "other"
        town.found(other, ["eve"], {}, LAIR_DATABASE_URL=address(other / "lair.sqlite3"))
        before = content(other / "lair.sqlite3")
        with pytest.raises(Failed, match="holds data already"):
            copy(small_town, other / "lair.sqlite3", tmp_path)
        assert content(other / "lair.sqlite3") == before

    def test_a_finished_copy_is_not_copied_into_again(self, small_town, tmp_path):
        copy(small_town, tmp_path / "copy.sqlite3", tmp_path)
        with pytest.raises(Failed, match="holds data already"):
            copy(small_town, tmp_path / "copy.sqlite3", tmp_path)

    def test_a_server_has_to_be_stopped_first(self, tmp_path):
        given = {"LAIR_DATABASE_URL": address(tmp_path / "lair.sqlite3")}
        manage(tmp_path, "migrate", "-v", "0", **given)
        with ServerProcess(tmp_path, "manage.py", "serve", "--role", "realtime", **given) as server:
            question = "SELECT count(*) FROM core_process"
            assert server.port
            eventually(lambda: stack.ask(given["LAIR_DATABASE_URL"], question) == [(1,)], "it beats")
            with pytest.raises(Failed, match="Servers run on the source: realtime"):
                copy(tmp_path / "lair.sqlite3", tmp_path / "copy.sqlite3", tmp_path)
            server.terminate()
            assert server.wait() == 0
        assert "equal on both sides" in copy(tmp_path / "lair.sqlite3", tmp_path / "copy.sqlite3", tmp_path)

    def test_a_database_is_not_copied_into_itself(self, small_town, tmp_path):
        with pytest.raises(Failed, match="the same database"):
            copy(small_town, small_town, tmp_path)

    def test_what_is_not_there_is_not_made(self, small_town, tmp_path):
        with pytest.raises(Failed, match="There is no database at"):
            copy(tmp_path / "nothing.sqlite3", tmp_path / "copy.sqlite3", tmp_path)
        assert not (tmp_path / "nothing.sqlite3").exists()
        with pytest.raises(Failed, match="not the address of a database"):
            copy("mysql://127.0.0.1/lair", tmp_path / "copy.sqlite3", tmp_path)
        with pytest.raises(Failed, match="The target cannot be reached"):
            copy(small_town, "postgres://nobody@127.0.0.1:1/lair", tmp_path)

    def test_a_source_of_another_schema_is_to_be_migrated_first(self, tmp_path):
        manage(tmp_path, "migrate", "rooms", "zero", "-v", "0")
        with pytest.raises(Failed, match="source is not up to date"):
            copy(tmp_path / "lair.sqlite3", tmp_path / "copy.sqlite3", tmp_path)

    def test_a_source_that_was_changed_in_between_is_noticed(self, small_town, tmp_path):
        source, target = tmp_path / "source.sqlite3", tmp_path / "copy.sqlite3"
        shutil.copy(small_town, source)
        copy(source, target, tmp_path)
        with closing(sqlite3.connect(target, isolation_level=None)) as database:  # as if it had been broken off late
            database.execute("CREATE TABLE lair_copy (name varchar(64) PRIMARY KEY, last_key text, done bigint)")
            database.execute("INSERT INTO lair_copy SELECT '', coalesce(max(value), ''), 0 FROM core_epoch")
            for table, rows in content(target).items():
                if rows and table not in {"lair_copy", "chat_reaction"}:
                    [(key,)] = database.execute(f"SELECT max({primary_key(database, table)}) FROM {table}")
                    database.execute("INSERT INTO lair_copy VALUES (?, ?, ?)", [table, str(key), len(rows)])
            database.execute("DELETE FROM chat_reaction")
        with closing(sqlite3.connect(source, isolation_level=None)) as database:
            database.execute("UPDATE chat_message SET content = 'other words' WHERE seq = 5")
        with pytest.raises(Failed, match="differ in chat_message: something was changed"):
            copy(source, target, tmp_path)

    def test_the_beginning_of_another_copy_is_not_gone_on_with(self, small_town, tmp_path):
        target = tmp_path / "copy.sqlite3"
        copy(small_town, target, tmp_path)
        with closing(sqlite3.connect(target, isolation_level=None)) as database:
            database.execute("CREATE TABLE lair_copy (name varchar(64) PRIMARY KEY, last_key text, done bigint)")
            database.execute("INSERT INTO lair_copy VALUES ('', 'another epoch', 0)")
        with pytest.raises(Failed, match="copy of another installation"):
            copy(small_town, target, tmp_path)


def primary_key(database: sqlite3.Connection, table: str) -> str:
    [name] = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[5]]
    return name
