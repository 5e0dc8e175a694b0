"""F7: the wall clock jumps, or differs between processes; order, resume and limits go on as if nothing were."""

import asyncio
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from lairchat.faults.cluster import Cluster, names, teams
from lairchat.faults.crowd import Crowd
from lairchat.faults.run import Run, scenario
from lairchat.testing.clients import Client, Refused

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1")
JUMPS = ("+1d", "-1h", "+0", "-1h", "+1d", "+0")
WINDOW_SECONDS, ALLOWED = 4.0, 20  # what one account may send
FLOOD = 30
FLOODER = "person000"


def library() -> str:
    """Raises LookupError where libfaketime is not installed."""
    found = [path for place in LIBRARIES for path in Path("/").glob(place.lstrip("/"))]
    if not found:
        raise LookupError("libfaketime is not installed (apt-get install libfaketime): this fault needs it")
    return str(found[0])


class Clock:
    """The wall clock of the processes that were started with it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        """So far from the true time from now on; a file that is replaced is never read half."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset}\n")
        new.rename(self.file)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",  # reading the file each time makes every look at the clock slow
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }


@scenario
async def clock_jumps(run: Run) -> None:
    """One of two processes has a clock that is a day ahead, an hour behind, and jumps; limits are on."""
    people = names(run.size(10, 50))
    talkers = people[1:]
    clock = Clock(run.directory / "clock")
    faked = clock.environment()
    async with Cluster(run.directory, people, teams(people), LAIR_LIMITS="on") as cluster:
        await cluster.kill(0)
        await cluster.start(0, **faked)
        # A browser's sign-in lasts longer than the day by which the clock jumps; a program's ends with it.
        async with Crowd(run, cluster, people=talkers, rate=run.size(10, 15), by_cookie=True) as crowd:
            flooder = Client(cluster.ports[0], "")
            flooder.cookie = cluster.place.people[FLOODER].cookie
            crowd.begin()
            passed = []
            for jump in JUMPS[: run.size(2, len(JUMPS))]:
                clock.set(jump)
                await asyncio.sleep(1)
                for member in crowd.members:
                    member.drop()
                await asyncio.sleep(1)
                await crowd.all_live()
                passed.append(await flood(crowd, flooder, cluster.place.rooms["hall"]))
                await asyncio.sleep(run.size(WINDOW_SECONDS, 2 * WINDOW_SECONDS))
            clock.set("+0")
            await crowd.judge()
            await times_never_fall(run, cluster, crowd.members[0].name)
            run.note(flood_passed=",".join(str(count) for count, _ in passed), errors=len(cluster.errors()))
            run.must(not crowd.refusals["rate_limited"], f"sends within the limits were refused: {crowd.refusals}")
            run.must(all(0 < count <= most for count, most in passed), f"of {FLOOD} passed, and might have: {passed}")


async def flood(crowd: Crowd, flooder: Client, room_id: str) -> tuple[int, int]:
    """Send more at once than one account may; answers how many passed, and how many might have.

    A window begins with its first use, so that in a slow run there may be a second one.
    """
    await flooder.connect()
    begun = time.monotonic()
    sends = [crowd.tally.sending(uuid4().hex, room_id, f"{FLOODER} {number}") for number in range(FLOOD)]
    asked = [flooder.send_message(room_id, send.content, nonce=send.nonce) for send in sends]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    flooder.drop()
    for send, answer in zip(sends, answers, strict=True):
        if isinstance(answer, dict):
            send.acks.append(answer)
        elif not isinstance(answer, Refused) or answer.code != "rate_limited":
            raise AssertionError(f"a send of the flood: {answer!r}")
    windows = 1 + int((time.monotonic() - begun) / WINDOW_SECONDS)
    return sum(isinstance(answer, dict) for answer in answers), ALLOWED * windows


async def times_never_fall(run: Run, cluster: Cluster, reader: str) -> None:
    """`created_at` of a later message is never before that of an earlier one."""
    for room, room_id in cluster.place.rooms.items():
        if reader not in cluster.rooms[room]:
            continue
        history = await asyncio.to_thread(cluster.rest(reader, 1).history, room_id)
        times = [datetime.fromisoformat(message["created_at"]) for message in history]
        falls = sum(later < earlier for earlier, later in pairwise(times))
        run.must(not falls, f"created_at falls {falls} times in {room}")
