"""Upkeep: what has to be done now and then and nobody waits for. One process of all on a database does it.

A chore is a function that does a bounded step of the work and answers how many rows it touched; it is called again
until it answers 0. Steps must be right when done twice: see `lairchat.core.lease`.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from lairchat import config
from lairchat.core import lane
from lairchat.core.lease import Candidate
from lairchat.core.metrics import CHORES
from lairchat.core.models import ChoreRun

logger = logging.getLogger(__name__)

Step = Callable[[], int]
AGAIN_SECONDS = 60.0  # after a failure


@dataclass(frozen=True, slots=True)
class Chore:
    """A piece of upkeep. `every` is the setting of the section `upkeep` that says how often."""

    name: str
    every: str
    step: Step

    @property
    def every_seconds(self) -> float:
        return getattr(config.current().upkeep, self.every)


chores: dict[str, Chore] = {}


def chore(name: str, *, every: str) -> Callable[[Step], Step]:
    """Decorator: do the step again and again until it answers 0, as often as the setting says."""

    def add(step: Step) -> Step:
        chores[name] = Chore(name, every, step)
        return step

    return add


class Upkeep:
    """The upkeep of one process: does nothing until it holds the lease."""

    def __init__(self) -> None:
        self.candidate = Candidate("upkeep", config.current().upkeep.takeover_seconds)
        self.put_off: dict[str, float] = {}  # failed chores, and the monotonic time until which they rest
        self.holds = False

    async def run(self) -> None:
        """Until cancelled; then the lease is given back."""
        try:
            while True:
                if await self._hold():
                    for each in await lane.run(due):
                        await self._do(each)
                await asyncio.sleep(config.current().upkeep.check_seconds)
        finally:
            await lane.run(self.candidate.release)

    async def _hold(self) -> bool:
        held = await lane.run(self.candidate.hold)
        if held != self.holds:
            logger.info("upkeep is done by this process from now on" if held else "upkeep is done by another process")
        self.holds = held
        return held

    async def _do(self, chore: Chore) -> None:
        if self.put_off.get(chore.name, 0) > time.monotonic():
            return
        rows = 0
        try:
            while step := await lane.run(chore.step):
                rows += step
                if not await self._hold():
                    return
            await lane.run(done, chore, rows)
        except Exception:  # whatever it is, the other chores go on
            logger.exception("upkeep failed: %s", chore.name)
            self.put_off[chore.name] = time.monotonic() + AGAIN_SECONDS
            CHORES.labels(chore.name, "failed").inc()


def due() -> list[Chore]:
    """Chores whose time has come; one statement. One done in what is now the future is due too: a clock was moved."""
    now = timezone.now()
    last = dict(ChoreRun.objects.values_list("name", "done_at"))

    def is_due(chore: Chore) -> bool:
        age = now - last[chore.name] if chore.name in last else None
        return age is None or not timedelta(0) <= age < timedelta(seconds=chore.every_seconds)

    return [each for each in chores.values() if is_due(each)]


def done(chore: Chore, rows: int) -> None:
    """Note that the chore was done to its end."""
    ChoreRun.objects.update_or_create(name=chore.name, defaults={"done_at": timezone.now(), "rows": rows})
    CHORES.labels(chore.name, "done").inc()
    if rows:
        logger.info("upkeep: %s, %d rows", chore.name, rows)


async def keep_up() -> None:
    """The upkeep of this process, for its life."""
    await Upkeep().run()
