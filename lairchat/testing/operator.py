"""The operator of an installation at the command line: `manage.py`, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from lairchat.testing import stack
from lairchat.testing.processes import ROOT


class Failed(Exception):
    """The command said no; the text is all it said."""


def manage(data_dir: Path, *words: str, **environment: str) -> str:
    """Run a command on the installation; answers what it printed. Raises Failed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=stack.environment(data_dir, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(done.stdout)
    return done.stdout


def operate(data_dir: Path, code: str, **environment: str) -> str:
    """Run statements in the operator's shell, where our models are at hand by their names."""
    return manage(data_dir, "shell", "-v", "0", "-c", code, **environment).strip()
