"""`manage.py copy_database FROM TO`: move the installation from SQLite to PostgreSQL, or back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from lairchat import config
from lairchat.ops.copying import ROWS_AT_ONCE, Checked, CopyRefused, copy_installation

CURRENT = "current"


class Command(BaseCommand):
    help = "Copy a whole installation to another, empty database, and compare every table. Run again, it goes on."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", metavar="FROM", help=f"an address, or `{CURRENT}`: the one in use")
        parser.add_argument("target", metavar="TO", help="an empty one: sqlite:////path or postgres://user@host/name")
        parser.add_argument("--rows", type=int, default=ROWS_AT_ONCE, help="rows in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with what to do; the source is never changed."""
        source, target = (
            config.current().database_url if url == CURRENT else url for url in (options["source"], options["target"])
        )
        try:
            checked = copy_installation(source, target, say=self._say, rows_at_once=options["rows"])
        except CopyRefused as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"A database failed: {error}\nRun the same command again: it goes on.") from None
        self._tell(checked)

    def _tell(self, checked: list[Checked]) -> None:
        width = max(len(each.table) for each in checked)
        self._say(f"\n{'table':<{width}}  {'rows':>9}  {'copied':>9}  sum of the rows' SHA-256")
        for each in checked:
            rows, copied = each.rows
            self._say(f"{each.table:<{width}}  {rows:>9}  {copied:>9}  {each.digests[1][:16]} equal")
        rows = sum(each.rows[1] for each in checked)
        self._say(f"\n{rows} rows in {len(checked)} tables, equal on both sides.")
        self._say("Set LAIR_DATABASE_URL to the target and start. The source is as it was: do not start on it again.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
