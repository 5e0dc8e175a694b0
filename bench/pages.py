"""Pages of a large database: over HTTP from the real server, and inside one process without it."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bench import machine
from bench.generator import quantile
from bench.place import Place
from lairchat.testing import stack

COOKIE = "lair_session"
Figures = dict[str, float]


def over_http(place: Place) -> Figures:
    alice = place.many["people"]["alice"]
    bearer = {"Authorization": f"Bearer {alice['token']}"}
    history = f"/api/v1/messages?target_type=room&target_id={place.many['rooms']['room 0']}"
    figures: Figures = {}
    with place.server(data_dir=place.many_dir) as server:
        asked = {
            "first_page": ("/", {"Cookie": f"{COOKIE}={alice['cookie']}"}),
            "newest": (history, bearer),
            "middle": (f"{history}&before={place.size.stored * 9 // 20}", bearer),
            "sidebar": ("/api/v1/sidebar", bearer),
        }
        for name, (path, headers) in asked.items():
            times = timed(lambda path=path, headers=headers: call(server.port, "GET", path, headers), place)
            figures |= {f"{name}_p50_ms": 1000 * quantile(times, 0.5), f"{name}_p99_ms": 1000 * quantile(times, 0.99)}
    return figures


def inside(place: Place) -> Figures:
    """What `bench.inside` finds in a process of its own: the command, the request, a serializer's, and their growth."""
    place.many, place.few  # noqa: B018 - made when first asked for
    settings = stack.environment(place.many_dir, LAIR_LIMITS="off")
    command = [sys.executable, "-m", "bench.inside", str(place.size.requests), str(place.few_dir), str(place.many_dir)]
    with machine.on_core(place.server_core):
        done = subprocess.run(command, env=settings, cwd=machine.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    few, many = json.loads(done.stdout.splitlines()[-1])
    figures = {f"{name}_p50_ms": 1000 * seconds for name, seconds in many.items() if name != "pages_bytes"}
    figures |= {f"{name}_growth": many[name] / few[name] for name in many if name != "pages_bytes"}
    more = place.size.stored - place.size.stored_few
    figures["bytes_per_message"] = (many["pages_bytes"] - few["pages_bytes"]) / more
    return figures | {"serializer_ratio": many["serializer"] / many["request"]}


def timed(act: Callable[[], Any], place: Place) -> list[float]:
    act()
    taken = []
    for _ in range(place.size.requests):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return taken


def call(port: int, method: str, path: str, headers: dict[str, str], body: str | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:300]!r}")
        return content
    finally:
        connection.close()
