"""The load: many sockets in one process that costs the machine little (uvloop and picows).

Run as a program, one order a run, as JSON on standard input: `python -m bench.generator`; it prints its findings as
JSON, and ends by itself whatever the server does. It speaks to 127.0.0.1 only.
"""

import asyncio
import json
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any

import uvloop

from bench.gauges import cpu_of_all, cpu_seconds, resident_bytes
from bench.sockets import Count, RefusedSend, Socket, frames_of, open_many

NAP_SECONDS = 0.02
GROWTH = 1.03  # less than this much more from more senders: it has stopped growing

Order = dict[str, Any]


# One room


async def fan_out(order: Order) -> dict[str, Any]:
    """One room: from a send to each receiver, one message at a time; then CPU per delivery, many at once."""
    count = Count()
    sockets = await open_many(order, count, order["sockets"])
    await settled(order["pids"])
    each: list[float] = []
    last: list[float] = []
    paced = cpu_of_all(order["pids"])
    for number in range(order["messages"]):
        begun, count.times = time.perf_counter(), []
        everybody = count.expect(len(sockets))
        say(order, sockets[0], f"measured message number {number} of a run of quite usual ones")
        await everybody
        each.extend(at - begun for at in count.times)
        last.append(count.times[-1] - begun)
        await asyncio.sleep(max(0.0, begun + order["pause_seconds"] - time.perf_counter()))
    paced, count.times = cpu_of_all(order["pids"]) - paced, None
    server, own, begun = cpu_of_all(order["pids"]), cpu_seconds(), time.perf_counter()
    async with napping():
        for _ in range(order["rounds"]):
            everybody = count.expect(len(sockets) * order["burst"])
            for number in range(order["burst"]):
                say(order, sockets[number % len(sockets)], f"message number {number} of a burst, as long as the others")
            await everybody
    seconds = time.perf_counter() - begun
    deliveries = len(sockets) * order["burst"] * order["rounds"]
    if count.received != len(each) + deliveries:
        raise RuntimeError(f"{count.received} deliveries, not {len(each) + deliveries}")
    return {
        "paced_cpu": paced / len(each),
        "received": quantiles(each),
        "last": quantiles(last),
        "frame_bytes": count.bytes,
        "deliveries": deliveries,
        "seconds": seconds,
        "server_cpu": cpu_of_all(order["pids"]) - server,
        "own_cpu": cpu_seconds() - own,
    }


def say(order: Order, socket: Socket, text: str) -> None:
    """Tell this kind of server a message."""
    match order["kind"]:
        case "lair":
            target = {"type": "room", "room_id": order["room"]}
            socket.send({"type": "send_message", "target": target, "content": text})
        case "plain":
            socket.send({"message": text})
        case "socket.io":
            socket.send_text(b"42" + json.dumps(["say", text]).encode())


# Many rooms


async def durable(order: Order) -> dict[str, Any]:
    """Sends at a steady rate whatever the answers do (open loop).

    Seconds until the ack, and until the last of the room has it, both from when the send was due.
    """
    members, rate, total = order["members"], order["rate"], int(order["rate"] * order["seconds"])
    sockets = await open_many(order, Count(), len(order["tokens"]))
    await settled(order["pids"])
    due: list[float] = []
    acked: dict[int, float] = {}
    receivers = [0] * total
    received: dict[int, float] = {}
    refused: list[str] = []
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(text: bytes) -> None:
        now = time.perf_counter()
        for frame in frames_of(text):
            match frame["type"]:
                case "message_received":
                    number = int(frame["message"]["content"].rpartition(" ")[2])
                    receivers[number] += 1
                    if receivers[number] == members:
                        received[number] = now
                case "ack":
                    acked[int(frame["request_id"])] = now
                case "error":
                    refused.append(str(frame["error"]["code"]))
        if len(received) + len(refused) >= total and len(acked) + len(refused) >= total and not answered.done():
            answered.set_result(None)

    for socket in sockets:
        socket.take = take
        socket.waits = {answered}
    cpu, begun = cpu_of_all(order["pids"]), time.perf_counter()
    for number in range(total):
        due.append(begun + number / rate)
        await asyncio.sleep(max(0.0, due[-1] - time.perf_counter()))
        room, members_of_it = order["rooms"][number % len(order["rooms"])]
        _send(sockets[members_of_it[number % len(members_of_it)]], room, number, f"steady and durable message {number}")
    await answered
    return {
        "acked": quantiles([at - due[number] for number, at in acked.items()]),
        "received": quantiles([at - due[number] for number, at in received.items()]),
        "sends": len(acked),
        "refused": len(refused),
        "seconds": time.perf_counter() - begun,
        "server_cpu": cpu_of_all(order["pids"]) - cpu,
    }


