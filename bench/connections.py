"""Connections: what they cost to open and to keep, and how fast people sign in."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from bench.gauges import cpu_seconds
from bench.pages import call
from bench.place import Place

MIB = 1024 * 1024
Figures = dict[str, float]


def idle(place: Place) -> Figures:
    """Memory of a process for sockets, and how fast they come."""
    order = {"tokens": place.tokens, "room": place.hall, "steps": place.size.idle, "messages": place.size.messages}
    with place.server("manage.py", "serve", "--role", "realtime") as server:
        found = place.generate("idle", server, **order)
    figures = {"empty_mib": found["empty"] / MIB, "active_mib": found["active"] / MIB}
    first, *_, last = found["steps"]
    for step in found["steps"]:
        figures[f"mib_{step['sockets']}"] = step["bytes"] / MIB
    more = last["sockets"] - first["sockets"]
    return figures | {
        "kib_per_socket": (last["bytes"] - found["active"]) / 1024 / more,
        "connects_per_second": first["connects_per_second"],
        "connect_cpu_ms": 1000 * first["connect_cpu"],
    }


def statements(place: Place) -> Figures:
    """How often a connection asks the database, from its first byte until it is live."""
    with place.server("-m", "bench.rigged", "count") as server:
        found = place.generate("connects", server, tokens=place.tokens)
    return {"per_connect": found["another"], "per_first_connect": found["first"]}


def log_ins(place: Place) -> Figures:
    people = list(place.town.people)
    with place.server() as server:

        def one(number: int) -> None:
            body = {"identifier": people[number % len(people)], "password": place.town.password}
            call(server.port, "POST", "/api/v1/auth/login", {"Content-Type": "application/json"}, json.dumps(body))

        one(0)
        cpu, begun = cpu_seconds(server.process.pid), time.perf_counter()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(one, range(place.size.log_ins)))
        seconds = time.perf_counter() - begun
        cpu = cpu_seconds(server.process.pid) - cpu
    return {"per_second": place.size.log_ins / seconds, "cpu_ms": 1000 * cpu / place.size.log_ins}
