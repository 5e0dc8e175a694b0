"""`make bench` measures everything it promises, on the real server and on what it is compared with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rows import PARTS, Row, with_ratios
from lairchat.testing import stack

ROOT = Path(__file__).parents[2]
SIZED = {"cpu_us_per_delivery_100", "cpu_us_per_delivery_1000", "cpu_us_per_delivery_5000"}
SIZED |= {"mib_500", "mib_1000", "mib_5000"}  # a small run has other sizes
BY_NODE = {"node_ws", "socket_io", "node_to_cpu", "socket_io_to_cpu"}  # only where Node and its packages are
MAY_BE_NONE = {"refused"}
TRIED = ("ours", "raw", "naive", "durable", "stored")  # the others take minutes


@pytest.mark.processes
def test_a_small_benchmark_finds_its_figures(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(tmp_path), "--only", *TRIED]
    on_sqlite = {name: value for name, value in os.environ.items() if name != stack.VARIABLE}
    done = subprocess.run(command, cwd=ROOT, env=on_sqlite, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "latest.json").read_text())
    missing = [
        (row.measurement, row.figure)
        for rows in PARTS.values()
        for row in rows
        if row.measurement in TRIED
        and not {row.measurement, row.figure} & (SIZED | BY_NODE | MAY_BE_NONE)
        and not found["medians"][row.measurement].get(row.figure, 0) > 0
    ]
    assert missing == []
    assert found["medians"]["durable"]["refused"] == 0
    assert found["machine"]["commit"]
    assert "| raw picows: CPU per delivery, µs |" in (tmp_path / "latest.md").read_text()


def test_a_goal_is_reached_at_its_bound_and_missed_beyond() -> None:
    most, least = Row("", "", "", "≤ 1.5"), Row("", "", "", "≥ 2,500")
    assert [most.is_reached(figure) for figure in (1.4, 1.5, 1.6)] == [True, True, False]
    assert [least.is_reached(figure) for figure in (2499, 2500, 2501)] == [False, True, True]
    assert Row("", "", "").is_reached(1) is None


def test_a_ratio_compares_figures_of_one_round() -> None:
    rounds = {
        "ours": [{"cpu_us_per_delivery": 10.0}, {"cpu_us_per_delivery": 20.0}],
        "raw": [{"cpu_us_per_delivery": 5.0}, {"cpu_us_per_delivery": 10.0}],
        "naive": [{"cpu_us_per_delivery": 100.0}, {"cpu_us_per_delivery": 500.0}],
        "node_ws": [{}, {}],
        "two_processes": [{"cpu_us_per_delivery": 10.0}, {"cpu_us_per_delivery": 25.0}],
        **{name: [{"per_second": 6.0}, {"per_second": 6.0}] for name in ("stored", "stored_one_each", "stored_naive")},
    }
    found = with_ratios(rounds)["ratio"]
    assert [one["cpu_to_raw"] for one in found] == [2, 2]
    assert [one["naive_to_cpu"] for one in found] == [10, 25]
    assert [one["two_to_one"] for one in found] == [1, 1.25]
    assert "node_to_cpu" not in found[0]
