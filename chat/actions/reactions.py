"""Emoji under messages."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone
from msgspec import Struct

from accounts.actor import Actor
from chat import queries
from chat.errors import EmojiInvalid, TooManyReactions
from chat.events import ReactionsChanged
from chat.models import Message, Reaction
from lairchat.core import limits
from lairchat.core.batch import batched
from lairchat.core.errors import DomainError
from lairchat.core.events import number, publish
from lairchat.core.prepared import Insert, Statement

KEYCAP = "\u20e3"  # of "1️⃣": a digit, a variation selector and this

_ADDED = Insert(Reaction, "message_id", "user_id", "emoji", "created_at")
_TAKEN = Statement(
    "DELETE FROM chat_reaction WHERE message_id = %s AND user_id = %s AND emoji = %s",
    Reaction,
    ["message_id", "user_id", "emoji"],
)
_REVS = Statement("UPDATE chat_message SET rev = %s WHERE id = %s", Message, ["rev", "id"])

Mark = tuple[UUID, str]  # who put which emoji


class React(Struct, frozen=True):
    """Somebody's wish that their emoji stands under a message, or that it does not."""

    actor: Actor
    message_id: UUID
    emoji: str
    is_wanted: bool


def add_reaction(actor: Actor, message_id: UUID, emoji: str) -> ReactionsChanged:
    """Put an emoji under a message; having put it already changes nothing.

    Raises MessageNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed, EmojiInvalid, TooManyReactions, RateLimited.
    """
    limits.spend("reactions", actor.limit_key)
    return store_reactions(React(actor, message_id, emoji, is_wanted=True))


def remove_reaction(actor: Actor, message_id: UUID, emoji: str) -> ReactionsChanged:
    """Take an own emoji back; not having put it changes nothing.

    Raises MessageNotFound, NotRoomMember, Muted, ReadOnly, RoomClosed, RateLimited.
    """
    limits.spend("reactions", actor.limit_key)
    return store_reactions(React(actor, message_id, emoji, is_wanted=False))


@dataclass(slots=True)
class Board:
    """The reactions of one message, while wishes are fulfilled."""

    message: Message
    stored: list[Mark]
    put: list[Mark]  # in the order in which they were put
    taken: set[Mark] = field(default_factory=set)  # of those stored
    is_changed: bool = False

    def fulfil(self, mark: Mark, *, is_wanted: bool) -> bool:
        """Whether there was something to change. Raises EmojiInvalid, TooManyReactions."""
        if is_wanted:
            check_emoji(mark[1])
        if (mark in self.put) == is_wanted:
            return False
        if is_wanted:
            self._put(mark)
        else:
            self.put.remove(mark)
            if mark in self.stored:
                self.taken.add(mark)
        self.is_changed = True
        return True

    def _put(self, mark: Mark) -> None:
        kinds = {emoji for _, emoji in self.put}
        if mark[1] not in kinds and len(kinds) >= Reaction.KINDS_MAX:
            raise TooManyReactions()
        self.put.append(mark)

    @property
    def added(self) -> list[Mark]:
        return [mark for mark in self.put if mark not in self.stored or mark in self.taken]

    def state(self) -> ReactionsChanged:
        message = self.message
        return ReactionsChanged(message.room_id, message.id, message.rev, queries.by_emoji(self.put))


@batched
def store_reactions(wishes: Sequence[React]) -> list[ReactionsChanged | DomainError]:
    """Change what stands under messages. Each change is an entry of its own, with all reactions as they were then."""
    places = queries.open_messages([(wish.actor, wish.message_id) for wish in wishes])
    messages = {place[1].id: place[1] for place in places if not isinstance(place, DomainError)}
    boards = {id_: Board(messages[id_], marks, list(marks)) for id_, marks in queries.marks_of(messages).items()}
    changes: list[ReactionsChanged] = []
    outcomes: list[ReactionsChanged | DomainError] = []
    for wish, place in zip(wishes, places, strict=True):
        if isinstance(place, DomainError):
            outcomes.append(place)
            continue
        outcomes.append(_fulfilled(wish, place[0], boards[wish.message_id], changes))
    number(changes)
    _set_revs(outcomes, messages)
    _write(boards.values())
    publish(*changes)
    return outcomes


def _fulfilled(
    wish: React, actor: Actor, board: Board, changes: list[ReactionsChanged]
) -> ReactionsChanged | DomainError:
    try:
        is_change = board.fulfil((actor.person.id, wish.emoji), is_wanted=wish.is_wanted)
    except DomainError as refusal:
        return refusal
    state = board.state()
    if is_change:
        changes.append(state)
    return state


def _set_revs(outcomes: Iterable[ReactionsChanged | DomainError], messages: dict[UUID, Message]) -> None:
    """The message's `rev` is the number of its last change; who changed nothing is told that one."""
    for outcome in outcomes:
        if isinstance(outcome, ReactionsChanged):
            message = messages[outcome.message_id]
            message.rev = outcome.rev = outcome.seq or message.rev


def _write(boards: Iterable[Board]) -> None:
    """At most three statements, each for all rows."""
    now = timezone.now()
    changed = [board for board in boards if board.is_changed]
    _TAKEN((board.message.id, *mark) for board in changed for mark in board.taken)
    _ADDED((board.message.id, *mark, now) for board in changed for mark in board.added)
    _REVS((board.message.rev, board.message.id) for board in changed)


def check_emoji(emoji: str) -> None:
    """Raises EmojiInvalid for anything but signs: a picture, its modifiers and joiners, or a keycap."""
    if not 1 <= len(emoji) <= Reaction.EMOJI_MAX:
        raise EmojiInvalid()
    categories = {unicodedata.category(sign) for sign in emoji}
    if KEYCAP not in emoji and not categories & {"So", "Sk", "Sm", "Cn"}:
        raise EmojiInvalid()
    if categories & {"Cc", "Cs", "Zs", "Zl", "Zp", "Ll", "Lu", "Lo", "Lm"}:
        raise EmojiInvalid()
