"""The guard, called as the server calls it, before a small application."""

import asyncio
import json
import logging

import pytest

from lairchat import config
from lairchat.server.admission import Admission, Full
from lairchat.server.forwarded import Trust, client_address, counted_address
from lairchat.server.guard import HEADERS, Guard
from lairchat.server.roles import Router

PEER, PROXY = "203.0.113.7", "10.0.0.2"
LIES = [
    (b"x-forwarded-for", b"198.51.100.1"),
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-prefix", b"/evil"),
    (b"x-forwarded-port", b"1"),
    (b"x-real-ip", b"198.51.100.1"),
    (b"forwarded", b"for=198.51.100.1;host=evil.example"),
    (b"daphne-root-path", b"/evil"),
    (b"x-script-name", b"/evil"),
]


class Seen:
    """An application that remembers its scopes and answers with what `work` says."""

    def __init__(self, work=None):
        self.scopes = []
        self.work = work

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        if self.work is not None:
            await self.work(scope, receive, send)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"fine"})

    @property
    def scope(self):
        (scope,) = self.scopes
        return scope


class Reply:
    """What came back."""

    def __init__(self, messages):
        self.messages = messages
        self.status = messages[0].get("status")
        self.pairs = messages[0].get("headers", [])
        self.headers = dict(self.pairs)
        self.body = b"".join(message.get("body", b"") for message in messages)

    @property
    def error(self):
        return json.loads(self.body)["error"]


@pytest.fixture
def make_guard(tmp_path):
    def make(application, **overrides):
        found = config.load({"LAIR_DATA_DIR": str(tmp_path)}, overrides=overrides)
        return Guard(application, found)

    return make


def http(path="/", *, client=PEER, headers=(), host=b"localhost:8082", query=b"", scheme="http", method="GET"):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "root_path": "/left over",
        "scheme": scheme,
        "headers": [(b"host", host), *headers],
        "client": [client, 5000],
        "server": ["127.0.0.1", 8082],
    }


async def ask(guard, scope, *, body=(b"",)):
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts[-1]["more_body"] = False
    messages = []

    async def receive():
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message):
        messages.append(message)

    await guard(scope, receive, send)
    return Reply(messages)


# Whose word counts (M15, M16, S10)


@pytest.mark.promise("S10")
async def test_a_stranger_cannot_say_who_they_are_nor_where_we_live(make_guard):
    seen = Seen()
    await ask(make_guard(seen), http(headers=LIES))
    assert seen.scope["client"] == [PEER, 5000]
    assert seen.scope["scheme"] == "http"
    assert seen.scope["root_path"] == ""
    assert seen.scope["path"] == "/"
    assert seen.scope["headers"] == [(b"host", b"localhost:8082")]


