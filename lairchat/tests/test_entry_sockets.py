"""Sockets against a real server process: what they may hold, and how they end (dangers M1, M2, M7, M8, M15, M19)."""

import json
import signal
import struct
from contextlib import ExitStack

import pytest

from lairchat.testing.processes import ServerProcess, eventually
from lairchat.testing.raw import RawHTTP, RawSocket, frame, frame_head

pytestmark = pytest.mark.processes

KIB, MIB = 1024, 1024 * 1024
APP = ("-m", "lairchat.testing.entry_app")


@pytest.fixture
def serve(tmp_path):
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(ServerProcess(tmp_path, *APP, **environment))


@pytest.fixture
def connect():
    """Open a socket to a server; it closes with the test."""
    with ExitStack() as stack:
        yield lambda server, **kwargs: stack.enter_context(RawSocket(server.port, **kwargs))


def figures(server):
    with RawHTTP(server.port) as client:
        return json.loads(client.request("GET", "/figures")[2])


def closes(server):
    return figures(server)["closes"]


def send_until_stopped(client, piece, total):
    """Send the piece again and again until the server no longer takes it, or all is sent; returns how much went."""
    sent = 0
    try:
        while sent < total:
            client.send(piece)
            sent += len(piece)
    except (ConnectionError, TimeoutError):
        pass
    return sent


# Output (M1)


@pytest.mark.promise("F8")
def test_who_stops_reading_costs_a_mebibyte_and_is_closed_with_4008(serve, connect):
    server = serve()
    neighbour, stopped = connect(server), connect(server, receive_buffer=4096)
    assert neighbour.ask("echo hello") == "hello"
    before = server.memory_peak()
    stopped.send_text("flood 16000")  # 250 MiB
    eventually(lambda: closes(server).get("4008"), "the socket is closed")
    assert neighbour.ask("echo still here") == "still here"
    assert server.memory_peak() - before < 16 * MIB
    assert stopped.closed().code == 4008


def test_who_never_reads_again_is_cut_off(serve, connect):
    server = serve()
    stopped = connect(server, receive_buffer=4096)
    stopped.send_text("flood 1000")
    eventually(stopped.is_cut, "the connection is reset")


def test_who_reads_is_not_closed_however_much_comes(serve, connect):
    reader = connect(serve())
    reader.send_text("flood 50")
    for _ in range(50):
        assert len(reader.receive()) == 16 * KIB
    assert reader.ask("echo fine") == "fine"


def test_the_application_may_wait_for_its_reader(serve, connect):
    """What a long replay does: more than a mebibyte, and nobody is too slow."""
    reader = connect(serve())
    reader.send_text("pour 400")  # 6 MiB
    for _ in range(400):
        assert len(reader.receive()) == 16 * KIB
    assert reader.ask("echo fine") == "fine"


def test_unread_answers_to_pings_count_as_well(serve, connect):
    server = serve()
    stopped = connect(server, receive_buffer=4096)
    ping = frame(b"x" * 125, opcode=9) * 500
    send_until_stopped(stopped, ping, 2000 * len(ping))
    assert closes(server).get("4008") == 1


# Input (M2)


def test_a_flood_while_a_handler_runs_is_not_read(serve, connect):
    server = serve()
    flooder, neighbour = connect(server), connect(server)
    assert neighbour.ask("echo hello") == "hello"
    before = server.memory_peak()
    flooder.send_text("hold")
    flooder.socket.settimeout(3)
    piece = frame(b"echo " + b"x" * 32 * KIB)
    sent = send_until_stopped(flooder, piece, 400 * MIB)
    assert sent < 32 * MIB  # what the system's own buffers take
    assert neighbour.ask("echo still here") == "still here"
    assert server.memory_peak() - before < 12 * MIB


def test_of_many_small_frames_no_more_than_64_wait(serve, connect):
    server = serve()
    flooder = connect(server)
    flooder.send_text("hold")
    flooder.send(frame(b"") * 20_000)
    eventually(lambda: figures(server)["waiting"] >= 32, "frames wait")
    assert figures(server)["waiting"] <= 64


def test_nothing_of_a_paused_flood_is_lost_or_swapped(serve, connect):
    server = serve()
    flooder = connect(server)
    flooder.send_text("hold")
    for number in range(3000):
        flooder.send_text(f"echo {number}")
    server.process.send_signal(signal.SIGUSR1)
    assert [flooder.receive() for _ in range(3000)] == [str(number) for number in range(3000)]
    assert flooder.ask("count") == "3002"


