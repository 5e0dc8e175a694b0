"""The network between people and server: bytes one by one, late, cut at any moment, or swallowed without a word."""

import asyncio

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import RATE, SETTLED_SECONDS, Crowd
from lairchat.faults.figures import p99
from lairchat.faults.proxy import KIND, Proxy, cruel
from lairchat.faults.run import Run, scenario

PATIENCE_SECONDS = 3.0  # an answer that takes longer never comes: the line is taken for dead


@scenario
async def network_cruelty(run: Run) -> None:
    """A proxy that writes single bytes, delays, cuts at random and leaves connections half-open."""
    people = names(run.size(10, 50))
    seconds = run.size(6, 120)
    kind = True
    async with (
        Cluster(
            run.directory,
            people,
            teams(people),
            processes=1,
            LAIR_LIMITS_PING_SECONDS="1",
            LAIR_LIMITS_IDLE_SECONDS="4",  # a line that is held is soon noticed on this side too
        ) as cluster,
        Proxy(cluster.ports[0], manner=lambda: KIND if kind else cruel(run.rng)) as proxy,
        Crowd(run, cluster, rate=run.size(60, RATE), ports=[proxy.port]) as crowd,
    ):
        kind = False
        crowd.be_patient(PATIENCE_SECONDS)
        proxy.cut_all()
        crowd.begin()
        await asyncio.sleep(seconds)
        kind = True
        crowd.be_patient(SETTLED_SECONDS)
        proxy.cut_all()
        await crowd.judge()
        run.note(cut=proxy.cut, held=proxy.held, gap_p99_s=p99(crowd.gaps()), errors=len(cluster.errors()))
        run.must(proxy.cut and proxy.held, "nothing was cut or held: this run shows nothing")
