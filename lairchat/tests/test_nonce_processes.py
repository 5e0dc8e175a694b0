"""D2: a send happens once, whoever repeats it, however often, by whatever way in and through whichever process."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lairchat.testing import town
from lairchat.testing.clients import Client, Refused
from lairchat.testing.history import Stored, StoredMessage
from lairchat.testing.processes import ServerProcess
from lairchat.testing.rest import Rest

pytestmark = pytest.mark.processes

TASKS = 20
ROUNDS = 10


@dataclass
class Pair:
    """Two processes that serve one database, and alice's four ways in."""

    data_dir: Path
    ports: list[int]
    token: str
    bobs_token: str
    room_id: str

    def rest(self, number: int = 0) -> Rest:
        return Rest(self.ports[number], self.token)

    async def sockets(self) -> list[Client]:
        clients = [Client(port, self.token) for port in self.ports]
        for client in clients:
            await client.connect()
        return clients

    def stored(self, nonce: str) -> list[StoredMessage]:
        everything = Stored.of(self.data_dir).messages
        return [message for message in everything if message.nonce == nonce]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    data_dir = tmp_path_factory.mktemp("pair")
    place = town.found(data_dir, ["alice", "bob"], {"den": ["alice", "bob"]})
    alice, bob = place.people["alice"], place.people["bob"]
    with (
        ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off") as one,
        ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off") as other,
    ):
        yield Pair(data_dir, [one.port, other.port], alice.token, bob.token, place.rooms["den"])


@pytest.mark.promise("D2")
async def test_a_send_repeated_by_every_way_in_is_one_message(pair: Pair) -> None:
    nonce = uuid4().hex
    first = await pair.rest().ask("POST", "/messages", _body(pair, nonce))
    assert first.status == 201
    assert first.body["duplicate"] is False
    message = first.body["message"]

    clients = await pair.sockets()
    again = await clients[0].send_message(pair.room_id, "once", nonce=nonce)
    assert (again["id"], again["seq"], again["duplicate"]) == (message["id"], message["seq"], True)

    answers = await asyncio.gather(*_twenty(pair, clients, nonce))
    assert [answer for answer in answers if answer != (message["id"], message["seq"], True)] == []
    assert len(pair.stored(nonce)) == 1


@pytest.mark.promise("D2")
async def test_twenty_who_come_first_together_send_one_message(pair: Pair) -> None:
    clients = await pair.sockets()
    witness = Client(pair.ports[1], pair.bobs_token)
    await witness.connect()
    for _ in range(ROUNDS):
        nonce = uuid4().hex
        answers = await asyncio.gather(*_twenty(pair, clients, nonce))
        assert len({(id_, seq) for id_, seq, _ in answers}) == 1
        assert sorted(duplicate for _, _, duplicate in answers) == [False] + [True] * (TASKS - 1)
        [stored] = pair.stored(nonce)
        assert (stored.id, stored.seq) == answers[0][:2]
        await witness.until(lambda seq=stored.seq: witness.positions[f"room:{pair.room_id}"] >= seq, "bob reads it")
    received = [event["message"]["nonce"] for event in witness.events if event["type"] == "message_received"]
    assert len(received) == len(set(received)) == ROUNDS


@pytest.mark.promise("D2")
async def test_a_nonce_that_comes_with_other_words_is_refused_everywhere(pair: Pair) -> None:
    nonce = uuid4().hex
    await pair.rest(0).ask("POST", "/messages", _body(pair, nonce))
    refused = await pair.rest(1).ask("POST", "/messages", _body(pair, nonce) | {"content": "twice"})
    assert (refused.status, refused.body["error"]["code"]) == (409, "nonce_conflict")
    for client in await pair.sockets():
        with pytest.raises(Refused, match="nonce_conflict"):
            await client.send_message(pair.room_id, "twice", nonce=nonce)
    assert [message.content for message in pair.stored(nonce)] == ["once"]


@pytest.mark.promise("D2")
async def test_an_idempotency_key_is_the_nonce_of_a_body_without_one(pair: Pair) -> None:
    key = uuid4().hex
    body = _body(pair, key)
    del body["nonce"]
    first = await pair.rest(0).ask("POST", "/messages", body, **{"Idempotency-Key": key})
    again = await pair.rest(1).ask("POST", "/messages", _body(pair, key))
    assert (first.body["duplicate"], again.body["duplicate"]) == (False, True)
    assert first.body["message"] == again.body["message"]


def _body(pair: Pair, nonce: str) -> dict[str, Any]:
    return {"target": {"type": "room", "room_id": pair.room_id}, "content": "once", "nonce": nonce}


def _twenty(pair: Pair, clients: list[Client], nonce: str) -> Iterator[Any]:
    """The same send as twenty tasks: by REST and by socket, through each of the two processes."""
    for number in range(TASKS):
        process = number // 2 % 2
        if number % 2:
            yield _by_rest(pair, process, nonce)
        else:
            yield _by_socket(pair, clients[process], nonce)


async def _by_rest(pair: Pair, process: int, nonce: str) -> tuple[str, int, bool]:
    answer = await pair.rest(process).ask("POST", "/messages", _body(pair, nonce))
    assert answer.status in (200, 201), answer
    return answer.body["message"]["id"], answer.body["message"]["seq"], answer.body["duplicate"]


async def _by_socket(pair: Pair, client: Client, nonce: str) -> tuple[str, int, bool]:
    ack = await client.send_message(pair.room_id, "once", nonce=nonce)
    return ack["id"], ack["seq"], ack["duplicate"]
