"""`make bench` measures everything it promises, on the real server and on the naive chat."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = {
    "ratio": {"cpu_ratio", "p50_ratio"},
    "fan_out": {"p50_ms", "p99_ms", "deliveries_per_second"},
    "naive": {"p50_ms", "p99_ms", "deliveries_per_second"},
    "acks": {"ack_p50_ms", "ack_p99_ms", "sends_per_second"},
    "idle": {"memory_empty_mib", "memory_30_mib", "memory_60_mib", "connects_per_second"},
    "log_ins": {"log_ins_per_second"},
    "pages": {"first_page_p50_ms", "history_newest_p50_ms", "history_middle_p50_ms", "sidebar_p50_ms"},
}


@pytest.mark.processes
def test_a_small_benchmark_finds_every_figure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "latest.json").read_text())
    for measurement, figures in FIGURES.items():
        assert {name: found["medians"][measurement].get(name, 0) > 0 for name in figures} == dict.fromkeys(
            figures, True
        )
    assert found["machine"]["commit"]
    assert "| CPU per delivery, µs |" in (tmp_path / "latest.md").read_text()
