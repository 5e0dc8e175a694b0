"""Each fault of SQLite, and of the disk under it, in its short form."""

from pathlib import Path

import pytest

from lairchat.faults.tests.test_short_forms import holds

pytestmark = pytest.mark.processes


@pytest.mark.promise("F5")
def test_while_another_program_holds_the_lock_writes_wait_and_then_are_refused(tmp_path: Path) -> None:
    holds("sqlite-locked", tmp_path)


@pytest.mark.promise("F5")
def test_a_reader_that_stays_holds_up_nobody(tmp_path: Path) -> None:
    holds("sqlite-snapshot", tmp_path)


@pytest.mark.promise("D1")
def test_whenever_it_crashes_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    run = holds("sqlite-copies", tmp_path)
    assert int(str(run.figures["rows_held_against"])) > 100


@pytest.mark.promise("F6")
def test_on_a_full_disk_writes_are_refused_and_reading_goes_on(tmp_path: Path) -> None:
    holds("disk-full", tmp_path)


@pytest.mark.promise("F6")
def test_files_that_may_not_grow_are_a_full_disk(tmp_path: Path) -> None:
    holds("file-limit", tmp_path)
