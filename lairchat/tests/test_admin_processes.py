"""What staff do at the desk reaches open sockets, also those of another process, with Redis or without."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from lairchat.testing import stack, town
from lairchat.testing.clients import Client
from lairchat.testing.desk import Page
from lairchat.testing.processes import ROOT, ServerProcess

pytestmark = pytest.mark.processes


class Browser:
    """An administrator's browser, over real HTTP: cookie, CSRF token, redirects."""

    def __init__(self, port: int, cookie: str) -> None:
        self.site = f"http://127.0.0.1:{port}"
        self.cookies = {"lair_session": cookie}

    def get(self, address: str) -> Page:
        return self._ask(Request(self.site + address))

    def post(self, address: str, page: Page, **form: str) -> Page:
        """Send a form that stands on this page."""
        form["csrfmiddlewaretoken"] = page.field("csrfmiddlewaretoken")
        return self._ask(Request(self.site + address, data=urlencode(form).encode()))

    def _ask(self, request: Request) -> Page:
        request.add_header("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        with urlopen(request) as answer:
            for header in answer.headers.get_all("Set-Cookie", []):
                name, _, value = header.split(";")[0].partition("=")
                self.cookies[name] = value
            return _Answer(answer.status, answer.read().decode())

    def act(self, model: str, button: str, row_id: str, **form: str) -> Page:
        """Tick a row of a list, press the button, fill in the reason page."""
        listed = self.get(f"/admin/{model}/")
        assert row_id in listed.rows
        tick = {"index": "0", "action": button, "_selected_action": row_id}
        asked = self.post(f"/admin/{model}/", listed, **tick)
        hidden = {name: asked.field(name) for name in ("key", "ids", "back")}
        return self.post(f"/admin/{model}/act/{button}/", asked, **hidden, preset="", **form)


class _Answer(Page):
    def __init__(self, status: int, html: str) -> None:
        self.status, self.html = status, html


@dataclass
class Site:
    """Two processes on one database; root's browser asks the first, the chats hang on the second."""

    data_dir: Path
    browser: Browser
    port: int
    place: town.Town

    def chat(self, name: str) -> Client:
        person = self.place.people[name]
        return Client(self.port, person.token, user_id=person.id)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("desk")
    names = ["alice", "bob", "cara", "dora"]
    place = town.found(data_dir, names, {"plaza": names}, privacy="public")
    _manage(data_dir, "collectstatic", "--noinput")
    _manage(data_dir, "createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    cookie = town.found(data_dir, ["root"], {}).people["root"].cookie
    with (
        ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off") as one,
        ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off") as other,
    ):
        yield Site(data_dir, Browser(one.port, cookie), other.port, place)


def _manage(data_dir: Path, *command: str) -> None:
    given = stack.environment(data_dir, DJANGO_SUPERUSER_PASSWORD="correct horse battery")
    subprocess.run([sys.executable, "manage.py", *command], env=given, cwd=ROOT, check=True, capture_output=True)


async def test_a_suspension_closes_the_chat_in_the_other_process(site: Site) -> None:
    bob = site.chat("bob")
    await bob.connect()
    page = site.browser.act("accounts/user", "suspend", bob.user_id, reason="threats", ends_in="24h", until="")
    assert page.done == ["bob"]
    assert await bob.closed() == 4011


async def test_signing_somebody_out_closes_their_chat(site: Site) -> None:
    dora = site.chat("dora")
    await dora.connect()
    page = site.browser.act("accounts/user", "sign_out", dora.user_id, reason="a lost phone")
    assert page.done == ["dora"]
    assert await dora.closed() == 4010


async def test_a_kick_takes_the_room_from_an_open_chat(site: Site) -> None:
    alice, cara = site.chat("alice"), site.chat("cara")
    await alice.connect()
    await cara.connect()
    room_id = site.place.rooms["plaza"]
    listed = site.browser.get("/admin/rooms/membership/?" + urlencode({"person": cara.user_id}))
    page = site.browser.act("rooms/membership", "kick", listed.rows[0], reason="cool down")
    assert page.done == ["cara in plaza"]
    await cara.heard("user_left_room", user_id=cara.user_id)
    await alice.heard("user_left_room", user_id=cara.user_id)
    await alice.send_message(room_id, "is cara gone?")
    await alice.heard("message_received")
    await cara.ask("ping")
    assert not [event for event in cara.events if event["type"] == "message_received"]


async def test_a_removed_message_disappears_from_open_chats(site: Site) -> None:
    alice = site.chat("alice")
    await alice.connect()
    sent = await alice.send_message(site.place.rooms["plaza"], "buy my coins")
    page = site.browser.act("chat/message", "remove", sent["id"], reason="advertising")
    assert len(page.done) == 1
    await alice.heard("message_deleted")
    assert alice.messages[sent["id"]]["content"] == ""
