"""Several processes that could do the upkeep: it is done once, by one, and goes on when that one is killed."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client
from lairchat.testing.operator import operate
from lairchat.testing.processes import ServerProcess, eventually

pytestmark = pytest.mark.processes

BRISK = {
    "LAIR_UPKEEP_CHECK_SECONDS": "0.2",
    "LAIR_UPKEEP_TAKEOVER_SECONDS": "4",
    "LAIR_UPKEEP_EXPIRY_SECONDS": "0.5",
}
AT_WORK = "upkeep is done by this process from now on"


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def process(opened: ExitStack, data_dir: Path, role: str) -> ServerProcess:
    given = stack.services(data_dir) | BRISK
    return opened.enter_context(ServerProcess(data_dir, "manage.py", "serve", "--role", role, **given))


def end_now(data_dir: Path, room_id: str) -> None:
    """The room is temporary, and its time has come."""
    operate(
        data_dir,
        "from django.utils import timezone; from rooms.models import Room;"
        f"assert Room.objects.filter(pk='{room_id}').update(expires_at=timezone.now())",
    )


def endings(data_dir: Path, room_id: str) -> int:
    """How often the staff log says that the room was ended."""
    question = "SELECT count(*) FROM accounts_auditentry WHERE action = 'room.archive' AND target_id = %s"
    [(count,)] = stack.ask(stack.database_url(data_dir), question, room_id)
    return count


async def test_one_of_two_workers_ends_a_room_and_the_other_goes_on_when_it_is_killed(tmp_path, opened):
    data_dir = tmp_path / "data"
    found = town.found(data_dir, ["alice"], {"tea": ["alice"], "dinner": ["alice"]}, **stack.services(data_dir))
    alice = Client(process(opened, data_dir, "realtime").port, found.people["alice"].token)
    await alice.connect()
    workers = [process(opened, data_dir, "worker") for _ in range(2)]

    def at_work() -> list[ServerProcess]:
        return [worker for worker in workers if AT_WORK in worker.output]

    await asyncio.to_thread(eventually, at_work, "one of them does the upkeep")
    await asyncio.to_thread(end_now, data_dir, found.rooms["tea"])
    updated = await alice.heard("room_updated", stream=f"room:{found.rooms['tea']}")
    assert updated["room"]["archived_at"]
    [first] = at_work()
    first.process.kill()
    first.wait()
    [second] = [worker for worker in workers if worker is not first]
    await asyncio.to_thread(eventually, lambda: AT_WORK in second.output, "the other does the upkeep")
    await asyncio.to_thread(end_now, data_dir, found.rooms["dinner"])
    await alice.heard("room_updated", stream=f"room:{found.rooms['dinner']}")
    assert [endings(data_dir, found.rooms[name]) for name in ("tea", "dinner")] == [1, 1]
    assert second.output.count(AT_WORK) == 1


async def test_a_whole_server_does_its_own_upkeep_and_a_worker_that_stops_hands_it_over(tmp_path, opened):
    data_dir = tmp_path / "data"
    found = town.found(data_dir, ["alice"], {"tea": ["alice"]}, **stack.services(data_dir))
    worker = process(opened, data_dir, "worker")
    await asyncio.to_thread(eventually, lambda: AT_WORK in worker.output, "the worker does the upkeep")
    server = process(opened, data_dir, "all")
    alice = Client(server.port, found.people["alice"].token)
    await alice.connect()
    assert AT_WORK not in server.output
    worker.terminate()
    assert await asyncio.to_thread(worker.wait) == 0
    await asyncio.to_thread(eventually, lambda: AT_WORK in server.output, "the server does the upkeep")
    await asyncio.to_thread(end_now, data_dir, found.rooms["tea"])
    await alice.heard("room_updated", stream=f"room:{found.rooms['tea']}")
    assert endings(data_dir, found.rooms["tea"]) == 1


def test_a_worker_listens_nowhere_and_ends_when_it_is_told_to(tmp_path, opened):
    data_dir = tmp_path / "data"
    town.found(data_dir, ["alice"], {}, **stack.services(data_dir))
    worker = process(opened, data_dir, "worker")
    eventually(lambda: "worker is at work" in worker.output, "it works")
    listening = Path(f"/proc/{worker.process.pid}/net/tcp").read_text().splitlines()[1:]
    inodes = {line.split()[9] for line in listening if line.split()[3] == "0A"}
    own = {path.readlink().name for path in Path(f"/proc/{worker.process.pid}/fd").iterdir() if path.is_symlink()}
    assert not {f"socket:[{inode}]" for inode in inodes} & own
    worker.terminate()
    assert worker.wait() == 0
    assert stack.ask(stack.database_url(data_dir), "SELECT count(*) FROM core_process") == [(0,)]
