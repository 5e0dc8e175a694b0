"""Stop early, in one sentence, where the Python is too old."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  the point of this file
    sys.exit(f"Lair Chat needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.11 …")
