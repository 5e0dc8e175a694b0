"""`manage.py serve`: the server, in the foreground."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.actions.registration import setup_code
from lairchat import config
from lairchat.core import processes
from lairchat.ops.copying import is_unfinished
from lairchat.ops.ready import schema_is_current
from lairchat.server.roles import ROLES


class Command(BaseCommand):
    help = "Serve pages, REST and sockets, or do the upkeep, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--role",
            choices=ROLES,
            default="all",
            help="all: everything (default); web: pages, REST and admin; realtime: sockets; "
            "worker: upkeep, without a port",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError where the database or the port cannot be used."""
        self._check_schema()
        if options["role"] == "worker":
            return self._work()
        if options["role"] != "realtime":
            self._check_static_files()
        from lairchat.server.application import make_application
        from lairchat.server.beside import work_of
        from lairchat.server.daphne import PortInUse
        from lairchat.server.run import on_start, serve

        processes.arrive(options["role"])
        on_start.extend(work_of(options["role"]))
        try:
            serve(make_application(options["role"]), config.current(), say=self._say)
        except PortInUse as error:
            raise CommandError(f"{error}. Stop what uses it, or choose another with LAIR_HTTP_PORT.") from None

    def _work(self) -> None:
        from lairchat.server.beside import work_of
        from lairchat.server.worker import work

        work(work_of("worker"), config.current(), say=self._say)

    def _check_schema(self) -> None:
        try:
            if is_unfinished():
                raise CommandError("This database is an unfinished copy. Run `copy_database` again: it goes on.")
            if schema_is_current():
                return
        except DatabaseError as error:
            raise CommandError(f"The database cannot be reached: {error}") from None
        raise CommandError("The database is not up to date. Run `manage.py migrate` first.")

    def _check_static_files(self) -> None:
        manifest = getattr(staticfiles_storage, "read_manifest", None)
        if manifest is not None and manifest() is None:
            self._say("WARNING: no page can be shown before `manage.py collectstatic --noinput`; REST and sockets can.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        if "listens on" in text and (code := setup_code()) is not None:
            self.stdout.write(f"Set it up, once, at {config.current().site.address}/welcome?code={code}")
        self.stdout.flush()
