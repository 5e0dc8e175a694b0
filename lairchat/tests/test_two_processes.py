"""D10, D11, S1: two processes on one database, with a Redis between them or without. What ends, ends in both."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client, Lost
from lairchat.testing.processes import ROOT, ServerProcess
from lairchat.testing.rest import Answer, Rest
from lairchat.testing.town import Person

pytestmark = pytest.mark.processes

MEMBERS = ["alice", "carol", "dora"]
ROUNDS = 2
CIRCUMSTANCES = ("kick", "ban", "suspend", "log_out", "kick_by_operator", "suspend_by_operator", "log_out_by_operator")
TARGETS = [f"{name.replace('_', '')}{number}" for name in CIRCUMSTANCES for number in range(ROUNDS)]


@dataclass
class City:
    """alice owns the rooms, carol writes in the den without a pause, dora hears everything, mona administers."""

    data_dir: Path
    ports: list[int]
    people: dict[str, Person]
    den: str
    attic: str

    def rest(self, name: str, number: int = 0) -> Rest:
        return Rest(self.ports[number], self.people[name].token)

    async def clients(self, name: str) -> list[Client]:
        """The person's sockets, one in each process."""
        clients = [Client(port, self.people[name].token) for port in self.ports]
        for client in clients:
            await client.connect()
        return clients

    def operate(self, code: str) -> None:
        """Run statements as the operator does, in a process that serves nobody."""
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", f"{_IMPORTS}\n{code}"],
            env=stack.environment(self.data_dir),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def removal(self, person: Person) -> int:
        """The position in the den's stream at which the person's membership ended."""
        [(seq,)] = stack.ask(
            stack.database_url(self.data_dir),
            "SELECT max(seq) FROM core_streamentry WHERE stream_id = %s AND type = 'user_left_room'"
            " AND refs ->> 'user' = %s",
            f"room:{self.den}",
            person.id,
        )
        return seq


