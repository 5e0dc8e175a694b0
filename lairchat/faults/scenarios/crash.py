"""F1: a process dies at any moment; nothing acknowledged is lost, nothing is doubled, no repair is needed."""

import asyncio
import json

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import Crowd
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario
from lairchat.testing.rigged import POINTS

ACKS_BETWEEN_KILLS = 150
KILL_SECONDS = 3.0
KILLED = -9


@scenario
async def crash(run: Run) -> None:
    """SIGKILL one of two processes every 3 s under 200 messages a second."""
    people = names(run.size(10, 50))
    kills = run.size(3, 20)
    async with Cluster(run.directory, people, teams(people)) as cluster, Crowd(run, cluster) as crowd:
        crowd.begin()
        for kill in range(kills):
            await crowd.more_acknowledged(ACKS_BETWEEN_KILLS)
            if run.is_long:
                await asyncio.sleep(KILL_SECONDS)
            await cluster.kill(kill % 2)
            await cluster.start(kill % 2)
        await crowd.more_acknowledged(ACKS_BETWEEN_KILLS)
        await crowd.judge()
    run.note(kills=kills, gap_p99_s=p99(crowd.gaps()), errors=len(cluster.errors()))
    run.must(crowd.gaps(), "nobody's line was cut: this run shows nothing")


@scenario
async def crash_points(run: Run) -> None:
    """A process that dies before its commit, after it, before it publishes, and before it acknowledges."""
    people = names(run.size(10, 50))
    rounds = run.size(1, 8)
    async with Cluster(run.directory, people, teams(people), processes=1) as cluster, Crowd(run, cluster) as crowd:
        crowd.begin()
        await cluster.kill()
        for point in POINTS * rounds:
            wish = json.dumps({"dies": [point, run.rng.randint(20, 200)]})
            await cluster.start(0, "-m", "lairchat.testing.rigged", wish, "serve")
            code = await cluster.over()
            run.must(code == KILLED, f"{point}: the process ended with {code}, not by its own hand")
        await cluster.start()
        await crowd.more_acknowledged(ACKS_BETWEEN_KILLS)
        await crowd.judge()
    run.note(deaths=len(POINTS) * rounds, errors=len(cluster.errors()))
