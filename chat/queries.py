"""Guarded reads of messages, and the counts that stand on read positions. Constant in rooms, members and messages."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.dateparse import parse_datetime

from accounts.actor import Actor, Caller
from accounts.errors import SessionNotFound
from accounts.queries import present, users_by_ids
from accounts.shapes import UserOutput
from chat.errors import MessageNotFound
from chat.models import Message, ReadReceipt
from chat.shapes import HistoryAnswer, MessageOutput, ReactionOutput
from lairchat.core import log
from lairchat.core.errors import DomainError
from lairchat.core.prepared import Prepared, listed, stored
from lairchat.core.snapshot import as_of
from rooms.errors import NotRoomMember, RoomNotFound
from rooms.models import Membership, Room
from rooms.policy import readable_after, why_not_post
from rooms.queries import room_and_membership, rooms_and_memberships

COUNT_MAX = 100  # shown as 99+


def readable_room(actor: Actor, room_id: UUID, *, lock: bool = False) -> tuple[Room, Membership]:
    """The room and the actor's membership. Raises RoomNotFound (hidden or unknown), NotRoomMember (join first)."""
    room, membership = room_and_membership(actor, room_id, lock=lock)
    if membership is None:
        raise NotRoomMember()
    return room, membership


def writable_room(actor: Actor, room_id: UUID, *, lock: bool = False) -> Room:
    """The room, if the actor may post in it. Raises RoomNotFound and what refuses posting (`policy.why_not_post`)."""
    room, membership = room_and_membership(actor, room_id, lock=lock)
    require_posting(actor, room, membership)
    return room


def writers(wanted: Sequence[tuple[Actor | Caller, UUID]]) -> list[Actor | DomainError]:
    """For each (who acts, room) the actor as they are now, or what refuses them posting there; at most four statements.

    The caller holds the locks: what is found stays true until its transaction ends.
    """
    answers: list[Actor | DomainError] = list(present([caller for caller, _ in wanted]))
    here = [(index, actor) for index, actor in enumerate(answers) if isinstance(actor, Actor)]
    places = rooms_and_memberships([actor for _, actor in here], [wanted[index][1] for index, _ in here])
    for (index, actor), place in zip(here, places, strict=True):
        if isinstance(place, RoomNotFound):
            answers[index] = place
        elif (refusal := why_not_post(actor, *place)) is not None:
            answers[index] = refusal()
    return answers


def readers(wanted: Sequence[tuple[Actor | Caller, UUID]]) -> list[Membership | DomainError]:
    """For each (who acts, room) their membership, or RoomNotFound or NotRoomMember; at most four statements."""
    answers: list[Any] = list(present([caller for caller, _ in wanted]))
    here = [(index, actor) for index, actor in enumerate(answers) if isinstance(actor, Actor)]
    places = rooms_and_memberships([actor for _, actor in here], [wanted[index][1] for index, _ in here])
    for (index, _), place in zip(here, places, strict=True):
        answers[index] = place if isinstance(place, RoomNotFound) else place[1] or NotRoomMember()
    return answers


def require_posting(actor: Actor, room: Room, membership: Membership | None) -> None:
    """Raises NotRoomMember, Muted, ReadOnly, RoomClosed: whatever stands against posting there."""
    refusal = why_not_post(actor, room, membership)
    if refusal is not None:
        raise refusal()


def message_for(actor: Actor, message_id: UUID, *, lock: bool = False) -> tuple[Message, Room, Membership | None]:
    """A message the actor may know of, its room, and their membership of it.

    Raises MessageNotFound where it does not exist, its room is hidden from them, or it is from before their time.
    """
    room_id = Message.objects.filter(pk=message_id).values_list("room_id", flat=True).first()
    if room_id is None:
        raise MessageNotFound()
    try:
        room, membership = room_and_membership(actor, room_id, lock=lock)
    except RoomNotFound:
        raise MessageNotFound() from None
    message = Message.objects.get(pk=message_id)
    if membership is not None and message.seq <= readable_after(room, membership):
        raise MessageNotFound()
    message.room = room
    return message, room, membership


