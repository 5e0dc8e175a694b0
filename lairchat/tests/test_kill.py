"""F1, D1, D2: the server is killed in the middle of its work, again and again, and nobody notices more than a pause."""

import asyncio
import socket
from pathlib import Path
from uuid import uuid4

import pytest

from lairchat.testing import town
from lairchat.testing.clients import Client, Lost, Refused
from lairchat.testing.history import Stored, Tally, differences, faults_of
from lairchat.testing.processes import ServerProcess
from lairchat.testing.rest import Rest

KILLS = 5
ACKS_BETWEEN_KILLS = 220
RATE = 200  # sends a second, all together
NAMES = [f"person{number}" for number in range(10)]
ROOMS = {"den": NAMES, "attic": NAMES}


@pytest.mark.processes
def test_a_server_killed_five_times_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    place = town.found(tmp_path, NAMES, ROOMS)
    asyncio.run(_Ordeal(tmp_path, place).run())


class _Ordeal:
    """Ten people, each writing twenty messages a second into two rooms, while their server dies five times.

    Half of them repeat, with the same nonce, whatever was not acknowledged; the others never do.
    """

    def __init__(self, data_dir: Path, place: town.Town) -> None:
        self.data_dir, self.place = data_dir, place
        self.port = free_port()
        self.tally = Tally()
        self.clients = [Client(self.port, place.people[name].token) for name in NAMES]
        self.is_over = False

    async def run(self) -> None:
        server = self.start()
        try:
            await asyncio.gather(*(client.connect_again() for client in self.clients))
            writers = [asyncio.ensure_future(self.write(number)) for number in range(len(NAMES))]
            for _ in range(KILLS):
                await self.acknowledged(ACKS_BETWEEN_KILLS)
                server.process.kill()
                server.wait()
                server = self.start()
            await self.acknowledged(ACKS_BETWEEN_KILLS)
            self.is_over = True
            await asyncio.gather(*writers)
            await self.judge()
        finally:
            server.__exit__()

    def start(self) -> ServerProcess:
        return ServerProcess(self.data_dir, "manage.py", "serve", LAIR_HTTP_PORT=str(self.port), LAIR_LIMITS="off")

    async def acknowledged(self, more: int) -> None:
        """Wait until so many more sends were acknowledged."""
        wanted = len(self.tally.acknowledged) + more
        async with asyncio.timeout(120):
            while len(self.tally.acknowledged) < wanted:
                await asyncio.sleep(0.02)

    # The people

    async def write(self, number: int) -> None:
        """Write at a steady rate, in tasks of their own, so that sends are under way whenever the server dies."""
        client, repeats = self.clients[number], number % 2 == 0
        rooms = list(self.place.rooms.values())
        under_way = set()
        count = 0
        while not self.is_over:
            if not client.is_connected:
                await client.connect_again()
            count += 1
            sending = asyncio.ensure_future(self.send(client, rooms[count % 2], f"{number}/{count}", repeats))
            under_way.add(sending)
            sending.add_done_callback(under_way.discard)
            await asyncio.sleep(len(NAMES) / RATE)
        if not client.is_connected:  # the last kill was a moment ago: those who repeat wait for the line
            await client.connect_again()
        await asyncio.gather(*under_way)

    async def send(self, client: Client, room_id: str, content: str, repeats: bool) -> None:
        send = self.tally.sending(uuid4().hex, room_id, content)
        while True:
            try:
                send.acks.append(await client.send_message(room_id, content, nonce=send.nonce))
            except (Lost, Refused) as error:
                if isinstance(error, Refused) and error.code != "busy":  # F5; nothing was stored
                    raise
                if not repeats:
                    return
                await client.until(lambda: client.is_connected, "the client is back")
            else:
                return

    # The verdict

    async def judge(self) -> None:
        for client in self.clients:
            if not client.is_connected:
                await client.connect_again()
        stored = Stored.of(self.data_dir)
        streams = [f"room:{room_id}" for room_id in self.place.rooms.values()]
        for client in self.clients:
            for stream in streams:
                head = stored.bounds[stream][0]
                await client.until(
                    lambda client=client, stream=stream, head=head: client.positions[stream] >= head,
                    f"a client reaches {stream} {head}",
                )
        assert faults_of(self.tally, stored, self.clients) == []
        assert len(self.tally.acknowledged) >= 1000
        assert all(send.acks for send in self.tally.sends.values() if int(send.content.partition("/")[0]) % 2 == 0)
        for client in self.clients:
            assert client.resumes >= KILLS
            assert client.resets == []
        for room_id in self.place.rooms.values():
            fresh = await asyncio.to_thread(Rest(self.port, self.place.people[NAMES[0]].token).history, room_id)
            for client in self.clients:
                assert differences(client, room_id, fresh) == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
