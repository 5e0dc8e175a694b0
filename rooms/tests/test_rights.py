"""The committed table of rights, line by line: each act, each column."""

import inspect
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.roles import SiteRole
from lairchat.core import limits
from lairchat.core.commands import table
from lairchat.core.errors import DomainError
from lairchat.testing.cast import bring_in
from rooms.actions import invitations, memberships, rooms, sanctions
from rooms.models import Membership, Room, RoomSanction
from rooms.shapes import ListMembersInput, RoomInput
from rooms.tests.evidence import set_role

PAGE = Path(__file__).parents[2] / "docs" / "architecture" / "rights.md"
COLUMNS = ["G", "U", "M", "RM", "RO", "SM", "SA"]


def rows_under(heading):
    """The cells of the lines of the one table below the heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


PROMISED = {row[0]: dict(zip(["A", *COLUMNS], row[1:], strict=True)) for row in rows_under("The table")}
ANSWERS = [(row[0].strip("`"), row[1], row[2], row[3:]) for row in rows_under("What each act answers")]


@pytest.fixture
def company(person):
    """One person for each column, bob to act upon, and a stranger to all."""
    people = {
        "RO": person("alice"),
        "RM": person("rita"),
        "M": person("max"),
        "U": person("ulla"),
        "G": person("gwen", SiteRole.GUEST),
        "SM": person("mona", SiteRole.MODERATOR),
        "SA": person("root", SiteRole.ADMIN),
    }
    return people | {"bob": person("bob"), "stranger": person("sven")}


def room_of(company, privacy):
    owner = company["RO"]
    room = rooms.create_room(owner, "salon", privacy="public" if privacy == "-" else privacy).room
    bring_in(owner, room, company["bob"], company["RM"], company["M"])
    set_role(company["RM"], room, "moderator")
    return room


def sanctioned(company, room, kind):
    """What the owner did to bob, who is still there."""
    return RoomSanction.objects.create(
        room=room, user=company["bob"].user, by=company["RO"].user, kind=kind, reason="noise", ends_at=tomorrow()
    )


def tomorrow():
    return timezone.now() + timedelta(days=1)


def invited(company, room, actor):
    return invitations.invite_to_room(company["RO"], room.id, actor.person.id).id


def act(name, company, room, actor):
    """Do the act of this name as the actor; its set-up is the owner's."""
    bob, stranger = company["bob"].person.id, company["stranger"]
    match name:
        case "get_room":
            return table[name].run(actor, RoomInput(room.id))
        case "list_members":
            return table[name].run(actor, ListMembersInput(room.id))
        case "join_room" | "leave_room" | "set_notifications":
            options = {"favourite": True} if name == "set_notifications" else {}
            return getattr(memberships, name)(actor, room.id, **options)
        case "accept_invitation" | "decline_invitation":
            return getattr(invitations, name)(actor, invited(company, room, actor))
        case "invite_to_room":
            return invitations.invite_to_room(actor, room.id, stranger.person.id)
        case "revoke_invitation":
            return invitations.revoke_invitation(actor, invited(company, room, stranger))
        case "archive_room" | "delete_room":
            return getattr(rooms, name)(actor, room.id)
        case "unarchive_room":
            rooms.archive_room(company["RO"], room.id)
            return rooms.unarchive_room(actor, room.id)
        case "change_member_role":
            return memberships.change_member_role(actor, room.id, bob, "moderator")
        case "transfer_ownership":
            return memberships.transfer_ownership(actor, room.id, bob)
        case "kick_member":
            return sanctions.kick_member(actor, room.id, bob)
        case "ban_member":
            return sanctions.ban_member(actor, room.id, bob, reason="noise")
        case "mute_member":
            return sanctions.mute_member(actor, room.id, bob, reason="noise", until=tomorrow())
        case "unban_member" | "unmute_member":
            sanctioned(company, room, name[2:].removesuffix("_member"))
            return getattr(sanctions, name)(actor, room.id, bob)
        case "lift_room_sanction":
            return sanctions.lift_room_sanction(actor, sanctioned(company, room, "mute").id)
        case "create_room" | "create_first_room":
            return getattr(rooms, name)(actor, "another")
        case "open_direct_room":
            return rooms.open_direct_room(actor, [stranger.person.id])
    field = name.removeprefix("update_room(").removesuffix(")")
    other = "protected" if room.privacy == Room.Privacy.PUBLIC else "public"
    new = {"privacy": other, "mode": "read_only", "max_members": 50}.get(field, "another")
    return rooms.update_room(actor, room.id, **{field: new})


def outcome_of(name, company, room, actor):
    """`done` or the code of the refusal; nothing of it stays."""
    limits.forget()
    with transaction.atomic():
        try:
            act(name, company, room, actor)
            return "done"
        except DomainError as refusal:
            return refusal.name
        finally:
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("name", "privacy", "promise", "cells"), ANSWERS, ids=[f"{answer[0]} {answer[1]}" for answer in ANSWERS]
)
def test_everybody_is_answered_what_the_page_says(company, name, privacy, promise, cells):
    room = room_of(company, privacy)
    expected = {column: cell for column, cell in zip(COLUMNS, cells, strict=True) if cell != "-"}
    answered = {column: outcome_of(name, company, room, company[column]) for column in expected}
    assert answered == expected
    assert Membership.objects.filter(room=room).count() == 4


@pytest.mark.parametrize(
    ("name", "privacy", "promise", "cells"), ANSWERS, ids=[f"{answer[0]} {answer[1]}" for answer in ANSWERS]
)
def test_no_answer_contradicts_the_promise(name, privacy, promise, cells):
    for column, cell in zip(COLUMNS, cells, strict=True):
        if PROMISED[promise][column] == "○":
            assert cell != "done", column
        if PROMISED[promise][column] == "●" and privacy == "public":
            assert cell in ("done", "-", "already_member", "last_owner"), column


def test_every_act_has_a_line():
    modules = [rooms, memberships, invitations, sanctions]
    acts = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if not (function.__doc__ or "").startswith("Upkeep:")
    } - {"direct_key"}
    assert acts == {name.partition("(")[0] for name, *_ in ANSWERS} - {"get_room", "list_members"}


def test_every_field_of_a_room_has_a_line():
    fields = set(inspect.signature(rooms.update_room).parameters) - {"actor", "room_id", "reason"}
    assert {f"update_room({field})" for field in fields} <= {name for name, *_ in ANSWERS}
