"""F1: a process is killed at any moment; nothing acknowledged is lost, nothing is doubled."""

import asyncio

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import Crowd
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario

ACKS_BETWEEN_KILLS = 150  # short; the long form goes by the clock
KILL_SECONDS = 3.0


@scenario
async def crash(run: Run) -> None:
    """SIGKILL one of two processes every 3 s under 200 messages a second."""
    people = names(run.size(20, 50))
    kills = run.size(2, 20)
    async with Cluster(run.directory, people, teams(people)) as cluster, Crowd(run, cluster) as crowd:
        crowd.begin()
        for kill in range(kills):
            await crowd.more_acknowledged(run.size(ACKS_BETWEEN_KILLS, 10), seconds=120)
            if run.is_long:
                await asyncio.sleep(KILL_SECONDS)
            await cluster.kill(kill % 2)
            await cluster.start(kill % 2)
        await crowd.more_acknowledged(ACKS_BETWEEN_KILLS)
        await crowd.judge()
        run.note(kills=kills, gap_p99_s=p99(crowd.gaps()), errors=len(cluster.errors()))
        run.must(crowd.gaps(), "nobody's line was cut: this run shows nothing")
