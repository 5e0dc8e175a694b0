"""HTTP against a real server process: how large, how many, how fast (dangers M3, M4, M8, M15, M16, M20)."""

import json
import select
import signal
import threading
from contextlib import ExitStack

import pytest
from django.db import connection

from lairchat.testing.processes import ServerProcess, eventually
from lairchat.testing.raw import RawHTTP

pytestmark = pytest.mark.processes

MIB = 1024 * 1024
APP = ("-m", "lairchat.testing.entry_app")


@pytest.fixture
def serve(tmp_path):
    """Start a server with the given settings; it ends with the test."""
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(ServerProcess(tmp_path, *APP, **environment))


def get(server, path, **headers):
    with RawHTTP(server.port) as client:
        status, found, body = client.request("GET", path, **headers)
        return status, found, json.loads(body)


def figures(server):
    return get(server, "/figures")[2]


def release(server):
    """Let go of what /slow holds."""
    server.process.send_signal(signal.SIGUSR1)


def push(client, total, *, chunked=False):
    """Send until everything is out or the server has answered; returns how much went."""
    piece = b"x" * 65536
    sent = 0
    while sent < total:
        if select.select([client.socket], [], [], 0)[0]:
            break
        try:
            client.send(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
        except ConnectionError:
            break
        sent += len(piece)
    return sent


# Bodies (M3)


@pytest.mark.promise("F9")
def test_a_400_mib_body_is_refused_from_its_head(serve):
    server = serve()
    get(server, "/echo")
    before = server.memory_peak()
    with RawHTTP(server.port) as client:
        client.send_head("POST", "/echo", content_length=str(400 * MIB))
        sent = push(client, 400 * MIB)
        status, headers, body = client.answer()
    assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")
    assert headers["x-request-id"] == json.loads(body)["error"]["request_id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert sent < 64 * MIB
    assert server.memory_peak() - before < 16 * MIB


def test_a_400_mib_body_without_a_length_is_refused_while_it_comes(serve):
    server = serve()
    get(server, "/echo")
    before = server.memory_peak()
    with RawHTTP(server.port) as client:
        client.send_head("POST", "/echo", transfer_encoding="chunked")
        sent = push(client, 400 * MIB, chunked=True)
        status, _headers, body = client.answer()
    assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")
    assert sent < 64 * MIB
    assert server.memory_peak() - before < 16 * MIB


def test_who_asks_before_sending_too_much_is_not_told_to_go_on(serve):
    server = serve()
    with RawHTTP(server.port) as client:
        client.send_head("POST", "/echo", content_length=str(400 * MIB), expect="100-continue")
        assert client.answer()[0] == 413


def test_a_body_at_the_cap_passes_and_an_upload_may_be_larger(serve):
    server = serve(LAIR_SERVER_UPLOAD_PREFIXES="/upload", LAIR_LIMITS_UPLOAD_BODY_BYTES=str(3 * MIB))
    with RawHTTP(server.port) as client:
        _status, _headers, body = client.request("POST", "/echo", b"x" * MIB)
        assert json.loads(body)["length"] == MIB
        _status, _headers, body = client.request("POST", "/upload/echo", b"x" * 3 * MIB)
        assert json.loads(body)["length"] == 3 * MIB
    for path, size in [("/echo", MIB + 1), ("/upload/echo", 3 * MIB + 1)]:
        with RawHTTP(server.port) as client:
            client.send_head("POST", path, content_length=str(size))
            assert client.answer()[0] == 413


def test_a_form_is_not_parsed_before_django_sees_it(serve):
    server = serve()
    with RawHTTP(server.port) as client:
        kind = "multipart/form-data; boundary=x"
        status, _headers, body = client.request("POST", "/echo", b"not a form at all", content_type=kind)
    assert (status, json.loads(body)["length"]) == (200, 17)


def test_a_body_that_stops_coming_ends_the_connection(serve):
    server = serve(LAIR_SERVER_BODY_SECONDS="0.3")
    with RawHTTP(server.port) as client:
        client.send_head("POST", "/echo", content_length="10")
        client.send(b"12345")
        with pytest.raises(ConnectionError):
            client.answer()


# Many at once (M4)


POOL_THREADS = 2 if connection.vendor == "postgresql" else 0  # one makes connections, one keeps time


@pytest.mark.promise("F9")
def test_300_requests_at_once_do_not_make_300_threads(serve):
    server = serve(LAIR_SERVER_WAIT_SECONDS="300")
    get(server, "/health")  # its loop runs, and with it the thread that writes
    idle = server.threads()
    with ExitStack() as stack:
        clients = [stack.enter_context(RawHTTP(server.port)) for _ in range(300)]
        for client in clients:
            client.send_head("GET", "/slow")
        eventually(lambda: figures(server)["running"] == 32, "the lane is full")
        assert server.threads() <= idle + 32 + POOL_THREADS
        status, _headers, body = get(server, "/health")
        assert (status, body["status"]) == (200, "healthy")
        release(server)
        assert [client.answer()[0] for client in clients] == [200] * 300
    found = figures(server)
    assert found["most_running"] == 32
    assert server.threads() <= idle + 32


@pytest.mark.promise("F9")
def test_too_many_get_503_and_when_to_come_again(serve):
    server = serve(LAIR_SERVER_RUNNING_REQUESTS="2", LAIR_SERVER_WAITING_REQUESTS="1", LAIR_SERVER_WAIT_SECONDS="300")
    with ExitStack() as stack:
        clients = [stack.enter_context(RawHTTP(server.port)) for _ in range(4)]
        for client in clients:
            client.send_head("GET", "/slow")
        ready = select.select([client.socket for client in clients], [], [], 60)[0]
        refused = next(client for client in clients if client.socket in ready)
        status, headers, body = refused.answer()
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body)["error"]["code"] == "busy"
        release(server)
        assert [client.answer()[0] for client in clients if client is not refused] == [200] * 3


@pytest.mark.promise("F9")
def test_with_64_running_and_256_waiting_the_next_is_refused_and_health_answers(serve):
    """The places of the guarantees, as they are by default."""
    server = serve(LAIR_SERVER_WAIT_SECONDS="300")
    with ExitStack() as stack:
        clients = [stack.enter_context(RawHTTP(server.port, timeout_seconds=60)) for _ in range(64 + 256 + 1)]
        for client in clients:
            client.send_head("GET", "/slow")
        ready = select.select([client.socket for client in clients], [], [], 60)[0]
        [refused] = [client for client in clients if client.socket in ready]
        status, headers, _ = refused.answer()
        assert (status, headers["retry-after"]) == (503, "1")
        for _ in range(10):
            assert get(server, "/health")[0] == 200
            assert get(server, "/echo")[0] == 503
        release(server)
        assert {client.answer()[0] for client in clients if client is not refused} == {200}
        assert get(server, "/echo")[0] == 200


def test_connections_are_counted_and_a_closed_one_makes_room(serve):
    server = serve(LAIR_SERVER_CONNECTIONS="2")
    with RawHTTP(server.port) as first, RawHTTP(server.port) as second:
        assert [client.request("GET", "/echo")[0] for client in (first, second)] == [200, 200]
        with RawHTTP(server.port) as third:
            assert third.socket.recv(1) == b""
    assert eventually(lambda: answers(server), "there is room again")


def answers(server):
    try:
        return get(server, "/echo")[0] == 200
    except ConnectionError:
        return False


# Answers


def test_a_reader_that_stops_does_not_fill_the_memory_and_is_cut_off(serve):
    server = serve(LAIR_SERVER_BODY_SECONDS="1")
    get(server, "/echo")
    before = server.memory_peak()
    with RawHTTP(server.port, receive_buffer=4096) as client:
        client.send_head("GET", "/stream?pieces=3200")  # 200 MiB
        eventually(client.is_cut, "the reader that stopped is cut off")
        assert server.memory_peak() - before < 24 * MIB
        with pytest.raises(ConnectionError):
            client.answer()


def test_a_reader_that_reads_gets_everything(serve):
    server = serve()
    with RawHTTP(server.port) as client:
        status, _headers, body = client.request("GET", "/stream?pieces=320")
    assert (status, len(body)) == (200, 320 * 65536)


def test_requests_on_one_connection_are_answered_in_order(serve):
    server = serve()
    with RawHTTP(server.port) as client:
        for path in ("/echo", "/nothing", "/echo"):
            client.send_head("GET", path)
        assert [client.answer()[0] for _ in range(3)] == [200, 404, 200]


# Whose word counts (M15, M16)


@pytest.mark.promise("S10")
def test_no_header_moves_our_links_or_the_address(serve):
    server = serve()
    _status, _headers, body = get(
        server,
        "/echo",
        daphne_root_path="/evil",
        x_forwarded_for="198.51.100.1",
        x_forwarded_host="evil.example",
        x_forwarded_prefix="/evil",
        x_script_name="/evil",
    )
    assert body["address"] == "127.0.0.1"
    assert body["url"] == "http://127.0.0.1/reset"


def test_a_trusted_proxy_gives_address_scheme_and_host(serve):
    server = serve(LAIR_TRUSTED_PROXIES="127.0.0.1", LAIR_SITE_ADDRESS="https://chat.example")
    _status, headers, body = get(
        server,
        "/echo",
        x_forwarded_for="203.0.113.9",
        x_forwarded_host="chat.example",
        x_forwarded_proto="https",
    )
    assert (body["address"], body["url"]) == ("203.0.113.9", "https://chat.example/reset")
    assert "strict-transport-security" in headers


# Smuggling and odd heads (M20)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX Y: 1\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_a_head_that_can_be_read_two_ways_is_refused(serve, head):
    server = serve()
    with RawHTTP(server.port) as client:
        client.send(head)
        assert client.answer()[0] == 400


def test_a_head_without_end_is_refused(serve):
    server = serve()
    for line in (b"X: " + b"y" * 20000, b"X: y\r\n" * 5000):
        with RawHTTP(server.port) as client:
            client.send(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n" + line)
            assert client.answer()[0] in {400, 431}


def test_an_underscore_does_not_pass_for_a_hyphen(serve):
    server = serve(LAIR_TRUSTED_PROXIES="127.0.0.1")
    with RawHTTP(server.port) as client:
        client.send(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX_Forwarded_For: 198.51.100.1\r\n\r\n")
        assert json.loads(client.answer()[2])["address"] == "127.0.0.1"


def test_the_server_does_not_say_what_it_is(serve):
    assert "server" not in get(serve(), "/echo")[1]


# Starting and stopping (M8)


def test_a_port_in_use_is_one_line_and_exit_code_1(serve, tmp_path):
    first = serve()
    with ServerProcess(tmp_path, *APP, LAIR_HTTP_PORT=str(first.port)) as second:
        assert second.wait() == 1
        (line,) = second.lines
    assert f"127.0.0.1:{first.port}" in line
    assert "already in use" in line


def test_limits_that_are_off_are_said_loudly(serve):
    server = serve(LAIR_LIMITS="off")
    assert server.port
    eventually(lambda: "limits are OFF" in server.output, "the server says so")


def test_who_connected_before_a_stop_is_served_once_more(serve):
    server = serve(LAIR_SERVER_FIRST_REQUEST_SECONDS="12", LAIR_SERVER_STOP_SECONDS="14")
    with ExitStack() as stack:
        kept = stack.enter_context(RawHTTP(server.port))
        assert kept.request("GET", "/figures")[1].get("connection") != "close"
        fresh = [stack.enter_context(RawHTTP(server.port)) for _ in range(10)]
        eventually(lambda: figures(server), "the ten before it are taken in")
        server.terminate()
        eventually(lambda: '"stopping"' in server.output, "it stops")
        for client in fresh:  # on their way when the port was closed, as far as their senders know
            status, headers, _ = client.request("GET", "/figures")
            assert (status, headers["connection"]) == (200, "close")
        assert server.wait() == 0


@pytest.mark.promise("F2")
def test_a_stop_lets_running_requests_finish_and_takes_no_new_ones(serve):
    server = serve()
    with RawHTTP(server.port) as running, RawHTTP(server.port) as idle:
        idle.request("GET", "/echo")
        running.send_head("GET", "/slow")
        eventually(lambda: figures(server)["running"] == 1, "the request runs")
        port = server.port
        server.terminate()
        eventually(lambda: refuses(port), "the port is closed")
        assert idle.socket.recv(1) == b""
        assert server.process.poll() is None
        release(server)
        status, _headers, body = running.answer()
    assert (status, body) == (200, b"done")
    assert server.wait() == 0


def refuses(port):
    try:
        RawHTTP(port).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.promise("S17")
def test_the_log_is_json_without_queries(serve):
    server = serve()
    get(server, "/echo?token=geheim")
    push_refused(server)
    eventually(lambda: '"status": 413' in server.output, "the lines are written")
    server.terminate()
    server.wait()
    lines = [json.loads(line) for line in server.lines if not line.startswith("Lair Chat")]
    paths = [line["path"] for line in lines if line["message"] == "request"]
    assert paths == ["/echo", "/echo"]
    assert "geheim" not in server.output


def push_refused(server):
    with RawHTTP(server.port) as client:
        client.send_head("POST", "/echo?token=geheim", content_length=str(2 * MIB))
        assert client.answer()[0] == 413


def test_many_connections_and_threads_of_clients_get_their_own_answers(serve):
    server = serve()
    wrong = []

    def talk(number):
        with RawHTTP(server.port) as client:
            for size in range(number, number + 20):
                if json.loads(client.request("POST", "/echo", b"x" * size)[2])["length"] != size:
                    wrong.append(size)

    threads = [threading.Thread(target=talk, args=(number * 100,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# The database


def test_300_requests_open_as_many_connections_as_there_are_threads_and_keep_them(serve):
    server = serve(LAIR_SERVER_WAIT_SECONDS="300", LAIR_SERVER_THREADS="4")
    for _round in range(2):
        with ExitStack() as stack:
            clients = [stack.enter_context(RawHTTP(server.port)) for _ in range(300)]
            for client in clients:
                client.send_head("GET", "/query")
            assert [client.answer()[0] for client in clients] == [200] * 300
    assert 1 <= figures(server)["connections"] <= 4


AS_PROMISED = {
    "sqlite": {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000},  # 2 is FULL
    "postgresql": {"synchronous_commit": "on", "lock_timeout": "5s", "statement_timeout": "5s"},
}


@pytest.mark.promise("D1")
def test_the_database_runs_as_the_guarantees_say(serve):
    assert get(serve(), "/query")[2] == AS_PROMISED[connection.vendor]
