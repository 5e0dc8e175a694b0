"""F3: Redis is killed, frozen, emptied, robbed of its listeners, slow. It only carries hints; nothing depends on it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import RATE, Crowd, Member
from lairchat.faults.figures import p99
from lairchat.faults.proxy import Proxy
from lairchat.faults.run import Run, scenario
from lairchat.testing.redis import RedisServer
from lairchat.testing.rest import Rest

SLOWER_SECONDS = 0.25  # F3: no request waits longer for Redis
SEEN_SECONDS = 1.5
HEALED_SECONDS = 3.0
NORMAL_SECONDS = 10.0


def tell(redis: RedisServer, command: str) -> None:
    """One command to Redis, in a line of its own."""
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as line:
        line.sendall(f"{command}\r\n".encode())
        line.recv(1024)


class Typist:
    """Somebody who types without a pause in one process, and somebody in the other who sees it: only the bus can
    carry it there."""

    def __init__(self, cluster: Cluster, crowd: Crowd) -> None:
        first, second = crowd.members[:2]
        self.rest: Rest = cluster.rest(first.name)
        self.rest.port = first.port
        self.path = f"/rooms/{cluster.place.rooms['hall']}/typing"
        self.reader: Member = second

    async def type(self) -> None:
        while True:
            await self.rest.ask("POST", self.path, {})
            await asyncio.sleep(0.1)

    async def is_seen(self, crowd: Crowd) -> float:
        """Wait until typing is seen from now on; answers the seconds that took."""
        begun = time.monotonic()
        known = len(self.reader.events)
        await crowd.until(
            lambda: any(event["type"] == "user_typing" for event in self.reader.events[known:]),
            "the bus carries typing",
        )
        return time.monotonic() - begun


class Scene:
    """Two processes with Redis between them, behind a proxy; people in both."""

    def __init__(self, run: Run, cluster: Cluster, crowd: Crowd, redis: RedisServer, proxy: Proxy) -> None:
        self.run, self.cluster, self.crowd, self.redis, self.proxy = run, cluster, crowd, redis, proxy
        self.typist = Typist(cluster, crowd)
        self.broken_at = self.healed_at = 0.0

    async def normal(self) -> None:
        """A while in which nothing is wrong, to compare with."""
        await asyncio.sleep(self.run.size(2.0, NORMAL_SECONDS))
        self.broken_at = time.monotonic()

    async def healed(self) -> None:
        """From here on nothing is wrong any more: how long until the bus works again?"""
        self.healed_at = time.monotonic()
        seconds = await self.typist.is_seen(self.crowd)
        self.run.note(healed_s=seconds)
        self.run.must(not self.run.is_long or seconds < HEALED_SECONDS, f"the bus was back after {seconds:.1f} s")

    async def judged(self) -> None:
        run, crowd = self.run, self.crowd
        await crowd.judge()
        normal = p99(crowd.waits(until=self.broken_at))
        faulty = p99(crowd.waits(self.broken_at, self.healed_at))
        seen = crowd.lags(self.broken_at, self.healed_at)
        run.note(
            send_p99_ms=normal * 1000,
            faulty_send_p99_ms=faulty * 1000,
            seen_p99_s=p99(seen),
            seen_max_s=max(seen, default=0.0),
            errors=len(self.cluster.errors()),
        )
        run.must(not crowd.refusals, f"sends were refused: {dict(crowd.refusals)}")
        run.must(not crowd.gaps(), f"{len(crowd.gaps())} lines were cut")
        run.must(seen, "nobody saw anything: this run shows nothing")
        if run.is_long:
            run.must(faulty - normal < SLOWER_SECONDS, f"sends took {faulty:.2f} s (p99), normally {normal:.2f} s")
            run.must(max(seen) < SEEN_SECONDS, f"the last saw a change after {max(seen):.1f} s")


@asynccontextmanager
async def scene(run: Run) -> AsyncIterator[Scene]:
    people = names(run.size(10, 50))
    with RedisServer(run.directory) as redis:
        async with (
            Proxy(redis.port) as proxy,
            Cluster(
                run.directory, people, teams(people), LAIR_REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0"
            ) as cluster,
            Crowd(run, cluster, rate=run.size(60, RATE)) as crowd,
        ):
            here = Scene(run, cluster, crowd, redis, proxy)
            typing = asyncio.ensure_future(here.typist.type())
            await here.typist.is_seen(crowd)
            crowd.begin()
            await here.normal()
            yield here
            await here.judged()
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)


@scenario
async def redis_killed(run: Run) -> None:
    """Redis is killed, and started again after 20 s."""
    async with scene(run) as here:
        here.redis.kill()
        await asyncio.sleep(run.size(3, 20))
        await asyncio.to_thread(here.redis.start)
        await here.healed()


@scenario
async def redis_frozen(run: Run) -> None:
    """Redis answers nothing for 20 s, and closes nothing."""
    async with scene(run) as here:
        here.redis.freeze()
        await asyncio.sleep(run.size(3, 20))
        here.redis.thaw()
        await here.healed()


@scenario
async def redis_flushed(run: Run) -> None:
    """FLUSHALL each second."""
    async with scene(run) as here:
        for _ in range(run.size(2, 20)):
            await asyncio.to_thread(tell, here.redis, "FLUSHALL")
            await asyncio.sleep(1)
        await here.healed()


@scenario
async def redis_listeners_killed(run: Run) -> None:
    """CLIENT KILL TYPE pubsub each second."""
    async with scene(run) as here:
        for _ in range(run.size(3, 20)):
            await asyncio.to_thread(tell, here.redis, "CLIENT KILL TYPE pubsub")
            await asyncio.sleep(1)
        await here.healed()


@scenario
async def redis_slow(run: Run) -> None:
    """Every byte to and from Redis comes 500 ms late."""
    async with scene(run) as here:
        here.proxy.delay_seconds = 0.5
        await asyncio.sleep(run.size(3, 20))
        here.proxy.delay_seconds = 0.0
        await here.healed()
