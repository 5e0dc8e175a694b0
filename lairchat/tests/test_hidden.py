"""Must-hold: what somebody may not know of is answered, byte for byte, as what never was.

Every route and every command that takes an id is asked, found in the tables; one with a kind of id that is not known
here fails.
"""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.actions.sanctions import warn_user
from accounts.models import UserSession
from accounts.roles import SiteRole
from chat.actions.messages import send_message
from lairchat.core import limits
from lairchat.core.commands import table
from lairchat.core.routes import routes
from lairchat.testing import town
from lairchat.testing.asking import Program
from lairchat.testing.cast import bring_in
from lairchat.testing.processes import ServerProcess
from lairchat.testing.raw import RawSocket
from lairchat.testing.rest import Rest
from lairchat.testing.values import id_fields, values_for
from rooms.actions.invitations import invite_to_room
from rooms.actions.rooms import create_room, delete_room, open_direct_room
from rooms.actions.sanctions import ban_member, mute_member
from rooms.models import Room

NEVER_WAS = UUID("00000000-0000-7000-8000-00000000dead")
PEOPLE = {"user_id", "user_ids"}  # not hidden from each other by these commands; a guest is asked apart
CHANGES = {"X-RateLimit-Remaining", "X-RateLimit-Reset"}


class Hidden:
    """By kind of id: things that exist, of which the asker may know nothing."""

    def __init__(self, rooms, messages, invitations, sanctions, sessions, *, home, somebody):
        self.rooms, self.messages, self.invitations = rooms, messages, invitations
        self.sanctions, self.sessions = sanctions, sessions
        self.home, self.somebody = home, somebody  # a room the asker is in, and a person they may know

    def of(self, field):
        """The hidden ids that fit the field, each as the command's other fields need it."""
        match field:
            case "room_id":
                return [({"room_id": str(id_)}, {"room_id": str(NEVER_WAS)}) for id_ in self.rooms]
            case "target":
                return [({"target": room_target(id_)}, {"target": room_target(NEVER_WAS)}) for id_ in self.rooms]
            case "target_id":
                return [
                    (
                        {"target_type": "room", "target_id": str(id_)},
                        {"target_type": "room", "target_id": str(NEVER_WAS)},
                    )
                    for id_ in self.rooms
                ]
            case "message_id":
                return [({field: str(id_)}, {field: str(NEVER_WAS)}) for id_ in self.messages]
            case "reply_to":
                home = {"target": room_target(self.home)}
                return [(home | {field: str(id_)}, home | {field: str(NEVER_WAS)}) for id_ in self.messages]
            case "up_to":
                home = {"room_id": str(self.home)}
                return [(home | {field: str(id_)}, home | {field: str(NEVER_WAS)}) for id_ in self.messages]
            case "invitation_id":
                return [({field: str(id_)}, {field: str(NEVER_WAS)}) for id_ in self.invitations]
            case "sanction_id":
                return [({field: str(id_)}, {field: str(NEVER_WAS)}) for id_ in self.sanctions]
            case "session_id":
                return [({field: str(id_)}, {field: str(NEVER_WAS)}) for id_ in self.sessions]
        raise LookupError(f"nothing here says what a hidden {field} is")

    def pairs(self, form):
        """`(values with a hidden id, the same with an id of nothing)` for each field of the form that takes one."""
        known = {"user_id": str(self.somebody), "user_ids": [str(self.somebody)]}
        for field in id_fields(form):
            if field not in PEOPLE:
                for there, nowhere in self.of(field):
                    yield values_for(form, known | there), values_for(form, known | nowhere)


def room_target(room_id):
    return {"type": "room", "room_id": str(room_id)}


def differences(ask, pairs):
    """What told the two apart, in words."""
    for there, nowhere in pairs:
        limits.forget()
        one, other = ask(there), ask(nowhere)
        if one.status != 404 or (one.status, one.raw) != (other.status, other.raw):
            yield f"{there}: {one.status} {one.raw!r}, but for nothing {other.status} {other.raw!r}"
        if one.headers is not None and headers(one) != headers(other):
            yield f"{there}: {headers(one)}, but for nothing {headers(other)}"


def headers(answer):
    return {name: value for name, value in answer.headers.items() if name not in CHANGES}


@pytest.fixture
def gus(person):
    return person("gus", SiteRole.GUEST)


@pytest.fixture
def secrets(alice, bob, mallory, mona, root, den, plaza, person):
    """What goes on between alice, bob and carol, of which nobody else knows."""
    carol = person("carol")
    direct = open_direct_room(alice, [bob.person.id]).room
    gone = create_room(alice, "gone", privacy="private").room
    said = [send_message(alice, room.id, "between us").message.id for room in (den, direct, gone)]
    delete_room(alice, gone.id)
    until = timezone.now() + timedelta(hours=1)
    sanctions = [mute_member(alice, den.id, bob.person.id, reason="loud", until=until).id]
    sanctions.append(ban_member(alice, den.id, person("dan").person.id, reason="a feud", until=None).id)
    invitations = [invite_to_room(alice, den.id, carol.person.id).id]
    invitations.append(invite_to_room(alice, plaza.id, carol.person.id).id)
    warning = warn_user(root, carol.person.id, "careful").id
    hall = create_room(root, "hall").room
    bring_in(root, hall, mallory, mona)
    sessions = list(UserSession.objects.filter(user__in=[alice.user, carol.user]).values_list("id", flat=True))
    return Hidden(
        [den.id, direct.id, gone.id],
        said,
        invitations,
        [*sanctions, warning],
        sessions,
        home=hall.id,
        somebody=bob.person.id,
    )


