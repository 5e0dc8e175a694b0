"""`python -m bench`: measure the real server, and what it is compared with in the same run; write docs/benchmarks."""

import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench import connections, machine, many_rooms, one_room, pages, report
from bench.place import QUICK, Place, Size
from bench.rows import Rounds

USUAL_FRAME_BYTES = 600
Measurement = Callable[[Place, Rounds], dict[str, float]]


def measurements() -> dict[str, Measurement]:
    """By name, in the order in which a round takes them; one may use what the others of its round have found."""
    alone = [
        *(one_room.ours, one_room.two_processes, one_room.naive),
        *(many_rooms.durable, many_rooms.stored, many_rooms.stored_one_each, many_rooms.stored_naive),
        *(many_rooms.volatile, connections.idle, connections.statements, connections.log_ins),
        *(pages.over_http, pages.inside),
    ]
    named: dict[str, Measurement] = {
        measure.__name__: lambda place, _, measure=measure: measure(place)  # type: ignore[misc]
        for measure in alone
    }
    named["raw"] = lambda place, found: one_room.raw(place, _frame_bytes(found))
    named["node_ws"] = lambda place, found: one_room.node_ws(place, _frame_bytes(found))
    named["socket_io"] = lambda place, found: one_room.socket_io(place, _frame_bytes(found))
    return named


def _frame_bytes(found: Rounds) -> float:
    return found["ours"][-1]["frame_bytes"] if "ours" in found else USUAL_FRAME_BYTES


def main() -> None:
    parser = ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything once and small: does it still work?")
    parser.add_argument("--rounds", type=int, help="the median of so many (default 3)")
    parser.add_argument("--only", nargs="+", choices=measurements(), help="leave out the others and their rows")
    parser.add_argument("--out", type=Path, default=machine.ROOT / "docs" / "benchmarks")
    options = parser.parse_args()
    size = QUICK if options.quick else Size()
    rounds = options.rounds or (1 if options.quick else 3)
    facts, begun = machine.facts(), time.monotonic()
    chosen = {name: measure for name, measure in measurements().items() if name in (options.only or measurements())}
    found: Rounds = {}
    command = "make bench" if len(sys.argv) == 1 else " ".join(["python -m bench", *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="lair-bench-") as directory:
        print("Making people, rooms and messages …", flush=True)
        place = Place(Path(directory), size)
        for number in range(1, rounds + 1):
            for name, measure in chosen.items():
                print(f"{time.monotonic() - begun:4.0f} s, round {number} of {rounds}: {name} …", flush=True)
                found.setdefault(name, []).append(measure(place, found))
            facts["minutes"] = (time.monotonic() - begun) / 60
            text = report.write(options.out, found, facts, asdict(size), command)  # each round may be the last
    print(f"\n{text}")


if __name__ == "__main__":
    main()
