"""The load: many sockets in one process that costs the machine little (uvloop and picows).

Run as a program, one order a run: `python -m bench.generator '<order as JSON>'`; it prints its findings as JSON, and
ends by itself whatever the server does. It speaks to 127.0.0.1 only.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

MARK = b'"message_received"'  # once in the frame of each delivered message, ours and the naive chat's
TICKS = os.sysconf("SC_CLK_TCK")
OPENING_AT_ONCE = 40  # below the sockets that may wait for their sign-in from one address


def cpu_seconds(pid: int | str = "self") -> float:
    """User and system time of a process, its ended threads included (proc(5), `stat`)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError("no VmRSS")


class RefusedSend(Exception):
    """The server answered with an error; a machine that is too busy says so (503)."""


class Count:
    """Deliveries of all sockets together; `reached` wakes whoever waits for a number of them."""

    def __init__(self) -> None:
        self.received = 0
        self.wanted = sys.maxsize
        self.at = 0.0
        self.reached: asyncio.Future[None] | None = None

    def expect(self, more: int) -> "asyncio.Future[None]":
        self.wanted = self.received + more
        self.reached = asyncio.get_running_loop().create_future()
        return self.reached

    def full(self) -> None:
        self.at = time.perf_counter()
        self.wanted = sys.maxsize
        if self.reached is not None and not self.reached.done():
            self.reached.set_result(None)


class Reader(WSListener):
    """A socket that counts what is delivered to it. Nothing is decoded: that would measure the generator."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self.transport: WSTransport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        count = self.count
        count.received += frame.get_payload_as_bytes().count(MARK)
        if count.received >= count.wanted:
            count.full()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self, value: dict[str, Any]) -> None:
        if self.transport is None:
            raise ConnectionError("the socket is not open")
        self.transport.send(WSMsgType.TEXT, json.dumps(value).encode())


class LairReader(Reader):
    """A socket of ours: it opens as dialect v2 asks, and can send commands."""

    def __init__(self, count: Count) -> None:
        super().__init__(count)
        self.live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.acks: dict[str, asyncio.Future[float]] = {}

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.live.done() and not self.acks:
            Reader.on_ws_frame(self, transport, frame)
            return
        text = frame.get_payload_as_bytes()
        self.count.received += text.count(MARK)
        if self.count.received >= self.count.wanted:
            self.count.full()
        if frame.msg_type == WSMsgType.TEXT:
            self._read(text)

    def _read(self, text: bytes) -> None:
        frames = json.loads(text)
        for frame in frames if isinstance(frames, list) else [frames]:
            match frame["type"]:
                case "server_hello":
                    self.send({"type": "client_hello", "version": "2.0", "features": [], "resume": None})
                case "live" if not self.live.done():
                    self.live.set_result(None)
                case "ack" | "error":
                    waiting = self.acks.pop(frame["request_id"], None)
                    if waiting is not None and frame["type"] == "ack":
                        waiting.set_result(time.perf_counter())
                    elif waiting is not None:
                        waiting.set_exception(RefusedSend(f"the server refused: {frame['error']}"))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        super().on_ws_disconnected(transport)
        for future in (self.live, *self.acks.values()):
            if not future.done():
                future.set_exception(ConnectionError("the server closed the socket"))

    async def say(self, room_id: str, content: str) -> float:
        """Send a message; answers the seconds until its ack."""
        request_id = uuid4().hex
        future = self.acks[request_id] = asyncio.get_running_loop().create_future()
        target = {"type": "room", "room_id": room_id}
        begun = time.perf_counter()
        self.send({"type": "send_message", "request_id": request_id, "target": target, "content": content})
        return await future - begun


Say = Callable[[str], None]


async def open_lair(order: dict[str, Any], count: Count, number: int) -> LairReader:
    reader = LairReader(count)
    tokens = order["tokens"]
    headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
    await ws_connect(
        lambda: reader,
        f"ws://127.0.0.1:{order['port']}/ws",
        extra_headers=headers,
        websocket_handshake_timeout=30,
        read_buffer_init_size=4096,
    )
    await reader.live
    return reader


async def open_naive(order: dict[str, Any], count: Count, number: int) -> Reader:
    reader = Reader(count)
    url = f"ws://127.0.0.1:{order['port']}/ws/hall"
    await ws_connect(lambda: reader, url, websocket_handshake_timeout=30, read_buffer_init_size=4096)
    return reader


async def open_many(order: dict[str, Any], count: Count, how_many: int, first: int = 0) -> list[Any]:
    """Open the sockets, a few at a time."""
    opener = open_naive if order.get("naive") else open_lair
    places = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one(number: int) -> Any:
        async with places:
            return await opener(order, count, number)

    return list(await asyncio.gather(*(one(first + number) for number in range(how_many))))


def talker(order: dict[str, Any], reader: Any) -> Say:
    """How this kind of server is told a message."""
    if order.get("naive"):
        return lambda text: reader.send({"message": text})
    target = {"type": "room", "room_id": order["room"]}
    return lambda text: reader.send({"type": "send_message", "target": target, "content": text})


async def fan_out(order: dict[str, Any]) -> dict[str, Any]:
    """One room: seconds from a send to the last receiver, one by one; then CPU per delivery, many at once."""
    count = Count()
    readers = await open_many(order, count, order["sockets"])
    say = talker(order, readers[0])
    await settled(order["pid"])
    latencies = []
    for number in range(order["messages"]):
        begun = time.perf_counter()
        everybody = count.expect(len(readers))
        say(f"measured message number {number} of a run of quite usual ones")
        await everybody
        latencies.append(count.at - begun)
        await asyncio.sleep(max(0.0, begun + order["pause_seconds"] - time.perf_counter()))
    server, own, begun = cpu_seconds(order["pid"]), cpu_seconds(), time.perf_counter()
    for _ in range(order["rounds"]):
        everybody = count.expect(len(readers) * order["burst"])
        for number in range(order["burst"]):
            say(f"message number {number} of a burst, no longer than the others were")
        await everybody
    seconds = time.perf_counter() - begun
    deliveries = len(readers) * order["burst"] * order["rounds"]
    return {
        "latencies": latencies,
        "deliveries": deliveries,
        "seconds": seconds,
        "server_cpu": cpu_seconds(order["pid"]) - server,
        "own_cpu": cpu_seconds() - own,
    }


async def settled(pid: int, *, seconds: float = 10.0) -> None:
    """Wait until the server has finished with what the opening caused (presence): it uses under a tenth of a core."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before = cpu_seconds(pid)
        await asyncio.sleep(0.5)
        if cpu_seconds(pid) - before <= 0.05:
            return


