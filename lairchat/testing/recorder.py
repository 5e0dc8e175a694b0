"""What an action published, seen at its commit."""

from collections.abc import Iterator
from contextlib import contextmanager

from lairchat.core import events
from lairchat.core.events import Delivery, Event


class Published:
    """The events of a kind that were published inside the block."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.deliveries: list[Delivery] = []

    @property
    def event(self) -> Event:
        assert len(self.events) == 1, f"{len(self.events)} events"
        return self.events[0]

    def payload(self) -> dict:
        return self.event.payload()


@contextmanager
def recording() -> Iterator[Published]:
    """Every event published inside the block, in order."""
    published = Published()

    def witness(event: Event, delivery: Delivery) -> None:
        published.events.append(event)
        published.deliveries.append(delivery)

    events.witnesses.append(witness)
    try:
        yield published
    finally:
        events.witnesses.remove(witness)


@contextmanager
def publishes(kind: type[Event], *, on: str | None = None) -> Iterator[Published]:
    """Exactly one event of the kind, on that stream if given, is published inside the block."""
    found = Published()
    with recording() as everything:
        yield found
    for event, delivery in zip(everything.events, everything.deliveries, strict=True):
        if type(event) is kind and (on is None or delivery.stream == on):
            found.events.append(event)
            found.deliveries.append(delivery)
    kinds = [f"{event.type} on {event.stream()}" for event in everything.events]
    assert len(found.events) == 1, f"expected one {kind.type} on {on or 'any stream'}, got {kinds}"


@contextmanager
def publishes_nothing() -> Iterator[None]:
    """Nothing is published inside the block, also if it raises."""
    with recording() as everything:
        try:
            yield
        finally:
            assert not everything.events, f"published {[event.type for event in everything.events]}"
