"""The socket's second dialect as a program meets it: a real server, real frames, data made by REST."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from lairchat.core import events
from lairchat.testing import town
from lairchat.testing.processes import Servers, eventually
from lairchat.testing.raw import RawSocket, frame
from lairchat.testing.rest import Rest
from lairchat.testing.town import Person

pytestmark = pytest.mark.processes

PEOPLE = ["alice", "bob", "carol", "dave", "erin", "frank", "gina", "root"]
HELLO = {"type": "client_hello", "version": "2.0", "client_name": "test", "features": [], "resume": None}


class Line(RawSocket):
    """One socket, frame by frame. An array of frames is taken apart."""

    def __init__(self, port: int, **headers: str) -> None:
        super().__init__(port, **headers)
        assert self.is_open, self.status
        self.waiting: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []

    def say(self, type_: str, **fields: Any) -> None:
        self.send_text(json.dumps({"type": type_} | fields))

    def next(self) -> dict[str, Any]:
        if not self.waiting:
            value = json.loads(self.receive())
            self.waiting = value if isinstance(value, list) else [value]
        self.heard.append(self.waiting.pop(0))
        return self.heard[-1]

    def until(self, type_: str, **fields: Any) -> dict[str, Any]:
        """The next frame of the type with these fields; what comes before it is only remembered."""
        while True:
            value = self.next()
            if value["type"] == type_ and fields.items() <= value.items():
                return value

    def ask(self, type_: str, **fields: Any) -> dict[str, Any]:  # type: ignore[override]
        """Send a command and read its ack or error."""
        self.say(type_, request_id="q", **fields)
        while True:
            value = self.next()
            if value.get("request_id") == "q":
                return value

    def open(self, resume: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go through the opening; answers the `ready` frame."""
        self.until("server_hello")
        self.send_text(json.dumps(HELLO | {"resume": resume}))
        ready = self.until("ready")
        self.until("live")
        return ready


