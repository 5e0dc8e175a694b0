"""Each fault of PostgreSQL in its short form."""

from pathlib import Path

import pytest

from lairchat.faults.tests.test_short_forms import holds

pytestmark = pytest.mark.processes


@pytest.mark.promise("F4")
def test_a_postgresql_that_crashes_and_returns_costs_nobody_a_message_or_a_line(tmp_path: Path) -> None:
    holds("postgres-stopped", tmp_path)


@pytest.mark.promise("F4")
def test_while_postgresql_is_frozen_writes_are_refused_and_nothing_is_falsely_acknowledged(tmp_path: Path) -> None:
    holds("postgres-frozen", tmp_path)


@pytest.mark.promise("F4")
def test_sessions_that_are_ended_are_made_anew(tmp_path: Path) -> None:
    holds("postgres-sessions-killed", tmp_path)


def test_two_processes_live_with_fewer_places_than_they_would_take(tmp_path: Path) -> None:
    holds("postgres-crowded", tmp_path)


@pytest.mark.promise("D1", "F4")
def test_lines_cut_in_the_middle_of_commits_double_and_lose_nothing(tmp_path: Path) -> None:
    holds("postgres-cut-off", tmp_path)


def test_a_process_opens_at_most_eight_connections(tmp_path: Path) -> None:
    holds("postgres-pool", tmp_path)
