"""Guarantees, section 7, item 3: no row of the guarantees is without a test that shows it."""

from pathlib import Path

import pytest

from lairchat.reference import promises

# Rows whose tests are being written elsewhere at this moment; to be empty before a release.
AWAITED: set[str] = set()


@pytest.mark.parametrize("row", promises.ROWS)
def test_a_promise_is_shown_by_a_test(row: str) -> None:
    shown = promises.shown_by_row().get(row, [])
    if row in promises.NOT_BUILT or row in AWAITED:
        assert not shown, f"{row} has tests now: take it off the list of those that have none"
    else:
        assert shown, f"no test is marked with promise({row!r})"


def test_a_test_promises_only_what_stands_in_the_guarantees() -> None:
    assert promises.shown_by_row().keys() <= promises.ROWS.keys()


def test_the_rows_are_those_of_the_guarantees() -> None:
    """Thirteen of delivery, twelve faults, twenty-one of security, in order."""
    assert list(promises.ROWS) == [
        f"{letter}{n}" for letter, last in (("D", 13), ("F", 12), ("S", 21)) for n in range(1, last + 1)
    ]


def test_nothing_else_may_wait() -> None:
    assert promises.NOT_BUILT.keys() == {"D13", "S5", "S12", "S13", "S15", "S20"}


def test_a_marked_class_lends_its_rows_to_its_tests(tmp_path: Path) -> None:
    tests = tmp_path / "chat" / "tests"
    tests.mkdir(parents=True)
    text = (
        "import pytest\n@pytest.mark.promise('D1')\nclass TestA:\n"
        "    @pytest.mark.promise('D2')\n    async def test_b(self): ...\ndef test_c(): ...\n"
    )
    (tests / "test_x.py").write_text(text)
    assert promises.shown_by_row(tmp_path) == {row: ["chat/tests/test_x.py::test_b"] for row in ("D1", "D2")}
