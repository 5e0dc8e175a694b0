"""What happened: stored events get a place in a stream, announced ones only reach who listens now.

`publish` and `announce` are the only roads to the hub. Deliveries leave after the commit, never before it (D1).
"""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from uuid import UUID

import msgspec
from django.db import Error as DatabaseFailure
from django.db import transaction

from lairchat.core import log
from lairchat.core.models import StreamEntry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Join:
    """From here on every connection of the account follows the stream; the first frame they get is `after` + 1."""

    user_id: UUID
    stream: str
    after: int


@dataclass(frozen=True, slots=True)
class Leave:
    """After this frame the account's connections (all connections, if None) no longer follow the stream."""

    user_id: UUID | None
    stream: str


@dataclass(frozen=True, slots=True)
class Close:
    """After this frame the account's connections, or only those of one session, are closed with `code`."""

    user_id: UUID
    code: int
    session_id: UUID | None = None
    except_session: UUID | None = None


Effect = Join | Leave | Close


class Event:
    """One kind of change. Subclasses name their `type`, their stream, what the log keeps and what everybody is shown.

    `seq` may be set by an action that had to take the number before it wrote its rows.
    """

    type: ClassVar[str]
    seq: int | None = None

    def stream(self) -> str:
        raise NotImplementedError

    def refs(self) -> dict[str, Any]:
        """What the log keeps: ids, ranks, codes, times; never text."""
        return {}

    def payload(self) -> dict[str, Any]:
        """The frame's own fields, the same for every viewer. Read inside the transaction, after all writes."""
        return {}

    def effects(self) -> Sequence[Effect]:
        return ()

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> "list[Self | None]":
        """Rebuild events of this kind from their entries and current rows, in a constant number of statements.

        None where the thing is gone: the reader gets a placeholder frame.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Delivery:
    """A committed event, encoded once, on its way to the hub. `seq` is None for a volatile one."""

    stream: str
    seq: int | None
    type: str
    frame: bytes
    effects: Sequence[Effect] = ()
    key: str = ""  # of a volatile one: only the latest of one key counts
    users: tuple[UUID, ...] | None = None  # of a volatile one: only these people's connections
    except_user: UUID | None = None


class UnknownKind(LookupError):
    """The log holds a kind of event that this version does not know."""


registry: dict[str, type[Event]] = {}
_listeners: dict[type[Event], list[Callable[[Any], None]]] = defaultdict(list)
outlets: list[Callable[[list[Delivery]], None]] = []  # told after the commit: the hub, the bus
witnesses: list[Callable[[Event, Delivery], None]] = []  # told before the commit: tests
_local = threading.local()


def register(kind: type[Event]) -> type[Event]:
    """Class decorator: make the kind known to replay and to the generated tables."""
    registry[kind.type] = kind
    return kind


def listen(kind: type[Event]) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Decorator: call the function with each event of the kind, in the transaction that publishes it."""

    def add(listener: Callable[[Any], None]) -> Callable[[Any], None]:
        _listeners[kind].append(listener)
        return listener

    return add


def encode(type_: str, stream: str, seq: int | None, payload: dict[str, Any]) -> bytes:
    """The v2 frame of an event."""
    head: dict[str, Any] = {"type": type_, "stream": stream}
    if seq is not None:
        head["seq"] = seq
    return msgspec.json.encode(head | payload)


def delivery_of(event: Event, seq: int | None) -> Delivery:
    stream = event.stream()
    return Delivery(stream, seq, event.type, encode(event.type, stream, seq, event.payload()), tuple(event.effects()))


@dataclass
class Unit:
    """What one outermost action has published so far."""

    events: list[Event] = field(default_factory=list)
    last_steps: list[Callable[[], None]] = field(default_factory=list)

    def flush(self) -> None:
        """Number, log and encode everything; hand it out after the commit. Then the last steps before it."""
        if self.events:
            self._log_events()
        for step in self.last_steps:
            step()

    def _log_events(self) -> None:
        number([event for event in self.events if event.seq is None])
        log.append((event.stream(), event.seq or 0, event.type, event.refs()) for event in self.events)
        deliveries = [delivery_of(event, event.seq) for event in self.events]
        for event, delivery in zip(self.events, deliveries, strict=True):
            for witness in witnesses:
                witness(event, delivery)
        deliver_on_commit(sorted(deliveries, key=lambda delivery: (delivery.stream, delivery.seq)))