_IMPORTS = """
from datetime import timedelta
from uuid import UUID
from django.utils import timezone
from accounts.actor import Actor
from accounts.actions.sanctions import suspend_user
from accounts.actions.sessions import end_user_sessions
from accounts.actions.staff import change_role
from rooms.actions.sanctions import kick_member
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    data_dir = tmp_path_factory.mktemp("city")
    place = town.found(
        data_dir, [*MEMBERS, "mona", *TARGETS], {"den": [*MEMBERS, *TARGETS], "attic": ["alice", "dora"]}
    )
    with (
        ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off", LAIR_REDIS_URL="") as one,
        ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off", LAIR_REDIS_URL="") as other,
    ):
        city = City(data_dir, [one.port, other.port], place.people, place.rooms["den"], place.rooms["attic"])
        city.operate(f"change_role(Actor.system('cli'), UUID('{place.people['mona'].id}'), 'admin')")
        yield city


# The acts


def _good(answer: Answer) -> None:
    assert answer.status in (200, 201, 204), answer


def kick(city: City, target: Person) -> None:
    _good(city.rest("alice").call("DELETE", f"/rooms/{city.den}/members/{target.id}"))


def ban(city: City, target: Person) -> None:
    body = {"user_id": target.id, "reason": "Spam and more spam"}
    _good(city.rest("alice").call("POST", f"/rooms/{city.den}/bans", body))


def suspend(city: City, target: Person) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"kind": "suspend", "reason": "Spam and more spam", "until": until}
    _good(city.rest("mona").call("POST", f"/admin/users/{target.id}/sanctions", body))


def log_out(city: City, target: Person) -> None:
    body = {"reason": "The password leaked"}
    _good(city.rest("mona").call("DELETE", f"/admin/users/{target.id}/sessions", body))


def kick_by_operator(city: City, target: Person) -> None:
    city.operate(f"kick_member(Actor.system('cli'), UUID('{city.den}'), UUID('{target.id}'))")


def suspend_by_operator(city: City, target: Person) -> None:
    until = "timezone.now() + timedelta(days=1)"
    city.operate(f"suspend_user(Actor.system('cli'), UUID('{target.id}'), 'Spam and more spam', {until})")


def log_out_by_operator(city: City, target: Person) -> None:
    city.operate(f"end_user_sessions(Actor.system('cli'), UUID('{target.id}'), 'The password leaked')")


Act = Callable[[City, Person], None]


# What they lead to


class Writer:
    """carol, who writes in the den through one process after the other, each message when the last is acknowledged."""

    def __init__(self, city: City, clients: list[Client]) -> None:
        self.city, self.clients = city, clients
        self.seqs: list[int] = []
        self.is_over = False
        self.task = asyncio.ensure_future(self._write())

    async def _write(self) -> None:
        while not self.is_over:
            client = self.clients[len(self.seqs) % 2]
            ack = await client.send_message(self.city.den, f"number {len(self.seqs)}")
            self.seqs.append(ack["seq"])

    async def begun_after_now(self) -> int:
        """The seq of a message whose sending began after this call."""
        wanted = len(self.seqs) + 2
        async with asyncio.timeout(60):
            while len(self.seqs) < wanted:
                assert not self.task.done(), self.task
                await asyncio.sleep(0.005)
        return self.seqs[wanted - 1]

    async def stop(self) -> None:
        self.is_over = True
        await self.task


async def _both_compared_heads(city: City, listeners: list[Client]) -> None:
    """Both processes have looked for what others did, since this call.

    In the attic nobody says anything else: what one process stores there, the other only finds by its heads.
    """
    for number, listener in enumerate(listeners):
        answer = await city.rest("alice", 1 - number).ask(
            "POST", "/messages", {"target": {"type": "room", "room_id": city.attic}, "content": "are you there?"}
        )
        seq = answer.body["seq"]
        await listener.until(
            lambda listener=listener, seq=seq: listener.positions[f"room:{city.attic}"] >= seq, "the attic is heard"
        )


@pytest.fixture
async def scene(city: City) -> Any:
    dora = await city.clients("dora")
    writer = Writer(city, await city.clients("carol"))
    yield city, writer, dora
    await writer.stop()
    for client in [*dora, *writer.clients]:
        client.check()
        client.drop()


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("act", [kick, ban, kick_by_operator])
@pytest.mark.promise("D11")
async def test_who_is_removed_from_a_room_hears_nothing_after_that_position(scene: Any, act: Act, number: int) -> None:
    city, writer, dora = scene
    target = city.people[f"{act.__name__.replace('_', '')}{number}"]
    removed = await city.clients(target.name)
    before = await writer.begun_after_now()
    for client in removed:
        await client.until(lambda client=client: client.positions[f"room:{city.den}"] >= before, "it is heard")
    await asyncio.to_thread(act, city, target)
    position = city.removal(target)
    for client in removed:
        await client.heard("room_lost", room_id=city.den)
    await _both_compared_heads(city, dora)
    last = await writer.begun_after_now()
    for client in dora:
        await client.until(lambda client=client: client.positions[f"room:{city.den}"] >= last, "dora hears it")
    for client in removed:
        client.check()
        heard = client.of_stream(f"room:{city.den}")
        assert heard[-1]["seq"] <= position < last
        assert f"room:{city.den}" not in client.positions
        assert client.is_connected
        client.drop()
    refused = await Rest(city.ports[1], target.token).ask("GET", f"/rooms/{city.den}")
    assert (refused.status, refused.body["error"]["code"]) == (404, "room_not_found")


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize(
    ("act", "code"), [(suspend, 4011), (log_out, 4010), (suspend_by_operator, 4011), (log_out_by_operator, 4010)]
)
@pytest.mark.promise("S1")
async def test_whose_account_or_sign_ins_end_is_cut_off_in_both_processes(
    scene: Any, act: Act, code: int, number: int
) -> None:
    city, writer, dora = scene
    target = city.people[f"{act.__name__.replace('_', '')}{number}"]
    removed = await city.clients(target.name)
    before = await writer.begun_after_now()
    for client in removed:
        await client.until(lambda client=client: client.positions[f"room:{city.den}"] >= before, "it is heard")
    await asyncio.to_thread(act, city, target)
    if "operator" not in act.__name__:
        # The process that did it knows at once: nothing said from here on leaves it for the target.
        after = await writer.begun_after_now()
        assert await _codes(removed[:1]) == [code]
        assert removed[0].of_stream(f"room:{city.den}")[-1]["seq"] < after
    await _both_compared_heads(city, dora)
    after = await writer.begun_after_now()
    assert await _codes(removed) == [code, code]
    for client in removed:
        client.check()
        assert client.of_stream(f"room:{city.den}")[-1]["seq"] < after
        with pytest.raises(Lost) as lost:
            await client.connect()
        assert lost.value.code == 4001  # the sign-in is gone, whatever ended it
    for client in dora:
        await client.until(lambda client=client: client.positions[f"room:{city.den}"] >= after, "dora hears it")


async def _codes(clients: list[Client]) -> list[int | None]:
    waiting: list[Awaitable[int | None]] = [client.closed() for client in clients]
    return list(await asyncio.gather(*waiting))


@pytest.mark.promise("D10")
async def test_what_is_said_in_one_process_is_heard_in_the_other(scene: Any) -> None:
    city, _, dora = scene
    for number in range(2):
        sent = await city.rest("alice", number).ask(
            "POST", "/messages", {"target": {"type": "room", "room_id": city.attic}, "content": f"hello {number}"}
        )
        for client in dora:
            heard = await client.heard("message_received", seq=sent.body["seq"], stream=f"room:{city.attic}")
            assert heard["message"] == sent.body["message"]
