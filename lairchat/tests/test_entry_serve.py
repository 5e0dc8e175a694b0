"""`manage.py serve`, the real server: what it needs, what each role answers, how it ends."""

import json
import select
import subprocess
import sys
from contextlib import ExitStack

import pytest

from lairchat.testing import stack
from lairchat.testing.processes import ROOT, ServerProcess
from lairchat.testing.raw import RawHTTP, RawSocket

pytestmark = pytest.mark.processes

SERVE = ("manage.py", "serve")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A data directory with an empty database of the current schema."""
    directory = tmp_path_factory.mktemp("served") / "data"
    command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT, env=stack.environment(directory), check=True)
    return directory


@pytest.fixture
def serve(migrated):
    with ExitStack() as servers:
        yield lambda *options, **environment: servers.enter_context(
            ServerProcess(migrated, *SERVE, *options, **environment)
        )


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


# Dangers M5 and M6, with the real application behind the layer


def post(client, path, **values):
    body = json.dumps(values).encode()
    client.send_head("POST", path, content_type="application/json", content_length=str(len(body)))
    client.send(body)


def test_40_logins_at_once_hash_two_at_a_time(serve):
    server = serve(LAIR_LIMITS="off", LAIR_SERVER_WAIT_SECONDS="300")
    with ExitStack() as everything:
        clients = [everything.enter_context(RawHTTP(server.port)) for _ in range(40)]
        post(clients[0], "/api/v1/auth/login", identifier="nobody", password="not the password")
        assert clients[0].answer()[0] == 401
        before = server.memory_peak()
        for client in clients:
            post(client, "/api/v1/auth/login", identifier="nobody", password="not the password")
        assert {client.answer()[0] for client in clients} <= {401, 503}
        assert server.memory_peak() - before < 120 * 1024 * 1024  # 40 hashes at once are 760 MiB, Django's own 4 GB


def test_a_database_that_makes_everyone_wait_does_not_delay_a_ping(serve, migrated):
    server = serve(LAIR_LIMITS="off", LAIR_SERVER_WAIT_SECONDS="300", LAIR_DATABASE_WAIT_SECONDS="20")
    hello = {"type": "client_hello", "version": "2.0", "client_name": "test", "features": [], "resume": None}
    with ExitStack() as everything:
        socket = everything.enter_context(RawSocket(server.port))
        socket.receive()
        socket.send_text(json.dumps(hello))
        let_go = everything.enter_context(stack.held(stack.database_url(migrated)))
        clients = [everything.enter_context(RawHTTP(server.port)) for _ in range(40)]
        for number, client in enumerate(clients):
            values = {"username": f"person{number}", "email": f"p{number}@example.org"}
            post(client, "/api/v1/auth/register", **values, password="a long enough password")
        socket.send_text(json.dumps({"type": "ping"}))
        assert json.loads(socket.receive())["type"] == "pong"
        answered = select.select([client.socket for client in clients], [], [], 0)[0]
        assert answered == []
        let_go()
        assert {client.answer()[0] for client in clients} <= {201, 503}
