"""docs/development/guarantees.md: every row of the guarantees with the tests that show it, read from their markers."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lairchat.reference.words import table

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "rooms", "chat", "lairchat")
HEAD = """\
# What is promised, and the tests that show it

A test says which rows it shows with `@pytest.mark.promise("D6", "F8")`. A row without a test fails
`lairchat/tests/test_promises.py`, unless it stands below among what is not built yet.

This page is generated from the tests; do not edit it.
"""
GROUPS = {"D": "Delivery", "F": "Faults", "S": "Security"}
ROWS = {
    "D1": "Acknowledged means stored",
    "D2": "A send happens once",
    "D3": "One order, without holes",
    "D4": "What is in the log",
    "D5": "The log holds references, not content",
    "D6": "Frames of a stream arrive without hole, repeat or swap",
    "D7": "Resume within bounds, or a reset that says why",
    "D8": "Replay window: 30 days and 1,000 entries",
    "D9": "A snapshot and the frames after it are a fresh read",
    "D10": "The bus is only a hint",
    "D11": "Removal is a position",
    "D12": "Read positions, unread and mention counts",
    "D13": "What the first dialect is given",
    "F1": "A process is killed",
    "F2": "A process is stopped, or all in turn",
    "F3": "Redis is dead, frozen or flushed",
    "F4": "The database is down",
    "F5": "The database is busy or locked",
    "F6": "The disk is full",
    "F7": "The clock jumps",
    "F8": "A reader is slow or stops",
    "F9": "A flood of frames, bytes, connections, logins",
    "F10": "A handler fails on one event, room or user",
    "F11": "A backup is restored",
    "F12": "A migration while serving",
    "S1": "Every credential belongs to a stored session",
    "S2": "Tokens",
    "S3": "What ends all other sessions",
    "S4": "Passwords",
    "S5": "Second factor",
    "S6": "Guessing",
    "S7": "Sockets: origin, and rights of this moment",
    "S8": "Cookies and forged requests",
    "S9": "Headers",
    "S10": "No header moves us unless a trusted proxy says so",
    "S11": "Text is text",
    "S12": "Files",
    "S13": "Outgoing requests",
    "S14": "Which fields are written and shown",
    "S15": "Export and erasure",
    "S16": "The staff log",
    "S17": "Logs of the process",
    "S18": "Secrets and the first start",
    "S19": "The desk",
    "S20": "The first dialect's encryption",
    "S21": "Metrics and admin routes",
}
# What these rows promise does not exist yet. Whoever builds it takes its row out of here.
NOT_BUILT = {
    "D13": "the first dialect",
    "S5": "second factor",
    "S12": "files",
    "S13": "previews and webhooks",
    "S15": "exports and erasure",
    "S20": "the first dialect over TCP",
}


def page() -> str:
    """The whole page."""
    shown = shown_by_row()
    lines = [HEAD]
    for letter, title in GROUPS.items():
        lines += ["", f"## {title}", ""]
        rows = (row for row in ROWS if row[0] == letter)
        lines += table(("row", "promise", "tests"), ((row, ROWS[row], _tests(shown.get(row, []))) for row in rows))
    lines += ["", "## Not built yet", ""]
    lines += table(("row", "waits for"), NOT_BUILT.items())
    return "\n".join([*lines, ""])


@cache
def shown_by_row(root: Path = ROOT) -> dict[str, list[str]]:
    """`path::test` of every marked test below `root`, by row, in the order of the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("test_*.py")):
            name = path.relative_to(root).as_posix()
            for test, rows in _marked(ast.parse(path.read_text(encoding="utf-8"))):
                for row in rows:
                    found[row].append(f"{name}::{test}")
    return dict(found)


def _marked(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Each marked function with its rows; a marked class lends its rows to its tests."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, _rows(node)
        elif isinstance(node, ast.ClassDef):
            for test, rows in _marked(node):
                yield test, [*_rows(node), *rows]


def _rows(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[str]:
    calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.promise"]
    return [ast.literal_eval(argument) for mark in marks for argument in mark.args]


def _tests(names: list[str]) -> str:
    """By file, so that a row stays readable."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in names:
        path, _, test = name.partition("::")
        by_file[path].append(test.removeprefix("test_").replace("_", " "))
    return "; ".join(f"`{path}`: {', '.join(tests)}" for path, tests in by_file.items())