def _send(socket: Socket, room: str, number: int, text: str) -> None:
    target = {"type": "room", "room_id": room}
    socket.send({"type": "send_message", "request_id": str(number), "target": target, "content": text})


async def saturation(order: Order) -> dict[str, Any]:
    """Everybody sends the next message as soon as the last one is stored (closed loop); more and more at once.

    Answers the step with the most stored messages a second; it ends when more senders store no more.
    """
    sockets = await open_many(order, Count(), order["sockets"])
    await settled(order["pids"])
    best: dict[str, Any] = {}
    for senders in order["senders"]:
        step = await _stored_by(order, sockets, min(senders, len(sockets)))
        if best and step["per_second"] < best["per_second"] * GROWTH:
            break
        best = step
    return best


async def _stored_by(order: Order, sockets: Sequence[Socket], senders: int) -> dict[str, Any]:
    batches, stored, numbers = batches_of(order), 0, iter(range(sys.maxsize))
    cpu, begun = cpu_of_all(order["pids"]), time.perf_counter()
    end = begun + order["seconds"]

    async def talk(place: int) -> None:
        nonlocal stored
        while time.perf_counter() < end:
            await _stored(order, sockets[place], place, next(numbers))
            stored += 1

    spread = len(sockets) / senders  # over all rooms
    await asyncio.gather(*(talk(int(number * spread)) for number in range(senders)))
    seconds, cpu = time.perf_counter() - begun, cpu_of_all(order["pids"]) - cpu
    step = {"senders": senders, "per_second": stored / seconds, "server_cpu": cpu, "stored": stored}
    if batches is not None:
        acts, commits = (now - before for now, before in zip(batches_of(order) or (0, 0), batches, strict=True))
        step["batch"] = acts / max(1.0, commits)
    return step


async def _stored(order: Order, socket: Socket, place: int, number: int) -> None:
    """Send one message and wait for its ack; from the naive chat, for the message itself."""
    if order["kind"] != "lair":
        text = f"durable message {number} of {place}"
        await socket.until(text.encode(), lambda: socket.send({"message": text}))
        return
    rooms = order["rooms_of"][place]
    text = f"message {number}, sent as soon as the last one was stored"
    answer = await socket.until(
        f'"request_id":"{number}"'.encode(), lambda: _send(socket, rooms[number % len(rooms)], number, text)
    )
    if b'"type":"error"' in answer:
        raise RefusedSend(answer.decode())


def batches_of(order: Order) -> tuple[float, float] | None:
    """How many acts went through the writer lane so far, and in how many commits; None of another server."""
    if order["kind"] != "lair":
        return None
    text = metrics(order["ports"][0])
    acts, commits = (re.search(rf"^lair_chat_batch_size_{name} (\S+)", text, re.MULTILINE) for name in ("sum", "count"))
    return (float(acts[1]), float(commits[1])) if acts and commits else (0.0, 0.0)


