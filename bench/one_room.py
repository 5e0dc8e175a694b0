"""One room and everybody in it: what a delivery costs, ours and others'."""

import time
from typing import Any

from bench import node
from bench.place import Place
from lairchat.testing.redis import RedisServer

Figures = dict[str, float]


def ours(place: Place) -> Figures:
    """The room of a thousand, and how the cost of a delivery grows from the smallest crowd to the largest."""
    figures: Figures = {}
    for crowd in place.size.crowds:
        with place.server() as server:
            found = place.generate("fan_out", server, **_order(place, crowd))
        figures[f"cpu_us_per_delivery_{crowd}"] = 1e6 * found["server_cpu"] / found["deliveries"]
        if crowd == place.size.sockets:
            figures |= _figures(found) | {"frame_bytes": found["frame_bytes"]}
    smallest, largest = min(place.size.crowds), max(place.size.crowds)
    growth = figures[f"cpu_us_per_delivery_{largest}"] / figures[f"cpu_us_per_delivery_{smallest}"]
    return figures | {"growth": growth}


def two_processes(place: Place) -> Figures:
    """The same room with its sockets half and half on two processes, which tell each other over Redis."""
    directory = place.directory / f"redis{time.monotonic_ns()}"
    directory.mkdir()
    with (
        RedisServer(directory) as redis,
        place.server(LAIR_REDIS_URL=redis.url) as one,
        place.server(LAIR_REDIS_URL=redis.url) as other,
    ):
        return _figures(place.generate("fan_out", one, other, **_order(place, place.size.sockets)))


def naive(place: Place) -> Figures:
    size = place.size
    directory = place.directory / f"naive{time.monotonic_ns()}"
    directory.mkdir()
    order = _order(place, size.sockets, messages=size.naive_messages, deliveries=size.naive_deliveries)
    return _of_another(place, order, "-m", "bench.naive", str(directory))


def raw(place: Place, frame_bytes: float) -> Figures:
    """A broadcast of frames as long as ours, and nothing else."""
    return _of_another(place, _order(place, place.size.sockets), "-m", "bench.raw", str(int(frame_bytes)))


def node_ws(place: Place, frame_bytes: float) -> Figures:
    """The same in Node; no figures where Node or its package `ws` is not to be had."""
    if not node.is_ready():
        return {}
    return _of_another(place, _order(place, place.size.sockets), "-m", "bench.node", "ws.mjs", str(int(frame_bytes)))


def socket_io(place: Place, frame_bytes: float) -> Figures:
    """And with socket.io."""
    if not node.is_ready():
        return {}
    order = _order(place, place.size.sockets)
    command = "-m", "bench.node", "socket_io.mjs", str(int(frame_bytes))
    return _of_another(place, order, *command, kind="socket.io")


def _of_another(place: Place, order: dict[str, Any], *command: str, kind: str = "plain") -> Figures:
    order |= {"kind": kind}
    with place.server(*command) as server:
        return _figures(place.generate("fan_out", server, **order))


def _order(place: Place, sockets: int, *, messages: int = 0, deliveries: int = 0) -> dict[str, Any]:
    size = place.size
    return {
        "tokens": place.tokens,
        "room": place.hall,
        "sockets": sockets,
        "messages": messages or size.messages,
        "pause_seconds": 0.1,
        "burst": size.burst,
        "rounds": max(1, (deliveries or size.deliveries) // (sockets * size.burst)),
    }


def _figures(found: dict[str, Any]) -> Figures:
    return {
        "p50_ms": 1000 * found["received"]["p50"],
        "p99_ms": 1000 * found["received"]["p99"],
        "last_p50_ms": 1000 * found["last"]["p50"],
        "last_p99_ms": 1000 * found["last"]["p99"],
        "paced_cpu_us_per_delivery": 1e6 * found["paced_cpu"],
        "cpu_us_per_delivery": 1e6 * found["server_cpu"] / found["deliveries"],
        "deliveries_per_second": found["deliveries"] / found["seconds"],
        "deliveries_per_cpu_second": found["deliveries"] / found["server_cpu"],
        "generator_us_per_delivery": 1e6 * found["own_cpu"] / found["deliveries"],
    }
