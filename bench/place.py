"""Where everything is measured: the people, rooms and messages, and the servers on them."""

import json
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import machine
from lairchat.testing import scale, town
from lairchat.testing.processes import ServerProcess

ROOM_OF = 10  # people of each of the many rooms


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    people: int = 250  # of the hall and of the many rooms; an account has at most 20 sockets
    rooms: int = 100
    sockets: int = 1000
    crowds: tuple[int, ...] = (100, 1000, 5000)
    idle: tuple[int, ...] = (500, 1000, 5000)
    messages: int = 40  # one by one
    deliveries: int = 60_000  # at saturation
    burst: int = 10
    naive_deliveries: int = 10_000
    naive_messages: int = 10
    rate: int = 200
    seconds: float = 10.0
    senders: tuple[int, ...] = (8, 16, 32, 64, 128, 250)
    step_seconds: float = 2.5
    requests: int = 200
    log_ins: int = 60
    stored: int = 1_000_000
    stored_few: int = 10_000
    stored_rooms: int = 200


QUICK = Size(
    people=10,
    rooms=4,
    sockets=60,
    crowds=(60,),
    idle=(30, 60),
    messages=5,
    deliveries=300,
    burst=5,
    naive_deliveries=300,
    naive_messages=5,
    rate=20,
    seconds=1.0,
    senders=(4, 8),
    step_seconds=0.5,
    requests=5,
    log_ins=4,
    stored=2_000,
    stored_few=500,
    stored_rooms=20,
)


class Place:
    """A directory with the databases, and what is known of them."""

    def __init__(self, directory: Path, size: Size) -> None:
        self.directory, self.size = directory, size
        self.server_core, self.load_core = machine.cores()
        self.talk_dir = directory / "talk"
        names = [f"person{number:03}" for number in range(size.people)]
        teams = teams_of(names, size.rooms)
        self.town = town.found(self.talk_dir, names, {"hall": names} | teams, privacy="public")
        self.tokens = [person.token for person in self.town.people.values()]
        numbers = {name: number for number, name in enumerate(names)}
        # For each of the many rooms its id and its people by number; for each person their rooms.
        self.rooms = [(self.town.rooms[team], [numbers[name] for name in teams[team]]) for team in teams]
        self.rooms_of = [[room for room, members in self.rooms if number in members] for number in range(len(names))]
        self.many_dir, self.few_dir = directory / "many", directory / "few"

    @cached_property
    def many(self) -> dict[str, Any]:
        """The large database, with which the pages are measured."""
        facts = scale.build(self.many_dir, self.size.stored, rooms=self.size.stored_rooms)
        self._manage(self.many_dir, "collectstatic", "--noinput", "--verbosity", "0")
        return facts

    @cached_property
    def few(self) -> dict[str, Any]:
        """The small one beside it; as in the large one, every room has enough to be unread."""
        return scale.build(self.few_dir, self.size.stored_few, rooms=self.size.stored_rooms, share=0.1)

    @property
    def hall(self) -> str:
        return self.town.rooms["hall"]

    def _manage(self, data_dir: Path, *command: str) -> None:
        with ServerProcess(data_dir, "manage.py", *command) as process:
            code = process.wait()
            if code:
                raise RuntimeError(process.output)

    def server(
        self, *command: str, data_dir: Path | None = None, **environment: str
    ) -> AbstractContextManager[ServerProcess]:
        """A server on the core of servers: ours, `manage.py serve`, unless another command is given."""
        command = command or ("manage.py", "serve")
        with machine.on_core(self.server_core):
            return ServerProcess(data_dir or self.talk_dir, *command, LAIR_LIMITS="off", **environment)

    def generate(self, what: str, *servers: ServerProcess, **order: Any) -> dict[str, Any]:
        """Let the generator carry out an order against the servers, in a process of its own."""
        order |= {"kind": order.get("kind", "lair"), "what": what, "core": self.load_core, "seconds_at_most": 240}
        order |= {"ports": [server.port for server in servers], "pids": [server.process.pid for server in servers]}
        done = subprocess.run(
            [sys.executable, "-m", "bench.generator"],
            input=json.dumps(order),
            cwd=machine.ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            said = "\n".join(server.output[-4000:] for server in servers)
            raise RuntimeError(f"{done.stderr}\nThe server said:\n{said}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def teams_of(names: list[str], rooms: int) -> dict[str, list[str]]:
    """Ten people for each room, everybody in as many rooms as anybody else, no two rooms alike if there are enough."""
    step = max(1, len(names) // ROOM_OF)
    return {
        f"team{room}": [names[(room + member * step) % len(names)] for member in range(ROOM_OF)]
        for room in range(rooms)
    }
