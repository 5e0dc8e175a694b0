"""F5, D1: SQLite under others' hands: its lock is held, a snapshot is kept open, its files are copied as a crash
would leave them."""

import asyncio
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from lairchat.faults.asking import Asker
from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import RATE, Crowd
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario
from lairchat.testing import stack

ASKER = "asker"
WAIT_SECONDS = 5.0
FILES = ("lair.sqlite3", "lair.sqlite3-wal")


class Scene:
    """One process on SQLite, with people and somebody who asks by REST."""

    def __init__(self, run: Run, cluster: Cluster, crowd: Crowd, asker: Asker) -> None:
        self.run, self.cluster, self.crowd, self.asker = run, cluster, crowd, asker
        self.address = stack.database_url(cluster.directory)

    async def write(self) -> None:
        """Go on until the writers have been acknowledged for a while."""
        await self.crowd.more_acknowledged(self.run.size(60, 1000))

    async def judged(self) -> None:
        await self.crowd.judge()
        self.run.must(not self.crowd.gaps(), f"{len(self.crowd.gaps())} lines were cut")


@asynccontextmanager
async def scene(run: Run, directory: Path | None = None, *, wait_seconds: float = WAIT_SECONDS) -> AsyncIterator[Scene]:
    people = names(run.size(10, 50))
    directory = directory or run.directory
    stack.settle(directory, f"sqlite:///{directory / FILES[0]}")
    rooms = teams(people) | {"counter": [ASKER]}
    async with (
        Cluster(
            directory, [*people, ASKER], rooms, processes=1, LAIR_DATABASE_WAIT_SECONDS=str(wait_seconds)
        ) as cluster,
        Crowd(run, cluster, people=people, rate=run.size(60, RATE)) as crowd,
        Asker(cluster, ASKER, cluster.place.rooms["counter"]) as asker,
    ):
        here = Scene(run, cluster, crowd, asker)
        crowd.begin()
        await here.write()
        yield here
        await here.write()
        await asker.__aexit__()
        await here.judged()


@scenario
async def sqlite_locked(run: Run) -> None:
    """Another program holds the database's lock for 10 s, three times."""
    seconds = run.size(1.0, WAIT_SECONDS)
    async with scene(run, wait_seconds=seconds) as here:
        waits: list[float] = []
        for _ in range(run.size(1, 3)):
            with stack.held(here.address) as let_go:
                held = time.monotonic()
                await asyncio.sleep(run.size(0.0, 10.0))
                await here.crowd.until(
                    lambda held=held: len(here.asker.answers("POST", held)) > 1, "writes are refused"
                )
                writes, reads = here.asker.answers("POST", held), here.asker.answers("/api", held)
                ready = here.asker.answers("/", held)
                let_go()
            statuses = Counter((answer.status, answer.code) for answer in writes)
            run.must(statuses.keys() == {(503, "busy")}, f"writes were answered {dict(statuses)}")
            run.must({answer.status for answer in [*reads, *ready]} == {200}, "reading did not go on")
            waits += [answer.seconds for answer in writes]
            await here.write()
        run.note(refused_max_s=max(waits), read_p99_ms=p99(answer.seconds for answer in reads) * 1000)
        run.must(min(waits) > seconds * 0.8, f"somebody was refused after {min(waits):.1f} s already")
        run.must(not run.is_long or max(waits) < seconds + 0.5, f"somebody waited {max(waits):.1f} s to be refused")


@scenario
async def sqlite_snapshot(run: Run) -> None:
    """Another program reads in one transaction for 5 min: the log of writes cannot be emptied meanwhile."""
    async with scene(run) as here:
        begun = time.monotonic()
        path = here.address.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader:
            reader.execute("BEGIN")
            known = reader.execute("SELECT count(*) FROM chat_message").fetchall()
            await asyncio.sleep(run.size(2, 300))
            await here.write()
            run.must(known == reader.execute("SELECT count(*) FROM chat_message").fetchall(), "the snapshot moved")
            reader.execute("COMMIT")
        run.note(
            wal_mib=Path(f"{path}-wal").stat().st_size / 2**20,
            send_p99_ms=p99(here.crowd.waits(begun)) * 1000,
        )
        run.must(not here.crowd.refusals, f"sends were refused: {dict(here.crowd.refusals)}")


@scenario
async def sqlite_copies(run: Run) -> None:
    """At 100 moments under load the files are copied as a crash at that moment would leave them."""
    async with scene(run) as here:
        rows = 0
        for number in range(run.size(8, 100)):
            await asyncio.sleep(run.rng.uniform(0.0, 0.3))
            acknowledged = {send.nonce for send in here.crowd.tally.acknowledged}
            copy = run.directory / f"copy{number}"
            copy.mkdir()
            here.cluster.freeze()
            try:
                for name in FILES:
                    await asyncio.to_thread(shutil.copyfile, run.directory / name, copy / name)
            finally:
                here.cluster.thaw()
            rows += await asyncio.to_thread(_judged_copy, run, copy / FILES[0], acknowledged)
            shutil.rmtree(copy)
        run.note(copies=run.size(8, 100), rows_held_against=rows)


def _judged_copy(run: Run, path: Path, acknowledged: set[str]) -> int:
    """Open a copy as a restart would; it must be whole, and hold what was acknowledged before it was made."""
    with closing(sqlite3.connect(path)) as database:
        verdict = database.execute("PRAGMA integrity_check").fetchall()
        run.must(verdict == [("ok",)], f"{path.parent.name} is not whole: {verdict[:3]}")
        stored = {nonce for (nonce,) in database.execute("SELECT nonce FROM chat_message")}
    lost = acknowledged - stored
    run.must(not lost, f"{path.parent.name} lacks {len(lost)} of {len(acknowledged)} acknowledged messages")
    return len(acknowledged)
