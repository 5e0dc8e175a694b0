"""Must-hold: bad input on every route and command gets the right refusal; never a 500, never a silent end."""

import json
import logging
import random
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.actions.sanctions import warn_user
from chat.actions.messages import send_message
from chat.realtime.connection import decoded
from lairchat.core import limits
from lairchat.core.commands import table
from lairchat.core.errors import Invalid, Malformed
from lairchat.core.forms import parsed
from lairchat.core.routes import routes
from lairchat.testing import badness, town
from lairchat.testing.asking import Program
from lairchat.testing.cast import signed_in
from lairchat.testing.processes import ServerProcess
from lairchat.testing.raw import Closed, RawSocket, frame
from lairchat.testing.rest import Rest
from lairchat.testing.values import values_for
from rooms.actions.invitations import invite_to_room
from rooms.actions.sanctions import mute_member

CODES = {4001, 4002, 4003, 4008, 4010, 4011, 4012, 4029, 4400, 1002, 1003, 1007, 1009}
PARTS = 4  # so that two workers share the tables


def part(things, number):
    return list(things)[number::PARTS]


@pytest.fixture
def honest(alice, bob, mallory, root, den):
    """Alice's ids of everything: with these and plain values each command does something."""
    message = send_message(alice, den.id, "hello").message
    until = timezone.now() + timedelta(hours=1)
    return {
        "room_id": str(den.id),
        "user_id": str(bob.person.id),
        "user_ids": [str(bob.person.id)],
        "message_id": str(message.id),
        "target": {"type": "room", "room_id": str(den.id)},
        "target_type": "room",
        "target_id": str(den.id),
        "invitation_id": str(invite_to_room(alice, den.id, mallory.person.id).id),
        "sanction_id": str(mute_member(alice, den.id, bob.person.id, reason="loud", until=until).id),
        "session_id": str(signed_in(alice.person).session_id),
    }


@pytest.fixture
def site(root, honest, bob):
    """The same for what administrators do."""
    warning, session = warn_user(root, bob.person.id, "careful"), signed_in(root.person).session_id
    return honest | {"sanction_id": str(warning.id), "session_id": str(session)}


@pytest.fixture
def as_alice(alice):
    return Program(alice)


@pytest.fixture
def as_root(root):
    return Program(root)


@pytest.fixture(autouse=True)
def _no_report_of_refusals():
    """Django warns of each refusal; thousands of them would bury the one line that matters."""
    logger = logging.getLogger("django.request")
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(logging.NOTSET)


def rolled_back(ask):
    """The answer; whatever it did is undone, so that the next is asked in the same situation."""
    limits.forget()
    with transaction.atomic():
        answer = ask()
        transaction.set_rollback(True)
    return answer


def is_envelope(body):
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and {"code", "message"} <= error.keys() and bool(error["message"])


class Findings:
    """What was not answered as it should be."""

    def __init__(self):
        self.asked = 0
        self.told = []

    def see(self, what, answer, expected=None):
        self.asked += 1
        if answer.status >= 500 or (expected is not None and answer.status not in expected):
            self.told.append(f"{what}: {answer.status} {answer.raw[:300]!r}")
        elif answer.status >= 400 and not is_envelope(answer.body):
            self.told.append(f"{what}: {answer.status} without the envelope: {answer.raw[:300]!r}")

    def check(self, at_least=0):
        assert not self.told, "\n".join(self.told)
        assert self.asked >= at_least


def short(value):
    text = badness.as_json(value)
    return text if len(text) < 80 else f"{text[:80]}… ({len(text)})"


def actors(as_alice, as_root, honest, site, app):
    return (as_root, site) if app in ("accounts", "lairchat") else (as_alice, honest)


def send(program, route, values):
    """The route with a body as JSON writes it, also where the values cannot be encoded."""
    path = route.path
    for name in route.in_path:
        path = path.replace(f"{{{name}}}", str(values[name]))
    body = {name: value for name, value in values.items() if name not in route.in_path}
    return rolled_back(lambda: program.rest(route.method, path, text=badness.as_json(body)))


