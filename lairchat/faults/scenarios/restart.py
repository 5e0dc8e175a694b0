"""F2: processes are restarted one after the other, and people notice a pause at most."""

import asyncio
import contextlib

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import RESTART, Crowd
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario

GAP_SECONDS = 5.0


class Visitors:
    """Programs that ask by REST without a pause, as a proxy passes them on: to the other process if one is closed."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name
        self.statuses: dict[int, int] = {}
        self.cut = 0

    async def ask(self) -> None:
        number = 0
        while True:
            number += 1
            with contextlib.suppress(ConnectionRefusedError):
                await self._ask_one(number % len(self.cluster.ports))
            await asyncio.sleep(0.02)

    async def _ask_one(self, number: int) -> None:
        try:
            answer = await self.cluster.rest(self.name, number).ask("GET", "/sidebar")
        except ConnectionRefusedError:
            raise
        except OSError:
            self.cut += 1
        else:
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1


@scenario
async def rolling_restart(run: Run) -> None:
    """SIGTERM to two processes in turn, ten rounds under load."""
    people = names(run.size(10, 50))
    rounds = run.size(1, 10)
    async with Cluster(run.directory, people, teams(people)) as cluster, Crowd(run, cluster) as crowd:
        visitors = Visitors(cluster, people[0])
        asking = asyncio.ensure_future(visitors.ask())
        crowd.begin()
        codes = []
        for _ in range(rounds):
            for number in range(2):
                await crowd.more_acknowledged(100)
                cluster.server(number).terminate()
                codes.append(await cluster.over(number))
                await cluster.start(number)
        await crowd.more_acknowledged(100)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await crowd.judge()
    gaps = crowd.gaps()
    closes = sum((member.codes for member in crowd.members), start=type(crowd.members[0].codes)())
    failed = {status: count for status, count in visitors.statuses.items() if status >= 500}
    run.note(rounds=rounds, gap_p99_s=p99(gaps), rest=sum(visitors.statuses.values()), errors=len(cluster.errors()))
    run.must(codes == [0] * rounds * 2, f"processes ended with {codes}")
    run.must(set(closes) == {RESTART}, f"sockets were closed with {dict(closes)}")
    run.must(not failed, f"REST answered {failed}")
    run.must(not visitors.cut, f"{visitors.cut} requests were cut off")
    run.must(not run.is_long or p99(gaps) < GAP_SECONDS, f"the p99 of the gaps is {p99(gaps):.1f} s")
