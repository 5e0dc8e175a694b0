"""Several processes on PostgreSQL and Redis behind one address: nginx's and Caddy's samples, as operators get them."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client, Lost
from lairchat.testing.operator import manage
from lairchat.testing.postgres import PostgresServer
from lairchat.testing.processes import ServerProcess, eventually
from lairchat.testing.proxies import Caddy, Nginx, Proxy, free_port, trusting
from lairchat.testing.raw import Closed, RawHTTP, RawSocket
from lairchat.testing.redis import RedisServer
from lairchat.testing.rest import Rest
from lairchat.testing.town import Town

pytestmark = pytest.mark.processes

TLS = trusting()
MIB = 1024 * 1024
HELLO = {"type": "client_hello", "version": "2.0", "client_name": "test", "features": [], "resume": None}


@dataclass
class Site:
    """Two processes for pages and REST, two for sockets; alice and bob share a room."""

    data_dir: Path
    environment: dict[str, str]
    servers: dict[int, ServerProcess]  # by port
    roles: dict[int, str]
    found: Town

    def start(self, port: int) -> None:
        given = self.environment | {"LAIR_HTTP_PORT": str(port)}
        self.servers[port] = ServerProcess(self.data_dir, "manage.py", "serve", "--role", self.roles[port], **given)

    def is_ready(self, port: int) -> bool:
        assert self.servers[port].port == port
        with RawHTTP(port) as client:
            return client.request("GET", "/ready", host="localhost")[0] == 200

    def ports(self, role: str) -> list[int]:
        return [port for port, own in self.roles.items() if own == role]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    with ExitStack() as opened:
        postgres = opened.enter_context(PostgresServer(durable=False))
        redis = opened.enter_context(RedisServer(directory))
        environment = {
            "LAIR_DATABASE_URL": postgres.create_database("lair"),
            "LAIR_REDIS_URL": redis.url,
            "LAIR_SITE_ADDRESS": "https://localhost",
            "LAIR_ALLOWED_HOSTS": "localhost",
            "LAIR_TRUSTED_PROXIES": "127.0.0.1",
            "LAIR_SERVER_DRAIN_SECONDS": "3",
            "LAIR_LIMITS": "off",
        }
        data_dir = directory / "data"
        names = ["alice", "bob"]
        found = town.found(data_dir, names, {"den": names}, **environment)
        manage(data_dir, "collectstatic", "--noinput", "-v", "0", **environment)
        roles = {free_port(): role for role in ("web", "web", "realtime", "realtime")}
        site = Site(data_dir, environment, {}, roles, found)
        for port in roles:
            site.start(port)
        for port in roles:
            eventually(lambda port=port: site.is_ready(port), "it is ready")
        yield site
        for server in site.servers.values():
            server.process.kill()
            server.wait()


@pytest.fixture(scope="module", params=[Nginx, Caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    directory = tmp_path_factory.mktemp("proxy") / "own"
    with request.param(directory, site.ports("web"), site.ports("realtime")) as proxy:
        eventually(lambda: answers(proxy), "it has its certificate and knows its servers")
        yield proxy


def answers(proxy: Proxy) -> bool:
    try:
        return ask(proxy, "GET", "/ready")[0] == 200
    except OSError:  # Caddy is still making its certificate
        return False


def ask(
    proxy: Proxy, method: str, path: str, body: bytes = b"", *, address: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    with RawHTTP(proxy.port, address=address, tls=TLS) as client:
        return client.request(method, path, body, **({"host": "localhost"} | headers))


def post(proxy: Proxy, path: str, values: Any, **given: str) -> tuple[int, Any]:
    status, _, body = ask(proxy, "POST", path, json.dumps(values).encode(), content_type="application/json", **given)
    return status, json.loads(body)


def test_the_pages_and_their_files_come_through(proxy: Proxy) -> None:
    status, headers, page = ask(proxy, "GET", "/login")
    assert status == 200
    assert headers["strict-transport-security"] == "max-age=31536000"  # the server knows that this is TLS
    files = re.findall(r'"(/static/[^"]+\.(?:css|js))"', page.decode())
    assert files
    for file in files:
        status, headers, content = ask(proxy, "GET", file)
        assert (status, bool(content)) == (200, True)


def test_somebody_signs_in_by_the_page(proxy: Proxy, site: Site) -> None:
    _, headers, page = ask(proxy, "GET", "/login")
    csrf = headers["set-cookie"].partition(";")[0]
    assert csrf.startswith("__Host-lair_csrf=")
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.decode())
    form = urlencode({"csrfmiddlewaretoken": token, "identifier": "alice", "password": site.found.password}).encode()
    kind = "application/x-www-form-urlencoded"
    origin = "https://localhost"
    status, headers, body = ask(proxy, "POST", "/login", form, cookie=csrf, content_type=kind, origin=origin)
    assert status == 302, body
    assert headers["location"] == "/"
    assert ask(proxy, "GET", "/", cookie=f"__Host-lair_session={site.found.people['alice'].cookie}")[0] == 200


def test_a_program_signs_in_and_asks(proxy: Proxy, site: Site) -> None:
    status, answer = post(proxy, "/api/v1/auth/login", {"identifier": "bob", "password": site.found.password})
    assert status == 200
    status, _, body = ask(proxy, "GET", "/api/v1/rooms", authorization=f"Bearer {answer['token']}")
    assert status == 200
    assert site.found.rooms["den"] in body.decode()


@pytest.mark.promise("S10")
def test_the_server_sees_the_address_of_the_client_whatever_it_claims(proxy: Proxy, site: Site) -> None:
    claims = {
        "x_forwarded_for": "203.0.113.9",
        "x_real_ip": "203.0.113.9",
        "x_forwarded_host": "evil.example.org",
        "x_forwarded_prefix": "/evil",
        "forwarded": "for=203.0.113.9",
    }
    values = {"identifier": "bob", "password": site.found.password}
    status, answer = post(proxy, "/api/v1/auth/login", values, address="127.0.0.2", **claims)
    assert status == 200, answer
    question = "SELECT host(address) FROM accounts_usersession WHERE kind = 'api' ORDER BY created_at DESC LIMIT 1"
    assert stack.ask(site.environment["LAIR_DATABASE_URL"], question) == [("127.0.0.2",)]
    status, headers, _ = ask(proxy, "GET", "/", **claims)
    assert (status, headers["location"]) == (302, "/login?next=%2F")


def test_a_body_of_a_mebibyte_passes_and_one_byte_more_does_not(proxy: Proxy, site: Site) -> None:
    headers = {"authorization": f"Bearer {site.found.people['alice'].token}", "content_type": "application/json"}
    most = b'{"content": "' + b"x" * (MIB - 15) + b'"}'
    assert len(most) == MIB
    status, _, _ = ask(proxy, "POST", "/api/v1/messages", most, **headers)
    assert status == 422  # it was read whole, and lacks a room
    status, _, body = ask(proxy, "POST", "/api/v1/messages", most + b" ", **headers)
    assert status == 413
    assert json.loads(body)["error"]["code"] == "too_large"


async def test_people_in_different_processes_hear_each_other_at_the_one_address(proxy: Proxy, site: Site) -> None:
    den = site.found.rooms["den"]
    clients = [Client(proxy.port, site.found.people[name].token, tls=TLS) for name in ("alice", "bob")]
    for client in clients:
        await client.connect()
    sent = await clients[0].send_message(den, "over two processes")
    await clients[1].heard("message_received", seq=sent["seq"])
    answer = await Rest(proxy.port, clients[1].token, tls=TLS).ask(
        "POST", "/messages", {"target": {"type": "room", "room_id": den}, "content": "and by REST"}
    )
    assert answer.status == 201
    await clients[0].heard("message_received", seq=answer.body["message"]["seq"])
    for client in clients:
        client.drop()


def test_a_browser_opens_its_socket_from_our_pages_only(proxy: Proxy, site: Site) -> None:
    cookie = f"__Host-lair_session={site.found.people['alice'].cookie}"

    def first_word(origin: str) -> str:
        with RawSocket(proxy.port, tls=TLS, host="localhost", cookie=cookie, origin=origin) as socket:
            try:
                socket.receive()
                return json.loads(socket.ask(json.dumps(HELLO)))["type"]
            except Closed as closed:
                return str(closed.code)

    assert first_word("https://localhost") == "ready"
    assert first_word("https://evil.example.org") == "4003"


def test_plain_requests_are_sent_to_tls_and_no_token_is_logged(proxy: Proxy) -> None:
    with RawHTTP(proxy.plain_port) as client:
        status, headers, _ = client.request("GET", "/login?next=/", host="localhost")
    assert status in {301, 308}
    assert re.fullmatch(r"https://localhost(:\d+)?/login\?next=/", headers["location"])
    with RawSocket(proxy.port, "/ws?token=a-secret-token", tls=TLS, host="localhost"):
        pass
    if isinstance(proxy, Nginx):
        eventually(lambda: "/ws" in proxy.log, "the socket is in the log")
        assert "a-secret-token" not in proxy.log


@pytest.mark.promise("F2")
async def test_one_process_after_the_other_is_restarted_and_nobody_is_refused(proxy: Proxy, site: Site) -> None:
    den = site.found.rooms["den"]
    enough = threading.Event()
    refused: list[Any] = []
    said: list[str] = []

    def read() -> None:
        reader = Rest(proxy.port, site.found.people["bob"].token, tls=TLS)
        while not enough.is_set():
            answer = reader.call("GET", "/rooms")
            if answer.status != 200:
                refused.append(answer)

    def write() -> None:
        writer = Rest(proxy.port, site.found.people["alice"].token, tls=TLS)
        while not enough.is_set():
            text = f"{type(proxy).__name__} {len(said)}"
            answer = writer.send_message(den, text)
            if answer.status != 201:
                refused.append(answer)
            else:
                said.append(text)

    async def listen(client: Client) -> None:
        while not enough.is_set():
            heard = len(client.events)
            await client.until(lambda: len(client.events) > heard or not client.is_connected, "people are heard")  # noqa: B023
            if not client.is_connected:
                assert client.close_code == 4012
                try:
                    await client.connect()  # at once, and to the other process
                except Lost as lost:
                    refused.append(lost)
                    await client.connect_again()

    listeners = [Client(proxy.port, site.found.people["bob"].token, tls=TLS) for _ in range(4)]
    for client in listeners:
        await client.connect()
    listening = [asyncio.create_task(listen(client)) for client in listeners]
    working = [asyncio.create_task(asyncio.to_thread(work)) for work in (read, write, write)]
    for port in (site.ports("web")[0], site.ports("realtime")[0], site.ports("web")[1]):
        before = len(said)
        old = site.servers[port]
        old.terminate()
        assert await asyncio.to_thread(old.wait) == 0, old.output
        site.start(port)
        await asyncio.to_thread(eventually, lambda port=port: site.is_ready(port), "it is back")
        await asyncio.to_thread(eventually, lambda before=before: len(said) > before, "people go on")
    enough.set()
    await asyncio.gather(*working)
    last_words = Rest(proxy.port, site.found.people["alice"].token, tls=TLS).send_message(den, "good night")
    assert last_words.status == 201
    await asyncio.gather(*listening)
    assert refused == []
    assert sum(client.resumes for client in listeners) >= 1
    own = type(proxy).__name__
    history = Rest(proxy.port, site.found.people["bob"].token, tls=TLS).history(den)
    stored = [message["content"] for message in history if message["content"].startswith(own)]
    assert sorted(stored) == sorted(said)
    last = history[-1]["seq"]
    for client in listeners:
        await client.until(lambda client=client: client.positions[f"room:{den}"] == last, "all came")
        assert client.resets == []
        client.drop()
    if isinstance(proxy, Nginx):
        assert re.findall(r" /\S* 5\d\d ", proxy.log) == []