@pytest.mark.parametrize("number", range(PARTS))
class TestEveryRoute:
    def test_refuses_what_is_not_of_the_type(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        for route in part(routes(), number):
            program, ids = actors(as_alice, as_root, honest, site, _app(route.command))
            values = values_for(route.command.takes, ids)
            for field in badness.fields(route.command.takes):
                if field.name in route.in_path or route.method == "GET":
                    continue
                for value in badness.wrong(field):
                    if route.method == "DELETE" and not isinstance(value, list | dict | None):
                        continue  # there text may stand for what is meant
                    answer = send(program, route, values | {field.name: value})
                    findings.see(f"{route} {field.name}={short(value)}", answer, {422})
                if field.required:
                    without = {name: value for name, value in values.items() if name != field.name}
                    findings.see(f"{route} without {field.name}", send(program, route, without), {422})
        findings.check(at_least=50)

    def test_refuses_a_query_that_cannot_be_read(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        for route in part(routes(), number):
            if route.method != "GET":
                continue
            program, ids = actors(as_alice, as_root, honest, site, _app(route.command))
            values = values_for(route.command.takes, ids)
            values.pop("target", None)
            for field in badness.fields(route.command.takes):
                if field.name in route.in_path or field.name == "target":
                    continue
                for value in badness.wrong_in_query(field):
                    answer = rolled_back(lambda r=route, v=values | {field.name: value}, p=program: p.take(r, v))
                    findings.see(f"{route} {field.name}={value!r}", answer, {400, 422})
                for value in badness.extreme(field):
                    if isinstance(value, str | int) and not _is_surrogate(value) and len(str(value)) < 6_000:
                        answer = rolled_back(lambda r=route, v=values | {field.name: value}, p=program: p.take(r, v))
                        findings.see(f"{route} {field.name}={short(value)}", answer)
        findings.check()

    def test_survives_what_no_honest_program_sends(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        for route in part(routes(), number):
            if route.method == "GET":
                continue
            program, ids = actors(as_alice, as_root, honest, site, _app(route.command))
            values = values_for(route.command.takes, ids)
            for field in badness.fields(route.command.takes):
                if field.name not in route.in_path and not route.view.open_to_anybody:
                    for value in badness.extreme(field):
                        answer = send(program, route, values | {field.name: value})
                        findings.see(f"{route} {field.name}={short(value)}", answer)
        findings.check(at_least=50)

    def test_answers_a_strange_path_as_an_unknown_one(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        strange = ["nonsense", "%00", "%ff%fe", "..%2f..", "x" * 3_000, "%F0%9F%98%80", "1", "null", "%20"]
        for route in part(routes(), number):
            program, ids = actors(as_alice, as_root, honest, site, _app(route.command))
            for name in route.in_path:
                for value in strange:
                    values = values_for(route.command.takes, ids) | {name: value}
                    values = {field: value for field, value in values.items() if field != "target"}
                    expected = {404} if name != "emoji" else {200, 400, 404, 422}
                    findings.see(f"{route} {name}={value[:40]}", send(program, route, values), expected)
        findings.check()

    @pytest.mark.promise("S14")
    def test_passes_over_fields_it_does_not_know(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        protected = {
            "seq": 9,
            "author": honest["user_id"],
            "is_staff": True,
            "owner": honest["user_id"],
            "nonsense": [{}],
        }
        for route in part(routes(), number):
            if route.method in ("GET", "DELETE") or route.view.open_to_anybody:
                continue
            program, ids = actors(as_alice, as_root, honest, site, _app(route.command))
            fields = route.command.takes.__struct_fields__
            values = {name: value for name, value in protected.items() if name not in fields}
            plain = values_for(route.command.takes, ids)
            without = send(program, route, plain)
            answer = send(program, route, values | plain)
            findings.see(f"{route} with more", answer, {without.status})
        findings.check()

    def test_refuses_a_body_that_is_none(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        brackets, braces = "[" * 2**20, '{"a":' * 200_000
        bodies = [
            ("", None),
            ("[]", {422}),
            ("3", {422}),
            ("null", {422}),
            ('"x"', {422}),
            ("{", {400}),
            ("nonsense", {400}),
            ("\x00", {400}),
            ("NaN", {400}),
            ("\ufeff{}", {400}),
            (b"\xff\xfe", {400}),
            (brackets, {400}),
            (braces[: 2**20], {400}),
            ("[" * 500 + "]" * 500, {422}),
            ("[" * 400_000 + "]" * 400_000, {400, 422}),
        ]
        for route in part(routes(), number):
            if route.method == "GET":
                continue
            program, ids = actors(as_alice, as_root, honest, site, _app(route.command))
            path = route.path
            for name in route.in_path:
                path = path.replace(f"{{{name}}}", str(ids.get(name, "x")))
            for body, expected in bodies:
                answer = rolled_back(lambda r=route, p=path, b=body, who=program: who.rest(r.method, p, text=b))
                findings.see(f"{route} with {body[:20]!r}", answer, expected)
        findings.check()


@pytest.mark.parametrize("number", range(PARTS))
class TestEveryCommand:
    def test_refuses_what_is_not_of_the_type(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        for name, command in part(table.items(), number):
            program, ids = actors(as_alice, as_root, honest, site, _app(command))
            values = values_for(command.takes, ids)
            for field in badness.fields(command.takes):
                for value in badness.wrong(field):
                    answer = self.say(program, name, values | {field.name: value})
                    findings.see(f"{name} {field.name}={short(value)}", answer, {422})
                if field.required:
                    without = {other: value for other, value in values.items() if other != field.name}
                    findings.see(f"{name} without {field.name}", self.say(program, name, without), {422})
        findings.check(at_least=50)

    def test_survives_what_no_honest_program_sends(self, as_alice, as_root, honest, site, number):
        findings = Findings()
        for name, command in part(table.items(), number):
            program, ids = actors(as_alice, as_root, honest, site, _app(command))
            values = values_for(command.takes, ids)
            for field in badness.fields(command.takes):
                for value in badness.extreme(field):
                    answer = self.say(program, name, values | {field.name: value})
                    findings.see(f"{name} {field.name}={short(value)}", answer)
        findings.check(at_least=50)

    def test_does_something_when_all_is_right(self, as_alice, as_root, honest, site, number):
        """Or the tests above could pass for the wrong reason."""
        findings = Findings()
        # Alice owns the room and bob is in it: for these that is the one thing that is not right.
        otherwise = {"join_room": 409, "leave_room": 409, "invite_to_room": 409, "unban_member": 404}
        otherwise |= {"accept_invitation": 404, "decline_invitation": 404}
        for name, command in part(table.items(), number):
            program, ids = actors(as_alice, as_root, honest, site, _app(command))
            values = values_for(command.takes, ids) | ({"seq": 1} if name == "mark_read" else {})
            answer = self.say(program, name, values)
            findings.see(name, answer, {otherwise.get(name, 200)})
        findings.check()

    def say(self, program, name, values):
        text = badness.as_json(values | {"type": name, "request_id": "1"})
        return rolled_back(lambda: program.frame(text))


def _app(command):
    return command.run.__module__.partition(".")[0]


def _is_surrogate(value):
    return isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


class TestForms:
    @pytest.mark.parametrize("name", table)
    @settings(derandomize=True, database=None, deadline=None, max_examples=60)
    @given(data=st.data())
    def test_a_form_takes_any_values_or_refuses_them(self, name, data):
        form = table[name].takes
        fields = form.__struct_fields__
        values = {field: data.draw(json_values) for field in fields if data.draw(st.booleans())}
        for lax in (False, True):
            try:
                assert isinstance(parsed(form, values, lax=lax), form)
            except Malformed:
                continue

    @settings(derandomize=True, database=None, deadline=None, max_examples=500)
    @given(text=st.text() | json_values.map(json.dumps))
    def test_a_frame_is_read_or_refused(self, text):
        try:
            name, values, request_id = decoded(text)
        except (Invalid, Malformed):
            return
        assert isinstance(name, str)
        assert isinstance(values, dict)
        assert request_id is None or isinstance(request_id, str)


@pytest.mark.processes
def test_a_real_socket_answers_rubbish_or_ends_with_a_code(tmp_path):
    """Rubbish of every sort, at every stage of a socket; the server lives on and serves the next one."""
    people = town.found(tmp_path, ["alice"], {"den": ["alice"]})
    token = people.people["alice"].token
    with ServerProcess(tmp_path, "manage.py", "serve", LAIR_LIMITS="off") as server:
        rest = Rest(server.port, token)
        for stage in ("before the hello", "before the sign-in", "signed in"):
            for what, data in rubbish().items():
                answers = _throw(server.port, stage, token, data)
                assert answers, f"{what} {stage}: nothing"
                assert answers[-1] in CODES or "pong" in answers, f"{what} {stage}: {answers}"
        assert rest.call("GET", "/rooms").status == 200
        assert server.process.poll() is None


def rubbish():
    """Bytes as they go onto the wire, by what they are."""
    chance = random.Random(7)
    return {
        "no JSON": frame(b"nonsense"),
        "no object": frame(b"[1,2,3]"),
        "no type": frame(b"{}"),
        "a type that is no text": frame(b'{"type": 3}'),
        "an unknown type": frame(b'{"type": "nonsense"}'),
        "a request id that is none": frame(b'{"type": "ping", "request_id": {}}'),
        "an empty frame": frame(b""),
        "a binary frame": frame(b"\x00\x01\x02", opcode=2),
        "invalid UTF-8": frame(b"\xff\xfe\xfd"),
        "a lone surrogate": frame(b'{"type": "send_message", "content": "\\ud800"}'),
        "brackets": frame(b"[" * 60_000),
        "a frame of 2 MiB": frame(b"x" * 2 * 2**20),
        "an unknown opcode": frame(b"x", opcode=5),
        "a continuation of nothing": frame(b"x", opcode=0),
        "random bytes": bytes(chance.randrange(256) for _ in range(4_000)),
        "zero bytes": bytes(2_000),
    }


def _throw(port, stage, token, data):
    """What a socket says after the rubbish and a ping: kinds of frames; at last the code, if it was closed."""
    headers = {"authorization": f"Bearer {token}"} if stage == "signed in" else {}
    hello = json.dumps({"type": "client_hello", "version": "2.0", "resume": None})
    heard = []
    with RawSocket(port, **headers) as socket:
        socket.receive()  # the server speaks first
        if stage != "before the hello":
            socket.send_text(hello)
        if stage == "signed in":
            while json.loads(socket.receive())["type"] != "live":
                pass
        try:
            socket.send(data)
            socket.send_text('{"type":"ping"}')
            while "pong" not in heard:
                heard.append(json.loads(socket.receive())["type"])
        except Closed as closed:
            heard.append(closed.code)
        except OSError:
            heard.append(_late_code(socket))
    return heard


def _late_code(socket):
    """The code that lies in front of the reset of a connection whose last bytes nobody read."""
    try:
        return socket.closed().code
    except OSError:
        return None
