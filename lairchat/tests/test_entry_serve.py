"""`manage.py serve`, the real server: what it needs, what each role answers, how it ends."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from lairchat.testing.processes import ROOT, ServerProcess
from lairchat.testing.raw import RawHTTP, RawSocket

pytestmark = pytest.mark.processes

SERVE = ("manage.py", "serve")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A data directory with an empty database of the current schema."""
    directory = tmp_path_factory.mktemp("served") / "data"
    environment = os.environ | {"LAIR_DATA_DIR": str(directory), "DJANGO_SETTINGS_MODULE": "lairchat.settings"}
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
    return directory


@pytest.fixture
def serve(migrated):
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(ServerProcess(migrated, *SERVE, *options))


def status(server, path):
    with RawHTTP(server.port) as client:
        return client.request("GET", path)[0]


def test_without_its_tables_the_server_says_what_to_run(tmp_path):
    with ServerProcess(tmp_path / "empty", *SERVE) as server:
        assert server.wait() == 1
    assert "manage.py migrate" in server.lines[-1]
    assert "Traceback" not in server.output


def test_a_wrong_configuration_is_told_whole_and_without_a_traceback(tmp_path):
    with ServerProcess(tmp_path, *SERVE, LAIR_LIMITS_SEND="x", LAIR_LOG_LEVEL="loud") as server:
        assert server.wait() == 1
    assert "LAIR_LIMITS_SEND" in server.output
    assert "LAIR_LOG_LEVEL" in server.output
    assert "Traceback" not in server.output


def test_the_server_is_up_ready_and_greets_sockets(serve):
    server = serve()
    with RawHTTP(server.port) as client:
        assert json.loads(client.request("GET", "/health")[2]) == {"status": "healthy", "version": "1.0"}
        assert json.loads(client.request("GET", "/ready")[2])["ready"] is True
        assert "http_requests_total" in client.request("GET", "/metrics")[2].decode()
    with RawSocket(server.port) as socket:
        assert json.loads(socket.receive())["type"] == "server_hello"
        server.terminate()
        assert socket.closed().code == 4012
    assert server.wait() == 0


def test_a_web_process_takes_no_sockets(serve):
    server = serve("--role", "web")
    assert status(server, "/ready") == 200
    with RawSocket(server.port) as socket:
        assert socket.status == 403


def test_a_realtime_process_serves_no_pages(serve):
    server = serve("--role", "realtime")
    assert status(server, "/ready") == 200
    assert status(server, "/api/v1/rooms") == 404
    with RawSocket(server.port) as socket:
        assert json.loads(socket.receive())["type"] == "server_hello"
