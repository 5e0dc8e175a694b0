"""F8: readers that stop, or read a kilobyte a second. They are closed and come back; the others notice nothing."""

import asyncio
import contextlib
import json
import time

from lairchat.faults.cluster import Cluster, becomes_true, names, teams
from lairchat.faults.crowd import TOO_SLOW, Crowd
from lairchat.faults.figures import p99
from lairchat.faults.run import Run, scenario
from lairchat.testing.raw import RawSocket

MIB = 1024 * 1024
PADDING = 3900  # messages almost as long as they may be
BYTES_A_SOCKET = 2 * MIB  # what may wait for it, twice over: Python's copies, and its share of everything else
RECEIVE_BUFFER = 4096
SLOW_BYTES = 1024


def slow_socket(port: int, token: str) -> RawSocket:
    """A signed-in, live socket whose system takes little more than its reader does."""
    line = RawSocket(port, receive_buffer=RECEIVE_BUFFER, authorization=f"Bearer {token}")
    line.receive()
    line.send_text(json.dumps({"type": "client_hello", "version": "2.0", "resume": None}))
    while json.loads(line.receive()).get("type") != "live":
        pass
    return line


async def read_slowly(lines: list[RawSocket]) -> None:
    """A kilobyte a second from each, until cancelled."""
    for line in lines:
        line.socket.setblocking(False)
    while True:
        for line in lines:
            with contextlib.suppress(OSError):
                line.socket.recv(SLOW_BYTES)
        await asyncio.sleep(1)


@scenario
async def slow_readers(run: Run) -> None:
    """300 sockets stop reading and 200 read 1 KB a second, in a room where much is said."""
    people = names(run.size(10, 50))
    stopped, slow = run.size((10, 5), (300, 200))
    code = f'lair_chat_socket_closes_total{{code="{TOO_SLOW}"}}'
    async with (
        Cluster(run.directory, people, teams(people), processes=1) as cluster,
        Crowd(run, cluster, rate=run.size(100, 20), padding=PADDING) as crowd,
    ):
        hall = cluster.place.rooms["hall"]
        crowd.rooms = {name: [hall] for name in crowd.rooms}
        server = cluster.server()
        crowd.begin()
        await asyncio.sleep(run.size(2, 10))
        before, begun = server.memory_now(), time.monotonic()
        tokens = [person.token for person in cluster.place.people.values()]
        lines: list[RawSocket] = []
        for number in range(stopped + slow):
            token = tokens[number % len(tokens)]
            lines.append(await asyncio.to_thread(slow_socket, cluster.ports[0], token))
        reading = asyncio.ensure_future(read_slowly(lines[stopped:]))
        most = [before]

        def all_closed() -> bool:
            most.append(server.memory_now())
            return cluster.metric("lair_chat_open_sockets") == len(crowd.members)

        await becomes_true(all_closed, "every slow reader is closed with 4008", seconds=300)
        ended = time.monotonic()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        for line in lines:
            line.close()
        await asyncio.sleep(run.size(1, 10))
        await crowd.judge()
        normal, faulty = p99(crowd.waits(until=begun)), p99(crowd.waits(begun, ended))
        closed = int(cluster.metric(code))
        run.note(
            slow=len(lines),
            closed_4008=closed,
            memory_before_mib=before // MIB,
            memory_most_mib=max(most) // MIB,
            memory_after_mib=server.memory_now() // MIB,
            send_p99_ms=normal * 1000,
            faulty_send_p99_ms=faulty * 1000,
            seen_p99_ms=p99(crowd.lags(begun, ended)) * 1000,
            errors=len(cluster.errors()),
        )
        run.must(closed == len(lines), f"{closed} sockets were closed with 4008")
        run.must(not crowd.gaps(), f"{len(crowd.gaps())} lines of good readers were cut")
        run.must(max(most) - before < len(lines) * BYTES_A_SOCKET, f"memory grew to {max(most) // MIB} MiB")
