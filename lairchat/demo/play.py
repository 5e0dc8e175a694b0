"""The plan played through the actions, as people would: every row, entry and count is one the server made itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.actions.profile import update_profile
from accounts.actions.registration import create_admin, register_user
from accounts.actions.staff import change_role
from accounts.actor import Actor
from accounts.models import User
from accounts.roles import SiteRole
from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.reactions import add_reaction
from chat.actions.receipts import mark_read
from lairchat.demo.plan import Line, Scene, lines
from lairchat.demo.texts import PEOPLE, ROOMS, RoomPlan
from rooms.actions.invitations import accept_invitation, invite_to_room
from rooms.actions.memberships import join_room
from rooms.actions.rooms import create_room, open_direct_room
from rooms.models import Room

DIRECT = [("ines_moreau", "tom_becker"), ("ines_moreau", "priya")]  # with the rooms of texts.py: twelve
BEHIND = 0.3  # share of people who have not read a room to its end
Say = Callable[[str], None]


@dataclass
class Stage:
    """The people and rooms that were made."""

    actors: dict[str, Actor]
    rooms: dict[str, Room]
    scenes: list[Scene]


def set_stage(password: str, random: Random) -> Stage:
    """Make the people, the first of them an administrator and the second a moderator, and their rooms."""
    system = Actor.system("cli")
    actors: dict[str, Actor] = {}
    for number, (name, shown) in enumerate(PEOPLE.items()):
        make = create_admin if number == 0 else register_user
        user = make(system, name, f"{name}@example.org", password)
        actor = Actor(user, "cli")
        update_profile(actor, display_name=shown)
        actors[name] = Actor(User.objects.get(pk=user.pk), "cli")
    admin, moderator, *_ = actors
    change_role(actors[admin], actors[moderator].person.id, SiteRole.MODERATOR)
    actors[moderator] = Actor(User.objects.get(pk=actors[moderator].person.pk), "cli")

    rooms: dict[str, Room] = {}
    scenes: list[Scene] = []
    for plan in ROOMS:
        names = [admin, *random.sample(list(actors)[1:], plan.people - 1)]
        rooms[plan.name] = _room(plan, [actors[name] for name in names])
        scenes.append(Scene(plan.name, plan.subject, names, plan.weight))
    for pair in DIRECT:
        name = " and ".join(pair)
        rooms[name] = open_direct_room(actors[pair[0]], [actors[pair[1]].person.id]).room
        scenes.append(Scene(name, "direct", list(pair), 2))
    return Stage(actors, rooms, scenes)


def _room(plan: RoomPlan, people: list[Actor]) -> Room:
    owner, *others = people
    room = create_room(owner, plan.name, topic=plan.topic, privacy=plan.privacy).room
    for actor in others:
        if plan.privacy == Room.Privacy.PUBLIC:
            join_room(actor, room.id)
        else:
            accept_invitation(actor, invite_to_room(owner, room.id, actor.person.id).id)
    return room


def play(stage: Stage, count: int, random: Random, *, days: int, say: Say) -> None:
    """Say so many messages, one action each, with answers, reactions, edits, removals and read positions."""
    planned = lines(stage.scenes, count, random, until=timezone.now(), days=days)
    sent: dict[int, UUID] = {}
    times: list[tuple[UUID, datetime]] = []
    for number, line in enumerate(planned, 1):
        message_id = sent[id(line)] = _say(stage, line, sent)
        times.append((message_id, line.at))
        if number % 1000 == 0:
            say(f"{number} messages …")
    read_positions(stage, random)
    _spread(stage, times, days)


def _say(stage: Stage, line: Line, sent: dict[int, UUID]) -> UUID:
    actor, room = stage.actors[line.author], stage.rooms[line.room]
    answered = sent.get(id(line.answers)) if line.answers is not None and not line.answers.is_deleted else None
    message_id = send_message(actor, room.id, line.text, reply_to=answered).message.id
    for name, emoji in line.reactions:
        add_reaction(stage.actors[name], message_id, emoji)
    if line.is_edited:
        edit_message(actor, message_id, f"{line.text} (Corrected.)")
    if line.is_deleted:
        delete_message(actor, message_id)
    return message_id


def read_positions(stage: Stage, random: Random) -> None:
    """Everybody has read their rooms, some of them not to the end."""
    heads = _last_seqs()
    for scene in stage.scenes:
        room = stage.rooms[scene.name]
        head = heads.get(room.id, 0)
        for name in scene.people:
            behind = random.randint(1, 60) if random.random() < BEHIND else 0
            if head > behind:
                mark_read(stage.actors[name], room.id, head - behind)


def _last_seqs() -> dict[UUID, int]:
    from django.db.models import Max

    from chat.models import Message

    return dict(Message.objects.values_list("room_id").annotate(Max("seq")).order_by())


def _spread(stage: Stage, times: list[tuple[UUID, datetime]], days: int) -> None:
    """Move the times of what was just made into the last weeks. The actions say "now", and rightly so.

    The one step that does not go through an action. Order stays: the lines were said in the order of their times.
    """
    before = timezone.now() - timedelta(days=days + 7)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE chat_message SET created_at = %s WHERE id = %s", [(_at(at), _id(id_)) for id_, at in times]
        )
        cursor.executemany(
            "UPDATE chat_message SET edited_at = %s WHERE id = %s AND edited_at IS NOT NULL",
            [(_at(at + timedelta(minutes=2)), _id(id_)) for id_, at in times],
        )
        cursor.executemany(
            "UPDATE chat_reaction SET created_at = %s WHERE message_id = %s",
            [(_at(at + timedelta(minutes=3)), _id(id_)) for id_, at in times],
        )
        rooms = [(_at(before), _id(room.id)) for room in stage.rooms.values()]
        cursor.executemany("UPDATE rooms_room SET created_at = %s WHERE id = %s", rooms)
        cursor.executemany("UPDATE rooms_membership SET joined_at = %s WHERE room_id = %s", rooms)
        people = [(_at(before - timedelta(days=1)), _id(actor.person.id)) for actor in stage.actors.values()]
        cursor.executemany("UPDATE accounts_user SET created_at = %s WHERE id = %s", people)


def _at(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _id(id_: UUID) -> Any:
    return User._meta.pk.get_db_prep_value(id_, connection)
