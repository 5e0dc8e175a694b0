"""One run of one scenario: its seed, what was measured, what was found wrong; and the table of scenarios."""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

FAULTS_TOLD = 20  # sentences of one run that are printed; more would say the same again


@dataclass
class Run:
    """What a scenario is given, and what it gives back.

    Chance comes from `rng` alone, so that a seed names a run. (The moment at which the system does a thing is its own.)
    """

    name: str
    seed: int
    is_long: bool
    directory: Path
    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.name} {self.seed}")

    def size(self, short: T, long: T) -> T:
        """The figure for this run's form."""
        return long if self.is_long else short

    def note(self, **figures: object) -> None:
        """Put figures into the verdict."""
        self.figures |= figures

    def must(self, holds: object, sentence: str) -> None:
        """Find it wrong, in these words, unless it holds."""
        if not holds:
            self.wrong.append(sentence)

    @property
    def verdict(self) -> str:
        """One line: what was run, whether it held, and the figures."""
        form = "long" if self.is_long else "short"
        figures = " ".join(f"{name}={plain(value)}" for name, value in self.figures.items())
        word = "FAIL" if self.wrong else "pass"
        return f"{word} {self.name} ({form}) seed={self.seed} {self.seconds:.0f}s {figures}".rstrip()

    def told(self) -> list[str]:
        """The sentences that say what was wrong, the first of them if they are many."""
        told = self.wrong[:FAULTS_TOLD]
        return told if len(self.wrong) == len(told) else [*told, f"… and {len(self.wrong) - len(told)} more"]

    @property
    def explained(self) -> str:
        """The verdict, and what was wrong."""
        return "\n".join([self.verdict, *(f"    {sentence}" for sentence in self.told())])


def plain(value: object) -> str:
    """A figure as it stands in a verdict."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace(" ", "_")


Work = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A fault, and the work that brings it about and looks what became of it."""

    name: str
    work: Work

    @property
    def meaning(self) -> str:
        """The first line of what its author wrote."""
        return (self.work.__doc__ or "").strip().splitlines()[0]

    async def carry_out(self, run: Run) -> Run:
        """Do it; whatever it raises is found wrong too. `run` then holds the verdict."""
        begun = time.monotonic()
        try:
            await self.work(run)
        except Exception as error:
            run.wrong.append(f"{type(error).__name__}: {error}")
        run.seconds = time.monotonic() - begun
        return run


scenarios: dict[str, Scenario] = {}


def scenario(work: Work) -> Work:
    """Decorator: put the function into the table, under its own name with hyphens."""
    name = work.__name__.replace("_", "-")
    scenarios[name] = Scenario(name, work)
    return work
