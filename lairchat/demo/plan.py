"""Who says what where and when: a plan made from a seed, before anything is written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from lairchat.demo.texts import EMOJI, LATER, TALK, filled

ANSWERS_TO = 0.22  # share of answers that quote what they answer
REACTED = 0.14  # share of messages with reactions
EDITED, DELETED = 0.012, 0.003
BUSY_HOURS = (8, 9, 9, 10, 10, 10, 11, 11, 13, 14, 14, 14, 15, 15, 16, 16, 17, 19, 21)


@dataclass
class Line:
    """One message of the plan. `answers` is the line it quotes; `reactions` are (name, emoji)."""

    room: str
    author: str
    text: str
    at: datetime
    answers: "Line | None" = None
    reactions: list[tuple[str, str]] = field(default_factory=list)
    is_edited: bool = False
    is_deleted: bool = False


@dataclass(frozen=True)
class Scene:
    """A room with the people who talk in it."""

    name: str
    subject: str
    people: list[str]
    weight: int


def lines(scenes: list[Scene], count: int, random: Random, *, until: datetime, days: int) -> list[Line]:
    """So many messages of the last days, in the order they were said."""
    planned: list[Line] = []
    weights = [scene.weight for scene in scenes]
    while len(planned) < count:
        [scene] = random.choices(scenes, weights)
        planned.extend(_conversation(scene, random, _moment(random, until, days)))
    planned = planned[:count]
    known = {id(line) for line in planned}
    for line in planned:
        line.at = min(line.at, until)
        if line.answers is not None and id(line.answers) not in known:
            line.answers = None
    return sorted(planned, key=lambda line: line.at)


def _moment(random: Random, until: datetime, days: int) -> datetime:
    """A time of a working day, now and then of a weekend."""
    while True:
        day = until - timedelta(days=random.randint(0, days))
        if day.weekday() < 5 or random.random() < 0.1:
            break
    return day.replace(hour=random.choice(BUSY_HOURS), minute=random.randint(0, 59), second=random.randint(0, 59))


def _conversation(scene: Scene, random: Random, at: datetime) -> Iterator[Line]:
    opening, answers = random.choice(TALK[scene.subject])
    first = _line(scene, random, opening, random.choice(scene.people), at)
    yield first
    before = first
    for text in [*answers[: random.randint(1, len(answers))], *random.sample(LATER, random.randint(0, 2))]:
        at += timedelta(seconds=random.randint(8, 420))
        author = random.choice([name for name in scene.people if name != before.author])
        line = _line(scene, random, text, author, at)
        if random.random() < ANSWERS_TO:
            line.answers = random.choice([first, before])
        yield line
        before = line


def _line(scene: Scene, random: Random, text: str, author: str, at: datetime) -> Line:
    others = [name for name in scene.people if name != author]
    line = Line(scene.name, author, filled(text, random, others), at)
    if random.random() < REACTED:
        fans = random.sample(others, min(len(others), random.randint(1, 4)))
        emoji = random.choices(EMOJI, k=2)
        line.reactions = [(name, random.choice(emoji)) for name in fans]
    chance = random.random()
    line.is_deleted = chance < DELETED
    line.is_edited = DELETED <= chance < DELETED + EDITED
    return line
