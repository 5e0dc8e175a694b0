"""F10: people come, follow their rooms, meet an error and go, a hundred thousand times; nothing of them stays."""

import asyncio
import json

from lairchat.faults.cluster import Cluster, becomes_true, names, teams
from lairchat.faults.run import Run, scenario
from lairchat.testing.clients import Client, Refused
from lairchat.testing.processes import ServerProcess

AT_ONCE = 16
SHARE = 1.05
RIGGED = ("-m", "lairchat.testing.rigged", json.dumps({"counts": True, "fails": True}), "serve")
MIB = 1024 * 1024


async def one_cycle(run: Run, cluster: Cluster, number: int) -> None:
    """Connect, follow, fail, go: with a farewell or without."""
    people = list(cluster.place.people.values())
    client = Client(cluster.ports[0], people[number % len(people)].token)
    await client.connect()
    try:
        await client.ask("fail")
    except Refused as refusal:
        run.must(refusal.code == "internal_error", f"the failure was answered with {refusal.code}")
    if number % 2:
        client.drop()
    else:
        client.leave()
        await client.closed()


async def cycles(run: Run, cluster: Cluster, count: int) -> None:
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await one_cycle(run, cluster, number)
            if number % 1000 == 0:
                cluster.server().lines.clear()  # each failure wrote its trace

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def held(cluster: Cluster) -> dict[str, float]:
    """What the server holds once everybody is gone."""
    server: ServerProcess = cluster.server()

    def is_empty() -> bool:
        return cluster.metric("lair_chat_open_sockets") == 0 and cluster.metric("lair_rig_subscriptions") == 0

    await becomes_true(is_empty, "everybody is gone and follows nothing")
    found = await asyncio.to_thread(cluster.metrics)
    return {
        "tasks": found["lair_rig_tasks"],
        "streams": found["lair_rig_streams"],
        "subscriptions": found["lair_rig_subscriptions"],
        "threads": server.threads(),
        "files": server.files(),
        "memory": server.memory_now() / MIB,
    }


async def warm(run: Run, cluster: Cluster) -> dict[str, float]:
    """What is held once as many threads run as ever will: each is begun when it is first needed."""
    most = 0
    for _ in range(20):
        await cycles(run, cluster, run.size(200, 5000))
        if (now := cluster.server().threads()) <= most:
            break
        most = now
    return await held(cluster)


@scenario
async def leaks(run: Run) -> None:
    """100,000 times connect, subscribe, exception, disconnect: everything is back within 5 %."""
    people = names(10)
    # Few threads, each with its connection: they are all there before it is counted for the first time.
    async with Cluster(
        run.directory, people, teams(people), processes=1, command=RIGGED, LAIR_SERVER_THREADS="8"
    ) as cluster:
        before = await warm(run, cluster)
        count = run.size(300, 100_000)
        begun = asyncio.get_running_loop().time()
        await cycles(run, cluster, count)
        seconds = asyncio.get_running_loop().time() - begun
        after = await held(cluster)
        for name, was in before.items():
            run.note(**{name: f"{was:.0f}→{after[name]:.0f}"})
            if name != "memory" or run.is_long:  # a few hundred say nothing of memory
                run.must(after[name] <= max(was * SHARE, was + 2), f"{name} rose from {was:.1f} to {after[name]:.1f}")
        run.note(cycles=count, per_second=count / seconds)