@dataclass
class City:
    data_dir: Path
    servers: Servers
    people: dict[str, Person]

    @property
    def port(self) -> int:
        """Of a process; where there are two, half of the people are served by the other."""
        return self.servers.ports[0]

    def port_of(self, name: str) -> int:
        return self.servers.port_for(PEOPLE.index(name))

    def call(self, name: str, method: str, path: str, /, **body: Any) -> Any:
        """One REST request by the person, which succeeds."""
        answer = Rest(self.port_of(name), self.people[name].token).call(method, path, body)
        assert answer.status < 300, answer
        return answer.body

    def id(self, name: str) -> str:
        return self.people[name].id

    def line(self, name: str) -> Line:
        return Line(self.port_of(name), authorization=f"Bearer {self.people[name].token}")

    def room(self, *guests: str) -> str:
        """A new private room of alice and the guests."""
        room = self.call("alice", "POST", "/rooms", name="somewhere", privacy="private")["room"]["id"]
        for guest in guests:
            invitation = self.call("alice", "POST", "/invitations", room_id=room, user_id=self.id(guest))
            self.call(guest, "POST", f"/invitations/{invitation['invitation']['id']}/accept")
        return room

    def send(self, name: str, room: str, content: str) -> dict[str, Any]:
        body = {"target": {"type": "room", "room_id": room}, "content": content}
        return self.call(name, "POST", "/messages", **body)["message"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("socket")


@pytest.fixture(scope="module")
def place(data_dir: Path) -> town.Town:
    return town.found(data_dir, PEOPLE, {}, admins=["root"])


@pytest.fixture(scope="module")
def city(data_dir: Path, place: town.Town) -> Iterator[City]:
    with Servers(data_dir, LAIR_LIMITS="off") as servers:
        yield City(data_dir, servers, place.people)


@pytest.fixture(scope="module")
def strict_city(data_dir: Path, place: town.Town) -> Iterator[City]:
    """The same people, served with limits."""
    with Servers(data_dir) as servers:
        yield City(data_dir, servers, place.people)


# Opening


def test_the_server_speaks_first(city: City) -> None:
    with Line(city.port) as line:
        hello = line.next()
        assert hello["type"] == "server_hello"
        assert hello["supported_versions"] == ["1.0", "2.0"]


@pytest.mark.parametrize(
    "hello",
    [
        {"type": "client_hello", "version": "1.0", "client_name": "old", "features": []},
        {"type": "client_hello", "version": "3.0", "resume": None},
        {"type": "client_hello", "version": "2.0"},
    ],
    ids=["of the original", "of the future", "without resume"],
)
def test_a_hello_of_another_version_is_refused_by_name(city: City, hello: dict[str, Any]) -> None:
    with Line(city.port) as line:
        line.until("server_hello")
        line.send_text(json.dumps(hello))
        assert line.until("error")["error"]["code"] == "version_mismatch"
        assert line.closed().code == 4400


def test_a_command_before_the_hello_is_a_protocol_error(city: City) -> None:
    with Line(city.port) as line:
        line.until("server_hello")
        line.say("send_message")
        assert line.until("error")["error"]["code"] == "unauthorized"
        assert line.closed().code == 4400


def test_a_program_signs_in_by_its_header(city: City) -> None:
    room = city.room("bob")
    with city.line("bob") as line:
        ready = line.open()
        assert ready["user"]["username"] == "bob"
        assert ready["user"]["email"] == "bob@example.org"
        assert {"site", f"user:{city.id('bob')}", f"room:{room}"} <= ready["streams"].keys()
        assert ready["from"] == ready["streams"]
        assert ready["session"]["id"]
        sidebar = city.call("bob", "GET", "/sidebar")
        assert (ready["epoch"], ready["streams"]) == (sidebar["epoch"], sidebar["positions"])


def test_a_program_signs_in_by_a_frame(city: City) -> None:
    with Line(city.port) as line:
        line.until("server_hello")
        line.send_text(json.dumps(HELLO))
        line.say("ping")
        line.until("pong")
        line.say("authenticate", request_id="1", token=city.people["bob"].token)
        assert line.until("ready")["user"]["username"] == "bob"
        line.until("live")


def test_a_bad_token_closes_with_4001(city: City) -> None:
    with Line(city.port, authorization="Bearer nonsense") as line:
        line.until("server_hello")
        line.send_text(json.dumps(HELLO))
        assert line.until("error")["error"]["code"] == "invalid_token"
        assert line.closed().code == 4001
    with Line(city.port) as line:
        line.until("server_hello")
        line.send_text(json.dumps(HELLO))
        line.say("authenticate", request_id="1", token="nonsense")
        assert line.until("error", request_id="1")["error"]["code"] == "invalid_token"
        assert line.closed().code == 4001


def _cookie(city: City, name: str) -> str:
    return f"lair_session={city.people[name].cookie}"


@pytest.mark.promise("S2")
def test_a_page_of_ours_signs_in_by_its_cookie(city: City) -> None:
    host = f"127.0.0.1:{city.port}"
    with Line(city.port, host=host, origin=f"http://{host}", cookie=_cookie(city, "alice")) as line:
        assert line.open()["user"]["username"] == "alice"


@pytest.mark.promise("S7")
def test_a_cookie_without_an_origin_does_not_count(city: City) -> None:
    with Line(city.port, cookie=_cookie(city, "alice")) as line:
        line.until("server_hello")
        line.send_text(json.dumps(HELLO))
        line.say("send_message", request_id="1")
        assert line.until("error", request_id="1")["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "null", "http://127.0.0.1"]
)
@pytest.mark.promise("S7")
def test_a_page_of_another_site_is_shut_out(city: City, origin: str) -> None:
    host = f"127.0.0.1:{city.port}"
    origin = origin.format(port=city.port)
    with Line(city.port, host=host, origin=origin, cookie=_cookie(city, "alice")) as line:
        assert line.closed().code == 4003


def test_one_account_has_at_most_twenty_sockets(city: City) -> None:
    lines = [city.line("frank") for _ in range(20)]
    try:
        for line in lines:
            line.open()
        with city.line("frank") as line:
            line.until("server_hello")
            line.send_text(json.dumps(HELLO))
            assert line.until("error")["error"]["code"] == "rate_limited"
            assert line.closed().code == 4029
        assert lines[0].ask("ping")["type"] == "pong"
    finally:
        for line in lines:
            line.close()


# Commands and their errors


def test_an_answer_names_its_question(city: City) -> None:
    room = city.room("bob")
    with city.line("bob") as line:
        line.open()
        assert line.ask("ping")["type"] == "pong"
        ack = line.ask("send_message", target={"type": "room", "room_id": room}, content="Hello", nonce="n1")
        assert (ack["type"], ack["duplicate"]) == ("ack", False)
        assert ack["message"]["content"] == "Hello"
        again = line.ask("send_message", target={"type": "room", "room_id": room}, content="Hello", nonce="n1")
        assert (again["id"], again["seq"], again["duplicate"]) == (ack["id"], ack["seq"], True)


@pytest.mark.parametrize(
    ("text", "request_id", "code"),
    [
        ('{"type":"dance","request_id":"q"}', "q", "unknown_command"),
        ('{"type":"send_message","request_id":"q"}', "q", "validation_failed"),
        ('{"type":"ping"', None, "invalid_message"),
        ('[{"type":"ping"}]', None, "invalid_message"),
        ('"ping"', None, "invalid_message"),
        ('{"request_id":"q"}', None, "invalid_message"),
        ('{"type":"ping","request_id":7}', None, "invalid_message"),
        ("[" * 60_000, None, "invalid_message"),
        ('{"type":"authenticate","request_id":"q","token":"t"}', "q", "invalid_state"),
    ],
)
def test_what_cannot_be_done_is_an_error_frame_and_the_socket_stays(
    city: City, text: str, request_id: str | None, code: str
) -> None:
    with city.line("bob") as line:
        line.open()
        line.send_text(text)
        error = line.until("error")
        assert (error["request_id"], error["error"]["code"]) == (request_id, code)
        assert line.ask("ping")["type"] == "pong"


def test_binary_frames_are_refused_and_the_socket_stays(city: City) -> None:
    with city.line("bob") as line:
        line.open()
        line.send(frame(b'{"type":"ping"}', opcode=2))
        assert line.until("error")["error"]["code"] == "unsupported"
        assert line.ask("ping")["type"] == "pong"


def test_a_hidden_room_answers_like_one_that_never_was(city: City) -> None:
    room = city.room()
    with city.line("bob") as line:
        line.open()
        for id_ in (room, "00000000-0000-7000-8000-000000000000"):
            error = line.ask("send_message", target={"type": "room", "room_id": id_}, content="Hello")
            assert error["error"] == {"code": "room_not_found", "message": "Room not found"}


@pytest.mark.promise("F9")
def test_who_floods_is_refused_and_then_closed(strict_city: City) -> None:
    with strict_city.line("gina") as line:
        line.open()
        line.send(frame(b'{"type":"ping"}') * 130)
        assert line.until("error")["error"]["code"] == "rate_limited"
        assert line.closed().code == 4029
        assert len([value for value in line.heard if value["type"] == "pong"]) >= 60


# Endings


def test_a_sign_out_closes_its_own_socket(city: City) -> None:
    place = town.found(city.data_dir, ["erin"], {})
    with Line(city.port, authorization=f"Bearer {place.people['erin'].token}") as line:
        line.open()
        assert line.ask("logout")["type"] == "ack"
        assert line.closed().code == 4010


@pytest.mark.promise("S1")
def test_an_ended_session_closes_its_socket_and_no_other(city: City) -> None:
    here = town.found(city.data_dir, ["erin"], {}).people["erin"]
    there = town.found(city.data_dir, ["erin"], {}).people["erin"]
    with (
        Line(city.port, authorization=f"Bearer {here.token}") as line,
        Line(city.port, authorization=f"Bearer {there.token}") as other,
    ):
        session = line.open()["session"]["id"]
        other.open()
        assert Rest(city.port, there.token).call("DELETE", f"/users/me/sessions/{session}", {}).status == 200
        assert line.closed().code == 4010
        assert other.until("session_ended")["session_id"] == session
        assert other.ask("ping")["type"] == "pong"
        with Line(city.port, authorization=f"Bearer {here.token}") as again:
            again.until("server_hello")
            again.send_text(json.dumps(HELLO))
            assert again.closed().code == 4001


def test_a_suspension_closes_every_socket_with_4011(city: City) -> None:
    with city.line("dave") as line, city.line("dave") as other:
        line.open()
        other.open()
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        path = f"/admin/users/{city.id('dave')}/sanctions"
        city.call("root", "POST", path, kind="suspend", reason="Spam and more spam", until=until)
        assert (line.closed().code, other.closed().code) == (4011, 4011)


# Every kind of stored event. Each act is bob's view of something; it answers what the frame must hold.

Told = dict[str, Any]
KINDS: dict[str, Callable[[City, str], Told]] = {}


def told(kind: str) -> Callable[[Callable[[City, str], Told]], Callable[[City, str], Told]]:
    """Decorator: the act, in a room of alice and bob, that tells bob of the kind."""

    def enter(act: Callable[[City, str], Told]) -> Callable[[City, str], Told]:
        KINDS[kind] = act
        return act

    return enter


@told("message_received")
def _(city: City, room: str) -> Told:
    return {"message": city.send("alice", room, "Hello @bob")}


@told("message_edited")
def _(city: City, room: str) -> Told:
    message = city.send("alice", room, "Hello")
    return {"message": city.call("alice", "PATCH", f"/messages/{message['id']}", content="Hello again")["message"]}


@told("message_deleted")
def _(city: City, room: str) -> Told:
    message = city.send("alice", room, "Hello")
    gone = city.call("alice", "DELETE", f"/messages/{message['id']}")["message"]
    assert gone["content"] == ""
    return {"message_id": message["id"], "message": gone, "deleted_by": city.id("alice")}


@told("reactions_changed")
def _(city: City, room: str) -> Told:
    message = city.send("bob", room, "Hello")
    city.call("alice", "PUT", f"/messages/{message['id']}/reactions/%F0%9F%91%8D")
    return {"message_id": message["id"], "reactions": [{"emoji": "👍", "user_ids": [city.id("alice")]}]}


@told("read_position_changed")
def _(city: City, room: str) -> Told:
    seqs = [city.send("alice", room, text)["seq"] for text in ("one", "two @bob", "three")]
    city.call("bob", "POST", "/messages/read", room_id=room, seq=seqs[0])
    return {"room_id": room, "read_seq": seqs[0], "unread": 2, "mentions": 1, "counted_to": seqs[2]}


@told("user_joined_room")
def _(city: City, room: str) -> Told:
    invitation = city.call("alice", "POST", "/invitations", room_id=room, user_id=city.id("carol"))["invitation"]
    entered = city.call("carol", "POST", f"/invitations/{invitation['id']}/accept")
    return {"room_id": room, "membership": entered["membership"]}


@told("user_left_room")
def _(city: City, room: str) -> Told:
    city.call("alice", "DELETE", f"/rooms/{room}/members/{city.id('bob')}")
    return {"room_id": room, "user_id": city.id("bob"), "reason": "kicked"}


@told("member_role_changed")
def _(city: City, room: str) -> Told:
    city.call("alice", "PUT", f"/rooms/{room}/members/{city.id('bob')}/role", role="moderator")
    facts = {"old_role": "member", "new_role": "moderator", "changed_by": city.id("alice")}
    return {"room_id": room, "user_id": city.id("bob"), "username": "bob"} | facts


@told("member_muted")
def _(city: City, room: str) -> Told:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    city.call("alice", "POST", f"/rooms/{room}/mutes", user_id=city.id("bob"), reason="Too loud", until=until)
    return {"room_id": room, "user_id": city.id("bob")}


@told("room_updated")
def _(city: City, room: str) -> Told:
    changed = city.call("alice", "PATCH", f"/rooms/{room}", topic="Weather")["room"]
    assert changed["topic"] == "Weather"
    return {"room": changed, "changed_by": city.id("alice")}


@told("room_deleted")
def _(city: City, room: str) -> Told:
    city.call("alice", "DELETE", f"/rooms/{room}")
    return {"room_id": room, "room_name": "somewhere", "deleted_by": city.id("alice")}


@told("room_gained")
def _(city: City, room: str) -> Told:
    other = city.room("bob")
    items = city.call("bob", "GET", "/sidebar")["rooms"]
    return {"item": next(item for item in items if item["room"]["id"] == other)}


@told("room_lost")
def _(city: City, room: str) -> Told:
    city.call("alice", "POST", f"/rooms/{room}/bans", user_id=city.id("bob"), reason="Spam")
    return {"room_id": room, "reason": "banned"}


@told("room_settings_changed")
def _(city: City, room: str) -> Told:
    city.call("bob", "PUT", f"/rooms/{room}/settings", notifications="mentions", favourite=True)
    return {"room_id": room, "notifications": "mentions", "favourite": True}


@told("invitation_received")
def _(city: City, room: str) -> Told:
    other = city.room()
    return city.call("alice", "POST", "/invitations", room_id=other, user_id=city.id("bob"), message="Come in")


@told("invitation_answered")
def _(city: City, room: str) -> Told:
    other = city.room()
    invitation = city.call("alice", "POST", "/invitations", room_id=other, user_id=city.id("bob"))["invitation"]
    city.call("bob", "POST", f"/invitations/{invitation['id']}/decline")
    return {}


@told("profile_updated")
def _(city: City, room: str) -> Told:
    return {"user": city.call("bob", "PATCH", "/users/me", display_name="Bobby")["user"]}


@told("user_sanctioned")
def _(city: City, room: str) -> Told:
    path = f"/admin/users/{city.id('bob')}/sanctions"
    return city.call("root", "POST", path, kind="warn", reason="Mind your words")


@told("sanction_lifted")
def _(city: City, room: str) -> Told:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    path = f"/admin/users/{city.id('bob')}/sanctions"
    sanction = city.call("root", "POST", path, kind="mute", reason="Too loud", until=until)["sanction"]
    return city.call("root", "POST", f"/admin/sanctions/{sanction['id']}/lift")


@told("session_ended")
def _(city: City, room: str) -> Told:
    town.found(city.data_dir, ["bob"], {})  # signs in anew
    sessions = city.call("bob", "GET", "/users/me/sessions")["sessions"]
    other = next(session["id"] for session in sessions if not session["current"])
    city.call("bob", "DELETE", f"/users/me/sessions/{other}")
    return {"session_id": other}


@told("staff_changed")
def _(city: City, room: str) -> Told:
    city.call("root", "PUT", f"/admin/users/{city.id('erin')}/role", role="moderator")
    city.call("root", "PUT", f"/admin/users/{city.id('erin')}/role", role="user")
    return {}


@pytest.mark.parametrize("kind", sorted(events.registry.keys() - {"user_registered"}))
@pytest.mark.promise("D4")
def test_every_stored_event_reaches_whom_it_concerns(city: City, kind: str) -> None:
    room = city.room("bob")
    with city.line("bob") as line:
        positions = line.open()["from"]
        expected = KINDS[kind](city, room)
        event = line.until(kind)
        assert expected.items() <= event.items()
        for value in line.heard:
            if "seq" in value:
                followed = positions.get(value["stream"], value["seq"] - 1)
                assert value["seq"] == followed + 1
                positions[value["stream"]] = value["seq"]


def test_the_first_entry_of_ones_own_stream_is_heard_by_who_begins_there(city: City) -> None:
    with city.line("carol") as line:
        ready = line.open()
        mine = f"user:{city.id('carol')}"
    with city.line("carol") as line:
        line.open({"epoch": ready["epoch"], "positions": ready["streams"] | {mine: 0}})
        first = next(value for value in line.heard if value.get("stream") == mine)
        assert (first["type"], first["seq"], first["user"]["username"]) == ("user_registered", 1, "carol")


# What is not stored


def test_others_see_that_somebody_writes(city: City) -> None:
    room = city.room("bob")
    with city.line("bob") as line, city.line("alice") as hers:
        line.open()
        hers.open()
        hers.say("typing", room_id=room)
        typing = line.until("user_typing")
        assert typing == {"type": "user_typing", "stream": f"room:{room}", "room_id": room, "user_id": city.id("alice")}
        assert hers.ask("ping")["type"] == "pong"
        assert [value for value in hers.heard if value["type"] == "user_typing"] == []


def test_others_see_how_far_somebody_has_read(city: City) -> None:
    room = city.room("bob")
    message = city.send("bob", room, "Hello")
    with city.line("bob") as line:
        line.open()
        city.call("alice", "POST", "/messages/read", room_id=room, up_to=message["id"])
        receipt = line.until("read_up_to", room_id=room)
        assert (receipt["user_id"], receipt["read_seq"]) == (city.id("alice"), message["seq"])
        assert "seq" not in receipt


def test_others_see_a_new_name_at_once(city: City) -> None:
    city.room("bob")
    with city.line("bob") as line:
        line.open()
        user = city.call("alice", "PATCH", "/users/me", display_name="Alicia")["user"]
        assert line.until("profile_changed")["user"] == user | {"email": ""}


def test_somebody_is_offline_only_when_the_last_of_their_tabs_is_closed(city: City) -> None:
    room = city.room("bob", "carol")
    with city.line("bob") as line:
        line.open()
        tabs = [city.line("carol"), city.line("carol")]
        for tab in tabs:
            tab.open()
        assert line.until("user_online")["user_id"] == city.id("carol")
        open_now = _signed_in_sockets(city)
        tabs[0].close()
        eventually(lambda: _signed_in_sockets(city) < open_now, "the server sees the first tab go")
        tabs[1].say("typing", room_id=room)
        line.until("user_typing", user_id=city.id("carol"))
        mine = [value["type"] for value in line.heard if value.get("user_id") == city.id("carol")]
        assert "user_offline" not in mine
        tabs[1].close()
        assert line.until("user_offline") == {
            "type": "user_offline",
            "stream": f"user:{city.id('carol')}",
            "user_id": city.id("carol"),
            "username": "carol",
        }


def _signed_in_sockets(city: City) -> float:
    with urlopen(f"http://127.0.0.1:{city.port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("lair_chat_sockets "))


def test_the_server_says_nothing_of_a_room_to_who_is_outside(city: City) -> None:
    room = city.room("bob")
    with city.line("carol") as outside, city.line("bob") as line:
        outside.open()
        line.open()
        city.send("alice", room, "Just us")
        line.until("message_received")
        assert outside.ask("ping")["type"] == "pong"
        assert [value for value in outside.heard if room in json.dumps(value)] == []