def test_who_sends_and_leaves_is_still_heard(serve, connect):
    server = serve()
    leaver = connect(server)
    leaver.send(frame(b"echo one") + frame(b"echo two") + frame(b"count") + frame(struct.pack("!H", 1000), opcode=8))
    assert leaver.closed().code == 1000
    eventually(lambda: figures(server)["handled"] == 3, "all three are handled")


# Frames


def test_a_frame_over_the_early_cap_is_refused_with_1009(serve, connect):
    server = serve()
    sender = connect(server)
    sender.send_text("x" * MIB)
    assert sender.ask("count") == "2"
    sender.send(frame_head(MIB + 1) + b"mask")
    assert sender.closed().code == 1009


def test_the_application_may_lower_the_cap(serve, connect):
    sender = connect(serve())
    assert sender.ask(f"cap {64 * KIB}") == "capped"
    assert len(sender.ask("echo " + "x" * (64 * KIB - 5))) == 64 * KIB - 5
    sender.send_text("x" * (64 * KIB + 1))
    assert sender.closed().code == 1009


def test_a_message_in_many_frames_counts_as_one(serve, connect):
    sender = connect(serve())
    assert sender.ask("cap 1000") == "capped"
    sender.send(frame(b"x" * 600, final=False) + frame(b"x" * 600, opcode=0))
    assert sender.closed().code == 1009


def test_a_message_of_endless_empty_frames_is_refused(serve, connect):
    server = serve()
    sender = connect(server)
    sender.ask("echo hello")
    before = server.memory_peak()
    sender.send(frame(b"", final=False))
    empty = frame(b"", opcode=0, final=False) * 10_000
    send_until_stopped(sender, empty, 1000 * len(empty))
    assert closes(server).get("1009") == 1
    assert server.memory_peak() - before < 12 * MIB


@pytest.mark.promise("F9")
def test_unfinished_frames_of_strangers_hold_16_mib_together(serve, connect):
    server = serve()
    connect(server).ask("echo hello")
    before = server.memory_peak()
    for _ in range(60):
        stranger = connect(server)
        stranger.send(frame_head(MIB) + b"mask" + b"x" * 900 * KIB)
    eventually(lambda: closes(server).get("1009", 0) >= 40, "those over the total are closed")
    assert server.memory_peak() - before < 40 * MIB
    latest = connect(server)
    assert latest.ask("echo a newcomer is served") == "a newcomer is served"


def test_unfinished_frames_of_members_are_their_own_matter(serve, connect):
    server = serve(LAIR_LIMITS_UNFINISHED_BYTES=str(MIB))
    members = [connect(server) for _ in range(4)]
    for member in members:
        assert member.ask("signed-in") == "welcome"
        text = b"echo " + b"x" * 600 * KIB
        whole = frame(text)
        member.send(whole[:-1])
        member.rest = whole[-1:]
    for member in members:
        member.send(member.rest)
        assert len(member.receive()) == 600 * KIB


def test_compression_is_not_agreed_to(serve, connect):
    socket = connect(serve(), sec_websocket_extensions="permessage-deflate")
    assert socket.is_open
    assert "sec-websocket-extensions" not in socket.headers


# How many


@pytest.mark.promise("F9")
def test_strangers_are_counted_by_address_until_they_sign_in(serve, connect):
    server = serve(LAIR_LIMITS_SOCKETS_NOT_SIGNED_IN_PER_ADDRESS="3")
    sockets = [connect(server) for _ in range(3)]
    assert connect(server).status == 503
    assert sockets[0].ask("signed-in") == "welcome"
    assert connect(server).is_open
    assert connect(server).status == 503
    sockets[1].close()
    eventually(lambda: connect(server).is_open, "a place is free again")


def test_strangers_are_counted_in_all(serve, connect):
    server = serve(LAIR_LIMITS_SOCKETS_NOT_SIGNED_IN="2", LAIR_TRUSTED_PROXIES="127.0.0.1")
    assert [connect(server, x_forwarded_for=f"203.0.113.{n}").status for n in range(3)] == [101, 101, 503]