def readable_message(actor: Actor, message_id: UUID) -> Message:
    """A message the actor may read. Raises MessageNotFound; NotRoomMember in a room they may know of."""
    message, _, membership = message_for(actor, message_id)
    if membership is None:
        raise NotRoomMember()
    return message


def open_messages(
    wanted: Sequence[tuple[Actor | Caller, UUID]],
) -> list[tuple[Actor, Message] | DomainError]:
    """For each (who acts, message) the actor as they are now and the message, its room locked; or what refuses them.

    Refused are MessageNotFound (as `message_for`, and tombstones) and what stands against posting there.
    """
    ids = {message_id for _, message_id in wanted}
    room_ids = dict(Message.objects.filter(pk__in=ids).values_list("id", "room_id"))
    log.lock_each({log.room_stream(room_id) for room_id in room_ids.values()})
    messages = {message.id: message for message in Message.objects.filter(pk__in=ids)}
    answers: list[Any] = list(present([caller for caller, _ in wanted]))
    here = []
    for index, (actor, (_, message_id)) in enumerate(zip(answers, wanted, strict=True)):
        if isinstance(actor, Actor) and message_id in messages:
            here.append((index, actor, messages[message_id]))
        elif isinstance(actor, Actor):
            answers[index] = MessageNotFound()
    places = rooms_and_memberships([actor for _, actor, _ in here], [message.room_id for _, _, message in here])
    for (index, actor, message), place in zip(here, places, strict=True):
        answers[index] = _why_not_open(actor, message, place) or (actor, message)
    return answers


def _why_not_open(
    actor: Actor, message: Message, place: tuple[Room, Membership | None] | RoomNotFound
) -> DomainError | None:
    if isinstance(place, RoomNotFound):
        return MessageNotFound()
    room, membership = place
    message.room = room
    if membership is None:
        return NotRoomMember()
    if message.seq <= readable_after(room, membership) or message.deleted_at is not None:
        return MessageNotFound()
    refusal = why_not_post(actor, room, membership)
    return None if refusal is None else refusal()


_MARKS = "SELECT message_id, user_id, emoji FROM chat_reaction WHERE message_id IN (VALUES {wanted}) ORDER BY id"
_MENTIONS = "SELECT message_id, user_id FROM chat_mention WHERE message_id IN (VALUES {wanted}) ORDER BY id"


