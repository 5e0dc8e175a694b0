"""Must-hold: the committed table of rights, act by act and column by column, by REST and by socket.

The page is read, never the code's own tables; those are compared with it at the end.
"""

import importlib
import inspect
import pkgutil
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.actions.sanctions import warn_user
from accounts.actions.staff import deactivate_user
from accounts.actor import Actor
from accounts.roles import PERMISSIONS as SITE_PERMISSIONS
from accounts.roles import Permission, SiteRole
from chat.actions.messages import send_message
from lairchat.core import limits
from lairchat.core.commands import table
from lairchat.core.errors import DomainError
from lairchat.core.routes import routes
from lairchat.testing.asking import Answer, Program
from lairchat.testing.cast import PASSWORD, bring_in, signed_in
from lairchat.testing.values import values_for
from rooms.actions import rooms as room_actions
from rooms.actions.invitations import invite_to_room
from rooms.models import Membership, Room, RoomSanction
from rooms.roles import PERMISSIONS as ROOM_PERMISSIONS
from rooms.roles import RoomPermission, RoomRole

UPKEEP = "Upkeep:"  # the server's own acts, by nobody's right

PAGE = Path(__file__).parents[2] / "docs" / "architecture" / "rights.md"
COLUMNS = ["G", "U", "M", "RM", "RO", "SM", "SA"]
PACKAGES = ["accounts.actions", "rooms.actions", "chat.actions"]
# Acts under another name on the wire, and acts that no program can ask for.
COMMANDS = {"log_out": "logout", "revisions_of": "get_revisions"}
BY_HAND = {"create_first_room", "create_admin", "deactivate_user", "reactivate_user", "refresh_session"}
YES, NO = "●", "○"


