"""Five times what can be sustained: the server says no in time, answers those it accepts, and is well afterwards."""

import asyncio
import json
import time
from collections import Counter
from typing import NamedTuple
from uuid import uuid4

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import Crowd, Member
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario

TIMES = 5
ACCEPTED_SECONDS = 1.0
RECOVERED_SECONDS = 10.0
BURST = 500  # requests at one moment: more than run and wait together
BURST_PAUSE_SECONDS = 2.0
READ_LIMIT = 1024 * 1024


class Posted(NamedTuple):
    status: int
    retry_after: str
    seconds: float


async def post_message(crowd: Crowd, member: Member, room_id: str, content: str) -> Posted:
    """One send by REST on a connection of its own, without a thread: many can be under way."""
    begun = time.monotonic()
    send = crowd.tally.sending(uuid4().hex, room_id, content)
    fields = {"target": {"type": "room", "room_id": room_id}, "content": content, "nonce": send.nonce}
    body = json.dumps(fields).encode()
    head = [
        "POST /api/v1/messages HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {member.token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", member.port, limit=READ_LIMIT)
    try:
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        answer = await reader.read(-1)
    finally:
        writer.close()
    top, _, text = answer.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    posted = Posted(int(lines[0].split(" ")[1]), headers.get("retry-after", ""), time.monotonic() - begun)
    if posted.status < 300:
        send.acks.append(json.loads(text))
    return posted


async def bursts(crowd: Crowd, size: int, found: list[Posted], broken: list[str], until: float) -> None:
    """So many requests at one moment, again and again, until that time."""
    while time.monotonic() < until:
        members = [crowd.run.rng.choice(crowd.members) for _ in range(size)]
        posts = [post_message(crowd, m, crowd.rooms[m.name][0], f"{m.name} by REST") for m in members]
        for answer in await asyncio.gather(*posts, return_exceptions=True):
            if isinstance(answer, Posted):
                found.append(answer)
            else:
                broken.append(repr(answer))
        await asyncio.sleep(BURST_PAUSE_SECONDS)


async def sustained(crowd: Crowd, seconds: float) -> float:
    """Sends a second where everybody sends the next one when the last is acknowledged."""
    end = time.monotonic() + seconds
    before = len(crowd.answered)

    async def one_by_one(member: Member) -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            await crowd.say(member, crowd.run.rng.choice(crowd.rooms[member.name]), f"{member.name} {number}")

    await asyncio.gather(*(one_by_one(member) for member in crowd.members))
    return (len(crowd.answered) - before) / seconds


async def recovered(crowd: Crowd, usual_seconds: float) -> float:
    """How long until a send is answered as usual again."""
    begun = time.monotonic()
    while True:
        member = crowd.members[0]
        posted = await post_message(crowd, member, crowd.rooms[member.name][0], f"{member.name} afterwards")
        if posted.status < 300 and posted.seconds < usual_seconds:
            return time.monotonic() - begun
        await asyncio.sleep(0.1)


@scenario
async def overload(run: Run) -> None:
    """Five times the sustainable load for 2 min, by sockets, and bursts of requests by REST."""
    people = names(run.size(20, 250))
    rooms = teams(people, size=4)
    del rooms["hall"]  # what is said is heard by few: to store it is the load
    found: list[Posted] = []
    broken: list[str] = []
    async with (
        Cluster(run.directory, people, rooms, processes=1) as cluster,
        Crowd(run, cluster, nobody_repeats=True, each=run.size(4, 1)) as crowd,
    ):
        usual = await sustained(crowd, run.size(2, 10))
        usual_seconds = max(0.2, 2 * p99(crowd.waits()))
        crowd.rate, begun = TIMES * usual, time.monotonic()
        crowd.begin()
        ended = begun + run.size(4, 120)
        bursting = asyncio.ensure_future(bursts(crowd, BURST, found, broken, ended))
        await asyncio.sleep(ended - time.monotonic())
        await asyncio.gather(crowd.finish(), bursting)
        drained = time.monotonic() - ended
        again = drained + await recovered(crowd, usual_seconds)
        by_socket = crowd.waits(begun, ended)
        by_rest = [posted.seconds for posted in found if posted.status < 300]
        statuses = Counter(posted.status for posted in found)
        told_when = all(posted.retry_after for posted in found if posted.status == 503)
        await crowd.judge()
        run.note(
            sustained_per_second=usual,
            accepted_per_second=len(by_socket) / (ended - begun),
            socket_p99_s=p99(by_socket),
            rest_p99_s=p99(by_rest),
            rest=",".join(f"{status}:{count}" for status, count in sorted(statuses.items())),
            recovered_s=again,
            memory_mib=cluster.server().memory_peak() // 2**20,
            errors=len(cluster.errors()),
        )
        run.must(set(statuses) <= {201, 503}, f"REST answered {dict(statuses)}")
        run.must(statuses[503] and crowd.refusals["busy"], "nobody was refused: this run shows nothing")
        run.must(told_when, "a 503 came without Retry-After")
        run.must(not broken, f"{len(broken)} requests were not answered: {broken[:1]}")
        if run.is_long:
            run.must(p99(by_socket) < ACCEPTED_SECONDS, f"accepted by socket after {p99(by_socket):.2f} s (p99)")
            run.must(p99(by_rest) < ACCEPTED_SECONDS, f"accepted by REST after {p99(by_rest):.2f} s (p99)")
            run.must(again < RECOVERED_SECONDS, f"it took {again:.1f} s to recover")