@pytest.fixture
def asker(request, secrets, plaza, alice, root, mallory, mona):
    """Who asks; of what each may not know."""
    match request.param:
        case "a stranger":
            return Program(mallory), secrets
        case "a site moderator":
            # Sanctions of the site are theirs to see; those of private rooms are not.
            secrets.sanctions = secrets.sanctions[:2]
            return Program(mona), secrets
    gus = request.getfixturevalue("gus")
    hall = Room.objects.get(pk=secrets.home)
    hall_secret = create_room(root, "guests", privacy="private").room
    bring_in(root, hall_secret, gus)
    secrets.home = hall_secret.id
    secrets.somebody = root.person.id
    # A guest knows only the rooms it was added to: public ones are hidden from it too (note 1).
    secrets.rooms += [plaza.id, hall.id]
    secrets.messages.append(send_message(alice, plaza.id, "hello, plaza").message.id)
    return Program(gus), secrets


everybody = pytest.mark.parametrize("asker", ["a stranger", "a site moderator", "a site guest"], indirect=True)


@everybody
def test_by_every_route_the_hidden_is_as_what_never_was(asker):
    program, secrets = asker
    asked, told = 0, []
    for route in routes():
        pairs = list(secrets.pairs(route.command.takes))
        if route.method == "GET":  # a query holds no object
            pairs = [pair for pair in pairs if "target" not in pair[0]]
        # Where the path names the room, a target beside it says nothing.
        pairs = [pair for pair in pairs if pair[0].keys() >= set(route.in_path)]
        asked += len(pairs)
        told += [f"{route}: {word}" for word in differences(lambda values, r=route: program.take(r, values), pairs)]
    assert told == []
    assert asked > 60


@everybody
def test_by_every_command_the_hidden_is_as_what_never_was(asker):
    program, secrets = asker
    asked, told = 0, []
    for name, command in table.items():
        pairs = list(secrets.pairs(command.takes))
        asked += len(pairs)
        told += [f"{name}: {word}" for word in differences(lambda values, n=name: program.say(n, values), pairs)]
    assert told == []
    assert asked > 70


def test_a_guest_learns_of_nobody_it_shares_no_room_with(gus, alice, root):
    program = Program(gus)
    for route in routes():
        if "user_id" in route.command.takes.__struct_fields__ and route.in_path[:1] != ("room_id",):
            given = {"room_id": str(NEVER_WAS)}
            there = values_for(route.command.takes, given | {"user_id": str(alice.person.id)})
            nowhere = values_for(route.command.takes, given | {"user_id": str(NEVER_WAS)})
            one, other = program.take(route, there), program.take(route, nowhere)
            assert (one.status, one.raw) == (other.status, other.raw), str(route)
            assert one.status in (403, 404), str(route)


@pytest.mark.processes
def test_over_a_real_socket_the_hidden_is_as_what_never_was(tmp_path):
    facts = town.found(tmp_path, ["alice", "bob", "mallory"], {"den": ["alice", "bob"]})
    with ServerProcess(tmp_path, "manage.py", "serve", LAIR_LIMITS="off") as server:
        alice, bob = facts.people["alice"], facts.people["bob"]
        rest = Rest(server.port, alice.token)
        direct = rest.call("POST", "/direct", {"user_ids": [bob.id]}).body["room"]["id"]
        home = (
            Rest(server.port, facts.people["mallory"].token).call("POST", "/rooms", {"name": "home"}).body["room"]["id"]
        )
        rooms = [facts.rooms["den"], direct]
        said = [rest.send_message(room, "between us").body["message"]["id"] for room in rooms]
        session = rest.call("GET", "/users/me/sessions").body["sessions"][0]["id"]
        secrets = Hidden(rooms, said, [], [], [session], home=home, somebody=bob.id)
        socket = RawSocket(server.port, authorization=f"Bearer {facts.people['mallory'].token}")
        socket.ask(json.dumps({"type": "client_hello", "version": "2.0", "resume": None}))

        def ask(name, values):
            socket.send_text(json.dumps({**values, "type": name, "request_id": "1"}))
            while (frame := json.loads(socket.receive())).get("request_id") != "1":
                pass
            return frame

        told = []
        for name, command in table.items():
            if not command.silent:
                for there, nowhere in secrets.pairs(command.takes):
                    one, other = ask(name, there), ask(name, nowhere)
                    if one["type"] != "error" or one != other:
                        told.append(f"{name} {there}: {one}, but for nothing {other}")
        assert told == []
        socket.close()
