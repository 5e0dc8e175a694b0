"""The measurements: each starts what it needs, asks the generator, and answers plain figures."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.generator import cpu_seconds
from lairchat.testing import scale, town
from lairchat.testing.processes import ServerProcess

MIB = 1024 * 1024
COOKIE = "lair_session"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    sockets: int = 1000
    idle: tuple[int, ...] = (500, 1000)
    messages: int = 40
    burst: int = 10
    rounds: int = 6
    naive_rounds: int = 1
    naive_messages: int = 10
    rate: int = 200
    seconds: float = 10.0
    requests: int = 200
    log_ins: int = 60
    stored: int = 1_000_000
    stored_rooms: int = 200
    people: int = 60


QUICK = Size(
    sockets=60,
    idle=(30, 60),
    messages=5,
    burst=5,
    rounds=1,
    naive_messages=5,
    rate=20,
    seconds=2.0,
    requests=5,
    log_ins=4,
    stored=2_000,
    stored_rooms=20,
    people=10,
)


class Bench:
    """The directory with its databases, and the figures one by one."""

    def __init__(self, directory: Path, size: Size) -> None:
        self.directory, self.size = directory, size
        self.server_core, self.load_core = machine.cores()
        names = [f"person{number:02}" for number in range(size.people)]
        teams = {
            f"team{number}": [names[(number * 5 + member) % len(names)] for member in range(10)] for number in range(10)
        }
        self.talk_dir = directory / "talk"
        self.place = town.found(self.talk_dir, names, {"hall": names} | teams)
        self.tokens = [person.token for person in self.place.people.values()]
        self.pages_dir = directory / "pages"
        self.pages_place = scale.build(self.pages_dir, size.stored, rooms=size.stored_rooms)
        for data_dir in (self.talk_dir, self.pages_dir):
            self._manage(data_dir, "collectstatic", "--noinput", "--verbosity", "0")

    def _manage(self, data_dir: Path, *command: str) -> None:
        with ServerProcess(data_dir, "manage.py", *command) as process:
            code = process.wait()
            if code:
                raise RuntimeError(process.output)

    def server(self, data_dir: Path | None = None) -> AbstractContextManager[ServerProcess]:
        with machine.on_core(self.server_core):
            return ServerProcess(data_dir or self.talk_dir, "manage.py", "serve", LAIR_LIMITS="off")

    def generate(self, what: str, server: ServerProcess, **order: Any) -> dict[str, Any]:
        """Let the generator carry out an order against the server, in a process of its own."""
        order |= {"what": what, "port": server.port, "pid": server.process.pid, "core": self.load_core}
        order |= {"seconds_at_most": 240}
        command = [sys.executable, "-m", "bench.generator", "-"]
        done = subprocess.run(
            command, input=json.dumps(order), cwd=machine.ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{done.stderr}\nThe server said:\n{server.output[-4000:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    # One room, ours and the naive chat's

    def fan_out(self) -> dict[str, float]:
        size = self.size
        with self.server() as server:
            found = self.generate(
                "fan_out",
                server,
                sockets=size.sockets,
                tokens=self.tokens,
                room=self.place.rooms["hall"],
                messages=size.messages,
                pause_seconds=0.1,
                burst=size.burst,
                rounds=size.rounds,
            )
        return _delivered(found)

    def naive_fan_out(self) -> dict[str, float]:
        size = self.size
        directory = self.directory / f"naive{time.monotonic_ns()}"
        directory.mkdir()
        with machine.on_core(self.server_core):
            server = ServerProcess(directory, "-m", "bench.naive", str(directory))
        with server:
            found = self.generate(
                "fan_out",
                server,
                naive=True,
                sockets=size.sockets,
                messages=size.naive_messages,
                pause_seconds=0.1,
                burst=size.burst,
                rounds=size.naive_rounds,
            )
        return _delivered(found)

    # Sends, sockets, sign-ins

    def acks(self) -> dict[str, float]:
        size = self.size
        teams = [room_id for name, room_id in self.place.rooms.items() if name != "hall"]
        people = list(self.place.people)
        senders = [self.place.people[people[number * 5 % len(people)]].token for number in range(len(teams))]
        with self.server() as server:
            order = {"tokens": senders, "rooms": teams, "rate": size.rate, "seconds": size.seconds}
            found = self.generate("acks", server, **order)
        sends = len(found["latencies"])
        return {
            "ack_p50_ms": 1000 * quantile(found["latencies"], 0.5),
            "ack_p99_ms": 1000 * quantile(found["latencies"], 0.99),
            "refused": found["refused"],
            "sends_per_second": sends / found["seconds"],
            "cpu_ms_per_send": 1000 * found["server_cpu"] / sends,
        }

    def idle(self) -> dict[str, float]:
        with self.server() as server:
            found = self.generate("idle", server, tokens=self.tokens, steps=self.size.idle)
        figures = {"memory_empty_mib": found["empty"] / MIB}
        for step in found["steps"]:
            figures[f"memory_{step['sockets']}_mib"] = step["bytes"] / MIB
        last = found["steps"][-1]
        figures["memory_per_socket_kib"] = (last["bytes"] - found["empty"]) / 1024 / last["sockets"]
        figures["connects_per_second"] = found["steps"][0]["connects_per_second"]
        figures["connect_cpu_ms"] = 1000 * found["steps"][0]["connect_cpu"]
        return figures

    def log_ins(self) -> dict[str, float]:
        people = list(self.place.people)
        with self.server() as server:

            def one(number: int) -> None:
                body = {"identifier": people[number % len(people)], "password": self.place.password}
                _call(server.port, "POST", "/api/v1/auth/login", {"Content-Type": "application/json"}, json.dumps(body))

            one(0)
            cpu, begun = cpu_seconds(server.process.pid), time.perf_counter()
            with ThreadPoolExecutor(4) as threads:
                list(threads.map(one, range(self.size.log_ins)))
            seconds = time.perf_counter() - begun
            cpu = cpu_seconds(server.process.pid) - cpu
        return {"log_ins_per_second": self.size.log_ins / seconds, "log_in_cpu_ms": 1000 * cpu / self.size.log_ins}

    # Pages of a large database

    def pages(self) -> dict[str, float]:
        alice = self.pages_place["people"]["alice"]
        bearer = {"Authorization": f"Bearer {alice['token']}"}
        room_id = self.pages_place["rooms"]["room 0"]
        history = f"/api/v1/messages?target_type=room&target_id={room_id}"
        figures: dict[str, float] = {}
        with self.server(self.pages_dir) as server:
            asked = {
                "first_page": ("/", {"Cookie": f"{COOKIE}={alice['cookie']}"}),
                "history_newest": (history, bearer),
                "history_middle": (f"{history}&before={self.size.stored * 9 // 20}", bearer),
                "sidebar": ("/api/v1/sidebar", bearer),
            }
            for name, (path, headers) in asked.items():
                times = _timed(
                    lambda path=path, headers=headers: _call(server.port, "GET", path, headers), self.size.requests
                )
                figures[f"{name}_p50_ms"] = 1000 * quantile(times, 0.5)
                figures[f"{name}_p99_ms"] = 1000 * quantile(times, 0.99)
        return figures


def _delivered(found: dict[str, Any]) -> dict[str, float]:
    return {
        "p50_ms": 1000 * quantile(found["latencies"], 0.5),
        "p99_ms": 1000 * quantile(found["latencies"], 0.99),
        "cpu_us_per_delivery": 1e6 * found["server_cpu"] / found["deliveries"],
        "deliveries_per_second": found["deliveries"] / found["seconds"],
        "generator_us_per_delivery": 1e6 * found["own_cpu"] / found["deliveries"],
    }


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _timed(act: Callable[[], Any], times: int) -> list[float]:
    act()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return taken


def _call(port: int, method: str, path: str, headers: dict[str, str], body: str | None = None) -> bytes:
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
