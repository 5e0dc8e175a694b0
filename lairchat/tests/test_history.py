"""The history checker itself: for each promise it holds, a history that breaks it."""

import copy
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from lairchat.testing.clients import Client
from lairchat.testing.history import Stored, StoredMessage, Tally, after_removal, differences, faults_of

ROOM = str(uuid4())
STREAM = f"room:{ROOM}"


class History:
    """Three messages, acknowledged, stored and shown to one client; a fourth was sent without an answer."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.client = Client(0, "")
        self.client.positions = {STREAM: 3}
        self.stored = Stored([], {STREAM: (3, 1)}, {STREAM: [1, 2, 3]})
        for seq in (1, 2, 3):
            message = StoredMessage(str(uuid4()), ROOM, seq, f"nonce{seq}", f"text {seq}")
            self.stored.messages.append(message)
            send = self.tally.sending(message.nonce, ROOM, message.content)
            send.acks.append({"id": message.id, "seq": seq})
            shown = {"id": message.id, "room_id": ROOM, "rev": seq, "nonce": message.nonce}
            self.client.messages[message.id] = shown
            self.client.events.append({"type": "message_received", "stream": STREAM, "seq": seq, "message": shown})
        self.tally.sending("nonce4", ROOM, "text 4")

    def faults(self) -> list[str]:
        return faults_of(self.tally, self.stored, [self.client])

    def double(self, nonce: str) -> None:
        original = StoredMessage(str(uuid4()), ROOM, 4, nonce, f"text {nonce[-1]}")
        self.stored.messages += [original] if nonce != "nonce4" else [original, copy.copy(original)]


def test_a_good_history_has_no_faults() -> None:
    history = History()
    assert history.faults() == []
    assert differences(history.client, ROOM, list(history.client.messages.values())) == []


BREAKS: dict[str, Callable[[History], Any]] = {
    "was acknowledged and is lost": lambda history: history.stored.messages.pop(),
    "nonce2 is stored 2 times": lambda history: history.double("nonce2"),
    "nonce4 is stored 2 times": lambda history: history.double("nonce4"),
    "and is": lambda history: history.tally.sends["nonce1"].acks.append({"id": "another", "seq": 1}),
    "is stored as something else": lambda history: setattr(history.tally.sends["nonce1"], "content", "other words"),
    "nobody sent nonce1": lambda history: history.tally.sends.pop("nonce1"),
    "does not hold exactly 1…3": lambda history: history.stored.entries[STREAM].remove(2),
    "are not one run": lambda history: history.client.events.pop(1),
    "was shown nonce3 0 times": lambda history: history.client.events.pop(),
    "was shown nonce2 2 times": lambda history: history.client.events.append(history.client.events[1]),
    "came late": lambda history: history.client.faults.append("it came late"),
}


@pytest.mark.parametrize("said", BREAKS)
def test_a_broken_promise_is_named(said: str) -> None:
    history = History()
    BREAKS[said](history)
    assert any(said in fault for fault in history.faults())


def test_a_state_that_a_fresh_read_contradicts_is_named() -> None:
    history = History()
    fresh = [*history.client.messages.values()]
    assert differences(history.client, ROOM, [*fresh[:2], fresh[2] | {"rev": 9}]) != []
    assert differences(history.client, ROOM, fresh[:2]) != []


class TestAClient:
    """What a client notices by itself."""

    def client(self) -> Client:
        client = Client(0, "")
        client._ready({"epoch": "e", "user": {"id": "me"}, "from": {STREAM: 3}})
        return client

    def event(self, seq: int, **fields: Any) -> dict[str, Any]:
        return {"type": "user_left_room", "stream": STREAM, "seq": seq, "user_id": "somebody"} | fields

    def test_a_hole_a_repeat_and_a_swap_are_faults(self) -> None:
        for seq in (5, 3, 2):
            client = self.client()
            client._event(self.event(seq))
            with pytest.raises(AssertionError, match="after 3"):
                client.check()

    def test_anything_after_the_own_removal_is_a_fault(self) -> None:
        client = self.client()
        client._event(self.event(4, user_id="me"))
        client.check()
        client._event(self.event(5))
        with pytest.raises(AssertionError, match="does not follow"):
            client.check()

    def test_a_resume_from_elsewhere_without_a_reset_is_a_fault(self) -> None:
        client = self.client()
        client._ready({"epoch": "e", "user": {"id": "me"}, "from": {STREAM: 7}})
        client._live()
        with pytest.raises(AssertionError, match="without a reset"):
            client.check()

    def test_a_reset_explains_it(self) -> None:
        client = self.client()
        client._ready({"epoch": "e", "user": {"id": "me"}, "from": {STREAM: 7}})
        client._reset({"type": "reset", "stream": STREAM, "head": 7, "reason": "too_many"})
        client._live()
        client.check()


def test_what_was_shown_after_a_removal_is_found_until_the_return() -> None:
    history = History()
    client, moves = history.client, history.stored.moves
    client.user_id = str(uuid4())
    assert after_removal(history.stored, client, ROOM) == []
    moves[STREAM, client.user_id] = [(1, "user_joined_room"), (2, "user_left_room")]
    assert after_removal(history.stored, client, ROOM) == [f"{client.user_id} was removed at 2 and shown 3"]
    moves[STREAM, client.user_id].append((3, "user_joined_room"))
    assert after_removal(history.stored, client, ROOM) == []
