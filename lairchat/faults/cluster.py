"""The servers of one run: one process or several on one database, each on a port that stays its own."""

import asyncio
import http.client
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

from lairchat.testing import town
from lairchat.testing.history import Stored
from lairchat.testing.processes import ServerProcess, eventually
from lairchat.testing.rest import Rest

SERVE = ("manage.py", "serve")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def names(count: int) -> list[str]:
    return [f"person{number:03}" for number in range(count)]


def teams(people: list[str], *, size: int = 10) -> dict[str, list[str]]:
    """A hall for everybody, and rooms of `size` in which everybody is twice, each time with others."""
    count = max(1, len(people) // size)
    groups = [people[number * size : (number + 1) * size] for number in range(count)]
    groups += [people[number::count] for number in range(count)]
    return {"hall": people} | {f"team{number}": group for number, group in enumerate(groups)}


class Cluster:
    """Use as an async context: it makes the people and rooms, starts every process, and kills them at the end."""

    def __init__(
        self,
        directory: Path,
        people: list[str],
        rooms: dict[str, list[str]],
        *,
        processes: int = 2,
        privacy: str = "private",
        command: tuple[str, ...] = SERVE,
        **environment: str,
    ) -> None:
        self.directory, self.rooms, self.command = directory, rooms, command
        self.environment = {"LAIR_LIMITS": "off", "LAIR_LOG_LEVEL": "WARNING"} | environment
        self.place = town.found(directory, people, rooms, privacy=privacy, **_database(environment))
        self.ports = [free_port() for _ in range(processes)]
        self.servers: list[ServerProcess | None] = [None] * processes
        self.ended: list[ServerProcess] = []

    async def start(self, number: int = 0, *command: str, **environment: str) -> ServerProcess:
        """Start a process and wait until it listens."""
        given = self.environment | {"LAIR_HTTP_PORT": str(self.ports[number])} | environment
        server = ServerProcess(self.directory, *(command or self.command), **given)
        self.servers[number] = server
        await asyncio.to_thread(lambda: server.port)
        return server

    async def kill(self, number: int = 0) -> None:
        self.server(number).process.kill()
        await self.over(number)

    async def over(self, number: int = 0) -> int:
        """The exit code of a process that ends."""
        server = self.server(number)
        code = await asyncio.to_thread(server.wait)
        self.servers[number] = None
        self.ended.append(server)
        return code

    def freeze(self, number: int = 0) -> None:
        os.kill(self.server(number).process.pid, signal.SIGSTOP)

    def thaw(self, number: int = 0) -> None:
        os.kill(self.server(number).process.pid, signal.SIGCONT)

    def server(self, number: int = 0) -> ServerProcess:
        server = self.servers[number]
        assert server is not None, f"process {number} does not run"
        return server

    def rest(self, name: str, number: int = 0) -> Rest:
        return Rest(self.ports[number], self.place.people[name].token)

    def stored(self) -> Stored:
        """What the database holds now."""
        return Stored.of(self.directory)

    def metric(self, name: str, number: int = 0) -> float:
        """A figure of `/metrics`, its labels included in the name; 0 where it was never counted."""
        return self.metrics(number).get(name, 0.0)

    def metrics(self, number: int = 0) -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[number], timeout=60)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        lines = re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in lines}

    def errors(self) -> list[str]:
        """The lines of all logs that say that something failed which should not."""
        servers = [*self.ended, *(server for server in self.servers if server is not None)]
        return [line for server in servers for line in server.lines if '"level": "ERROR"' in line]

    async def __aenter__(self) -> "Cluster":
        await asyncio.gather(*(self.start(number) for number in range(len(self.servers))))
        return self

    async def __aexit__(self, *_error: Any) -> None:
        for server in self.servers:
            if server is not None:
                os.kill(server.process.pid, signal.SIGCONT)
                await asyncio.to_thread(server.__exit__)


def _database(environment: dict[str, str]) -> dict[str, str]:
    """What the making of the town must share with its servers."""
    return {name: value for name, value in environment.items() if name.startswith("LAIR_DATABASE")}


async def becomes_true(question: Any, what: str, *, seconds: float = 60.0) -> Any:
    """`eventually`, beside a running event loop."""
    return await asyncio.to_thread(eventually, question, what, seconds=seconds)
