"""`manage.py docs`: write the generated pages of docs/ anew, or check that nobody forgot to."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lairchat.reference import pages


class Command(BaseCommand):
    help = "Write the generated pages below docs/: the API's description, what it refers to, settings and guarantees."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError for pages out of date (with `--check`)."""
        if not options["check"]:
            for name in pages.write():
                self.stdout.write(f"wrote {name}")
            return
        if stale := pages.differing():
            raise CommandError(f"out of date: {', '.join(stale)}; run `manage.py docs` and commit them")
