"""F11: a backup is restored, and nobody takes what came after it for what comes next."""

import asyncio
import shutil

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client
from lairchat.testing.operator import Failed, manage
from lairchat.testing.processes import ServerProcess, eventually

pytestmark = pytest.mark.processes


@pytest.mark.promise("F11")
async def test_after_a_restore_every_client_reads_anew(tmp_path):
    data_dir, backup = tmp_path / "data", tmp_path / "backup.sqlite3"
    database = data_dir / "lair.sqlite3"
    given = {"LAIR_DATABASE_URL": f"sqlite:///{database}", "LAIR_LIMITS": "off"}
    found = town.found(data_dir, ["alice", "bob"], {"den": ["alice", "bob"]}, **given)
    den = found.rooms["den"]
    shutil.copy(database, backup)
    with ServerProcess(data_dir, "manage.py", "serve", **given) as server:
        alice, bob = (Client(server.port, found.people[name].token) for name in ("alice", "bob"))
        await alice.connect()
        await bob.connect()
        lost = await alice.send_message(den, "this will be lost", nonce="once")
        await bob.heard("message_received", seq=lost["seq"])
        server.terminate()
        assert await asyncio.to_thread(server.wait) == 0
    for old in data_dir.glob("lair.sqlite3*"):
        old.unlink()
    shutil.copy(backup, database)
    assert "is now called" in manage(data_dir, "new_epoch", **given)
    with ServerProcess(data_dir, "manage.py", "serve", **given) as server:
        alice.port = bob.port = server.port
        before = bob.epoch
        await bob.connect()
        assert bob.epoch != before
        assert {reset["reason"] for reset in bob.resets} == {"epoch"}
        assert f"room:{den}" in {reset["stream"] for reset in bob.resets}
        await alice.connect()
        # The same position and the same nonce, for other words: neither is mixed up with what was lost.
        again = await alice.send_message(den, "said after the restore", nonce="once")
        assert (again["seq"], again["duplicate"]) == (lost["seq"], False)
        heard = await bob.heard("message_received", seq=again["seq"], stream=f"room:{den}")
        while heard["message"]["id"] != again["id"]:
            bob.events.remove(heard)  # of before
            heard = await bob.heard("message_received", seq=again["seq"], stream=f"room:{den}")
        assert heard["message"]["content"] == "said after the restore"


@pytest.mark.promise("F11")
def test_a_running_server_keeps_its_epoch(tmp_path):
    data_dir = tmp_path / "data"
    manage(data_dir, "migrate", "-v", "0")
    with ServerProcess(data_dir, "manage.py", "serve", **stack.services(data_dir)) as server:
        assert server.port
        question = "SELECT count(*) FROM core_process"
        eventually(lambda: stack.ask(stack.database_url(data_dir), question) == [(1,)], "it beats")
        with pytest.raises(Failed, match="Servers run: all"):
            manage(data_dir, "new_epoch")
        server.terminate()
        assert server.wait() == 0
    assert "is now called" in manage(data_dir, "new_epoch")
