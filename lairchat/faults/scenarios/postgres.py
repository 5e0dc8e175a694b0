"""F4, F5: PostgreSQL is stopped, frozen, robbed of its sessions, crowded, cut off in the middle of commits."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from lairchat.faults.asking import Asker
from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import RATE, Crowd
from lairchat.faults.figures import p99
from lairchat.faults.proxy import Proxy
from lairchat.faults.run import Run, scenario
from lairchat.testing import stack
from lairchat.testing.postgres import PostgresServer

REFUSED_SECONDS = 5.0
HEALED_SECONDS = 5.0
POOL = 8  # connections of a process
DATABASE = "chat"
ASKER = "asker"


class Scene:
    """Two processes on a PostgreSQL; people in both, and somebody who asks by REST."""

    def __init__(self, run: Run, postgres: PostgresServer, proxy: Proxy, crowd: Crowd, asker: Asker) -> None:
        self.run, self.postgres, self.proxy, self.crowd, self.asker = run, postgres, proxy, crowd, asker
        self.refused: list[float] = []
        self.healed: list[float] = []

    async def write(self) -> None:
        """Go on until the writers have been acknowledged for a while."""
        await self.crowd.more_acknowledged(self.run.size(60, 1000))

    async def outage(self, down: Any, up: Any, seconds: float) -> None:
        """Take the database away for so long, and until everything was asked meanwhile; see what is answered."""
        run, asker = self.run, self.asker
        await asyncio.to_thread(down)
        gone = time.monotonic()
        ports = len(asker.cluster.ports)
        await self.crowd.until(
            lambda: all(len(asker.answers(path, gone)) > ports for path in ("POST", "/ready", "/health", "/api")),
            "everything is answered while the database is away",
        )
        await asyncio.sleep(max(0.0, gone + seconds - time.monotonic()))
        back = time.monotonic()
        writes, reads = asker.answers("POST", gone), asker.answers("/api", gone)
        for what, answers, expected in (
            ("writes", writes, {503}),
            ("reads", reads, {503}),
            ("/ready", asker.answers("/ready", gone), {503}),
            ("/health", asker.answers("/health", gone), {200}),
        ):
            statuses = Counter(answer.status for answer in answers)
            run.must(statuses.keys() == expected, f"{what} were answered {dict(statuses)} without a database")
        run.must(all(answer.retry_after for answer in writes), "a refused write was not told when to try again")
        self.refused += [answer.seconds for answer in writes]
        await asyncio.to_thread(up)
        await self.crowd.until(
            lambda: any(answer.status < 300 for answer in asker.answers("POST", back)), "a write is taken again"
        )
        self.healed.append(
            min(one.begun + one.seconds for one in asker.answers("POST", back) if one.status < 300) - back
        )

    async def judged(self) -> None:
        run, crowd = self.run, self.crowd
        await crowd.judge()
        run.must(not crowd.gaps(), f"{len(crowd.gaps())} lines were cut")
        run.note(errors=len(crowd.cluster.errors()))
        if self.healed:
            slowest, healed = max(self.refused), max(self.healed)
            run.note(refused_max_s=slowest, healed_max_s=healed)
            if run.is_long:
                run.must(slowest < REFUSED_SECONDS + 0.5, f"a write waited {slowest:.1f} s to be refused")
                run.must(healed < HEALED_SECONDS, f"writes were taken {healed:.1f} s after its return")


@asynccontextmanager
async def scene(run: Run, *, cut: bool = False, **settings: Any) -> AsyncIterator[Scene]:
    people = names(run.size(10, 50))
    with PostgresServer(**settings) as postgres:
        straight = postgres.create_database(DATABASE)
        stack.settle(run.directory, postgres.url_of(DATABASE, "postgres"))  # the checker gets in where all is taken
        async with (
            Proxy(postgres.port) as proxy,
            # The proxy stands still while the checker computes: only who needs it goes through it.
            _cluster(
                run, people, straight.replace(f":{postgres.port}/", f":{proxy.port}/") if cut else straight
            ) as cluster,
            Crowd(run, cluster, people=people, rate=run.size(60, RATE)) as crowd,
            Asker(cluster, ASKER, cluster.place.rooms["counter"]) as asker,
        ):
            here = Scene(run, postgres, proxy, crowd, asker)
            crowd.begin()
            await here.write()
            yield here
            await here.write()
            await asker.__aexit__()
            await here.judged()


@asynccontextmanager
async def _cluster(run: Run, people: list[str], address: str) -> AsyncIterator[Cluster]:
    # Made in a thread: what goes through the proxy needs this loop.
    rooms = teams(people) | {"counter": [ASKER]}
    cluster = await asyncio.to_thread(Cluster, run.directory, [*people, ASKER], rooms, LAIR_DATABASE_URL=address)
    async with cluster:
        yield cluster


@scenario
async def postgres_stopped(run: Run) -> None:
    """PostgreSQL crashes and is started again after 5 s, five times."""
    async with scene(run) as here:
        for _ in range(run.size(1, 5)):
            await here.outage(lambda: here.postgres.stop("immediate"), here.postgres.start, run.size(0.0, 5.0))
            await here.write()


@scenario
async def postgres_frozen(run: Run) -> None:
    """PostgreSQL answers nothing for 10 s, and closes nothing; three times."""
    async with scene(run) as here:
        for _ in range(run.size(1, 3)):
            await here.outage(here.postgres.freeze, here.postgres.thaw, run.size(0.0, 10.0))
            await here.write()


@scenario
async def postgres_sessions_killed(run: Run) -> None:
    """Every session is ended each 2 s, for a minute."""
    async with scene(run) as here:
        killed = 0
        for _ in range(run.size(3, 30)):
            killed += await asyncio.to_thread(here.postgres.kill_backends, DATABASE)
            await asyncio.sleep(run.size(0.5, 2.0))
        run.note(killed=killed)
        run.must(killed, "there was no session to kill: this run shows nothing")


@scenario
async def postgres_crowded(run: Run) -> None:
    """PostgreSQL has 10 places, three of them kept for its administrator, and two processes that would take 8 each."""
    async with scene(run, max_connections=10) as here:
        begun = time.monotonic()
        most = 0
        for _ in range(run.size(5, 60)):
            most = max(most, await asyncio.to_thread(here.postgres.sessions, DATABASE))
            await asyncio.sleep(run.size(0.2, 0.5))
        await here.write()
        answers = here.asker.answers("POST", begun) + here.asker.answers("/api", begun)
        run.note(sessions=most, send_p99_ms=p99(here.crowd.waits(begun)) * 1000)
        strange = {answer.status for answer in answers} - {200, 201, 503}
        run.must(not strange, f"requests were answered {strange}")


@scenario
async def postgres_cut_off(run: Run) -> None:
    """The lines to PostgreSQL are cut at random moments, many in the middle of a commit, for a minute."""
    async with scene(run, cut=True) as here:
        cut = 0
        for _ in range(run.size(8, 120)):
            await asyncio.sleep(run.rng.uniform(0.05, 0.9))
            cut += len(here.proxy.links)
            here.proxy.cut_all()
        run.note(cut=cut)
        run.must(cut, "no line was cut: this run shows nothing")


@scenario
async def postgres_pool(run: Run) -> None:
    """No crowd makes a process open more than its 8 connections."""
    async with scene(run) as here:
        rest = here.asker.cluster.rest(here.crowd.members[0].name)
        most = 0
        for _ in range(run.size(3, 20)):
            asking = [asyncio.ensure_future(rest.ask("GET", "/sidebar")) for _ in range(100)]
            while not all(task.done() for task in asking):
                most = max(most, await asyncio.to_thread(here.postgres.sessions, DATABASE))
            run.must(all(task.result().status == 200 for task in asking), "a request of the crowd was refused")
        run.note(sessions=most)
        run.must(most <= POOL * len(here.asker.cluster.ports), f"{most} sessions of two processes")
        run.must(most > 2, "the pool was hardly used: this run shows nothing")