def marks_of(message_ids: Collection[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    """Who put which emoji, by message, in the order in which they were put; one statement."""
    marks: dict[UUID, list[tuple[UUID, str]]] = {id_: [] for id_ in message_ids}
    for message_id, user_id, emoji in _rows(_MARKS, message_ids):
        marks[_uuid(message_id)].append((_uuid(user_id), emoji))
    return marks


def mentions_of(message_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Who is named, by message; one statement."""
    mentioned: dict[UUID, list[UUID]] = {id_: [] for id_ in message_ids}
    for message_id, user_id in _rows(_MENTIONS, message_ids):
        mentioned[_uuid(message_id)].append(_uuid(user_id))
    return mentioned


def _rows(sql: str, ids: Collection[UUID]) -> list[tuple[Any, ...]]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*listed(sql, [[id_] for id_ in ids]))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def by_emoji(marks: Iterable[tuple[UUID, str]]) -> list[ReactionOutput]:
    """The form on the wire: each emoji in the order of its first use."""
    users: dict[str, list[UUID]] = {}
    for user_id, emoji in marks:
        users.setdefault(emoji, []).append(user_id)
    return [ReactionOutput(emoji, user_ids) for emoji, user_ids in users.items()]


def outputs(messages: Sequence[Message]) -> list[MessageOutput]:
    """The messages with their mentions and reactions; two statements, whatever their number."""
    ids = [message.id for message in messages]
    mentioned, marks = mentions_of(ids), marks_of(ids)
    return [MessageOutput.of(message, mentioned[message.id], by_emoji(marks[message.id])) for message in messages]


def output(message: Message) -> MessageOutput:
    return outputs([message])[0]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a room's history: the newest, or relative to a seq."""

    limit: int
    before: int | None = None
    after: int | None = None
    around: int | None = None


def history(actor: Actor, room_id: UUID, window: Window) -> HistoryAnswer:
    """A page of a room, newest first, by keyset on seq. Raises RoomNotFound, NotRoomMember."""
    room, membership = readable_room(actor, room_id)
    position = as_of(room.stream)
    floor = readable_after(room, membership)
    page, has_older, has_newer = _page(room_id, floor, window)
    shown = outputs(page)
    related = _related(floor, shown)
    people = {id_ for message in [*shown, *related] for id_ in _people_of(message)}
    return HistoryAnswer(
        messages=shown,
        has_more=has_older,
        has_older=has_older,
        has_newer=has_newer,
        related=related,
        users=[UserOutput.of(user) for user in users_by_ids(people).values()],
        as_of=position,
    )


# Between two seqs, nearest first. One lower bound in each: of two, SQLite seeks the first and walks to the second.
_OLDER = Prepared(
    "SELECT {0} FROM chat_message AS t0 WHERE t0.room_id = %s AND t0.seq > %s AND t0.seq < %s"
    " ORDER BY t0.seq DESC LIMIT %s",
    Message,
)
_NEWER = Prepared(
    "SELECT {0} FROM chat_message AS t0 WHERE t0.room_id = %s AND t0.seq > %s ORDER BY t0.seq LIMIT %s", Message
)
_END = 2**62  # above every seq


def _older(room_id: UUID, floor: int, before: int, limit: int) -> list[Message]:
    return [message for (message,) in _OLDER.all(room_id, floor, before, limit)]


def _newer(room_id: UUID, after: int, limit: int) -> list[Message]:
    return [message for (message,) in _NEWER.all(room_id, after, limit)]


def _page(room_id: UUID, floor: int, window: Window) -> tuple[list[Message], bool, bool]:
    """The page above `floor`, newest first, and whether there is more on either side."""
    if window.around is not None:
        half = max(1, window.limit // 2)
        older = _older(room_id, floor, window.around + 1, half + 1)
        newer = _newer(room_id, max(floor, window.around), half + 1)
        return newer[half - 1 :: -1][-half:] + older[:half], len(older) > half, len(newer) > half
    if window.after is not None:
        newer = _newer(room_id, max(floor, window.after), window.limit + 1)
        has_older = bool(_older(room_id, floor, window.after + 1, 1))
        return newer[: window.limit][::-1], has_older, len(newer) > window.limit
    older = _older(room_id, floor, _END if window.before is None else window.before, window.limit + 1)
    return older[: window.limit], len(older) > window.limit, window.before is not None


_BY_ID = Prepared("SELECT {0} FROM chat_message AS t0 WHERE t0.id IN (VALUES {wanted}) ORDER BY t0.id", Message)


def _related(floor: int, shown: Sequence[MessageOutput]) -> list[MessageOutput]:
    """What the page's messages answer and the page does not hold.

    By id alone: given the room as well, SQLite walks the whole room for two messages. An answer is in its room anyway.
    """
    held = {message.id for message in shown}
    wanted = {message.reply_to for message in shown if message.reply_to} - held
    return outputs([message for (message,) in _BY_ID.each([[id_] for id_ in wanted]) if message.seq > floor])


def _people_of(message: MessageOutput) -> set[UUID]:
    people = {message.author, message.deleted_by, *message.mentions}
    people.update(user_id for reaction in message.reactions for user_id in reaction.user_ids)
    return {id_ for id_ in people if id_ is not None}


@dataclass(frozen=True, slots=True)
class Count:
    """What one person has not read in one room, exact at the room's position `head`."""

    head: int
    read_seq: int
    unread: int
    mentions: int
    last_message_at: datetime | None


# Head and counts are one statement, hence one snapshot: the count is exact for that head, which lets a client go on
# counting from the frames after it. Each count stops at 100.
_COUNTS = """
{wanted} SELECT m.user_id, m.room_id, s.head, COALESCE(rr.seq, m.joined_seq),
  (SELECT COUNT(*) FROM (SELECT 1 FROM chat_message c WHERE c.room_id = m.room_id
     AND c.seq > {above} AND c.deleted_at IS NULL AND c.kind = 'text'
     AND (c.author_id IS NULL OR c.author_id <> m.user_id) LIMIT 100) AS unread),
  (SELECT COUNT(*) FROM (SELECT 1 FROM chat_mention n WHERE n.user_id = m.user_id AND n.room_id = m.room_id
     AND n.seq > {above} LIMIT 100) AS mentioned),
  (SELECT l.created_at FROM chat_message l WHERE l.room_id = m.room_id AND l.seq > {floor} ORDER BY l.seq DESC LIMIT 1)
FROM {members}
JOIN rooms_room r ON r.id = m.room_id
JOIN core_stream s ON s.name = 'room:' || {room_id}
LEFT JOIN chat_readreceipt rr ON rr.room_id = m.room_id AND rr.user_id = m.user_id
WHERE {only}
"""
# What was said before a private room was opened is nothing to who joined later (`rooms.policy.readable_after`).
_FLOOR = "CASE WHEN m.joined_seq > r.opened_seq THEN r.opened_seq ELSE 0 END"
_ABOVE = f"CASE WHEN COALESCE(rr.seq, m.joined_seq) > {_FLOOR} THEN COALESCE(rr.seq, m.joined_seq) ELSE {_FLOOR} END"
_READABLE = {"above": _ABOVE, "floor": _FLOOR}
_WANTED = "WITH wanted (user_id, room_id) AS (VALUES {wanted})"
_THOSE_WANTED = {
    "wanted": _WANTED,
    "members": "wanted CROSS JOIN rooms_membership m",
    "only": "m.user_id = wanted.user_id AND m.room_id = wanted.room_id",
}
_POSITIONS = f"""
{_WANTED} SELECT r.user_id, r.room_id, r.seq FROM wanted CROSS JOIN chat_readreceipt r
WHERE r.user_id = wanted.user_id AND r.room_id = wanted.room_id
"""  # noqa: S608
_OF_NONCES = Prepared(
    "WITH wanted (author_id, room_id, nonce) AS (VALUES {wanted}) SELECT {0} FROM wanted CROSS JOIN chat_message AS t0"
    " WHERE t0.author_id = wanted.author_id AND t0.room_id = wanted.room_id AND t0.nonce = wanted.nonce",
    Message,
)
_LAST_MOMENTS = """
WITH wanted (room_id) AS (VALUES {wanted})
SELECT room_id, (SELECT c.created_at FROM chat_message c WHERE c.room_id = wanted.room_id ORDER BY c.seq DESC LIMIT 1)
FROM wanted
"""
_FOLLOWED = """
SELECT s.name, s.head, s.floor, m.joined_seq
FROM rooms_membership m
JOIN rooms_room r ON r.id = m.room_id AND r.deleted_at IS NULL
JOIN core_stream s ON s.name = 'room:' || {room_id}
WHERE m.user_id = %s
UNION ALL SELECT name, head, floor, head FROM core_stream WHERE name IN (%s, %s)
"""
_AND_THE_SESSION = "UNION ALL SELECT '', 0, 0, 0 FROM accounts_usersession WHERE id = %s AND ended_at IS NULL"


def _room_id_text() -> str:
    """SQL for `m.room_id` as it stands in a stream's name; SQLite keeps a UUID as 32 digits."""
    if connection.vendor == "postgresql":
        return "m.room_id::text"
    digits = "m.room_id"
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substr({digits}, {start}, {length})" for start, length in parts)


def messages_of_nonces(wanted: Collection[tuple[UUID, UUID, str]]) -> dict[tuple[UUID, UUID, str], Message]:
    """What each nonce of (author, room, nonce) made, where it made anything; one statement."""
    rows = _OF_NONCES.each(list(wanted))
    return {(message.author_id, message.room_id, message.nonce): message for (message,) in rows}


def last_moments(room_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each room's newest message was said; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(*listed(_LAST_MOMENTS, [[room_id] for room_id in room_ids]))
        rows = cursor.fetchall()
    moments = {_uuid(room_id): _moment(at) for room_id, at in rows}
    return {room_id: at for room_id, at in moments.items() if at is not None}


def counts(user_id: UUID, room_id: UUID | None = None) -> dict[UUID, Count]:
    """Unread and mention counts of all rooms of a person, or of one; one statement (D12)."""
    only, parameters = "m.user_id = %s", [stored(user_id)]
    if room_id is not None:
        only, parameters = f"{only} AND m.room_id = %s", [*parameters, stored(room_id)]
    sql = _COUNTS.format(room_id=_room_id_text(), **_READABLE, wanted="", members="rooms_membership m", only=only)
    return {room: count for (_, room), count in _counted(sql, parameters).items()}


def counts_of(places: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Count]:
    """The same for each (person, room) that is a membership; one statement."""
    if not places:
        return {}
    return _counted(*listed(_COUNTS.format(room_id=_room_id_text(), **_READABLE, **_THOSE_WANTED), list(places)))


def _counted(sql: str, parameters: list[Any]) -> dict[tuple[UUID, UUID], Count]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    return {
        (_uuid(user_id), _uuid(room_id)): Count(head, read_seq, unread, mentions, _moment(last))
        for user_id, room_id, head, read_seq, unread, mentions, last in rows
    }


def positions_of(places: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
    """The read position of each (person, room) that has one; one statement."""
    if not places:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(*listed(_POSITIONS, list(places)))
        return {(_uuid(user_id), _uuid(room_id)): seq for user_id, room_id, seq in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Followed:
    """A stream a connection follows: its bounds, and the position at which the person joined it."""

    head: int
    floor: int
    joined: int


def followed(user_id: UUID, session_id: UUID | None = None) -> dict[str, Followed]:
    """Every stream of a person with head and floor, their memberships decided in the same snapshot; one statement.

    In that snapshot `session_id`, if given, has not ended: had it, its end would lie before the positions from which a
    connection of it hears (S1). Raises SessionNotFound.
    """
    own = log.user_stream(user_id)
    sql, parameters = _FOLLOWED.format(room_id=_room_id_text()), [stored(user_id), log.SITE, own]
    if session_id is not None:
        sql, parameters = sql + _AND_THE_SESSION, [*parameters, stored(session_id)]
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    streams = {log.SITE: Followed(0, 1, 0), own: Followed(0, 1, 0)}
    streams.update({name: Followed(head, floor, joined) for name, head, floor, joined in rows})
    if streams.pop("", None) is None and session_id is not None:
        raise SessionNotFound()
    return streams


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: Any) -> datetime | None:
    """SQLite hands out its text; PostgreSQL the moment itself."""
    if isinstance(value, str):
        value = parse_datetime(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def receipts(actor: Actor, room_id: UUID) -> list[tuple[UUID, int]]:
    """How far each member has read. Raises RoomNotFound, NotRoomMember."""
    room, _ = readable_room(actor, room_id)
    rows = ReadReceipt.objects.filter(room=room, user__memberships__room=room)
    return list(rows.values_list("user_id", "seq"))


def people_sharing_a_room(user_id: UUID, others: Collection[UUID]) -> set[UUID]:
    """Those of `others` who are in a room together with the person; one statement."""
    own = Membership.objects.filter(user=user_id, room__deleted_at=None).values("room_id")
    return set(Membership.objects.filter(room__in=own, user__in=others).values_list("user_id", flat=True))
