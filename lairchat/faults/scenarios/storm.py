"""A thousand lines cut at once, five times: everybody resumes, each by the same few statements."""

import asyncio
import json
import time

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import Crowd
from lairchat.faults.run import Run, scenario

STATEMENTS = "lair_rig_statements_total"
QUIET_SECONDS = 3.0
SAID = 20  # messages that everybody missed
COUNTED = ("-m", "lairchat.testing.rigged", json.dumps({"counts": True}), "serve")


@scenario
async def reconnect_storm(run: Run) -> None:
    """1,000 sockets cut at once, five times; all resume."""
    people = names(run.size(20, 100))
    each, rounds = run.size(2, 10), run.size(2, 5)
    async with (
        # They all come from this machine; a thousand people come from many addresses.
        Cluster(
            run.directory,
            people,
            teams(people),
            processes=1,
            command=COUNTED,
            LAIR_LIMITS_SOCKETS_NOT_SIGNED_IN_PER_ADDRESS="1000",
        ) as cluster,
        Crowd(run, cluster, each=each) as crowd,
    ):
        for member in crowd.members:
            member.is_polite = True
        quiet = await statements_a_second(cluster)
        seconds, statements = [], []
        for _ in range(rounds):
            await cut_all(crowd)
            await say_something(run, crowd, cluster)
            before, begun = cluster.metric(STATEMENTS), time.monotonic()
            for member in crowd.members:
                member.may_come.set()
            await crowd.all_live(seconds=120)
            seconds.append(time.monotonic() - begun)
            ran = cluster.metric(STATEMENTS) - before - quiet * seconds[-1]
            statements.append(ran / len(crowd.members))
        await crowd.judge()
        run.note(
            sockets=len(crowd.members),
            all_live_s=max(seconds),
            statements_per_resume=",".join(f"{value:.1f}" for value in statements),
            errors=len(cluster.errors()),
        )
        run.must(max(statements) - min(statements) < 1.5, "the statements of a resume are not constant")
        run.must(max(statements) < run.size(12, 12), "a resume takes many statements")


async def cut_all(crowd: Crowd) -> None:
    for member in crowd.members:
        member.may_come.clear()
        member.drop()
    await crowd.until(lambda: not any(member.is_connected for member in crowd.members), "every line is cut")


async def say_something(run: Run, crowd: Crowd, cluster: Cluster) -> None:
    """What everybody will have missed, said by REST."""
    author = cluster.rest(crowd.members[0].name)
    for number in range(SAID):
        nonce = f"storm-{run.rng.getrandbits(64):x}"
        room_id, content = cluster.place.rooms["hall"], f"{crowd.members[0].name} {number}"
        answer = await asyncio.to_thread(author.send_message, room_id, content, nonce=nonce)
        crowd.tally.sending(nonce, room_id, content).acks.append(answer.body | {"duplicate": False})


async def statements_a_second(cluster: Cluster) -> float:
    """What runs when nobody does anything: heads, heartbeats."""
    before = cluster.metric(STATEMENTS)
    await asyncio.sleep(QUIET_SECONDS)
    return (cluster.metric(STATEMENTS) - before) / QUIET_SECONDS
