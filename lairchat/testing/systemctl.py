"""As much of systemctl as the documentation uses, so that a test can run its commands without a systemd.

Units are read from LAIR_TEST_UNITS and run as they say: WorkingDirectory, EnvironmentFile, Environment, ExecStart with
the instance for %i, SIGTERM and TimeoutStopSec at the end. What confines them (ProtectSystem and the like) is left out.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS = "LAIR_TEST_UNITS"


class Unit:
    """One unit or instance by its name, `lair-web@8082`, in the directory of the units."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name = name.removesuffix(".service")
        stem, at, self.instance = name.partition("@")
        self.file = directory / f"{stem}{at}.service"
        self.pid_file = directory / f"{name}.pid"
        self.log_file = directory / f"{name}.log"

    @property
    def pid(self) -> int | None:
        """Of its process, if that lives."""
        try:
            pid = int(self.pid_file.read_text())
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return None
        return None if state == "Z" else pid

    def settings(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in self.file.read_text().splitlines():
            name, is_setting, value = line.partition("=")
            if is_setting and not line.startswith("#"):
                found.setdefault(name, []).append(value.replace("%i", self.instance))
        return found

    def start(self) -> None:
        if self.pid is not None:
            return
        settings = self.settings()
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        for file in settings.get("EnvironmentFile", []):
            lines = [line for line in Path(file).read_text().splitlines() if line and not line.startswith("#")]
            environment |= dict(line.split("=", 1) for line in lines)
        environment |= dict(value.split("=", 1) for value in settings.get("Environment", []))
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                shlex.split(settings["ExecStart"][0]),
                cwd=settings["WorkingDirectory"][0],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_file.write_text(str(process.pid))

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to one that is not gone after TimeoutStopSec: that is a failure."""
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + float(self.settings()["TimeoutStopSec"][0])
        while self.pid is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                sys.exit(f"{self.name} did not stop in time")
            time.sleep(0.05)


def main(words: list[str]) -> None:
    directory = Path(os.environ[UNITS])
    verb, *names = [word for word in words if not word.startswith("-")]
    for name in names:
        unit = Unit(directory, name)
        if verb in {"stop", "restart"}:
            unit.stop()
        if verb in {"start", "restart", "enable"}:
            unit.start()


if __name__ == "__main__":
    main(sys.argv[1:])
