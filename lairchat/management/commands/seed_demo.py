"""`manage.py seed_demo`: a team with its rooms and talk, to try the chat out or to measure it."""

import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from lairchat import config
from lairchat.core.text import fold
from lairchat.demo import bulk, play
from lairchat.demo.texts import LATER, PEOPLE, TALK, filled

BY_ACTIONS = 5_000  # so many are said through the actions; what is asked beyond is loaded in bulk
TEXTS = 4_000  # different ones in a bulk load


class Command(BaseCommand):
    help = "Fill a new server with 20 people, 12 rooms and 5,000 messages, and print how to sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--messages", type=int, default=BY_ACTIONS, help="beyond 5,000 in bulk, for measuring")
        parser.add_argument("--seed", type=int, default=1, help="the same seed says the same things")
        parser.add_argument("--days", type=int, default=21, help="spread the talk over so many days up to now")
        parser.add_argument("--password", help="of all 20 people; without it one is made and printed")
        parser.add_argument(
            "--among-people", action="store_true", help="do it although the database has people already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._refuse_where_people_are(options["among_people"])
        password = options["password"] or secrets.token_urlsafe(12)
        random = Random(options["seed"])  # noqa: S311  the same talk each time is the point
        by_actions = min(options["messages"], BY_ACTIONS)
        with limits_off():
            self._say("People and rooms …")
            stage = play.set_stage(password, random)
            play.play(stage, by_actions, random, days=options["days"], say=self._say)
            if options["messages"] > by_actions:
                self._say(f"{options['messages'] - by_actions} messages more, in bulk …")
                bulk.load(_talks(stage, options["messages"] - by_actions, random), random, days=options["days"])
                play.read_positions(stage, random)
        self._tell(password, options["messages"])

    def _refuse_where_people_are(self, among_people: bool) -> None:
        if User.objects.exists() and not among_people:
            raise CommandError("This database already has people. Give --among-people to add the demonstration's.")
        taken = User.objects.filter(username_folded__in=[fold(name) for name in PEOPLE])
        if taken.exists():
            names = ", ".join(taken.values_list("username", flat=True))
            raise CommandError(f"These people of the demonstration are already there: {names}.")

    def _tell(self, password: str, messages: int) -> None:
        admin, moderator, *others = PEOPLE
        self._say(f"\n20 people, 12 rooms, {messages} messages. Everybody's password: {password}\n")
        self._say(f"  {admin:<12} administrator\n  {moderator:<12} moderator")
        for name in others:
            self._say(f"  {name}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


@contextmanager
def limits_off() -> Iterator[None]:
    """Nobody's rate counts while a whole team speaks at once; sizes and rights hold as always."""
    config.reload({"limits_on": False})
    try:
        yield
    finally:
        config.reload()


def _talks(stage: play.Stage, count: int, random: Random) -> list[bulk.Talk]:
    """The count shared out over the rooms by their weights, the last room taking what remains."""
    whole = sum(scene.weight for scene in stage.scenes)
    talks, given = [], 0
    for number, scene in enumerate(stage.scenes, 1):
        share = count - given if number == len(stage.scenes) else count * scene.weight // whole
        given += share
        authors = [stage.actors[name].person.id for name in scene.people]
        talks.append(bulk.Talk(stage.rooms[scene.name].id, authors, texts(scene.subject, random), share))
    return talks


def texts(subject: str, random: Random) -> list[str]:
    """Many different texts on a subject, nobody mentioned: mentions are rows of their own."""
    patterns = [text for opening, answers in TALK[subject] for text in (opening, *answers)]
    patterns = [text for text in [*patterns, *LATER] if "{at}" not in text]
    return [filled(random.choice(patterns), random, []) for _ in range(TEXTS)]
