"""F2, F3, F12: `/ready` tells a proxy the truth, and tells it in time."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lairchat.testing.processes import ROOT, ServerProcess, eventually
from lairchat.testing.raw import RawHTTP, RawSocket
from lairchat.testing.redis import RedisServer

pytestmark = pytest.mark.processes


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with an empty database of the current schema."""
    directory = tmp_path / "data"
    manage(directory, "migrate", "--verbosity=0")
    return directory


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def manage(directory: Path, *words: str, **environment: str) -> str:
    """Run a command of the operator's; answers what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LAIR_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=clean | {"LAIR_DATA_DIR": str(directory)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def readiness(server: ServerProcess) -> tuple[int, dict[str, object]]:
    with RawHTTP(server.port) as client:
        status, _headers, body = client.request("GET", "/ready")
    return status, json.loads(body)


def test_who_is_told_to_stop_says_so_while_it_still_serves(data_dir, stack):
    server = stack.enter_context(
        ServerProcess(data_dir, "manage.py", "serve", LAIR_SERVER_DRAIN_SECONDS="6", LAIR_SERVER_STOP_SECONDS="5")
    )
    assert readiness(server) == (200, {"ready": True, "database": "connected"})
    server.terminate()
    eventually(lambda: readiness(server)[0] == 503, "it is taken out")
    assert readiness(server)[1] == {"ready": False, "database": "connected", "status": "draining"}
    with RawHTTP(server.port) as client:
        assert client.request("GET", "/health")[0] == 200  # it is not to be killed for this
        assert client.request("GET", "/api/v1/rooms")[0] == 401  # and who comes all the same is served
    with RawSocket(server.port) as socket:
        assert json.loads(socket.receive())["type"] == "server_hello"
        assert socket.closed().code == 4012
    assert server.wait() == 0


def test_without_its_redis_a_process_is_degraded_but_ready(data_dir, stack, tmp_path):
    redis = stack.enter_context(RedisServer(tmp_path))
    server = stack.enter_context(ServerProcess(data_dir, "manage.py", "serve", LAIR_REDIS_URL=redis.url))
    well = (200, {"ready": True, "database": "connected"})
    eventually(lambda: readiness(server) == well, "it is well")
    redis.kill()
    eventually(lambda: readiness(server)[1].get("status") == "degraded", "it is degraded")
    assert readiness(server)[0] == 200
    redis.start()
    eventually(lambda: readiness(server) == well, "it is well again")
