"""docs/operate/scaling.md, walked: every command of the page is run, in its order, and people notice nothing."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import yaml

from lairchat.config.load import settings
from lairchat.server.roles import ROLES
from lairchat.testing import town
from lairchat.testing.postgres import PostgresServer, binaries
from lairchat.testing.processes import ROOT, ServerProcess
from lairchat.testing.proxies import EXAMPLES, free_port
from lairchat.testing.redis import RedisServer
from lairchat.testing.rest import Rest
from lairchat.testing.systemctl import UNITS, Unit

PAGE = ROOT / "docs/operate/scaling.md"
PORTS = ("8082", "8083", "8091", "8092")


class Machine:
    """The operator's machine: its paths lead into the test's directory, its services are the test's own."""

    def __init__(self, directory: Path, postgres: PostgresServer, redis: RedisServer) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.units = directory / "units"
        self.units.mkdir()
        self.ports = {port: str(free_port()) for port in PORTS}
        database = f"127.0.0.1:{postgres.port}/lairchat"
        self.places = {
            "/etc/systemd/system/": f"{self.units}/",
            "/opt/lair/.venv/bin/python": sys.executable,
            ".venv/bin/python": sys.executable,
            "cd /opt/lair": f"cd {ROOT}",
            "WorkingDirectory=/opt/lair": f"WorkingDirectory={ROOT}",
            "/var/lib/lair": str(self.data_dir),
            "/etc/lair/": f"{directory}/",
            "docs/operate/examples/lair-*.service": f"{directory}/samples/lair-*.service",
            "127.0.0.1/lairchat": database,
            "127.0.0.1:6379": f"127.0.0.1:{redis.port}",
            "https://chat.example.org": "http://127.0.0.1",
            "LAIR_SERVER_DRAIN_SECONDS=3": "LAIR_SERVER_DRAIN_SECONDS=0.5",  # no proxy asks here
        } | self.ports
        (directory / "lair.env").write_text(self.here((EXAMPLES / "lair.env").read_text()))
        (directory / "samples").mkdir()
        for sample in EXAMPLES.glob("lair-*.service"):
            (directory / "samples" / sample.name).write_text(self.here(sample.read_text()))
        self._make_programs()
        self.environment = {
            "PATH": f"{directory}/bin:{os.environ['PATH']}:{binaries()}",
            "HOME": str(directory),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
            "PGUSER": "postgres",
            UNITS: str(self.units),
        }

    def _make_programs(self) -> None:
        """`sudo` that stays who it is, and a `systemctl` that needs no systemd."""
        programs = {
            "sudo": '#!/bin/sh\n[ "$1" = -u ] && shift 2\nexec "$@"\n',
            "systemctl": f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m lairchat.testing.systemctl "$@"\n',
        }
        (self.directory / "bin").mkdir()
        for name, text in programs.items():
            path = self.directory / "bin" / name
            path.write_text(text)
            path.chmod(0o755)

    def here(self, text: str) -> str:
        """The text with this machine's places."""
        pattern = "|".join(re.escape(place) for place in sorted(self.places, key=len, reverse=True))
        return re.sub(pattern, lambda found: self.places[found[0]], text)

    def run(self, commands: str) -> str:
        """What the commands print. Raises AssertionError with it where one fails."""
        with (self.directory / "said").open("w+") as said:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", self.here(commands)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
            )
            said.seek(0)
            text = said.read()
        assert done.returncode == 0, f"{self.here(commands)}\n{text}"
        return text

    def pids(self) -> dict[str, int | None]:
        names = [f"lair-web@{self.ports[port]}" for port in PORTS[:2]]
        names += [f"lair-realtime@{self.ports[port]}" for port in PORTS[2:]]
        return {name: Unit(self.units, name).pid for name in [*names, "lair-worker"]}

    def end(self) -> None:
        for pid in self.pids().values():
            if pid is not None:
                os.kill(pid, 9)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with ExitStack() as opened:
        postgres = opened.enter_context(PostgresServer(durable=False))
        redis = opened.enter_context(RedisServer(tmp_path))
        machine = Machine(tmp_path, postgres, redis)
        opened.callback(machine.end)
        yield machine


