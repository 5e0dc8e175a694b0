"""Rows of models by SQL that is written down, for the few reads and writes that every send makes.

The ORM compiles a query anew each time: measured, 0.6 of 1.0 ms for a room with its membership, and most of a send.
What is read, the columns and their conversion, still comes from the models.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState


class Prepared:
    """A SELECT of whole rows: `{0}`, `{1}` … stand for the columns of the models, whose tables are called t0, t1 …

    With `{wanted}` it is asked for many at once; the word stands for the rows of a VALUES list.
    """

    def __init__(self, sql: str, *kinds: type[models.Model]) -> None:
        columns = [
            ", ".join(f't{number}."{field.column}"' for field in kind._meta.concrete_fields)
            for number, kind in enumerate(kinds)
        ]
        self.sql = sql.format(*columns, wanted="{wanted}")
        self.kinds = kinds
        self._makers: dict[str, list[_Maker]] = {}

    def first(self, *parameters: Any) -> tuple[Any, ...] | None:
        """The first row as one instance per model, None for a model that the join did not find; None without a row."""
        found = self.all(*parameters)
        return found[0] if found else None

    def all(self, *parameters: Any) -> list[tuple[Any, ...]]:
        """Every row, in the statement's order, each as one instance per model; None as in `first`."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, [stored(value) for value in parameters])
            return [self._instances(row) for row in cursor.fetchall()]

    def each(self, wanted: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """What was found of `wanted`, in no order, each as one instance per model; one statement."""
        if not wanted:
            return []
        with connection.cursor() as cursor:
            cursor.execute(*listed(self.sql, wanted))
            return [self._instances(row) for row in cursor.fetchall()]

    def _instances(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        instances: list[Any] = []
        start = 0
        for make in self._makers_here():
            values = row[start : start + make.width]
            start += make.width
            instances.append(make(values))
        return tuple(instances)

    def _makers_here(self) -> "list[_Maker]":
        """What turns this database's values into instances, for each model."""
        makers = self._makers.get(connection.vendor)
        if makers is None:
            makers = self._makers[connection.vendor] = [_Maker(kind) for kind in self.kinds]
        return makers


class _Maker:
    """Builds instances of one model from one kind of database's values.

    Without the model's `__init__`, which takes each field through defaults and descriptors: 20 of the 25 µs of a row.
    What results is what `Model.from_db` makes (tests/test_prepared.py).
    """

    def __init__(self, kind: type[models.Model]) -> None:
        self.kind = kind
        self.names = [field.attname for field in kind._meta.concrete_fields]
        self.width = len(self.names)
        conversions = [_conversion(field) for field in kind._meta.concrete_fields]
        self.conversions = [(index, *found) for index, found in enumerate(conversions) if found[0]]

    def __call__(self, row: Sequence[Any]) -> models.Model | None:
        """None where the join found no row: every column is NULL."""
        if row.count(None) == self.width:
            return None
        values = list(row)
        for index, steps, column in self.conversions:
            value = values[index]
            for step in steps:
                value = step(value, column, connection)
            values[index] = value
        instance = self.kind.__new__(self.kind)
        instance.__dict__.update(zip(self.names, values, strict=True))
        instance._state = ModelState()
        instance._state.db, instance._state.adding = DEFAULT_DB_ALIAS, False
        return instance


def _conversion(field: Any) -> tuple[list[Any], Any]:
    column = field.get_col(field.model._meta.db_table)  # not cached_col: a key of another row has that row's type
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)], column


class Statement:
    """A change of rows, written down; its parameters are values of the named attributes of a model, in that order."""

    def __init__(self, sql: str, kind: type[models.Model], names: Sequence[str]) -> None:
        fields = {field.attname: field for field in kind._meta.concrete_fields}
        self.sql, self.fields = sql, [fields[name] for name in names]

    def __call__(self, rows: Iterable[Sequence[Any]]) -> None:
        """One statement, carried out for each row; none for no rows."""
        prepare = [_preparation(field) for field in self.fields]
        prepared = [
            [value if step is None else step(value) for step, value in zip(prepare, row, strict=True)] for row in rows
        ]
        if prepared:
            with connection.cursor() as cursor:
                cursor.executemany(self.sql, prepared)


class Insert(Statement):
    """An INSERT of rows of a model, given as the values of the named attributes."""

    def __init__(self, kind: type[models.Model], *names: str, on_conflict: str = "") -> None:
        fields = {field.attname: field for field in kind._meta.concrete_fields}
        columns = ", ".join(f'"{fields[name].column}"' for name in names)
        row = ", ".join(["%s"] * len(names))
        sql = f'INSERT INTO "{kind._meta.db_table}" ({columns}) VALUES ({row}) {on_conflict}'  # noqa: S608
        super().__init__(sql, kind, names)


def _preparation(field: Any) -> Callable[[Any], Any] | None:
    """How a value becomes what the column holds; None if it is that already."""
    kind = field.target_field if field.is_relation else field
    if isinstance(kind, models.UUIDField):
        return None if connection.features.has_native_uuid_field else _digits
    if isinstance(kind, models.DateTimeField | models.JSONField):
        return lambda value: kind.get_db_prep_value(value, connection)
    return None


def _digits(value: UUID | None) -> str | None:
    return None if value is None else value.hex


def listed(sql: str, wanted: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """The SQL with `{wanted}` as the rows of a VALUES list, and its parameters.

    Pairs belong into a CTE that the tables are CROSS JOINed to: for `(a, b) IN (VALUES …)` SQLite reads whole tables.
    """
    row = f"({', '.join(['%s'] * len(wanted[0]))})"
    parameters = [value for values in wanted for value in values]
    if not connection.features.has_native_uuid_field:
        parameters = [value.hex if isinstance(value, UUID) else value for value in parameters]
    return sql.format(wanted=", ".join([row] * len(wanted))), parameters


def stored(value: Any) -> Any:
    """The value as a parameter: a UUID in the form its column holds."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
