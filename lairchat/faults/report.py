"""The verdicts of a run as a page: what was run, on what, and what was found."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from lairchat.faults.run import Run, plain, scenarios
from lairchat.testing import stack

HEAD = """# Faults

Written by `make faults`; what each fault does and how to read this: [faults.md](../development/faults.md).
"""


class Report:
    """Written anew after each run, so that what was found is not lost with the rest."""

    def __init__(self, path: Path, command: str) -> None:
        self.path, self.command = path, command
        self.facts = machine.facts()
        self.begun = datetime.now(UTC)

    def write(self, runs: Sequence[Run]) -> None:
        self.path.write_text("\n".join([HEAD, self._machine(runs), "", *self._table(runs), *self._wrong(runs), ""]))

    def _machine(self, runs: Sequence[Run]) -> str:
        facts = self.facts
        under = "PostgreSQL, Redis" if stack.ON_POSTGRES else f"SQLite {facts['sqlite']}"
        return (
            f"`{self.command}`, commit {facts['commit']}, seed {runs[0].seed}, {self.begun:%Y-%m-%d %H:%M} UTC. "
            f"{under}, Python {facts['python']}, {facts['cores']} cores of {facts['cpu']}, {facts['system']}; "
            f"load before {facts['load_before']:.1f}, after {os.getloadavg()[0]:.1f}."
        )

    def _table(self, runs: Sequence[Run]) -> list[str]:
        rows = [_row(run) for run in runs]
        return [
            "| fault | form | verdict | seconds | what was done | figures |",
            "| --- | --- | --- | ---: | --- | --- |",
            *rows,
        ]

    def _wrong(self, runs: Sequence[Run]) -> list[str]:
        wrong = [run for run in runs if run.wrong]
        if not wrong:
            return []
        return ["", "## What was found wrong", "", *(f"- {run.name}: {text}" for run in wrong for text in run.told())]


def _row(run: Run) -> str:
    verdict = "**FAIL**" if run.wrong else "pass"
    figures = ", ".join(f"{name} {plain(value)}" for name, value in run.figures.items())
    form = "long" if run.is_long else "short"
    return f"| {run.name} | {form} | {verdict} | {run.seconds:.0f} | {scenarios[run.name].meaning} | {figures} |"
