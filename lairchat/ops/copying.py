"""Moving a whole installation to another database, SQLite or PostgreSQL, in either direction.

Every row of our tables goes over as it is, keys, positions and the epoch included: it is the same history, so clients
go on from where they were. While rows are missing the target holds a table that says how far the copy came; a server
refuses to start on it, and the next run goes on from there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from hashlib import sha256
from typing import Any

import msgspec
from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.db.utils import ConnectionHandler

from lairchat.config.database import check_database_url, database_settings, sqlite_path
from lairchat.core.models import Epoch, Lease, Process
from lairchat.core.processes import living
from lairchat.ops.ready import schema_is_current

APPS = ("core", "accounts", "rooms", "chat")
LEFT_OUT: set[type[models.Model]] = {Process, Lease}  # true of running processes only
PROGRESS = "lair_copy"
ROWS_AT_ONCE = 2000
LOCK_SECONDS = 5.0
FROM, TO = "copy_from", "copy_to"

Say = Callable[[str], None]


class CopyRefused(Exception):
    """The copy cannot begin or go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One table on both sides after the copy."""

    table: str
    rows: tuple[int, int]
    digests: tuple[str, str]

    @property
    def is_equal(self) -> bool:
        return self.rows[0] == self.rows[1] and self.digests[0] == self.digests[1]


def copy_installation(source: str, target: str, *, say: Say, rows_at_once: int = ROWS_AT_ONCE) -> list[Checked]:
    """Copy everything from the database at one address to the one at another, and compare every table.

    Raises CopyRefused; DatabaseError where one of the two fails.
    """
    _open(FROM, source)
    _open(TO, target)
    _check_source()
    say("Making the tables …")
    call_command("migrate", database=TO, verbosity=0, interactive=False)
    with _held_still():
        if _begin():
            say("Going on with the copy that was broken off.")
        for model in tables():
            _copy(model, say, rows_at_once)
        say("Comparing …")
        checked = [_compare(model) for model in tables()]
    different = [each.table for each in checked if not each.is_equal]
    if different:
        raise CopyRefused(
            f"The two differ in {', '.join(different)}: something was changed since the copy began. "
            "Empty the target and copy again."
        )
    _finish()
    return checked


def is_unfinished(alias: str = DEFAULT_DB_ALIAS) -> bool:
    """True for a database into which a copy has begun and not ended."""
    return PROGRESS in connections[alias].introspection.table_names()


def tables() -> list[type[models.Model]]:
    """What is copied, each after those its rows point to."""
    ours = [
        model
        for label in APPS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model not in LEFT_OUT
    ]
    needs = {model: {key.related_model for key in _keys_of(model)} & set(ours) - {model} for model in ours}
    return list(TopologicalSorter(needs).static_order())


def _keys_of(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if field.is_relation]


# Before


def _open(alias: str, url: str) -> None:
    try:
        check_database_url(url)
    except ValueError as error:
        raise CopyRefused(f"This is not the address of a database: {error}.") from None
    if alias == FROM and url.startswith("sqlite:") and not sqlite_path(url).exists():
        raise CopyRefused(f"There is no database at {sqlite_path(url)}.")
    settings = database_settings(url, synchronous="FULL", wait_seconds=LOCK_SECONDS, pool_connections=1)
    settings["OPTIONS"].pop("pool", None)
    connections.settings[alias] = ConnectionHandler({DEFAULT_DB_ALIAS: {}, alias: settings}).settings[alias]
    try:
        connections[alias].ensure_connection()
    except DatabaseError as error:
        raise CopyRefused(f"{'The source' if alias == FROM else 'The target'} cannot be reached: {error}") from None


def _check_source() -> None:
    places = [
        tuple(connections[alias].settings_dict[name] for name in ("ENGINE", "HOST", "PORT", "NAME"))
        for alias in (FROM, TO)
    ]
    if places[0] == places[1]:
        raise CopyRefused("Source and target are the same database.")
    if not schema_is_current(FROM):
        raise CopyRefused("The source is not up to date. Run `manage.py migrate` on it first.")
    if is_unfinished(FROM):
        raise CopyRefused("The source is itself an unfinished copy.")
    for alias, name in ((FROM, "source"), (TO, "target")):
        if Process._meta.db_table not in connections[alias].introspection.table_names():
            continue
        if running := living(alias):
            who = ", ".join(str(process) for process in running)
            raise CopyRefused(
                f"Servers run on the {name}: {who}. Stop them first (one that was killed is forgotten after 15 s)."
            )


@contextmanager
def _held_still() -> Iterator[None]:
    """Nobody else writes to the source until this ends; reading goes on."""
    with transaction.atomic(using=FROM):  # on SQLite this is BEGIN IMMEDIATE: the one writer is us
        connection = connections[FROM]
        if connection.vendor == "postgresql":
            names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in tables())
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {names} IN SHARE MODE")
        yield


def _begin() -> bool:
    """Make the table of progress; True if a copy of the same source is there already. Raises CopyRefused."""
    epoch = Epoch.objects.using(FROM).values_list("value", flat=True).first() or ""
    if is_unfinished(TO):
        if _progress("")[0] != epoch:
            raise CopyRefused("The target holds the beginning of a copy of another installation. Give an empty one.")
        return True
    filled = [model._meta.db_table for model in tables() if model._base_manager.using(TO).exists()]
    if filled:
        raise CopyRefused(f"The target holds data already (in {', '.join(filled)}). Give an empty database.")
    with transaction.atomic(using=TO), connections[TO].cursor() as cursor:
        cursor.execute(f"CREATE TABLE {PROGRESS} (name varchar(64) PRIMARY KEY, last_key text, done bigint)")
    _note("", epoch, 0)
    return False


# The rows


def _copy(model: type[models.Model], say: Say, rows_at_once: int) -> None:
    """In the order of the source's keys, each batch with its mark in one transaction."""
    table = model._meta.db_table
    last, done = _progress(table)
    while rows := _rows_after(model, last, rows_at_once):
        last, done = str(rows[-1].pk), done + len(rows)
        _cut_forward(model, rows)
        try:
            with transaction.atomic(using=TO):
                model._base_manager.using(TO).bulk_create(rows)
                _note(table, last, done)
        except DatabaseError as error:
            raise CopyRefused(f"A row of {table}, up to key {last}, is not taken: {error}") from error
    for key in _keys_to_itself(model):
        _join_forward(model, key, rows_at_once)
    say(f"  {table}: {done} rows")


