"""`manage.py new_epoch`: after a backup was restored, before the first start."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from lairchat.core import log
from lairchat.core.processes import living


class Command(BaseCommand):
    help = "Say that a backup was restored: clients then read everything again instead of going on from what is gone."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError while a server runs: it would go on under the old name."""
        try:
            if running := living():
                who = ", ".join(str(process) for process in running)
                raise CommandError(
                    f"Servers run: {who}. Stop them first (one that was killed is forgotten after 15 s)."
                )
            epoch = log.begin_epoch()
        except DatabaseError as error:
            raise CommandError(f"The database does not answer as it should: {error}") from None
        self.stdout.write(f"The history of this database is now called {epoch}. Every client reads anew.")
