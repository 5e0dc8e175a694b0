"""The locked half of sending: many sends at once, in a fixed number of statements."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone
from msgspec import Struct

from accounts.actor import Actor, Caller
from chat import queries
from chat.actions.mentions import store_mentions
from chat.errors import MessageNotFound, NonceConflict
from chat.events import MessageReceived
from chat.models import Message
from chat.shapes import MessageOutput
from lairchat.core import limits, log
from lairchat.core.batch import batched
from lairchat.core.errors import DomainError, RateLimited
from lairchat.core.events import publish
from lairchat.core.log import room_stream
from lairchat.core.metrics import DUPLICATES
from lairchat.core.prepared import Insert

COLUMNS = [field.attname for field in Message._meta.concrete_fields]
_MESSAGES = Insert(Message, *COLUMNS)

Key = tuple[UUID, UUID, str]  # author, room, nonce: what makes two sends the same one (D2)


class Sent(NamedTuple):
    message: MessageOutput
    duplicate: bool


class Send(Struct, frozen=True):
    """What somebody wants to say: checked as far as that goes without the database."""

    actor: Actor | Caller
    room_id: UUID
    content: str
    reply_to: UUID | None
    nonce: str
    digest: str


@dataclass(slots=True)
class Draft:
    """A send on its way: its author as they are now, and what became of it; None while it may still be written."""

    send: Send
    actor: Actor
    outcome: Sent | DomainError | None = None

    @property
    def key(self) -> Key:
        return self.actor.person.id, self.send.room_id, self.send.nonce


@batched
def store_messages(sends: Sequence[Send]) -> list[Sent | DomainError]:
    """Store what is said. In this order: somebody who was removed is refused, a repeat costs nothing, and only then
    limits are spent."""
    log.lock_each({room_stream(send.room_id) for send in sends})
    found = queries.writers([(send.actor, send.room_id) for send in sends])
    drafts = [
        None if isinstance(writer, DomainError) else Draft(send, writer)
        for send, writer in zip(sends, found, strict=True)
    ]
    firsts, twins = _without_repeats([draft for draft in drafts if draft is not None])
    _refuse(firsts)
    _write([draft for draft in firsts if draft.outcome is None])
    for twin, first in twins:
        twin.outcome = _repeat_of(twin, first)
    return [_outcome(draft, writer) for draft, writer in zip(drafts, found, strict=True)]


def _without_repeats(drafts: list[Draft]) -> tuple[list[Draft], list[tuple[Draft, Draft]]]:
    """Those whose nonce nobody has seen, and repeats that came together with them, each with its first.

    Repeats of what is stored get their outcome here; one statement, and more only where there are any.
    """
    stored = queries.messages_of_nonces({draft.key for draft in drafts})
    outputs = {output.id: output for output in queries.outputs(list(stored.values()))} if stored else {}
    firsts: dict[Key, Draft] = {}
    twins: list[tuple[Draft, Draft]] = []
    for draft in drafts:
        message = stored.get(draft.key)
        if message is not None:
            draft.outcome = _again(draft, message.digest, outputs[message.id])
        elif draft.key in firsts:
            twins.append((draft, firsts[draft.key]))
        else:
            firsts[draft.key] = draft
    return list(firsts.values()), twins


def _repeat_of(twin: Draft, first: Draft) -> Sent | DomainError | None:
    if isinstance(first.outcome, Sent):
        return _again(twin, first.send.digest, first.outcome.message)
    return first.outcome


def _again(draft: Draft, digest: str, output: MessageOutput) -> Sent | DomainError:
    if draft.send.digest != digest:
        return NonceConflict()
    DUPLICATES.inc()
    return Sent(output, duplicate=True)


def _refuse(drafts: list[Draft]) -> None:
    """Spend the limits, and look whether there is what a message answers; at most one statement."""
    wanted = {draft.send.reply_to for draft in drafts if draft.send.reply_to is not None}
    rooms = dict(Message.objects.filter(pk__in=wanted).values_list("pk", "room_id")) if wanted else {}
    for draft in drafts:
        try:
            limits.spend("send", draft.actor.limit_key)
            limits.spend("room_send", draft.send.room_id)
        except RateLimited as refusal:
            draft.outcome = refusal
            continue
        if draft.send.reply_to is not None and rooms.get(draft.send.reply_to) != draft.send.room_id:
            draft.outcome = MessageNotFound()


def _write(drafts: list[Draft]) -> None:
    """The rows, each with the next number of its room, and their events; four statements."""
    if not drafts:
        return
    counts = Counter(room_stream(draft.send.room_id) for draft in drafts)
    last = log.take_each(counts)
    following = {stream: last[stream] - count + 1 for stream, count in counts.items()}
    moments = _moments({draft.send.room_id for draft in drafts})
    messages = []
    for draft in drafts:
        stream = room_stream(draft.send.room_id)
        messages.append(_message(draft, following[stream], moments[draft.send.room_id]))
        following[stream] += 1
    _MESSAGES([getattr(message, name) for name in COLUMNS] for message in messages)
    mentions = store_mentions(messages)
    for draft, message in zip(drafts, messages, strict=True):
        output = MessageOutput.of(message, mentions[message.id])
        draft.outcome = Sent(output, duplicate=False)
        event = MessageReceived(output)
        event.seq = message.seq
        publish(event)


def _moments(room_ids: set[UUID]) -> dict[UUID, datetime]:
    """Now, but in no room before its last message, whatever the clock did (F7)."""
    now = timezone.now()
    last = queries.last_moments(room_ids)
    return {room_id: max(now, last.get(room_id, now)) for room_id in room_ids}


def _message(draft: Draft, seq: int, moment: datetime) -> Message:
    send = draft.send
    return Message(
        room_id=send.room_id,
        author_id=draft.actor.person.id,
        seq=seq,
        rev=seq,
        nonce=send.nonce,
        digest=send.digest,
        content=send.content,
        reply_to_id=send.reply_to,
        created_at=moment,
    )


def _outcome(draft: Draft | None, writer: Actor | DomainError) -> Sent | DomainError:
    outcome = draft.outcome if draft is not None else writer
    assert isinstance(outcome, (Sent, DomainError))
    return outcome