def test_sockets_are_counted_signed_in_or_not(serve, connect):
    server = serve(LAIR_LIMITS_SOCKETS="2")
    first, second = connect(server), connect(server)
    assert {first.ask("signed-in"), second.ask("signed-in")} == {"welcome"}
    assert connect(server).status == 503


def test_behind_a_trusted_proxy_each_client_counts_for_itself(serve, connect):
    server = serve(LAIR_LIMITS_SOCKETS_NOT_SIGNED_IN_PER_ADDRESS="1", LAIR_TRUSTED_PROXIES="127.0.0.1")
    first = connect(server, x_forwarded_for="203.0.113.1")
    assert first.ask("address") == "203.0.113.1"
    assert connect(server, x_forwarded_for="203.0.113.2").is_open
    assert connect(server, x_forwarded_for="203.0.113.1").status == 503


@pytest.mark.promise("S10")
def test_a_forged_address_counts_for_nothing(serve, connect):
    server = serve(LAIR_LIMITS_SOCKETS_NOT_SIGNED_IN_PER_ADDRESS="1")
    first = connect(server, x_forwarded_for="203.0.113.1", daphne_root_path="/evil")
    assert first.ask("address") == "127.0.0.1"
    assert connect(server, x_forwarded_for="203.0.113.2").status == 503


def test_a_strange_host_gets_no_socket(serve, connect):
    assert connect(serve(), host="evil.example").status == 403


# Ends (M7, M8, M19)


@pytest.mark.parametrize("code", [1000, 4001, 4010, 4029, 4400])
def test_the_application_closes_with_our_codes(serve, connect, code):
    socket = connect(serve())
    socket.send_text(f"close {code}")
    closed = socket.closed()
    assert (closed.code, closed.reason) == (code, "asked for")


@pytest.mark.promise("F10")
def test_a_failed_application_closes_its_socket_and_no_other(serve, connect):
    server = serve()
    unlucky, neighbour = connect(server), connect(server)
    unlucky.send_text("fail")
    assert unlucky.closed().code == 1011
    assert neighbour.ask("echo fine") == "fine"


def test_who_is_silent_is_asked_and_then_closed_with_4002(serve, connect):
    server = serve(LAIR_LIMITS_PING_SECONDS="0.5", LAIR_LIMITS_IDLE_SECONDS="3")
    silent = connect(server)
    frames = []
    while not frames or frames[-1][0] != 8:
        frames.append(silent.receive_frame())
    assert 9 in [opcode for opcode, _payload in frames]
    assert struct.unpack("!H", frames[-1][1][:2]) == (4002,)


def test_who_answers_pings_stays(serve, connect):
    server = serve(LAIR_LIMITS_PING_SECONDS="0.2", LAIR_LIMITS_IDLE_SECONDS="2")
    quiet = connect(server)
    for _ in range(5):
        opcode, payload = quiet.receive_frame()
        assert opcode == 9
        quiet.send(frame(payload, opcode=10))
    assert quiet.ask("echo fine") == "fine"


@pytest.mark.promise("F2")
def test_a_stop_closes_every_socket_with_4012_and_a_delay(serve, connect):
    server = serve(LAIR_SERVER_STOP_SPREAD_SECONDS="0.5")
    sockets = [connect(server) for _ in range(30)]
    assert sockets[-1].ask("echo hello") == "hello"
    server.terminate()
    ends = [socket.closed() for socket in sockets]
    assert {end.code for end in ends} == {4012}
    delays = [float(end.reason) for end in ends]
    assert all(0.5 <= delay <= 3 for delay in delays)
    assert len(set(delays)) > 1
    assert server.wait() == 0


@pytest.mark.promise("F2")
def test_a_stop_ends_even_when_a_handler_does_not(serve, connect):
    server = serve(LAIR_SERVER_STOP_SECONDS="1", LAIR_SERVER_STOP_SPREAD_SECONDS="0.1")
    stuck = connect(server)
    stuck.send_text("hold")
    with RawHTTP(server.port) as thread:
        thread.send_head("GET", "/slow")
        server.terminate()
        assert stuck.closed().code == 4012
        assert server.wait() == 1  # a thread was still busy


def test_what_sockets_ask_of_the_database_runs_in_the_same_few_threads(serve, connect):
    server = serve(LAIR_SERVER_THREADS="4")
    socket = connect(server)
    assert json.loads(socket.ask("query 200"))
    assert 1 <= figures(server)["connections"] <= 4
