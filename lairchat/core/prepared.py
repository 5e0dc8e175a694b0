"""Rows of models by SQL that is written down, for the few reads and writes that every send makes.

The ORM compiles a query anew each time: measured, 0.6 of 1.0 ms for a room with its membership, and most of a send.
What is read, the columns and their conversion, still comes from the models.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, models


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
        self._converters: dict[str, list[list[tuple[Any, Any]]]] = {}

    def first(self, *parameters: Any) -> tuple[Any, ...] | None:
        """The first row as one instance per model, None for a model that the join did not find; None without a row."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, [stored(value) for value in parameters])
            row = cursor.fetchone()
        return None if row is None else self._instances(row)

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
        for kind, converters in zip(self.kinds, self._converters_here(), strict=True):
            values = list(row[start : start + len(converters)])
            start += len(converters)
            if all(value is None for value in values):
                instances.append(None)
                continue
            for index, (convert, column) in enumerate(converters):
                for step in convert:
                    values[index] = step(values[index], column, connection)
            names = [field.attname for field in kind._meta.concrete_fields]
            instances.append(kind.from_db(DEFAULT_DB_ALIAS, names, values))
        return tuple(instances)

    def _converters_here(self) -> list[list[tuple[Any, Any]]]:
        """For each column of each model, how this database's value becomes Python's."""
        known = self._converters.get(connection.vendor)
        if known is None:
            known = self._converters[connection.vendor] = [
                [_conversion(field) for field in kind._meta.concrete_fields] for kind in self.kinds
            ]
        return known


def _conversion(field: Any) -> tuple[list[Any], Any]:
    column = field.get_col(field.model._meta.db_table)  # not cached_col: a key of another row has that row's type
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)], column


def listed(sql: str, wanted: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """The SQL with `{wanted}` as the rows of a VALUES list, and its parameters.

    Pairs belong into a CTE that the tables are CROSS JOINed to: for `(a, b) IN (VALUES …)` SQLite reads whole tables.
    """
    row = f"({', '.join(['%s'] * len(wanted[0]))})"
    return sql.format(wanted=", ".join([row] * len(wanted))), [stored(value) for values in wanted for value in values]


def stored(value: Any) -> Any:
    """The value as a parameter: a UUID in the form its column holds."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
