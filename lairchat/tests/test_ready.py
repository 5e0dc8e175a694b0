"""F2, F3, F12: `/ready` tells a proxy the truth, and tells it in time."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client
from lairchat.testing.operator import manage
from lairchat.testing.processes import ServerProcess, eventually
from lairchat.testing.raw import RawHTTP, RawSocket
from lairchat.testing.redis import RedisServer

pytestmark = pytest.mark.processes

WELL = (200, {"ready": True, "database": "connected"})
LATER = {"DJANGO_SETTINGS_MODULE": "lairchat.testing.later.settings"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with an empty database of the current schema."""
    directory = tmp_path / "data"
    manage(directory, "migrate", "--verbosity=0")
    return directory


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def serve(opened: ExitStack, data_dir: Path, **environment: str) -> ServerProcess:
    given = stack.services(data_dir) | environment
    return opened.enter_context(ServerProcess(data_dir, "manage.py", "serve", **given))


def readiness(server: ServerProcess) -> tuple[int, dict[str, object]]:
    with RawHTTP(server.port) as client:
        status, _headers, body = client.request("GET", "/ready")
    return status, json.loads(body)


@pytest.mark.promise("F2")
def test_who_is_told_to_stop_says_so_while_it_still_serves(data_dir, opened):
    server = serve(opened, data_dir, LAIR_SERVER_DRAIN_SECONDS="6", LAIR_SERVER_STOP_SECONDS="5")
    eventually(lambda: readiness(server) == WELL, "it is well")
    server.terminate()
    eventually(lambda: readiness(server)[0] == 503, "it is taken out")
    assert readiness(server)[1] == {"ready": False, "database": "connected", "status": "draining"}
    with RawHTTP(server.port) as client:
        assert client.request("GET", "/health")[0] == 200  # it is not to be killed for this
    with RawHTTP(server.port) as client:
        status, headers, _body = client.request("GET", "/api/v1/rooms")
        assert status == 401  # who comes all the same is served, and told to come elsewhere the next time
        assert headers["connection"] == "close"
    with RawSocket(server.port) as socket:
        assert json.loads(socket.receive())["type"] == "server_hello"
        assert socket.closed().code == 4012
    assert server.wait() == 0


@pytest.mark.promise("F3")
def test_without_its_redis_a_process_is_degraded_but_ready(data_dir, opened, tmp_path):
    redis = opened.enter_context(RedisServer(tmp_path))
    server = serve(opened, data_dir, LAIR_REDIS_URL=redis.url)
    eventually(lambda: readiness(server) == WELL, "it is well")
    redis.kill()
    eventually(lambda: readiness(server)[1].get("status") == "degraded", "it is degraded")
    assert readiness(server)[0] == 200
    redis.start()
    eventually(lambda: readiness(server) == WELL, "it is well again")


@pytest.mark.promise("F12")
def test_with_a_schema_that_is_not_its_own_a_process_is_not_ready(data_dir, opened):
    manage(data_dir, "migrate", "-v", "0", **LATER)
    new = serve(opened, data_dir, **LATER)
    old = serve(opened, data_dir)
    eventually(lambda: [readiness(server) for server in (new, old)] == [WELL, WELL], "both are ready")
    manage(data_dir, "migrate", "later", "zero", "-v", "0", **LATER)
    assert readiness(new) == (503, {"ready": False, "database": "wrong schema version"})
    assert readiness(old) == WELL
    manage(data_dir, "migrate", "-v", "0", **LATER)
    assert readiness(new) == WELL


@pytest.mark.promise("F12")
async def test_what_only_adds_is_migrated_while_people_talk(tmp_path, opened):
    data_dir = tmp_path / "data"
    names = ["alice", "bob", "carol"]
    found = town.found(data_dir, names, {"den": names}, **stack.services(data_dir))
    server = serve(opened, data_dir, LAIR_LIMITS="off")
    people = [Client(server.port, found.people[name].token) for name in names]
    for person in people:
        await person.connect()
    enough = asyncio.Event()
    seqs: list[int] = []

    async def talk(person: Client) -> None:
        while not enough.is_set():
            seqs.append((await person.send_message(found.rooms["den"], "hello"))["seq"])

    talking = [asyncio.create_task(talk(person)) for person in people]
    for way in ((), ("later", "zero"), ()):
        said = len(seqs)
        await asyncio.to_thread(manage, data_dir, "migrate", *way, "-v", "0", **LATER)
        assert len(seqs) > said
        assert (await asyncio.to_thread(readiness, server))[0] == 200
    enough.set()
    await asyncio.gather(*talking)  # nobody was refused
    last = max(seqs)
    for person in people:
        await person.until(lambda person=person: person.positions[f"room:{found.rooms['den']}"] == last, "all came")
    assert sorted(seqs) == list(range(min(seqs), last + 1))
