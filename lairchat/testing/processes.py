"""Real server processes for tests, and what the system knows about them."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lairchat.testing import stack

T = TypeVar("T")

DEADLINE_SECONDS = 60.0
ROOT = Path(__file__).parents[2]
LISTENS = re.compile(r"listens on http://\S+:(\d+)")


def eventually(question: Callable[[], T], what: str, *, seconds: float = DEADLINE_SECONDS) -> T:
    """Ask until the answer is true, and return it. Raises AssertionError at the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"it never became true that {what}"
        time.sleep(0.02)
    return answer


class ServerProcess:
    """One server in a process of its own, on a free port. Use as a context; the end is a kill."""

    def __init__(self, data_dir: Path, *command: str, **environment: str) -> None:
        free_ports = {"LAIR_HTTP_PORT": "0", "LAIR_TCP_PORT": "0"}
        self.process = subprocess.Popen(
            [sys.executable, *command],
            env=stack.environment(data_dir, **(free_ports | environment)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def port(self) -> int:
        """Waits until the server listens."""

        def found() -> int | None:
            assert self.process.poll() is None, f"the server ended:\n{self.output}"
            match = LISTENS.search(self.output)
            return int(match[1]) if match else None

        return eventually(found, "the server listens") or 0

    def memory_peak(self) -> int:
        """The most bytes the process ever held in memory."""
        return self._status("VmHWM") * 1024

    def memory_now(self) -> int:
        """The bytes the process holds in memory."""
        return self._status("VmRSS") * 1024

    def threads(self) -> int:
        return self._status("Threads")

    def is_stopped(self) -> bool:
        """It stands still, by SIGSTOP."""
        return "\nState:\tT" in Path(f"/proc/{self.process.pid}/status").read_text()

    def files(self) -> int:
        """Its open files, sockets among them."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
        assert match, f"no {name} in the status of the process"
        return int(match[1])

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code, once it has ended; its output is then complete."""
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return code

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.wait()


class Servers:
    """The server as the stack has it: one process, or two that share everything. Use as a context."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        command = ("manage.py", "serve", *options)
        self.processes = [ServerProcess(data_dir, *command, **environment) for _ in range(stack.PROCESSES)]

    @property
    def ports(self) -> list[int]:
        """Waits until all listen."""
        return [process.port for process in self.processes]

    @property
    def output(self) -> str:
        return "".join(process.output for process in self.processes)

    def port_for(self, number: int) -> int:
        """The process of somebody's: neighbours are served by different ones, where there are two."""
        return self.processes[number % len(self.processes)].port

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self.processes:
            process.__exit__()