async def acks(order: dict[str, Any]) -> dict[str, Any]:
    """Sends at a steady rate whatever the answers do (open loop): seconds until each ack, from when it was due."""
    readers = await open_many(order, Count(), len(order["tokens"]))
    await settled(order["pid"])
    rate, total = order["rate"], int(order["rate"] * order["seconds"])
    begun = time.perf_counter()
    rooms, latencies, refusals = order["rooms"], [], []

    async def one(number: int) -> None:
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late = time.perf_counter() - due
        place = number % len(readers)
        text = f"steady message number {number}, as people write them"
        try:
            latencies.append(late + await readers[place].say(rooms[place % len(rooms)], text))
        except RefusedSend:
            refusals.append(number)

    cpu = cpu_seconds(order["pid"])
    await asyncio.gather(*(one(number) for number in range(total)))
    seconds = time.perf_counter() - begun
    return {
        "latencies": latencies,
        "refused": len(refusals),
        "seconds": seconds,
        "server_cpu": cpu_seconds(order["pid"]) - cpu,
    }


async def idle(order: dict[str, Any]) -> dict[str, Any]:
    """Resident memory of the server with so many signed-in sockets, and how fast they came."""
    findings: dict[str, Any] = {"empty": resident_bytes(order["pid"]), "steps": []}
    opened = 0
    for sockets in order["steps"]:
        cpu, begun = cpu_seconds(order["pid"]), time.perf_counter()
        await open_many(order, Count(), sockets - opened, opened)
        seconds = time.perf_counter() - begun
        cpu = cpu_seconds(order["pid"]) - cpu
        await settled(order["pid"])
        step = {"sockets": sockets, "bytes": resident_bytes(order["pid"])}
        findings["steps"].append(
            step | {"connects_per_second": (sockets - opened) / seconds, "connect_cpu": cpu / (sockets - opened)}
        )
        opened = sockets
    return findings


ORDERS: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "fan_out": fan_out,
    "acks": acks,
    "idle": idle,
}


async def carried_out(order: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(order["seconds_at_most"]):
        return await ORDERS[order["what"]](order)


def main(text: str) -> None:
    order = json.loads(text)
    if order.get("core") is not None:
        os.sched_setaffinity(0, {order["core"]})
    print(json.dumps(uvloop.run(carried_out(order))), flush=True)
    os._exit(0)  # a thousand sockets need no farewell


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] != "-" else sys.stdin.read())
