"""D11: who is removed from a room hears nothing of it from that position on, whatever else happens at that moment."""

import asyncio
from collections.abc import Callable
from functools import partial

from lairchat.faults.cluster import Cluster, names
from lairchat.faults.crowd import RATE, Crowd
from lairchat.faults.run import Run, scenario
from lairchat.testing.clients import Client
from lairchat.testing.history import after_removal
from lairchat.testing.redis import RedisServer
from lairchat.testing.rest import Answer

BUS_SECONDS = 4.0  # so long it is up, so long down
ROOM = "plaza"
REFUSED = {403, 404}


class Target:
    """Somebody who is removed and comes back, again and again, with a socket in each process."""

    def __init__(self, run: Run, cluster: Cluster, name: str, owner: str) -> None:
        self.run, self.cluster, self.name, self.owner = run, cluster, name, owner
        self.room_id = cluster.place.rooms[ROOM]
        person = cluster.place.people[name]
        self.clients = [Client(port, person.token, user_id=person.id) for port in cluster.ports]
        self.rounds = 0

    async def come_and_go(self, is_over: Callable[[], bool]) -> None:
        for client in self.clients:
            await client.connect()
        while not is_over():
            await asyncio.sleep(self.run.rng.uniform(0, 0.3))
            await self._go()
            await self._come()
            self.rounds += 1

    async def _go(self) -> None:
        lost = [self._count(client, "room_lost") for client in self.clients]
        path = f"/rooms/{self.room_id}/members/{self.clients[0].user_id}"
        good(await self.cluster.rest(self.owner, self._any()).ask("DELETE", path))
        read = f"/messages?target_type=room&target_id={self.room_id}"
        refused = await self.cluster.rest(self.name, self._any()).ask("GET", read)
        self.run.must(refused.status in REFUSED, f"{self.name} was removed and read: {refused.status}")
        for client, before in zip(self.clients, lost, strict=True):
            await client.until(partial(self._was_lost_again, client, before), "the removal is told")

    async def _come(self) -> None:
        good(await self.cluster.rest(self.name, self._any()).ask("POST", f"/rooms/{self.room_id}/join", {}))
        for client in self.clients:
            await client.until(partial(self._follows, client), "the return is told")

    def _any(self) -> int:
        return self.run.rng.randrange(2)

    def _follows(self, client: Client) -> bool:
        return f"room:{self.room_id}" in client.positions

    def _was_lost_again(self, client: Client, before: int) -> bool:
        return self._count(client, "room_lost") > before

    def _count(self, client: Client, kind: str) -> int:
        return sum(event["type"] == kind for event in client.events)


def good(answer: Answer) -> None:
    """Raises AssertionError unless it was done."""
    assert answer.status < 300, answer


@scenario
async def removal_race(run: Run) -> None:
    """Kicks at random moments under 200 messages a second across two processes, the bus up and down."""
    everybody = names(run.size(10, 20))
    talkers, targets = everybody[: len(everybody) // 2], everybody[len(everybody) // 2 :]
    wanted = run.size(20, 1000)
    with RedisServer(run.directory) as redis:
        async with (
            Cluster(run.directory, everybody, {ROOM: everybody}, privacy="public", LAIR_REDIS_URL=redis.url) as cluster,
            Crowd(run, cluster, people=talkers, rate=run.size(60, RATE)) as crowd,
        ):
            kicked = [Target(run, cluster, name, talkers[0]) for name in targets]
            crowd.begin()
            begun = asyncio.get_running_loop().time()
            switching = asyncio.ensure_future(_up_and_down(redis, run.size(1.5, BUS_SECONDS)))
            await asyncio.gather(*(one.come_and_go(lambda: sum(k.rounds for k in kicked) >= wanted) for one in kicked))
            seconds = asyncio.get_running_loop().time() - begun
            switching.cancel()
            await asyncio.gather(switching, return_exceptions=True)
            stored = await crowd.judge()
            for one in kicked:
                for client in one.clients:
                    run.wrong += client.faults
                    run.wrong += after_removal(stored, client, one.room_id)
                    client.drop()
            shown = sum(len(client.of_stream(f"room:{one.room_id}")) for one in kicked for client in one.clients)
            removals = sum(type_ == "user_left_room" for moves in stored.moves.values() for _, type_ in moves)
            run.note(rounds=removals, rounds_per_second=removals / seconds, frames=shown, errors=len(cluster.errors()))
            run.must(removals >= wanted, f"only {removals} removals")
            run.must(shown, "nobody was shown anything: this run shows nothing")


async def _up_and_down(redis: RedisServer, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        redis.kill()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(redis.start)
