"""D9, D5: a stale read plus the frames after it is a fresh read, in the browser's own code, for every kind of event."""

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client as Browser
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actions import profile, sanctions, sessions, staff
from accounts.actor import Actor
from accounts.models import UserSession
from accounts.tokens import session_token
from chat.actions import messages, reactions, receipts
from chat.realtime import v2
from chat.tests.listening import Listener, until
from lairchat.core import events, lane, limits, log
from lairchat.core.errors import DomainError
from lairchat.testing.cast import signed_in
from lairchat.testing.recorder import recording
from rooms.actions import invitations, memberships
from rooms.actions import rooms as room_actions
from rooms.actions import sanctions as room_sanctions
from rooms.models import Room

pytestmark = pytest.mark.django_db(transaction=True)

REPLAY = Path(__file__).parent / "js" / "replay.mjs"
PAGE = 100


@dataclass
class Town:
    """alice owns both rooms, bob is a member of both, carol of none; mona and root keep order on the site."""

    alice: Actor
    bob: Actor
    carol: Actor
    mona: Actor
    root: Actor
    den: Room
    plaza: Room

    @property
    def people(self) -> list[Actor]:
        return [self.alice, self.bob, self.carol]


@pytest.fixture
def town(alice: Actor, bob: Actor, mallory: Actor, mona: Actor, root: Actor, den: Room, plaza: Room) -> Town:
    return Town(alice, bob, mallory, mona, root, den, plaza)


# What a person reads, and what the browser makes of it


@dataclass
class Read:
    """Everything a browser reads by REST: the sidebar, and each room's newest messages and its members."""

    sidebar: dict[str, Any]
    pages: list[dict[str, Any]]
    members: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, actor: Actor) -> "Read":
        token = session_token(UserSession.objects.get(pk=actor.session_id), actor.person)
        browser = Browser(headers={"Authorization": f"Bearer {token}"})

        def get(path: str) -> Any:
            answer = browser.get(f"/api/v1{path}")
            assert answer.status_code == 200, answer.content
            return json.loads(answer.content)

        sidebar = get("/sidebar")
        rooms = [item["room"]["id"] for item in sidebar["rooms"]]
        pages = [get(f"/messages?target_type=room&target_id={room}&limit={PAGE}") for room in rooms]
        return cls(sidebar, pages, {room: get(f"/rooms/{room}/members?limit={PAGE}") for room in rooms})

    def at(self, positions: dict[str, int]) -> "Read":
        """The same rows, as if they had been read by somebody whose frames go on from these positions."""
        earlier = copy.deepcopy(self)
        known = {stream: seq for stream, seq in positions.items() if stream in earlier.sidebar["positions"]}
        earlier.sidebar["positions"] |= known
        return earlier

    @property
    def resume(self) -> v2.Resume:
        return v2.Resume(self.sidebar["epoch"], self.sidebar["positions"])

    @property
    def joined(self) -> set[tuple[str, str]]:
        """The rooms, each with the moment at which the person joined it."""
        return {(item["room"]["id"], item["membership"]["joined_at"]) for item in self.sidebar["rooms"]}


Frames = list[dict[str, Any]]