def steps() -> list[str]:
    """The commands of the page, one text for each grey box."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.processes
def test_an_operator_walks_from_one_process_to_several_and_back(machine: Machine) -> None:
    create, enter, copy, several, ask, upgrade, back = steps()
    sqlite = {"LAIR_DATABASE_URL": f"sqlite:///{machine.data_dir / 'lair.sqlite3'}"}
    found = town.found(machine.data_dir, ["alice", "bob"], {"den": ["alice", "bob"]}, **sqlite)
    den, token = found.rooms["den"], found.people["alice"].token
    with ServerProcess(machine.data_dir, "manage.py", "serve", **sqlite) as server:
        assert Rest(server.port, token).send_message(den, "said on SQLite").status == 201
        server.terminate()
        assert server.wait() == 0
    machine.run(create)
    assert "equal on both sides" in machine.run(enter + copy)
    machine.run(enter + several)
    assert machine.run(ask).count('{"ready": true') == 4

    web = [Rest(int(machine.ports[port]), token) for port in PORTS[:2]]
    assert web[0].send_message(den, "said on PostgreSQL").status == 201
    assert [message["content"] for message in web[1].history(den)][-2:] == ["said on SQLite", "said on PostgreSQL"]
    assert Rest(int(machine.ports["8091"]), token).call("GET", "/rooms").status == 404  # sockets only

    before = machine.pids()
    assert None not in before.values()
    machine.run(enter + upgrade)
    after = machine.pids()
    assert None not in after.values()
    assert not set(before.values()) & set(after.values())
    assert web[0].send_message(den, "said after the upgrade").status == 201

    assert "equal on both sides" in machine.run(enter + back)
    assert set(machine.pids().values()) == {None}
    with closing(sqlite3.connect(machine.data_dir / "back.sqlite3")) as database:
        texts = [
            text for (text,) in database.execute("SELECT content FROM chat_message WHERE kind = 'text' ORDER BY seq")
        ]
    assert texts == ["said on SQLite", "said on PostgreSQL", "said after the upgrade"]


# What cannot be run here: no name in it may be one that does not exist


def samples() -> list[Path]:
    return [ROOT / "Dockerfile", *sorted(EXAMPLES.iterdir())]


# Names that are the sample's own, not settings of ours.
OWN = {"LAIR_SITE", "LAIR_HOST_NAME", "LAIR_WEB", "LAIR_REALTIME", "LAIR_PASSWORD"}


@pytest.mark.parametrize("sample", [*samples(), PAGE], ids=lambda path: path.name)
def test_every_setting_in_a_sample_exists(sample: Path) -> None:
    known = {setting.environment_name for setting in settings()}
    named = set(re.findall(r"\bLAIR_[A-Z_]*[A-Z]\b", sample.read_text()))
    assert named - known - OWN == set()


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.name)
def test_every_role_in_a_sample_exists(sample: Path) -> None:
    text = sample.read_text().replace('", "', " ")
    assert set(re.findall(r"--role (\w+)", text)) <= set(ROLES)


def test_every_role_has_its_unit() -> None:
    units = "".join(path.read_text() for path in EXAMPLES.glob("*.service"))
    assert set(re.findall(r"--role (\w+)", units)) == {"web", "realtime", "worker"}


def test_the_image_holds_all_that_it_copies_and_the_ignore_file_lets_it_in() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    names = {name for line in copied for name in line.split()}
    assert names == let_in
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_compose_file_starts_what_the_page_says() -> None:
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    roles = [service["command"][-1] for service in services.values() if service.get("command", [""])[0] == "serve"]
    assert sorted(roles) == ["realtime", "realtime", "web", "web", "worker"]
    proxy = services["proxy"]["environment"]
    assert {name.partition(":")[0] for key in ("LAIR_WEB", "LAIR_REALTIME") for name in proxy[key].split()} == {
        name for name, service in services.items() if service.get("command", [""])[-1] in {"web", "realtime"}
    }
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
