"""F10: one entry of one room's log cannot be shown; everything else is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lairchat.testing import town
from lairchat.testing.clients import Client
from lairchat.testing.processes import ServerProcess
from lairchat.testing.rest import Rest

pytestmark = pytest.mark.processes

# An entry that names no message, as a bug of another version may leave one.
SPOIL = """
from uuid import UUID
from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.models import StreamEntry

@action
def spoil(actor):
    stream = log.room_stream(UUID("{den}"))
    StreamEntry.objects.create(stream_id=stream, seq=log.take(stream), type="message_received", refs={{}})

spoil(type("Nobody", (), {{"limit_key": "nobody"}})())
"""


def operate(data_dir: Path, code: str) -> None:
    with ServerProcess(data_dir, "manage.py", "shell", "-v", "0", "-c", code) as operator:
        assert operator.wait() == 0, operator.output


@pytest.mark.promise("F10")
async def test_an_entry_that_cannot_be_shown_stops_neither_its_room_nor_another(tmp_path: Path) -> None:
    place = town.found(tmp_path, ["alice", "bob"], {"den": ["alice", "bob"], "attic": ["alice", "bob"]})
    den, attic = place.rooms["den"], place.rooms["attic"]
    with ServerProcess(tmp_path, "manage.py", "serve", LAIR_LIMITS="off") as server:
        listening = Client(server.port, place.people["bob"].token)
        away = Client(server.port, place.people["bob"].token)
        for client in (listening, away):
            await client.connect()
        away.drop()
        await away.closed()
        rest = Rest(server.port, place.people["alice"].token)
        said: list[Any] = [await asyncio.to_thread(rest.send_message, den, "before")]
        await asyncio.to_thread(operate, tmp_path, SPOIL.format(den=den))
        said += [await asyncio.to_thread(rest.send_message, room, "after") for room in (den, attic)]
        await away.connect()
        for client in (listening, away):
            for answer in said:
                await client.heard("message_received", message=answer.body["message"])
            shown = [event["type"] for event in client.of_stream(f"room:{den}")]
            assert shown == ["message_received", "unavailable", "message_received"]
            assert client.resets == []
            client.check()
            client.drop()