@pytest.mark.promise("S10")
async def test_a_trusted_proxy_is_believed(make_guard):
    seen = Seen()
    guard = make_guard(seen, trusted_proxies=["10.0.0.0/8"], allowed_hosts=["chat.example"])
    headers = [
        (b"x-forwarded-for", b"198.51.100.1, 203.0.113.9"),
        (b"x-forwarded-host", b"chat.example"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-prefix", b"/chat"),
    ]
    await ask(guard, http("/rooms", client=PROXY, headers=headers))
    assert seen.scope["client"] == ["203.0.113.9", 0]
    assert seen.scope["scheme"] == "https"
    assert (seen.scope["root_path"], seen.scope["path"]) == ("/chat", "/chat/rooms")
    assert (b"host", b"chat.example") in seen.scope["headers"]


async def test_what_the_client_of_a_trusted_proxy_wrote_before_it_is_not_believed(make_guard):
    trust = Trust(["10.0.0.0/8"])
    assert client_address(PROXY, "1.1.1.1, 203.0.113.9, 10.0.0.7", trust) == "203.0.113.9"
    assert client_address(PROXY, "1.1.1.1, nonsense", trust) == PROXY
    assert client_address(PEER, "1.1.1.1", trust) == PEER


@pytest.mark.parametrize("prefix", [b"//evil.example", b"/a b", b"evil", b"/<x>", b"/a\\b"])
async def test_a_prefix_that_is_no_path_is_ignored(make_guard, prefix):
    seen = Seen()
    guard = make_guard(seen, trusted_proxies=["10.0.0.0/8"])
    await ask(guard, http(client=PROXY, headers=[(b"x-forwarded-prefix", prefix)]))
    assert seen.scope["root_path"] == ""


async def test_a_forwarded_request_is_known_as_one(make_guard):
    seen = Seen()
    guard = make_guard(seen)
    await ask(guard, http(headers=LIES[:1]))
    await ask(guard, http())
    assert [scope["forwarded"] for scope in seen.scopes] == [True, False]


def test_a_customer_with_a_whole_ipv6_network_counts_once():
    assert counted_address("2001:db8:1:2:3::4") == counted_address("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert counted_address("::ffff:203.0.113.7") == counted_address("203.0.113.7") == "203.0.113.7"


# Hosts


@pytest.mark.parametrize("host", [b"evil.example", b"", b"localhost@evil.example", b"localhost:x", b"[::1"])
async def test_a_host_that_is_not_ours_gets_400(make_guard, host):
    seen = Seen()
    reply = await ask(make_guard(seen), http(host=host))
    assert (reply.status, reply.error["code"]) == (400, "unknown_host")
    assert seen.scopes == []


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:80", b"127.0.0.1:8082", b"[::1]:8082"])
async def test_our_hosts_are_known_with_any_port(make_guard, host):
    assert (await ask(make_guard(Seen()), http(host=host))).status == 200


async def test_two_hosts_are_none(make_guard):
    assert (await ask(make_guard(Seen()), http(headers=[(b"host", b"localhost")]))).status == 400


async def test_a_socket_to_a_strange_host_is_refused(make_guard):
    seen, messages = Seen(), []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        messages.append(message)

    scope = {**http(host=b"evil.example"), "type": "websocket"}
    await make_guard(seen)(scope, receive, send)
    assert [message["type"] for message in messages] == ["websocket.close"]
    assert seen.scopes == []


# Sizes (M3)


async def test_a_body_at_the_cap_passes_and_one_byte_more_does_not(make_guard):
    async def read_all(scope, receive, send):
        while (await receive()).get("more_body"):
            pass

    guard = make_guard(Seen(read_all), **{"limits.request_body_bytes": 10})
    assert (await ask(guard, http(), body=[b"12345", b"67890"])).status == 200
    reply = await ask(guard, http(), body=[b"12345", b"67890", b"1"])
    assert (reply.status, reply.error["code"]) == (413, "too_large")


async def test_a_declared_length_over_the_cap_is_refused_before_anything_runs(make_guard):
    seen = Seen()
    reply = await ask(make_guard(seen, **{"limits.request_body_bytes": 10}), http(headers=[(b"content-length", b"11")]))
    assert (reply.status, seen.scopes) == (413, [])


async def test_an_upload_route_takes_more(make_guard):
    guard = make_guard(Seen(), **{"limits.request_body_bytes": 10, "server.upload_prefixes": ["/upload"]})
    headers = [(b"content-length", b"11")]
    assert (await ask(guard, http("/upload/x", headers=headers))).status == 200
    assert (await ask(guard, http("/other/upload", headers=headers))).status == 413


# Admission (M4)


async def test_places_are_given_in_the_order_of_asking():
    admission = Admission(1, 2, 60)
    await admission.enter()
    order = []

    async def come(name):
        await admission.enter()
        order.append(name)
        admission.leave()

    first, second = asyncio.create_task(come("first")), asyncio.create_task(come("second"))
    await asyncio.sleep(0)
    with pytest.raises(Full):
        await admission.enter()
    admission.leave()
    await asyncio.gather(first, second)
    assert order == ["first", "second"]
    assert admission.free == 1


async def test_who_waits_too_long_is_told_and_leaves_no_hole():
    admission = Admission(1, 5, 0.01)
    await admission.enter()
    with pytest.raises(Full):
        await admission.enter()
    admission.leave()
    assert (admission.free, len(admission.queue)) == (1, 0)


async def test_who_gives_up_waiting_takes_no_place():
    admission = Admission(1, 5, 60)
    await admission.enter()
    waiting = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    admission.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(60):
        await admission.enter()


@pytest.mark.promise("F9")
async def test_one_too_many_gets_503_and_when_to_come_again_but_health_answers(make_guard):
    release = asyncio.Event()

    async def hold(scope, receive, send):
        await release.wait()

    guard = make_guard(Seen(hold), **{"server.running_requests": 1, "server.waiting_requests": 1})
    running, waiting = asyncio.create_task(ask(guard, http())), asyncio.create_task(ask(guard, http()))
    await asyncio.sleep(0)
    refused = await ask(guard, http())
    assert (refused.status, refused.error["code"], refused.headers[b"retry-after"]) == (503, "busy", b"1")
    assert (await ask(guard, http("/health"))).body == b'{"status":"healthy","version":"1.0"}'
    release.set()
    assert [(await running).status, (await waiting).status] == [200, 200]
    assert guard.admission.free == 1


async def test_a_place_is_free_again_after_a_failure(make_guard):
    async def fail(scope, receive, send):
        raise RuntimeError("the cause, which nobody outside may read")

    guard = make_guard(Seen(fail), **{"server.running_requests": 1})
    for _ in range(3):
        reply = await ask(guard, http())
        assert (reply.status, reply.error["code"]) == (500, "internal_error")
        assert b"cause" not in reply.body


async def test_sending_an_answer_holds_no_place(make_guard):
    started, read = asyncio.Event(), asyncio.Event()

    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        started.set()
        await read.wait()

    guard = make_guard(answer, **{"server.running_requests": 1})
    slow = asyncio.create_task(ask(guard, http()))
    await started.wait()
    assert guard.admission.free == 1
    read.set()
    await slow
    assert guard.admission.free == 1


# Answers (S9, S17)


@pytest.mark.promise("S9")
async def test_every_answer_has_the_headers(make_guard):
    guard = make_guard(Seen(), **{"limits.request_body_bytes": 1})
    for scope in [
        http(),
        http("/health"),
        http(host=b"evil.example"),
        http(headers=[(b"content-length", b"99")]),
    ]:
        reply = await ask(guard, scope)
        for name, value in HEADERS.items():
            assert reply.headers[name] == value
        assert len(reply.headers[b"x-request-id"]) == 16


async def test_what_the_application_chose_stays_and_stands_once(make_guard):
    async def page(scope, receive, send):
        headers = [(b"Content-Security-Policy", b"its own"), (b"Cache-Control", b"max-age=9")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    reply = await ask(make_guard(page), http())
    values = {name.lower(): value for name, value in reply.pairs}
    assert (values[b"content-security-policy"], values[b"cache-control"]) == (b"its own", b"max-age=9")
    assert len(values) == len(reply.pairs)


@pytest.mark.promise("S9")
async def test_strict_transport_is_asked_for_only_over_tls(make_guard):
    guard = make_guard(Seen())
    assert b"strict-transport-security" not in (await ask(guard, http())).headers
    assert (await ask(guard, http(scheme="https"))).headers[b"strict-transport-security"] == b"max-age=31536000"


async def test_the_id_in_the_answer_is_the_one_the_application_knows(make_guard):
    seen = Seen()
    reply = await ask(make_guard(seen), http(headers=[(b"x-request-id", b"mine")]))
    assert reply.headers[b"x-request-id"].decode() == seen.scope["state"]["request_id"] != "mine"


@pytest.mark.promise("S17")
async def test_the_log_has_one_line_a_request_and_no_query(make_guard, caplog):
    with caplog.at_level(logging.INFO, logger="lairchat.access"):
        await ask(make_guard(Seen()), http("/x", query=b"token=geheim", method="POST"))
    (record,) = caplog.records
    assert (record.path, record.status, record.method, record.bytes) == ("/x", 200, "POST", 4)
    assert record.address == PEER
    assert "geheim" not in str(record.__dict__)


# Roles


async def test_a_realtime_process_serves_no_pages_and_a_web_process_no_sockets(make_guard):
    seen = Seen()
    guard = make_guard(Router(http=seen, websocket=None, role="realtime"))
    refused = await ask(guard, http("/api/v1/rooms"))
    assert refused.status == 404
    assert len(refused.pairs) == len(refused.headers)
    assert (await ask(guard, http("/ready"))).status == 200

    messages = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        messages.append(message["type"])

    web = Router(http=seen, websocket=seen, role="web")
    await web({**http(), "type": "websocket"}, receive, send)
    assert messages == ["websocket.close"]
