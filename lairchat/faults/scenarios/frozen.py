"""A process that stops for a while, as a machine does that swaps or is moved. The others go on."""

import asyncio
import json
import sqlite3
import time

from lairchat.faults.cluster import Cluster, becomes_true, names, teams
from lairchat.faults.crowd import RATE, Crowd
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario
from lairchat.testing import stack

SLOWER_SECONDS = 0.25


def holds_the_lock(cluster: Cluster) -> bool:
    """Somebody is in the middle of writing to the SQLite file; where it is the frozen one, the file is locked (F5)."""
    if stack.ON_POSTGRES:
        return False
    database = sqlite3.connect(cluster.directory / "lair.sqlite3", timeout=0.5, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        database.close()
    return False


async def freeze_between_writes(cluster: Cluster, number: int) -> int:
    """Freeze the process at a moment when it holds no lock on the file; answers how often it did.

    SQLite's lock belongs to the process: while that stands still, nobody writes, and sends are refused with `busy`.
    PostgreSQL lets such a transaction go after 3 s: `frozen-in-a-write` shows both.
    """
    tries = 0
    while True:
        cluster.freeze(number)
        if not await asyncio.to_thread(holds_the_lock, cluster):
            return tries
        cluster.thaw(number)
        tries += 1
        await asyncio.sleep(0.05)


@scenario
async def frozen_process(run: Run) -> None:
    """SIGSTOP to one of two processes for 30 s: the people of the other notice nothing, its own catch up."""
    people = names(run.size(10, 50))
    seconds = run.size(4.0, 30.0)
    async with (
        Cluster(run.directory, people, teams(people)) as cluster,
        Crowd(run, cluster, rate=run.size(60, RATE), patience=120) as crowd,
    ):
        others = [member for member in crowd.members if member.port == cluster.ports[0]]
        theirs = {member.name for member in others}
        crowd.begin()
        await asyncio.sleep(run.size(2, 10))
        frozen_at = time.monotonic()
        held = await freeze_between_writes(cluster, 1)
        froze_at = time.monotonic()
        await asyncio.sleep(seconds)
        thawed_at = time.monotonic()
        cluster.thaw(1)
        await crowd.all_live()
        await crowd.judge()
        mine = [answer for answer in crowd.answered if answer.send.content.split()[0] in theirs]
        normal = p99(answer.seconds for answer in mine if answer.begun < frozen_at)
        faulty = p99(answer.seconds for answer in mine if froze_at <= answer.begun < thawed_at)
        caught_up = max((answer.at for answer in crowd.answered if answer.begun < thawed_at), default=0.0) - thawed_at
        run.note(
            lock_held_first=held,
            others_p99_ms=normal * 1000,
            others_frozen_p99_ms=faulty * 1000,
            caught_up_s=caught_up,
            closed=sum(sum(member.codes.values()) for member in crowd.members),
            errors=len(cluster.errors()),
        )
        run.must(not any(member.gaps for member in others), "lines of the other process were cut")
        run.must(not crowd.refusals, f"sends were refused: {dict(crowd.refusals)}")
        run.must(not run.is_long or faulty - normal < SLOWER_SECONDS, f"the others' sends took {faulty:.2f} s (p99)")


@scenario
async def frozen_in_a_write(run: Run) -> None:
    """A process stops itself in the middle of a transaction, and goes on after 20 s."""
    people = names(run.size(10, 50))
    seconds = run.size(7.0, 20.0)
    async with Cluster(run.directory, people, teams(people)) as cluster:
        await cluster.kill(1)
        wish = json.dumps({"stops": run.rng.randint(20, 100)})
        server = await cluster.start(1, "-m", "lairchat.testing.rigged", wish, "serve")
        async with Crowd(run, cluster, rate=run.size(60, RATE), patience=120) as crowd:
            theirs = {member.name for member in crowd.members if member.port == cluster.ports[0]}
            crowd.begin()
            await becomes_true(server.is_stopped, "the process stops itself")
            stopped_at = time.monotonic()
            await asyncio.sleep(seconds)
            thawed_at = time.monotonic()
            cluster.thaw(1)
            await crowd.judge()
        meanwhile = [
            answer
            for answer in crowd.answered
            if stopped_at <= answer.begun and answer.at < thawed_at and answer.send.content.split()[0] in theirs
        ]
        run.note(acknowledged_meanwhile=len(meanwhile), errors=len(cluster.errors()))
        if stack.ON_POSTGRES:
            run.must(meanwhile, "nobody could write while another process stood still")
        else:
            run.must(crowd.refusals["busy"], "nobody was refused, nor could anybody write")
