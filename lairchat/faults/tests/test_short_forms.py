"""Each fault in its short form. The long ones: `make faults`; what they do: docs/development/faults.md."""

import asyncio
from pathlib import Path

import pytest

from lairchat.faults import scenarios as _table  # noqa: F401 — fills the table
from lairchat.faults.run import Run, scenarios

pytestmark = pytest.mark.processes

SEED = 1


def holds(name: str, directory: Path) -> Run:
    """Carry a scenario out; fails with everything that was found wrong."""
    run = Run(name, SEED, False, directory)
    asyncio.run(scenarios[name].carry_out(run))
    assert not run.wrong, run.explained
    return run


def test_processes_killed_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    run = holds("crash", tmp_path)
    assert run.figures["acks"] >= 600


def test_a_process_may_die_before_and_after_it_commits_publishes_and_acknowledges(tmp_path: Path) -> None:
    holds("crash-points", tmp_path)


def test_processes_restarted_in_turn_cost_nobody_a_message(tmp_path: Path) -> None:
    holds("rolling-restart", tmp_path)
