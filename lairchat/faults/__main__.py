"""`python -m lairchat.faults`: every scenario, or those named, in their long form; one line of verdict each."""

import asyncio
import logging
import random
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from lairchat.faults import scenarios as _table  # noqa: F401 — fills the table
from lairchat.faults.run import Run, scenarios


def main() -> None:
    """Exit code 1 if anything was found wrong."""
    parser = ArgumentParser(prog="python -m lairchat.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(scenarios)}")
    parser.add_argument("--seed", type=int, help="where chance begins (default: by chance)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="small, a few seconds each: the form in the test suite")
    form.add_argument("--long", action="store_true", help="as the table of faults asks (default)")
    parser.add_argument("--out", type=Path, help="also write the verdicts to this file")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in scenarios]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(scenarios)}")
    logging.basicConfig(level=logging.ERROR)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10_000)
    runs = []
    for name in options.names or scenarios:
        runs.append(one(name, seed, is_long=not options.short))
        sys.stdout.write(f"{runs[-1].explained}\n")
        sys.stdout.flush()
        if options.out is not None:
            options.out.write_text("".join(f"{run.explained}\n" for run in runs))
    sys.exit(any(run.wrong for run in runs))


def one(name: str, seed: int, *, is_long: bool) -> Run:
    """Carry out one scenario in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix=f"lair-{name}-") as directory:
        run = Run(name, seed, is_long, Path(directory))
        return asyncio.run(scenarios[name].carry_out(run))


if __name__ == "__main__":
    main()
