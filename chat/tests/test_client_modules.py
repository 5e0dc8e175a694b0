"""The pure modules of the browser client, run by node's own test runner."""

import subprocess
from pathlib import Path

TESTS = Path(__file__).parent / "js"


def test_the_pure_modules_of_the_client_do_what_their_tests_say():
    files = sorted(str(path) for path in TESTS.glob("*.test.js"))
    done = subprocess.run(["node", "--test", *files], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]