def rows_under(heading):
    """The cells of the lines of the one table below the heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


PROMISED = {row[0]: dict(zip(["A", *COLUMNS], row[1:], strict=True)) for row in rows_under("The table")}
HEADINGS = ["What each act answers", "What each act with messages answers", "What each act with people answers"]
ANSWERS = [(row[0].strip("`"), row[1], row[2], row[3:]) for heading in HEADINGS for row in rows_under(heading)]
GROUPS = 8  # the lines are asked in groups: making the company takes longer than asking
every_group = pytest.mark.parametrize("group", range(GROUPS))


class Company:
    """One person for each column; bob, a member, to act upon; sven, a stranger to all."""

    def __init__(self, person):
        self.columns = {
            "RO": person("alice"),
            "RM": person("rita"),
            "M": person("max"),
            "U": person("ulla"),
            "G": person("gwen", SiteRole.GUEST),
            "SM": person("mona", SiteRole.MODERATOR),
            "SA": person("root", SiteRole.ADMIN),
        }
        self.bob, self.sven = person("bob"), person("sven")
        self.owner, self.admin = self.columns["RO"], self.columns["SA"]

    def room(self, privacy):
        room = room_actions.create_room(
            self.owner, "salon", privacy=privacy if privacy in Room.Privacy else "public"
        ).room
        bring_in(self.owner, room, self.bob, self.columns["RM"], self.columns["M"])
        Membership.objects.filter(room=room, user=self.columns["RM"].user).update(role="moderator")
        if privacy == "system":
            Room.objects.filter(pk=room.id).update(kind=Room.Kind.SYSTEM)
        return room


@pytest.fixture
def company(person):
    return Company(person)


def tomorrow():
    return (timezone.now() + timedelta(days=1)).isoformat()


def sanctioned(company, room, kind):
    """What the owner did to bob, who is still there."""
    return RoomSanction.objects.create(
        room=room, user=company.bob.user, by=company.owner.user, kind=kind, reason="noise", ends_at=tomorrow()
    )


def said_by(company, room, author):
    """A message of theirs; in a system room the administrator said it."""
    is_system = Room.objects.get(pk=room.id).kind == Room.Kind.SYSTEM
    return str(send_message(company.admin if is_system else author, room.id, "hello").message.id)


def situation(act, company, room, actor):
    """Set up what the act is upon; returns the values that ask for it."""
    name, _, detail = act.rstrip(")").partition("(")
    bob = str(company.bob.person.id)
    ids = {"room_id": str(room.id), "user_id": bob, "target": {"type": "room", "room_id": str(room.id)}}
    match name, detail:
        case "accept_invitation" | "decline_invitation", _:
            return {"invitation_id": str(invite_to_room(company.owner, room.id, actor.person.id).id)}
        case "invite_to_room", _:
            return ids | {"user_id": str(company.sven.person.id)}
        case "revoke_invitation", _:
            return {"invitation_id": str(invite_to_room(company.owner, room.id, company.sven.person.id).id)}
        case "unarchive_room", _:
            room_actions.archive_room(company.owner, room.id)
        case "unban_member", _:
            sanctioned(company, room, "ban")
        case "unmute_member", _:
            sanctioned(company, room, "mute")
        case "lift_room_sanction", _:
            return {"sanction_id": str(sanctioned(company, room, "mute").id)}
        case "update_room", field:
            other = "protected" if room.privacy == Room.Privacy.PUBLIC else "public"
            return ids | {field: {"privacy": other, "mode": "read_only", "max_members": 50}.get(field, "another")}
        case "set_notifications", _:
            return ids | {"favourite": True}
        case "create_room" | "create_first_room", _:
            return {"name": "another"}
        case "open_direct_room", _:
            return {"user_ids": [str(company.sven.person.id)]}
        case (("edit_message" | "delete_message"), "own"):
            return {"message_id": said_by(company, room, actor)}
        case "delete_message", "an owner's":
            return {"message_id": said_by(company, room, company.owner)}
        case (
            ("edit_message" | "delete_message" | "add_reaction" | "remove_reaction" | "get_message" | "revisions_of"),
            _,
        ):
            return {"message_id": said_by(company, room, company.bob)}
        case "mark_read", _:
            return ids | {"seq": 1}
        case "get_messages", _:
            return {"target_type": "room", "target_id": str(room.id)}
        case "end_session", _:
            return {"session_id": str(signed_in(actor.person).session_id)}
        case "lift_sanction", _:
            return {"sanction_id": str(warn_user(company.admin, company.bob.person.id, "careful").id)}
        case "suspend_user", "longer":
            return {"user_id": bob, "until": (timezone.now() + timedelta(days=60)).isoformat()}
        case "change_password", _:
            return {"current_password": PASSWORD}
        case "update_profile", _:
            return {"bio": "Here."}
        case "reactivate_user", _:
            deactivate_user(company.admin, company.bob.person.id, "gone for now")
    return ids


def name_of(act):
    name = act.partition("(")[0]
    return COMMANDS.get(name, name)


def ways(act):
    """How programs ask for the act: its routes and its command, as `(way, (program, values) → answer)`."""
    name = name_of(act)
    for route in routes():
        if route.command.name == name:
            yield str(route), lambda program, values, route=route: program.take(route, fitting(route, values))
    if name in SANCTIONS:
        route = next(route for route in routes() if route.command.name == "impose")
        kind = {"kind": SANCTIONS[name]}
        yield str(route), lambda program, values: program.take(route, values_for(route.command.takes, values | kind))
    if name in table and not table[name].silent:
        form = table[name].takes
        yield f"`{name}`", lambda program, values: program.say(name, values_for(form, values))


SANCTIONS = {"warn_user": "warn", "mute_user": "mute", "suspend_user": "suspend", "ban_user": "ban"}


def fitting(route, values):
    values = values_for(route.command.takes, values)
    return {name: value for name, value in values.items() if route.method != "GET" or name != "target"}


def outcome(answer):
    assert answer.status < 500, answer
    return "done" if answer.code is None else answer.code


def by_hand(act):
    """The action itself, for acts that no program can ask for, answering as a surface would."""
    name = act.partition("(")[0]
    assert name in BY_HAND, f"no route and no command for {act}"
    function = acts()[name]
    given = {"username": "another", "email": "another@example.org", "password": PASSWORD, "reason": "It had to be."}

    def ask(program, values):
        wanted = [name for name in inspect.signature(function).parameters if name in given | values]
        try:
            function(program.actor, **{name: (given | values)[name] for name in wanted})
        except DomainError as refusal:
            return Answer(refusal.status, {"error": refusal.as_dict()})
        return Answer(200, {})

    return ask


def undone():
    """A block whose changes do not stay."""
    stack = ExitStack()
    stack.enter_context(transaction.atomic())
    stack.callback(transaction.set_rollback, True)
    return stack


@every_group
def test_everybody_is_answered_what_the_page_says(company, group):
    wrong = []
    for act, privacy, _, cells in ANSWERS[group::GROUPS]:
        with undone():
            room = company.room(privacy)
            expected = {column: cell for column, cell in zip(COLUMNS, cells, strict=True) if cell != "-"}
            found = list(ways(act)) or [("by hand", by_hand(act))]
            for way, ask in found:
                answered = {column: asked(company, room, act, column, ask) for column in expected}
                if answered != expected:
                    wrong.append(f"{act} {privacy}, {way}: {answered}, but the page says {expected}")
    assert not wrong, "\n".join(wrong)


def asked(company, room, act, column, ask):
    """What one asking answers, in a situation of its own; nothing of it stays."""
    limits.forget()
    with undone():
        actor = company.columns[column]
        return outcome(ask(Program(actor), situation(act, company, room, actor)))


def test_who_is_not_signed_in_gets_as_far_as_no_act(company):
    visitor, seen = Program(None), set()
    for act, privacy, _, _ in ANSWERS:
        with undone():
            somebody = company.columns["U"] if "invitation" in act else company.owner
            values = situation(act, company, company.room(privacy), somebody)
            for way, ask in ways(act):
                if not way.startswith("`"):  # nobody gets as far as a command: the socket is closed with 4001
                    limits.forget()
                    answer = ask(visitor, values)
                    assert (answer.status, answer.code) == (401, "missing_token"), way
                    seen.add(way)
    assert len(seen) > 40


@pytest.mark.parametrize(
    ("act", "privacy", "line", "cells"), ANSWERS, ids=[f"{answer[0]} {answer[1]}" for answer in ANSWERS]
)
def test_no_answer_contradicts_the_promise(act, privacy, line, cells):
    """○ is never done. ● in a public room is done, or refused for what has nothing to do with rights."""
    for column, cell in zip(COLUMNS, cells, strict=True):
        promise = PROMISED[line][column]
        if promise == NO:
            assert cell != "done", column
        if promise == YES and privacy == "public" and "own" not in act:
            assert cell in ("done", "-", "already_member", "last_owner"), column
    assert PROMISED[line]["A"] == NO


def acts():
    """Everything that somebody signed in may do: the public functions of the actions that take an Actor."""
    found = {}
    for package in PACKAGES:
        for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            module = importlib.import_module(info.name)
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ == module.__name__ and not name.startswith("_") and _takes_an_actor(function):
                    found[name] = function
    return found


def _takes_an_actor(function):
    """Not a visitor at the door, not a step of another act, and not upkeep, which no surface offers."""
    parameters = list(inspect.signature(function).parameters.values())
    if (function.__doc__ or "").startswith(("Inside an action", "A step of", UPKEEP)):
        return False
    return bool(parameters) and parameters[0].annotation in (Actor, "Actor")


def test_nobody_can_ask_for_upkeep():
    assert [entry.name for entry in table.values() if entry.summary.startswith(UPKEEP)] == []
    assert {"forget_sessions", "forget_attempts", "expire_invitation"} & table.keys() == set()


def test_every_act_has_a_line():
    on_the_page = {act.partition("(")[0] for act, *_ in ANSWERS}
    assert acts().keys() - on_the_page == set()


def test_every_line_is_of_something_that_exists():
    for act, *_ in ANSWERS:
        name = act.partition("(")[0]
        assert name in acts() or name_of(act) in table, act


def test_every_command_has_a_line():
    """Reading is an act too, though no action writes for it."""
    on_the_page = {name_of(act) for act, *_ in ANSWERS}
    own = {
        "get_current_user",
        "get_sidebar",
        "list_invitations",
        "list_rooms",
        "list_users",
    }  # what is seen differs, not who
    assert table.keys() - on_the_page - own == set()


class TestRoleTables:
    """The tables of the code, against the lines of the page that are theirs."""

    SITE = {
        Permission.DISCOVER_ROOMS: "list or find public and protected rooms",
        Permission.CREATE_ROOMS: "create room / start direct conversation",
        Permission.SEE_DIRECTORY: "see profiles and presence",
        Permission.MESSAGE_REMOVE: "delete a message",
        Permission.SANCTION_LIGHT: "warn, mute, suspend guests and users (suspend up to 30 days)",
        Permission.SANCTION_SUSPEND: "warn, mute, suspend guests and users (suspend up to 30 days)",
        Permission.SANCTION_BAN: "ban, or suspend longer",
        Permission.ROOM_MODE: "slow mode, read-only, freeze, locked",
        Permission.ROOM_MANAGE: "archive or delete room",
        Permission.PEOPLE_MANAGE: "deactivate, end sessions of others, send reset link, remove a factor",
        Permission.SESSIONS_END: "deactivate, end sessions of others, send reset link, remove a factor",
        Permission.STAFF_GRANT: "change site rank; grant staff permissions; break-glass; erase a person",
        Permission.LOG_VIEW: "audit log",
    }
    ROOM = {
        RoomPermission.READ: "read messages, threads, files, reactions, receipts, search, stream",
        RoomPermission.SET_TOPIC: "pin; set topic",
        RoomPermission.INVITE: "invite",
        RoomPermission.REMOVE_MESSAGES: "delete a message",
        RoomPermission.SANCTION_MEMBERS: "kick, mute, room ban (lower ranks only)",
        RoomPermission.SET_MODE: "slow mode, read-only, freeze, locked",
        RoomPermission.CHANGE_ROLES: "change room ranks, transfer ownership",
        RoomPermission.ARCHIVE: "archive or delete room",
    }

    @pytest.mark.parametrize("permission", SITE)
    def test_a_site_rank_holds_what_its_column_says(self, permission):
        columns = {SiteRole.GUEST: "G", SiteRole.USER: "U", SiteRole.MODERATOR: "SM", SiteRole.ADMIN: "SA"}
        for role, column in columns.items():
            promised = PROMISED[self.SITE[permission]][column]
            held = permission in SITE_PERMISSIONS[role]
            # Notes 18 delegate, "propose" and "part" are less than the permission; "/" parts two acts in one cell.
            whole = promised.split(" / ")[0].startswith(YES) or promised == "read"
            assert held is whole, f"{column}: {promised}"

    @pytest.mark.parametrize("permission", ROOM)
    def test_a_room_rank_holds_what_its_column_says(self, permission):
        for role, column in {RoomRole.MEMBER: "M", RoomRole.MODERATOR: "RM", RoomRole.OWNER: "RO"}.items():
            promised = PROMISED[self.ROOM[permission]][column]
            assert (permission in ROOM_PERMISSIONS[role]) is promised.startswith(YES), f"{column}: {promised}"

    def test_a_room_guest_may_what_a_member_may(self):
        assert ROOM_PERMISSIONS[RoomRole.GUEST] == ROOM_PERMISSIONS[RoomRole.MEMBER]