def number(events: Sequence[Event]) -> None:
    """Give each event the next seq of its stream, in the order given; one statement for hundreds of streams."""
    counts = Counter(event.stream() for event in events)
    if not counts:
        return
    last = log.take_each(counts)
    following = {stream: last[stream] - counts[stream] + 1 for stream in counts}
    for event in events:
        stream = event.stream()
        event.seq = following[stream]
        following[stream] += 1


def current_unit() -> Unit | None:
    return getattr(_local, "unit", None)


def set_unit(unit: Unit | None) -> None:
    _local.unit = unit


def publish(*events: Event) -> None:
    """Store the events in their streams with the commit of the running action; listeners run now.

    Raises RuntimeError outside an action: nothing is published that was not committed by one.
    """
    unit = current_unit()
    if unit is None:
        raise RuntimeError("publish() belongs inside an action")
    for event in events:
        unit.events.append(event)
        for listener in _listeners[type(event)]:
            listener(event)


def at_last(step: Callable[[], None]) -> None:
    """Run the step as the last thing before the commit of the running action, or now if none runs.

    For what takes a lock that every action may want: taken last, it cannot be part of a circle.
    """
    unit = current_unit()
    if unit is None:
        step()
    else:
        unit.last_steps.append(step)


def announce(
    stream: str,
    type_: str,
    payload: dict[str, Any],
    *,
    key: str,
    users: Sequence[UUID] | None = None,
    except_user: UUID | None = None,
) -> None:
    """Tell who listens now, after the commit if one is open; nothing is kept. The latest value of a `key` wins."""
    frame = encode(type_, stream, None, payload)
    delivery = Delivery(
        stream, None, type_, frame, key=key, users=None if users is None else tuple(users), except_user=except_user
    )
    deliver_on_commit([delivery])


def deliver_on_commit(deliveries: list[Delivery]) -> None:
    transaction.on_commit(lambda: _deliver(deliveries), robust=True)


def _deliver(deliveries: list[Delivery]) -> None:
    for outlet in outlets:
        try:
            outlet(deliveries)
        except Exception:  # one outlet's failure is healed from the log; the commit stands
            logger.exception("an outlet failed on %d deliveries", len(deliveries))


def load(entries: Sequence[StreamEntry]) -> list[Delivery]:
    """Deliveries rebuilt from the log, in the order given; statements depend on the kinds, not on the number.

    What cannot be rendered is a placeholder. Raises django.db.Error: what could not be read is asked for again.
    """
    by_kind: dict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        by_kind[entry.type].append(index)
    loaded: dict[int, Event | None] = {}
    for type_, indexes in by_kind.items():
        kind = registry.get(type_)
        if kind is None:
            logger.error("the log holds an unknown kind of event: %s", type_)
            continue
        loaded.update(zip(indexes, _loaded(kind, [entries[index] for index in indexes]), strict=True))
    return [_redelivery(entry, loaded.get(index)) for index, entry in enumerate(entries)]


def _loaded(kind: type[Event], entries: Sequence[StreamEntry]) -> Sequence[Event | None]:
    """The events of one kind; each alone where one of them cannot be rendered, so that it stops no other (F10)."""
    try:
        return kind.load(entries)
    except DatabaseFailure:
        raise
    except Exception:
        if len(entries) == 1:
            logger.exception("entry %s of %s could not be rendered", entries[0].seq, entries[0].stream_id)
            return [None]
    return [event for entry in entries for event in _loaded(kind, [entry])]


def _redelivery(entry: StreamEntry, event: Event | None) -> Delivery:
    if event is None:
        frame = encode("unavailable", entry.stream_id, entry.seq, {"was": entry.type})
        return Delivery(entry.stream_id, entry.seq, "unavailable", frame)
    event.seq = entry.seq
    return delivery_of(event, entry.seq)
