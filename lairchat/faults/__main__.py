"""`python -m lairchat.faults`: every scenario, or those named, in their long form; one line of verdict each."""

import asyncio
import atexit
import gc
import logging
import random
import signal
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from lairchat.faults import scenarios as _table  # noqa: F401 — fills the table
from lairchat.faults.report import Report
from lairchat.faults.run import Run, scenarios
from lairchat.testing import stack

DEFAULT = ["--out", "docs/benchmarks/faults.md"]  # what the Makefile says


def main() -> None:
    """Exit code 1 if anything was found wrong."""
    parser = ArgumentParser(prog="python -m lairchat.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(scenarios)}")
    parser.add_argument("--seed", type=int, help="where chance begins (default: by chance)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="small, a few seconds each: the form in the test suite")
    form.add_argument("--long", action="store_true", help="as the table of faults asks (default)")
    parser.add_argument("--out", type=Path, help="also write the verdicts to this page")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in scenarios]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(scenarios)}")
    gc.disable()  # the clients keep millions of plain objects, and looking through them would stop the clocks
    logging.basicConfig(level=logging.ERROR)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10_000)
    command = " ".join(["python -m lairchat.faults", *sys.argv[1:]]) if sys.argv[1:] != DEFAULT else "make faults"
    report = Report(options.out, command) if options.out is not None else None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    atexit.register(stack.end)
    runs = []
    for name in options.names or scenarios:
        runs.append(one(name, seed, is_long=not options.short))
        gc.collect()
        sys.stdout.write(f"{runs[-1].explained}\n")
        sys.stdout.flush()
        if report is not None:
            report.write(runs)
    sys.exit(any(run.wrong for run in runs))


def one(name: str, seed: int, *, is_long: bool) -> Run:
    """Carry out one scenario in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix=f"lair-{name}-") as directory:
        run = Run(name, seed, is_long, Path(directory))
        return asyncio.run(scenarios[name].carry_out(run))


if __name__ == "__main__":
    main()
