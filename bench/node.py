"""The comparison with Node: `python -m bench.node <script> …` becomes Node with one of the scripts beside."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "javascript"


def is_ready() -> bool:
    """Whether Node is there and its packages are, or can be fetched (once, by npm, for this comparison only)."""
    if shutil.which("node") is None:
        return False
    if all((SCRIPTS / "node_modules" / package).exists() for package in ("ws", "socket.io")):
        return True
    if shutil.which("npm") is None:
        return False
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"]
    return subprocess.run(command, cwd=SCRIPTS, capture_output=True, timeout=120, check=False).returncode == 0


def main(script: str, *arguments: str) -> None:
    os.execvp("node", ["node", str(SCRIPTS / script), *arguments])


if __name__ == "__main__":
    main(*sys.argv[1:])
