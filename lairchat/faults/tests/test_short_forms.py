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


@pytest.mark.promise("D1", "D2", "F1")
def test_processes_killed_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    run = holds("crash", tmp_path)
    assert run.figures["acks"] >= 600


@pytest.mark.promise("D1", "F1")
def test_a_process_may_die_before_and_after_it_commits_publishes_and_acknowledges(tmp_path: Path) -> None:
    holds("crash-points", tmp_path)


@pytest.mark.promise("F2")
def test_processes_restarted_in_turn_cost_nobody_a_message(tmp_path: Path) -> None:
    holds("rolling-restart", tmp_path)


@pytest.mark.promise("F1")
def test_a_frozen_process_keeps_nobody_of_the_others_waiting(tmp_path: Path) -> None:
    holds("frozen-process", tmp_path)


def test_a_process_frozen_in_the_middle_of_a_write_makes_nobody_believe_in_it(tmp_path: Path) -> None:
    holds("frozen-in-a-write", tmp_path)


@pytest.mark.parametrize("trouble", ["killed", "frozen", "flushed", "listeners-killed", "slow"])
@pytest.mark.promise("F3", "D10")
def test_a_redis_in_trouble_delays_and_loses_nothing(tmp_path: Path, trouble: str) -> None:
    holds(f"redis-{trouble}", tmp_path)


@pytest.mark.promise("F8")
def test_readers_that_stop_are_closed_and_nobody_else_is(tmp_path: Path) -> None:
    holds("slow-readers", tmp_path)


@pytest.mark.promise("D7")
def test_everybody_resumes_at_once_by_the_same_few_statements(tmp_path: Path) -> None:
    holds("reconnect-storm", tmp_path)


@pytest.mark.promise("D11")
def test_who_is_removed_at_any_moment_hears_nothing_later(tmp_path: Path) -> None:
    holds("removal-race", tmp_path)


@pytest.mark.promise("D6", "D7")
def test_a_cruel_network_costs_nobody_a_message(tmp_path: Path) -> None:
    holds("network-cruelty", tmp_path)


@pytest.mark.promise("F7")
def test_a_clock_that_jumps_changes_no_order_and_no_limit(tmp_path: Path) -> None:
    holds("clock-jumps", tmp_path)


@pytest.mark.promise("F9")
def test_too_much_at_once_is_refused_in_time_and_forgotten_soon(tmp_path: Path) -> None:
    holds("overload", tmp_path)


@pytest.mark.promise("F10")
def test_who_comes_fails_and_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    holds("leaks", tmp_path)


def test_every_fault_has_its_short_form() -> None:
    named = "".join(file.read_text() for file in Path(__file__).parent.glob("test_short_forms*.py"))
    others = {name for name in scenarios if not name.startswith("redis-")}
    assert {name for name in others if f'holds("{name}"' not in named} == set()
