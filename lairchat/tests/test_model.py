"""D1–D12: whatever people do, in whatever order and through whichever process, it is as the plain model says.

Two processes share a database. After each step the answer is the model's; now and then, and at the end, what each
client draws from its frames is what a fresh read shows, and that is what the model holds.

A longer run: `LONG_TESTS=20` (so many times as many examples, from a random seed that is printed; `TEST_SEED=…` repeats
one).
"""

import asyncio
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from lairchat.core.routes import Route, routes
from lairchat.testing import town
from lairchat.testing.clients import Client, Refused
from lairchat.testing.model import Invitation, Model, No, Room, Said
from lairchat.testing.picture import Fresh, Picture
from lairchat.testing.processes import ServerProcess
from lairchat.testing.rest import Answer, Rest

pytestmark = pytest.mark.processes

EXAMPLES, STEPS = 8, 100
# alice owns the rooms; gus is a site guest, mona a site moderator. Every example has people of its own.
RANKS = {"alice": "user", "bob": "user", "carol": "user", "gus": "guest", "mona": "moderator"}
REPLAYED = 12  # frames a stream; who missed more reads the room again
REASON = "It has to be like this"

# Who is there most is asked most, or most answers were refusals.
people = st.sampled_from(["alice", "alice", "alice", "bob", "bob", "carol", "gus", "mona"])
anybody = st.sampled_from(list(RANKS))
numbers = st.integers(0, 20)
processes = st.sampled_from([0, 1])
surfaces = st.sampled_from(["rest", "socket"])
words = st.sampled_from(["hello", "what now?", "@bob look", "@gus @mona come", " ", "🙂 fine"])
nonces = st.sampled_from(["n1", "n2", "n3", None])
changes = st.sampled_from(
    [
        "privacy=private public",
        "privacy=public",
        "privacy=protected",
        "privacy=private",
        "topic=ships",
        "topic=shoes",
        "mode=read_only",
    ]
    # What shuts everybody up is undone more often than done.
    + 2 * ["mode=open", "unarchive_room"]
    + ["archive_room", "delete_room"]
)
emoji = st.sampled_from(["👍", "🎉"])
Outcome = tuple[str | None, Any]


@dataclass
class City:
    """The two processes, and who administers them."""

    ports: list[int]
    root: str
    count: int = 0  # of examples, which gives everybody a name of their own
    routes: dict[str, Route] = field(default_factory=dict)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    data_dir = tmp_path_factory.mktemp("model")
    place = town.found(data_dir, ["root"], {}, admins=["root"])
    # Heads are compared often, so that the other process is not waited for; and little is replayed, so that some
    # who come back are told to read a room again.
    given = {
        "LAIR_LIMITS": "off",
        "LAIR_DELIVERY_HEADS_SECONDS": "0.05",
        "LAIR_DELIVERY_RESUME_FRAMES_PER_STREAM": str(REPLAYED),
    }
    with (
        ServerProcess(data_dir, "manage.py", "serve", **given) as one,
        ServerProcess(data_dir, "manage.py", "serve", **given) as other,
    ):
        yield City([one.port, other.port], place.people["root"].token, routes=_first_routes())


def _first_routes() -> dict[str, Route]:
    found: dict[str, Route] = {}
    for route in routes():
        found.setdefault(route.command.name, route)
    return found