def _rows_after(model: type[models.Model], last: str | None, limit: int) -> list[models.Model]:
    rows = model._base_manager.using(FROM).order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=model._meta.pk.to_python(last))
    return list(rows[:limit])


def _keys_to_itself(model: type[models.Model]) -> list[Any]:
    return [key for key in _keys_of(model) if key.related_model is model]


def _cut_forward(model: type[models.Model], rows: list[models.Model]) -> None:
    """A row may point to one of its own table that comes later: not before that one is there."""
    for key in _keys_to_itself(model):
        for row in rows:
            pointed = getattr(row, key.attname)
            if pointed is not None and pointed > row.pk:
                setattr(row, key.attname, None)


def _join_forward(model: type[models.Model], key: Any, rows_at_once: int) -> None:
    forward = model._base_manager.using(FROM).filter(**{f"{key.attname}__gt": F("pk")})
    batch: list[models.Model] = []
    for row in forward.order_by("pk").iterator(chunk_size=rows_at_once):
        batch.append(row)
        if len(batch) == rows_at_once:
            model._base_manager.using(TO).bulk_update(batch, [key.name])
            batch = []
    if batch:
        model._base_manager.using(TO).bulk_update(batch, [key.name])


def _progress(name: str) -> tuple[str | None, int]:
    with connections[TO].cursor() as cursor:
        cursor.execute(f"SELECT last_key, done FROM {PROGRESS} WHERE name = %s", [name])  # noqa: S608
        return cursor.fetchone() or (None, 0)


def _note(name: str, last_key: str, done: int) -> None:
    with connections[TO].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {PROGRESS} (name, last_key, done) VALUES (%s, %s, %s)"  # noqa: S608
            " ON CONFLICT (name) DO UPDATE SET last_key = excluded.last_key, done = excluded.done",
            [name, last_key, done],
        )


# After


def _compare(model: type[models.Model]) -> Checked:
    (rows, digest), (copied, copied_digest) = (digest_of(model, alias) for alias in (FROM, TO))
    return Checked(model._meta.db_table, (rows, copied), (digest, copied_digest))


def digest_of(model: type[models.Model], alias: str) -> tuple[int, str]:
    """How many rows the table has, and the sum of their hashes: the same whatever order a database sorts text in."""
    names = [field.attname for field in model._meta.concrete_fields]
    count, total = 0, 0
    for row in model._base_manager.using(alias).values_list(*names).iterator(chunk_size=ROWS_AT_ONCE):
        count += 1
        total += int.from_bytes(sha256(msgspec.json.encode(row, order="sorted")).digest())
    return count, f"{total % 2**256:064x}"


def _finish() -> None:
    """New rows get keys after the copied ones, the planner knows the tables, and the mark of the unfinished goes."""
    connection: BaseDatabaseWrapper = connections[TO]
    with transaction.atomic(using=TO), connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(statement)
        cursor.execute(f"DROP TABLE {PROGRESS}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