async def seen(*told: tuple[Read, Frames]) -> list[dict[str, Any]]:
    """What the browser's own modules know after each read and the frames that follow it."""
    given = [
        {"sidebar": read.sidebar, "pages": read.pages, "members": read.members, "frames": frames}
        for read, frames in told
    ]
    node = await asyncio.create_subprocess_exec(
        "node", str(REPLAY), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await node.communicate(json.dumps(given).encode())
    assert node.returncode == 0
    return json.loads(output)


def of_rooms(known: dict[str, Any], rooms: set[str]) -> dict[str, Any]:
    """The same knowledge without the contents of other rooms."""
    return known | {
        "messages": {id_: message for id_, message in known["messages"].items() if message["room_id"] in rooms},
        "order": {room: ids for room, ids in known["order"].items() if room in rooms},
        "members": {room: members for room, members in known["members"].items() if room in rooms},
    }


class Watch:
    """One person's stale read, and the frames that come after it: live, and again from the log."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    async def begin(self) -> "Watch":
        self.stale = await lane.run(Read.of, self.actor)
        self.live = await Listener(self.actor).listen(self.stale.resume)
        assert self.live.events == []
        return self

    async def judge(self) -> None:
        """Raises AssertionError where what the frames tell is not what a fresh read says."""
        await self._hear_everything(self.live)
        again = await Listener(self.actor).listen(self.stale.resume)
        await self._hear_everything(again)
        fresh = await lane.run(Read.of, self.actor)
        told: list[tuple[Read, Frames]] = []
        for listener in (self.live, again):
            assert {frame["reason"] for frame in listener.resets} <= {"no_access"}
            frames = [frame for frame in listener.frames if frame["type"] not in ("ready", "live")]
            # The rows of a later read with the frames from before it, too: whatever is older changes nothing.
            told += [(begin, frames) for begin in (self.stale, fresh.at(self.stale.sidebar["positions"]))]
            told += [(self.stale, frames + frames)]
        truth, *known = await seen((fresh, []), *told)
        stayed = {room for room, _ in self.stale.joined & fresh.joined}
        for knowledge in known:
            # A room entered anew has to be read first; of one the person stayed in, nothing may be forgotten.
            assert stayed <= knowledge["order"].keys() & knowledge["members"].keys()
            assert knowledge == of_rooms(truth, set(knowledge["order"]))

    async def _hear_everything(self, listener: Listener) -> None:
        heads = await lane.run(log.heads, list(listener.positions))
        await until(
            lambda: all(listener.positions[name] >= heads.get(name, 0) for name in listener.positions if name in heads),
            f"{self.actor.person.username} heard everything",
        )
        listener.check()


# Every kind of event


Act = Callable[[], Any]
CASES: dict[str, Callable[[Town], Act]] = {}


def case(kind: str) -> Callable[[Callable[[Town], Act]], Callable[[Town], Act]]:
    """Decorator: what is done beforehand, and the act that publishes the kind."""

    def enter(prepare: Callable[[Town], Act]) -> Callable[[Town], Act]:
        CASES[kind] = prepare
        return prepare

    return enter


@case("message_received")
def _(town: Town) -> Act:
    return lambda: messages.send_message(town.alice, town.den.id, "Hello @bob")


@case("message_edited")
def _(town: Town) -> Act:
    message = messages.send_message(town.alice, town.den.id, "Hello @bob").message
    return lambda: messages.edit_message(town.alice, message.id, "Hello, nobody")


@case("message_deleted")
def _(town: Town) -> Act:
    message = messages.send_message(town.alice, town.den.id, "Hello @bob").message
    messages.send_message(town.bob, town.den.id, "What?", reply_to=message.id)
    return lambda: messages.delete_message(town.alice, message.id)


@case("reactions_changed")
def _(town: Town) -> Act:
    message = messages.send_message(town.alice, town.den.id, "Hello").message
    reactions.add_reaction(town.alice, message.id, "🎉")
    return lambda: reactions.add_reaction(town.bob, message.id, "👍")


@case("read_position_changed")
def _(town: Town) -> Act:
    for text in ("one", "two @bob", "three"):
        last = messages.send_message(town.alice, town.den.id, text).message
    return lambda: receipts.mark_read(town.bob, town.den.id, last.seq - 1)


@case("user_joined_room")
def _(town: Town) -> Act:
    return lambda: memberships.join_room(town.carol, town.plaza.id)


@case("room_gained")
def _(town: Town) -> Act:
    def meet() -> None:
        room = room_actions.open_direct_room(town.alice, [town.bob.person.id, town.carol.person.id]).room
        messages.send_message(town.carol, room.id, "Just us")

    return meet


@case("user_left_room")
def _(town: Town) -> Act:
    memberships.join_room(town.carol, town.plaza.id)
    return lambda: memberships.leave_room(town.carol, town.plaza.id)


@case("room_lost")
def _(town: Town) -> Act:
    messages.send_message(town.bob, town.den.id, "Bye")
    return lambda: room_sanctions.ban_member(town.alice, town.den.id, town.bob.person.id, reason="Spam")


@case("member_role_changed")
def _(town: Town) -> Act:
    return lambda: memberships.transfer_ownership(town.alice, town.den.id, town.bob.person.id)


@case("member_muted")
def _(town: Town) -> Act:
    until = timezone.now() + timedelta(hours=1)
    return lambda: room_sanctions.mute_member(
        town.alice, town.den.id, town.bob.person.id, reason="Too loud", until=until
    )


@case("room_updated")
def _(town: Town) -> Act:
    return lambda: room_actions.update_room(town.alice, town.den.id, name="attic", topic="Old things")


@case("room_deleted")
def _(town: Town) -> Act:
    memberships.join_room(town.carol, town.plaza.id)
    return lambda: room_actions.delete_room(town.alice, town.plaza.id)


@case("room_settings_changed")
def _(town: Town) -> Act:
    return lambda: memberships.set_notifications(town.bob, town.den.id, notifications="mentions", favourite=True)


@case("invitation_received")
def _(town: Town) -> Act:
    return lambda: invitations.invite_to_room(town.alice, town.den.id, town.carol.person.id, message="Come in")


@case("invitation_answered")
def _(town: Town) -> Act:
    invitation = invitations.invite_to_room(town.alice, town.den.id, town.carol.person.id)
    return lambda: invitations.accept_invitation(town.carol, invitation.id)


@case("profile_updated")
def _(town: Town) -> Act:
    return lambda: profile.update_profile(town.bob, display_name="Bobby", bio="Reads.")


@case("user_sanctioned")
def _(town: Town) -> Act:
    return lambda: sanctions.warn_user(town.mona, town.bob.person.id, "Mind your words")


@case("sanction_lifted")
def _(town: Town) -> Act:
    until = timezone.now() + timedelta(hours=1)
    sanction = sanctions.mute_user(town.mona, town.bob.person.id, "Too loud", until)
    return lambda: sanctions.lift_sanction(town.mona, sanction.id)


@case("session_ended")
def _(town: Town) -> Act:
    other = signed_in(town.bob.person)
    return lambda: sessions.end_session(town.bob, other.session_id)


@case("staff_changed")
def _(town: Town) -> Act:
    return lambda: staff.change_role(town.root, town.bob.person.id, "moderator")


ALONE = {"user_registered"}  # the first entry of a stream: nobody has a read from before it; it has a test of its own


@pytest.mark.promise("D4")
def test_every_kind_of_event_has_a_case() -> None:
    assert CASES.keys() | ALONE == events.registry.keys()


@pytest.mark.parametrize("kind", sorted(events.registry.keys() - ALONE))
@pytest.mark.promise("D5", "D9")
async def test_a_stale_read_and_the_frames_after_it_are_a_fresh_read(town: Town, hub: Any, kind: str) -> None:
    act = await lane.run(CASES[kind], town)
    watches = [await Watch(person).begin() for person in town.people]
    with recording() as published:
        await lane.run(act)
    assert kind in {event.type for event in published.events}
    for watch in watches:
        await watch.judge()
    assert kind in {event["type"] for watch in watches for event in watch.live.events}


async def test_the_first_entry_of_ones_own_stream_changes_nothing(town: Town, hub: Any) -> None:
    fresh = await lane.run(Read.of, town.carol)
    mine = f"user:{town.carol.person.id}"
    listener = await Listener(town.carol).listen(fresh.at({mine: 0}).resume)
    listener.check()
    assert listener.events[0]["type"] == "user_registered"
    assert listener.events[0]["user"] == fresh.sidebar["me"]
    known, truth = await seen((fresh.at({mine: 0}), listener.events), (fresh, []))
    assert known == truth


# Random histories


@dataclass(frozen=True)
class Step:
    """Somebody tries something; `pick` says which of the things at hand."""

    who: int
    verb: str
    pick: int


class History:
    """Three people in a few rooms, doing one thing after another. What they may not do is refused, as in life."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.rooms = [town.den.id, town.plaza.id]
        self.messages: list[UUID] = []
        self.invitations: list[UUID] = []
        self.done = 0

    def take(self, step: Step) -> None:
        limits.forget()
        actor = self.town.people[step.who]
        try:
            getattr(self, step.verb)(actor, step.pick)
            self.done += 1
        except DomainError:
            pass  # nothing happened, which is a step too

    def _of(self, things: list[UUID], pick: int) -> UUID:
        return things[-1 - pick % len(things)]

    def _somebody(self, pick: int) -> UUID:
        return self.town.people[pick % 3].person.id

    def say(self, actor: Actor, pick: int) -> None:
        text = ("Hello", "Hello @alice", "Hello @bob and @mallory", "")[pick % 4] or f"Number {pick}"
        reply = self._of(self.messages, pick) if self.messages and pick % 3 == 0 else None
        sent = messages.send_message(actor, self._of(self.rooms, pick), text, reply_to=reply)
        self.messages.append(sent.message.id)

    def edit(self, actor: Actor, pick: int) -> None:
        if self.messages:
            messages.edit_message(actor, self._of(self.messages, pick), f"Better @{('alice', 'bob')[pick % 2]} {pick}")

    def delete(self, actor: Actor, pick: int) -> None:
        if self.messages:
            messages.delete_message(actor, self._of(self.messages, pick))

    def react(self, actor: Actor, pick: int) -> None:
        if self.messages:
            reactions.add_reaction(actor, self._of(self.messages, pick), "👍🎉"[pick % 2])

    def take_back(self, actor: Actor, pick: int) -> None:
        if self.messages:
            reactions.remove_reaction(actor, self._of(self.messages, pick), "👍🎉"[pick % 2])

    def read(self, actor: Actor, pick: int) -> None:
        if self.messages:
            receipts.mark_read(actor, self._of(self.rooms, pick), up_to=self._of(self.messages, pick // 2))

    def unread(self, actor: Actor, pick: int) -> None:
        if self.messages:
            receipts.mark_read(actor, self._of(self.rooms, pick), up_to=self._of(self.messages, pick), unread=True)

    def join(self, actor: Actor, pick: int) -> None:
        memberships.join_room(actor, self._of(self.rooms, pick))

    def leave(self, actor: Actor, pick: int) -> None:
        memberships.leave_room(actor, self._of(self.rooms, pick))

    def kick(self, actor: Actor, pick: int) -> None:
        room_sanctions.kick_member(actor, self._of(self.rooms, pick // 3), self._somebody(pick))

    def invite(self, actor: Actor, pick: int) -> None:
        room, guest = self._of(self.rooms, pick // 3), self._somebody(pick)
        self.invitations.append(invitations.invite_to_room(actor, room, guest).id)

    def accept(self, actor: Actor, pick: int) -> None:
        if self.invitations:
            invitations.accept_invitation(actor, self._of(self.invitations, pick))

    def decline(self, actor: Actor, pick: int) -> None:
        if self.invitations:
            invitations.decline_invitation(actor, self._of(self.invitations, pick))

    def found(self, actor: Actor, pick: int) -> None:
        privacy = ("public", "private")[pick % 2]
        room = room_actions.create_room(actor, f"room {len(self.rooms)}", privacy=privacy).room
        self.rooms.append(room.id)

    def meet(self, actor: Actor, pick: int) -> None:
        room = room_actions.open_direct_room(actor, [self._somebody(pick)]).room
        if room.id not in self.rooms:
            self.rooms.append(room.id)

    def rename(self, actor: Actor, pick: int) -> None:
        room_actions.update_room(actor, self._of(self.rooms, pick), topic=f"Topic {pick}")

    def archive(self, actor: Actor, pick: int) -> None:
        room = self._of(self.rooms, pick)
        (room_actions.archive_room if pick % 3 == 0 else room_actions.unarchive_room)(actor, room)

    def end(self, actor: Actor, pick: int) -> None:
        if pick % 4 == 0:
            room_actions.delete_room(actor, self._of(self.rooms, pick // 4))

    def rank(self, actor: Actor, pick: int) -> None:
        role = ("member", "moderator", "guest", "owner")[pick // 3 % 4]
        memberships.change_member_role(actor, self._of(self.rooms, pick), self._somebody(pick), role)

    def silence(self, actor: Actor, pick: int) -> None:
        until = timezone.now() + timedelta(hours=1)
        room, target = self._of(self.rooms, pick // 3), self._somebody(pick)
        room_sanctions.mute_member(actor, room, target, reason="Too loud", until=until)

    def let_speak(self, actor: Actor, pick: int) -> None:
        room_sanctions.unmute_member(actor, self._of(self.rooms, pick // 3), self._somebody(pick))

    def favour(self, actor: Actor, pick: int) -> None:
        level = ("all", "mentions", "nothing")[pick % 3]
        memberships.set_notifications(actor, self._of(self.rooms, pick), notifications=level, favourite=pick % 2 == 0)

    def rename_oneself(self, actor: Actor, pick: int) -> None:
        profile.update_profile(actor, display_name=f"Name {pick}")


VERBS = [name for name in vars(History) if not name.startswith("_") and name != "take"]
# People mostly talk.
STEPS = st.builds(
    Step,
    who=st.integers(0, 2),
    verb=st.sampled_from([*VERBS, *["say"] * 8, *["edit", "delete", "react", "read"] * 2]),
    pick=st.integers(0, 11),
)


@given(early=st.lists(STEPS, min_size=5, max_size=15), late=st.lists(STEPS, min_size=25, max_size=45))
@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.promise("D9")
async def test_whatever_people_do_a_stale_read_catches_up(
    early: list[Step], late: list[Step], town: Town, hub: Any
) -> None:
    await lane.run(_begin_anew, town)
    history = History(town)
    for step in early:
        await lane.run(history.take, step)
    watches = [await Watch(person).begin() for person in town.people]
    try:
        for step in late:
            await lane.run(history.take, step)
        for watch in watches:
            await watch.judge()
    finally:
        for watch in watches:
            hub.detach(watch.live.connection)
    assert history.done > 0


def _begin_anew(town: Town) -> None:
    """Rooms of this history alone: the examples share the people."""
    limits.forget()
    from lairchat.testing.cast import bring_in

    for room in Room.objects.filter(deleted_at=None, kind=Room.Kind.CHANNEL):
        room_actions.delete_room(Actor.system(), room.id)
    town.den = room_actions.create_room(town.alice, "den", privacy="private").room
    town.plaza = room_actions.create_room(town.alice, "plaza").room
    for room in (town.den, town.plaza):
        bring_in(town.alice, room, town.bob)
