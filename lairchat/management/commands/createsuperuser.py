"""`manage.py createsuperuser`: Django's name and options, with our action behind it."""

import getpass
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actions.registration import create_admin
from accounts.actor import Actor
from lairchat.core.errors import DomainError


class Command(BaseCommand):
    help = "Make an administrator. The password is asked for, or taken from DJANGO_SUPERUSER_PASSWORD."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", help="Name to sign in with.")
        parser.add_argument("--email", help="Mail address.")
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="Ask nothing; what is not given comes from DJANGO_SUPERUSER_USERNAME, _EMAIL and _PASSWORD.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        values = {name: options[name] or self._given(name) for name in ("username", "email")}
        password = self._given("password")
        if options["interactive"]:
            values = {name: value or input(f"{name.capitalize()}: ") for name, value in values.items()}
            password = password or self._asked()
        missing = [f"--{name}" for name, value in values.items() if not value]
        if not password:
            missing.append("DJANGO_SUPERUSER_PASSWORD")
        if missing:
            raise CommandError(f"Not given: {', '.join(missing)}.")
        try:
            user = create_admin(Actor.system("cli"), str(values["username"]), str(values["email"]), str(password))
        except DomainError as refusal:
            raise CommandError(refusal.text) from None
        self.stdout.write(f"{user.username} is an administrator.")

    def _given(self, name: str) -> str | None:
        return os.environ.get(f"DJANGO_SUPERUSER_{name.upper()}")

    def _asked(self) -> str:
        if not sys.stdin.isatty():
            raise CommandError("There is no terminal to ask on: use --noinput and DJANGO_SUPERUSER_PASSWORD.")
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Password (again): "):
            raise CommandError("The two passwords are not the same.")
        return password
