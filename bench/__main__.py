"""`python -m bench`: measure the real server, and the naive chat in the same run; write docs/benchmarks."""

import tempfile
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path

from bench import machine, report
from bench.measure import QUICK, Bench, Size


def main() -> None:
    parser = ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything once and small: does it still work?")
    parser.add_argument("--rounds", type=int, help="the median of so many (default 3)")
    parser.add_argument("--out", type=Path, default=machine.ROOT / "docs" / "benchmarks")
    options = parser.parse_args()
    size = QUICK if options.quick else Size()
    rounds = options.rounds or (1 if options.quick else 3)
    facts = machine.facts()
    found: report.Rounds = {}
    command = "make bench" if not options.quick else "python -m bench --quick"
    with tempfile.TemporaryDirectory(prefix="lair-bench-") as directory:
        print("Making people, rooms and messages …", flush=True)
        bench = Bench(Path(directory), size)
        measurements = {
            "fan_out": bench.fan_out,
            "naive": bench.naive_fan_out,
            "acks": bench.acks,
            "idle": bench.idle,
            "log_ins": bench.log_ins,
            "pages": bench.pages,
        }
        for number in range(1, rounds + 1):
            for name, measure in measurements.items():
                print(f"Round {number} of {rounds}: {name} …", flush=True)
                found.setdefault(name, []).append(measure())
            text = report.write(options.out, found, facts, asdict(size), command)  # each round may be the last
    print(f"\n{text}")


if __name__ == "__main__":
    main()
