"""A hundred rooms of ten: durable sends at a steady rate and up to saturation, and typing."""

import time
from typing import Any

from bench.place import ROOM_OF, Place

Figures = dict[str, float]


def durable(place: Place) -> Figures:
    """At a steady rate: until the ack, and until the last of the room's ten has it."""
    size = place.size
    order = {"tokens": place.tokens, "rooms": place.rooms, "members": ROOM_OF}
    with place.server() as server:
        found = place.generate("durable", server, **order, rate=size.rate, seconds=size.seconds)
    return {
        "received_p50_ms": 1000 * found["received"]["p50"],
        "received_p99_ms": 1000 * found["received"]["p99"],
        "ack_p50_ms": 1000 * found["acked"]["p50"],
        "ack_p99_ms": 1000 * found["acked"]["p99"],
        "refused": found["refused"],
        "sends_per_second": found["sends"] / found["seconds"],
        "cpu_ms_per_send": 1000 * found["server_cpu"] / found["sends"],
    }


def stored(place: Place) -> Figures:
    """As many messages as the writer lane takes."""
    return _saturated(place, "manage.py", "serve")


def stored_one_each(place: Place) -> Figures:
    """The same server, but no two messages share a transaction."""
    return _saturated(place, "-m", "bench.rigged", "one_each")


def _saturated(place: Place, *command: str) -> Figures:
    order = {"tokens": place.tokens, "rooms_of": place.rooms_of, "sockets": len(place.tokens)}
    with place.server(*command) as server:
        return _figures(place.generate("saturation", server, **order, **_steps(place)))


def stored_naive(place: Place) -> Figures:
    """The naive chat with as many rooms of ten sockets each."""
    size = place.size
    directory = place.directory / f"naive{time.monotonic_ns()}"
    directory.mkdir()
    order = {"kind": "plain", "rooms": size.rooms, "sockets": size.rooms * ROOM_OF}
    with place.server("-m", "bench.naive", str(directory)) as server:
        return _figures(place.generate("saturation", server, **order, **_steps(place)))


def _steps(place: Place) -> dict[str, Any]:
    return {"senders": place.size.senders, "seconds": place.size.step_seconds}


def _figures(found: dict[str, Any]) -> Figures:
    figures = {
        "per_second": found["per_second"],
        "cpu_us_per_message": 1e6 * found["server_cpu"] / found["stored"],
        "senders": found["senders"],
    }
    return figures | ({"mean_batch": found["batch"]} if "batch" in found else {})


def volatile(place: Place) -> Figures:
    """Everybody types in all their rooms at once."""
    order = {"tokens": place.tokens, "rooms_of": place.rooms_of, "seconds": place.size.step_seconds}
    with place.server() as server:
        found = place.generate("volatile", server, **order)
    return {
        "received_per_second": found["received"] / found["seconds"],
        "told_per_second": found["told"] / found["seconds"],
        "cpu_us_per_told": 1e6 * found["server_cpu"] / found["told"],
    }