def metrics(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


async def volatile(order: Order) -> dict[str, Any]:
    """Everybody types in all their rooms, as fast as the server takes it (a ping after them is answered in turn)."""
    count = Count(b'"user_typing"')
    sockets = await open_many(order, count, len(order["tokens"]))
    await settled(order["pids"])
    told, cpu, begun = 0, cpu_of_all(order["pids"]), time.perf_counter()
    end = begun + order["seconds"]

    async def type_on(socket: Socket, rooms: list[str]) -> None:
        nonlocal told
        texts = [json.dumps({"type": "typing", "room_id": room}).encode() for room in rooms]

        def act() -> None:
            for text in texts:
                socket.send_text(text)
            socket.send_text(b'{"type":"ping"}')

        while time.perf_counter() < end:
            await socket.until(b'"type":"pong"', act)
            told += len(texts)

    await asyncio.gather(*(type_on(*pair) for pair in zip(sockets, order["rooms_of"], strict=True)))
    seconds = time.perf_counter() - begun
    return {
        "told": told,
        "received": count.received,
        "seconds": seconds,
        "server_cpu": cpu_of_all(order["pids"]) - cpu,
    }


# Connections


async def idle(order: Order) -> dict[str, Any]:
    """Resident memory of the server with so many signed-in sockets, and how fast they came.

    The first so many also talk a little and hear it, which is what `active` means.
    """
    pid, count = order["pids"][0], Count()
    findings: dict[str, Any] = {"empty": resident_bytes(pid), "steps": []}
    sockets: list[Socket] = []
    for wanted in order["steps"]:
        more = wanted - len(sockets)
        cpu, begun = cpu_seconds(pid), time.perf_counter()
        sockets += await open_many(order, count, more, len(sockets))
        seconds = time.perf_counter() - begun
        cpu = cpu_seconds(pid) - cpu
        await settled(order["pids"])
        step = {"sockets": wanted, "bytes": resident_bytes(pid)}
        findings["steps"].append(step | {"connects_per_second": more / seconds, "connect_cpu": cpu / more})
        if wanted == order["steps"][0]:
            await _talk_a_little(order, sockets, count)
            findings["active"] = resident_bytes(pid)
    return findings


async def _talk_a_little(order: Order, sockets: Sequence[Socket], count: Count) -> None:
    for number in range(order["messages"]):
        everybody = count.expect(len(sockets))
        say(order, sockets[number % len(sockets)], f"message number {number}, so that everybody has heard something")
        await everybody


async def connects(order: Order) -> dict[str, Any]:
    """Statements that the server made for everybody's first connection, of which their presence is told, and for
    another one of each; only a server that counts them knows (`bench.rigged`)."""
    sockets = len(order["tokens"])
    at = [_statements(order), _statements(order)]
    for opened in (0, sockets):
        await open_many(order, Count(), sockets, opened)
        await settled(order["pids"])
        at.append(_statements(order))
    asking = at[1] - at[0]
    first, another = ((after - before - asking) / sockets for before, after in pairwise(at[1:]))
    return {"first": first, "another": another}


def _statements(order: Order) -> float:
    found = re.search(r"^bench_statements_total (\S+)", metrics(order["ports"][0]), re.MULTILINE)
    if found is None:
        raise LookupError("this server does not count its statements")
    return float(found[1])


# What all share


async def settled(pids: Sequence[int], *, seconds: float = 10.0) -> None:
    """Wait until the server has finished with what the opening caused (presence): it uses under a tenth of a core."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before = cpu_of_all(pids)
        await asyncio.sleep(0.5)
        if cpu_of_all(pids) - before <= 0.05:
            return


@asynccontextmanager
async def napping() -> AsyncIterator[None]:
    """Inside, this process sleeps between its reads, so that each read of a socket finds several frames.

    Most of what a delivery costs here is the system call; at saturation nobody asks when exactly it came.
    """
    is_over = False

    async def nap() -> None:
        while not is_over:
            time.sleep(NAP_SECONDS)  # all of the process is meant to sleep
            await asyncio.sleep(0)

    task = asyncio.ensure_future(nap())
    try:
        yield
    finally:
        is_over = True
        await task


def quantiles(values: Sequence[float]) -> dict[str, float]:
    return {"p50": statistics.median(values), "p99": quantile(values, 0.99)}


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


ORDERS: dict[str, Callable[[Order], Awaitable[dict[str, Any]]]] = {
    order.__name__: order for order in (fan_out, durable, saturation, volatile, idle, connects)
}


async def carried_out(order: Order) -> dict[str, Any]:
    async with asyncio.timeout(order["seconds_at_most"]):
        return await ORDERS[order["what"]](order)


def main() -> None:
    order = json.load(sys.stdin)
    if order.get("core") is not None:
        os.sched_setaffinity(0, {order["core"]})
    print(json.dumps(uvloop.run(carried_out(order))), flush=True)
    os._exit(0)  # thousands of sockets need no farewell


if __name__ == "__main__":
    main()
