"""F6: the disk of the data directory is full for a while."""

import asyncio
import contextlib
import os
import resource
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lairchat.faults.run import Run, scenario
from lairchat.faults.scenarios.sqlite import FILES, Scene, scene

MIB = 2**20


class Disk(Protocol):
    directory: Path

    def fill(self, here: Scene) -> None: ...
    def free(self, here: Scene) -> None: ...


class SmallDisk:
    """A file system in memory of 40 MiB, filled by a file that is later removed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.filler = directory / "filler"

    def fill(self, here: Scene) -> None:
        with self.filler.open("wb", buffering=0) as file:
            for size in (MIB, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)
        assert os.statvfs(self.directory).f_bavail == 0

    def free(self, here: Scene) -> None:
        self.filler.unlink()


class SmallFiles:
    """Where nothing may be mounted: the server may write no file beyond its present size (setrlimit(2))."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def fill(self, here: Scene) -> None:
        _limit(here, min((self.directory / name).stat().st_size for name in FILES))

    def free(self, here: Scene) -> None:
        _limit(here, resource.RLIM_INFINITY)


def _limit(here: Scene, size: int) -> None:
    resource.prlimit(here.cluster.server().process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk(directory: Path) -> Iterator[Disk]:
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m,mode=700", "lair-faults", str(directory)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        yield SmallFiles(directory)
        return
    try:
        yield SmallDisk(directory)
    finally:
        subprocess.run(["umount", str(directory)], check=True)


async def _full_for_a_while(run: Run, disk: Disk) -> None:
    async with scene(run, disk.directory) as here:
        for _ in range(run.size(1, 5)):
            disk.fill(here)
            full = time.monotonic()
            # What was begun before may yet find room in the log of writes; then the refusals begin.
            await here.crowd.until(
                lambda full=full: any(answer.status == 507 for answer in here.asker.answers("POST", full)),
                "a write is refused",
            )
            refused = time.monotonic()
            await here.crowd.until(
                lambda refused=refused: len(here.asker.answers("POST", refused)) > run.size(5, 50), "more are refused"
            )
            writes, reads = here.asker.answers("POST", refused), here.asker.answers("/api", full)
            statuses = Counter((answer.status, answer.code) for answer in writes)
            run.must(statuses.keys() == {(507, "storage_full")}, f"writes were answered {dict(statuses)}")
            run.must({answer.status for answer in reads} == {200}, "reading did not go on")
            disk.free(here)
            await here.write()
            run.note(refused_in_all=len(writes), how=type(disk).__name__)


@scenario
async def disk_full(run: Run) -> None:
    """The data directory is on 40 MiB of memory, which are filled and freed, five times."""
    with small_disk(run.directory / "small") as disk:
        await _full_for_a_while(run, disk)


@scenario
async def file_limit(run: Run) -> None:
    """The server may not make its files larger, and then may again, five times."""
    directory = run.directory / "small"
    await asyncio.to_thread(directory.mkdir)
    await _full_for_a_while(run, SmallFiles(directory))