@pytest.mark.promise("D3", "D6", "D7", "D9", "D10", "D11", "D12")
def test_two_processes_do_what_the_model_does(city: City) -> None:
    Life.city = city
    chosen: Any = Life
    longer = int(os.environ.get("LONG_TESTS", "0"))
    given = os.environ.get("TEST_SEED")
    if longer or given:
        number = int(given) if given else random.SystemRandom().randrange(2**32)
        sys.stderr.write(f"TEST_SEED={number}\n")
        chosen = seed(number)(Life)
    run_state_machine_as_test(
        chosen,
        settings=settings(
            max_examples=EXAMPLES * max(1, longer),
            stateful_step_count=STEPS,
            derandomize=not (longer or given),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class Life(RuleBasedStateMachine):
    """One short history of five people."""

    city: ClassVar[City]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = Model(dict(RANKS))
        self.invitations: list[Invitation] = []
        self.said: list[Said] = []
        self.pictures: dict[str, list[Picture]] = {name: [] for name in RANKS}
        self.ids: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    @initialize()
    def everybody_registers(self) -> None:
        self.city.count += 1
        for name, rank in RANKS.items():
            called = self.called(name)
            body = {"username": called, "email": f"{called}@example.org", "password": "correct horse battery"}
            answer = Rest(self.city.ports[0]).call("POST", "/auth/register", body)
            assert answer.status == 201, answer
            self.ids[name], self.tokens[name] = answer.body["user"]["id"], answer.body["token"]
            if rank != "user":
                body = {"role": rank, "reason": REASON}
                root = Rest(self.city.ports[0], self.city.root)
                assert root.call("PUT", f"/admin/users/{self.ids[name]}/role", body).status == 200
                body = {"identifier": called, "password": "correct horse battery"}  # a new rank ends sign-ins (S3)
                self.tokens[name] = Rest(self.city.ports[0]).call("POST", "/auth/login", body).body["token"]
        for title, privacy in (("plaza", "public"), ("den", "private"), ("hall", "protected")):
            made = self.tell("alice", 0, "rest", "create_room", name=self.called(title), privacy=privacy)
            self.model.create_room("alice", privacy).id = made[1]["room"]["id"]
        for name in ("bob", "gus"):
            for room in self.model.rooms:
                _, answer = self.tell("alice", 0, "rest", "invite_to_room", room_id=room.id, user_id=self.ids[name])
                invitation = self.model.invite_to_room("alice", room, name)
                invitation.id = answer["invitation"]["id"]
                self.tell(name, 0, "rest", "accept_invitation", invitation_id=invitation.id)
                self.model.accept_invitation(name, invitation)
                self.invitations.append(invitation)
        for room in self.model.rooms:
            self._send("alice", room, 0, "rest", "welcome", "first", None)

    def called(self, name: str) -> str:
        return f"{name}{self.city.count}"

    # Asking the server and the model the same

    def rest(self, name: str, process: int) -> Rest:
        return Rest(self.city.ports[process], self.tokens[name])

    def tell(self, name: str, process: int, surface: str, command: str, /, **fields: Any) -> Outcome:
        """Ask the server: the code of the refusal, if it was one, and the answer."""
        picture = self.picture_at(name, process)
        if surface == "socket" and picture is not None:
            return self.loop.run_until_complete(_asked(picture, command, fields))
        answer = self.taken(name, process, command, fields)
        code = answer.body["error"]["code"] if answer.status >= 400 else None
        assert answer.status < 500, answer
        return code, answer.body

    def taken(self, name: str, process: int, command: str, fields: dict[str, Any]) -> Answer:
        route = self.city.routes[command]
        path = route.path.removeprefix("/api/v1")
        for key in route.in_path:
            path = path.replace(f"{{{key}}}", quote(str(fields[key]), safe=""))
        rest = {key: value for key, value in fields.items() if key not in route.in_path and value is not None}
        return self.rest(name, process).call(route.method, path, rest)

    def same(self, act: Callable[[], Any], answered: Outcome) -> Any:
        """What the model says came of it; None for a refusal, which must be the server's too."""
        code, _ = answered
        expected, result = None, None
        try:
            result = act()
        except No as no:
            expected = no.code
        assert code == expected, f"the model says {expected}, the server {answered}"
        return True if expected is None and result is None else result

    # What is meant by a number

    def room(self, number: int) -> Room:
        """One of the three, or now and then one of the direct conversations."""
        direct = self.model.rooms[3:]
        return direct[number % len(direct)] if direct and number % 5 == 4 else self.model.rooms[number % 5 % 3]

    def message(self, number: int) -> Said:
        return self.said[-1 - number % len(self.said)]

    # Coming and going

    @rule(
        what=st.sampled_from(
            ["join", "join", "leave", "come back", "invite", "invite", "answer", "answer", "answer", "meet"]
        ),
        name=people,
        other=anybody,
        number=numbers,
        process=processes,
        surface=surfaces,
    )
    def come_and_go(self, what: str, name: str, other: str, number: int, process: int, surface: str) -> None:
        getattr(self, f"_{what.replace(' ', '_')}")(name, other, number, process, surface)

    def _join(self, name: str, other: str, number: int, process: int, surface: str) -> None:
        room = self.room(number)
        answered = self.tell(other, process, surface, "join_room", room_id=room.id)
        self.same(lambda: self.model.join_room(other, room), answered)

    def _leave(self, name: str, other: str, number: int, process: int, surface: str) -> None:
        room = self.room(number)
        answered = self.tell(name, process, surface, "leave_room", room_id=room.id)
        self.same(lambda: self.model.leave_room(name, room), answered)

    def _come_back(self, name: str, other: str, number: int, process: int, surface: str) -> None:
        """Gone, something said meanwhile, and back."""
        self._leave(other, "", number, process, surface)
        self._send("alice", self.room(number), process, surface, "anybody there?", f"once{len(self.said)}", None)
        self._join("", other, number, 1 - process, surface)

    def _invite(self, name: str, other: str, number: int, process: int, surface: str) -> None:
        room = self.room(number)
        answered = self.tell(name, process, surface, "invite_to_room", room_id=room.id, user_id=self.ids[other])
        invitation = self.same(lambda: self.model.invite_to_room(name, room, other), answered)
        if invitation is not None:
            invitation.id = answered[1]["invitation"]["id"]
            self.invitations.append(invitation)

    def _answer(self, name: str, other: str, number: int, process: int, surface: str) -> None:
        what = ("accept_invitation", "accept_invitation", "decline_invitation", "revoke_invitation")[number % 4]
        invitation = self.invitations[-1 - number // 4 % len(self.invitations)]
        name = other if what == "revoke_invitation" or number == 0 else invitation.invitee
        answered = self.tell(name, process, surface, what, invitation_id=invitation.id)
        self.same(lambda: getattr(self.model, what)(name, invitation), answered)

    def _meet(self, name: str, other: str, number: int, process: int, surface: str) -> None:
        answered = self.tell(name, process, surface, "open_direct_room", user_ids=[self.ids[other]])
        opened = self.same(lambda: self.model.open_direct_room(name, other), answered)
        if opened is not None:
            room, is_new = opened
            assert answered[1]["is_new"] is is_new
            assert room.id in ("", answered[1]["room"]["id"])
            room.id = answered[1]["room"]["id"]

    # Rooms, ranks and order

    @rule(
        what=changes,
        name=people,
        number=numbers,
        process=processes,
        surface=surfaces,
    )
    def change_room(self, what: str, name: str, number: int, process: int, surface: str) -> None:
        room = self.room(number % 3)
        if "=" in what:
            field_, _, values = what.partition("=")
            for value in values.split():
                answered = self.tell(name, process, surface, "update_room", room_id=room.id, **{field_: value})
                self.same(lambda value=value: self.model.update_room(name, room, field_, value), answered)
        elif what == "delete_room":
            room = self.model.rooms[2]  # always the same, or people had nowhere to go
            answered = self.tell(name, process, surface, what, room_id=room.id)
            self.same(lambda: self.model.delete_room(name, room), answered)
        else:
            answered = self.tell(name, process, surface, what, room_id=room.id)
            self.same(lambda: self.model.archive_room(name, room, back=what == "unarchive_room"), answered)

    @rule(
        name=people,
        other=anybody,
        number=numbers,
        process=processes,
        surface=surfaces,
        role=st.sampled_from(["guest", "member", "moderator", "moderator", "owner", "hand over"]),
    )
    def change_rank(self, name: str, other: str, number: int, process: int, surface: str, role: str) -> None:
        room = self.room(number)
        fields: dict[str, Any] = {"room_id": room.id, "user_id": self.ids[other]}
        if role == "hand over":
            answered = self.tell(name, process, surface, "transfer_ownership", **fields)
            self.same(lambda: self.model.transfer_ownership(name, room, other), answered)
        else:
            answered = self.tell(name, process, surface, "change_member_role", **fields, role=role)
            self.same(lambda: self.model.change_member_role(name, room, other, role), answered)

    @rule(
        name=people,
        other=anybody,
        number=numbers,
        process=processes,
        surface=surfaces,
        what=st.sampled_from(
            ["kick_member", "mute_member", "ban_member", "unmute_member", "unmute_member", "unban_member"]
        ),
    )
    def keep_order(self, name: str, other: str, number: int, process: int, surface: str, what: str) -> None:
        room = self.room(number)
        fields: dict[str, Any] = {"room_id": room.id, "user_id": self.ids[other]}
        if what in ("mute_member", "ban_member"):
            fields["reason"] = REASON
        if what == "mute_member":
            fields["until"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        answered = self.tell(name, process, surface, what, **fields)
        self.same(lambda: getattr(self.model, what)(name, room, other), answered)

    # Messages

    @rule(
        name=people,
        number=numbers,
        process=processes,
        surface=surfaces,
        content=words,
        nonce=nonces,
        reply=st.one_of(st.none(), st.none(), numbers),
        times=st.sampled_from([1, 1, 1, REPLAYED + 2]),
    )
    def send(
        self,
        name: str,
        number: int,
        process: int,
        surface: str,
        content: str,
        nonce: str | None,
        reply: int | None,
        times: int,
    ) -> None:
        room = self.room(number)
        reply_to = self.message(reply) if reply is not None else None
        is_sent = self._send(name, room, process, surface, content, nonce or f"once{len(self.said)}", reply_to)
        for _ in range(times - 1 if is_sent else 0):
            self._send(name, room, process, surface, content, f"once{len(self.said)}", None)

    def _send(
        self, name: str, room: Room, process: int, surface: str, content: str, nonce: str, reply_to: Said | None
    ) -> bool:
        answered = self.tell(
            name,
            process,
            surface,
            "send_message",
            target={"type": "room", "room_id": room.id},
            content=self.spelt(content),
            nonce=nonce,
            reply_to=reply_to and reply_to.id,
        )
        sent = self.same(lambda: self.model.send_message(name, room, content, nonce, reply_to), answered)
        if sent is None:
            return False
        said, duplicate = sent
        assert answered[1]["duplicate"] is duplicate
        if not duplicate:
            said.id = answered[1]["message"]["id"]
            self.said.append(said)
        self.agree(said, answered[1]["message"])
        return True

    @rule(
        what=st.sampled_from(["edit", "edit", "delete", "react", "react", "take_back", "look"]),
        name=people,
        is_author=st.booleans(),
        number=numbers,
        process=processes,
        surface=surfaces,
        content=words,
        sign=emoji,
    )
    def touch(
        self,
        what: str,
        name: str,
        is_author: bool,
        number: int,
        process: int,
        surface: str,
        content: str,
        sign: str,
    ) -> None:
        said = self.message(number)
        name = said.author if is_author else name
        act: Callable[[], Said]
        match what:
            case "edit":
                asked: dict[str, Any] = {"content": self.spelt(content)}
                command, act = "edit_message", lambda: self.model.edit_message(name, said, content)
            case "delete":
                command, asked, act = "delete_message", {}, lambda: self.model.delete_message(name, said)
            case "look":
                command, asked, act = "get_message", {}, lambda: self.model.get_message(name, said)
            case "react":
                asked = {"emoji": sign}
                command, act = "add_reaction", lambda: self.model.add_reaction(name, said, sign)
            case _:
                asked = {"emoji": sign}
                command, act = "remove_reaction", lambda: self.model.remove_reaction(name, said, sign)
        answered = self.tell(name, process, surface, command, message_id=said.id, **asked)
        if not self.same(act, answered):
            return
        if "emoji" not in asked:
            self.agree(said, answered[1]["message"])
            return
        assert answered[1]["rev"] == said.rev
        shown = {each["emoji"]: each["user_ids"] for each in answered[1]["reactions"]}
        assert shown == {each: [self.ids[who] for who in names] for each, names in said.reactions.items()}

    def spelt(self, content: str) -> str:
        """The text with the names people have in this example."""
        for name in RANKS:
            content = content.replace(f"@{name}", f"@{self.called(name)}")
        return content

    def agree(self, said: Said, message: dict[str, Any]) -> None:
        """A message as the server shows it is the model's."""
        shown = {
            "id": message["id"],
            "seq": message["seq"],
            "rev": message["rev"],
            "author": message["author"],
            "content": message["content"],
            "edited": message["edited"],
            "deleted": message["deleted_at"] is not None,
            "reply_to": message["reply_to"],
            "mentions": set(message["mentions"]),
            "reactions": {each["emoji"]: each["user_ids"] for each in message["reactions"]},
            "nonce": message["nonce"],
        }
        assert shown == {
            "id": said.id,
            "seq": said.seq,
            "rev": said.rev,
            "author": self.ids[said.author],
            "content": self.spelt(said.content),
            "edited": said.is_edited,
            "deleted": said.is_deleted,
            "reply_to": said.reply_to and said.reply_to.id,
            "mentions": {self.ids[name] for name in said.mentions},
            "reactions": {each: [self.ids[name] for name in names] for each, names in said.reactions.items()},
            "nonce": said.nonce,
        }

    # Reading

    @rule(
        name=people,
        number=numbers,
        process=processes,
        surface=surfaces,
        back=st.integers(0, 12),
        unread=st.sampled_from([False, False, True]),
    )
    def mark_read(self, name: str, number: int, process: int, surface: str, back: int, unread: bool) -> None:
        room = self.room(number)
        seq = max(0, room.head + 1 - back * back)  # mostly near the end, sometimes before everything
        answered = self.tell(name, process, surface, "mark_read", room_id=room.id, seq=seq, unread=unread)
        position = self.same(lambda: self.model.mark_read(name, room, seq, unread=unread) + 1, answered)
        if position is not None:
            shown = [answered[1][what] for what in ("read_seq", "unread", "mentions", "counted_to")]
            assert shown == [position - 1, room.unread(name), room.mentions(name), room.head]

    @rule(
        name=people,
        number=numbers,
        process=processes,
        level=st.sampled_from(["all", "mentions", "nothing"]),
        favourite=st.booleans(),
    )
    def choose(self, name: str, number: int, process: int, level: str, favourite: bool) -> None:
        room = self.room(number)
        answered = self.tell(
            name, process, "rest", "set_notifications", room_id=room.id, notifications=level, favourite=favourite
        )
        self.same(lambda: self.model.set_notifications(name, room, level, favourite), answered)

    # Sockets

    def picture_at(self, name: str, process: int) -> Picture | None:
        port = self.city.ports[process]
        return next((one for one in self.pictures[name] if one.port == port and one.is_connected), None)

    @rule(what=st.sampled_from(["open", "open", "lose", "resume", "resume"]), name=anybody, process=processes)
    def move_sockets(self, what: str, name: str, process: int) -> None:
        getattr(self, f"_{what}")(name, process)

    def _open(self, name: str, process: int) -> None:
        if len(self.pictures[name]) < 2:
            picture = Picture(self.city.ports[process], self.rest(name, 1 - process))
            self.loop.run_until_complete(picture.connect())
            picture.read_all()
            self.pictures[name].append(picture)

    def _lose(self, name: str, process: int) -> None:
        for picture in self.pictures[name]:
            if picture.is_connected:
                self.loop.run_until_complete(_dropped(picture))
                picture.draw()

    def _resume(self, name: str, process: int) -> None:
        """Through either process: positions are those of the database, not of a process."""
        for picture in self.pictures[name]:
            if not picture.is_connected:
                picture.port = self.city.ports[process]
                self.loop.run_until_complete(picture.connect())

    # The verdict

    @rule(name=anybody, process=processes)
    def compare(self, name: str, process: int) -> None:
        fresh = Fresh(self.rest(name, process))
        self.agree_with(name, fresh)
        for picture in self.pictures[name]:
            if picture.is_connected:
                self.loop.run_until_complete(
                    picture.until(
                        lambda picture=picture: picture.positions == fresh.positions,
                        f"{name} is at {fresh.positions}",
                    )
                )
                picture.draw()
                assert picture.differences(fresh) == []

    def agree_with(self, name: str, fresh: Fresh) -> None:
        rooms = {room.id: room for room in self.model.rooms_of(name)}
        assert fresh.rooms.keys() == rooms.keys()
        invitations = {one.id for one in self.model.invitations_of(name)}
        assert fresh.invitations.keys() == invitations
        for id_, room in rooms.items():
            shown = fresh.rooms[id_]
            assert fresh.positions[f"room:{id_}"] == room.head
            assert [shown.room[what] for what in ("kind", "privacy", "topic", "mode")] == [
                room.kind,
                room.privacy,
                room.topic,
                room.mode,
            ]
            assert (shown.room["archived_at"] is not None) is room.is_archived
            assert shown.room["owner"] == (room.owner and self.ids[room.owner])
            member = room.members[name]
            assert shown.item == {"notifications": member.notifications, "favourite": member.favourite}
            assert shown.counted == {
                "read_seq": room.position(name),
                "unread": room.unread(name),
                "mentions": room.mentions(name),
                "counted_to": room.head,
            }
            assert {id_: (one["role"], one["muted_until"] is not None) for id_, one in shown.members.items()} == {
                self.ids[each]: (one.role, each in room.mutes) for each, one in room.members.items()
            }
            visible = room.visible(name)
            assert [message["seq"] for message in shown.messages.values()] == [said.seq for said in visible]
            for said in visible:
                self.agree(said, shown.messages[said.id])

    def teardown(self) -> None:
        try:
            if sys.exception() is None:
                for name in RANKS:
                    self._resume(name, 0)
                    self.compare(name, 1)
        finally:
            for each in (picture for pictures in self.pictures.values() for picture in pictures):
                each.drop()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()


async def _asked(picture: Picture, command: str, fields: dict[str, Any]) -> Outcome:
    given = {key: value for key, value in fields.items() if value is not None}
    try:
        answer = await picture.ask(command, **given)
    except Refused as refused:
        return refused.code, None
    return None, answer


async def _dropped(client: Client) -> None:
    client.drop()
    await client.closed()
