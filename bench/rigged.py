"""Our server with one thing changed, for comparison: `python -m bench.rigged one_each`.

`one_each`: no two messages share a transaction. `count`: /metrics tells how many statements the database was given.
"""

import os
import sys
from typing import Any

import django
from django.core.management import call_command


def one_each() -> None:
    from lairchat.core import writer

    writer.FEW = writer.MANY = 1


def count() -> None:
    from django.db.backends.signals import connection_created
    from prometheus_client import Counter

    statements = Counter("bench_statements_total", "Statements given to the database.")

    def counted(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        statements.inc()
        return execute(sql, params, many, context)

    def begin(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(counted)

    connection_created.connect(begin, weak=False)


def main(change: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    django.setup()
    {"one_each": one_each, "count": count}[change]()
    call_command("serve")


if __name__ == "__main__":
    main(*sys.argv[1:])
