"""The history checker: what clients were told, held against what the server kept (guarantees, section 7, item 1).

Nothing here asks the server's own code: the tally is made by the clients, the rows are read from the database itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from lairchat.testing import stack
from lairchat.testing.clients import Client

STAFF_LOG = "audit"
MOVES = """
    SELECT stream_id, seq, type, refs ->> 'user' FROM core_streamentry
    WHERE type IN ('user_joined_room', 'user_left_room') ORDER BY seq
"""


@dataclass
class Send:
    """One message somebody tried to send, and every answer they got for it."""

    nonce: str
    room_id: str
    content: str
    acks: list[dict[str, Any]] = field(default_factory=list)


class Tally:
    """What the clients sent, and what was acknowledged to them."""

    def __init__(self) -> None:
        self.sends: dict[str, Send] = {}

    def sending(self, nonce: str, room_id: str, content: str) -> Send:
        send = self.sends[nonce] = Send(nonce, room_id, content)
        return send

    @property
    def acknowledged(self) -> list[Send]:
        return [send for send in self.sends.values() if send.acks]

    @property
    def unacknowledged(self) -> list[Send]:
        return [send for send in self.sends.values() if not send.acks]


@dataclass(frozen=True)
class StoredMessage:
    id: str
    room_id: str
    seq: int
    nonce: str
    content: str


@dataclass
class Stored:
    """What the database holds: messages, heads and floors of the streams, and the positions of their entries."""

    messages: list[StoredMessage]
    bounds: dict[str, tuple[int, int]]
    entries: dict[str, list[int]]
    # By stream and account: where somebody came in, and where they were let go.
    moves: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, data_dir: Path) -> "Stored":
        """What the installation in `data_dir` holds, on whatever the tests stand."""
        return cls.read(stack.database_url(data_dir))

    @classmethod
    def read(cls, address: str) -> "Stored":
        """Read the database of this address, whether or not a server has it open."""
        rows = stack.ask(address, "SELECT id, room_id, seq, nonce, content FROM chat_message ORDER BY seq")
        streams = stack.ask(address, "SELECT name, head, floor FROM core_stream")
        positions = stack.ask(address, "SELECT stream_id, seq FROM core_streamentry ORDER BY seq")
        moves: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        for stream, seq, type_, user in stack.ask(address, MOVES):
            moves[stream, user].append((seq, type_))
        entries: dict[str, list[int]] = defaultdict(list)
        for stream, seq in positions:
            entries[stream].append(seq)
        messages = [StoredMessage(str(UUID(str(id_))), str(UUID(str(room))), *rest) for id_, room, *rest in rows]
        return cls(messages, {name: (head, floor) for name, head, floor in streams}, entries, moves)


def faults_of(tally: Tally, stored: Stored, clients: Iterable[Client]) -> list[str]:
    """Everything that breaks a promise, one sentence each; empty is good."""
    clients = list(clients)
    return [
        *_sends(tally, stored),
        *_streams(stored),
        *(f"client {number}: {fault}" for number, client in enumerate(clients) for fault in client.faults),
        *(f"client {number}: {fault}" for number, client in enumerate(clients) for fault in _heard(tally, client)),
    ]


def _sends(tally: Tally, stored: Stored) -> Iterable[str]:
    """D1, D2: acknowledged exactly once and as acknowledged, unacknowledged at most once, and nothing else."""
    by_nonce: dict[str, list[StoredMessage]] = defaultdict(list)
    for message in stored.messages:
        by_nonce[message.nonce].append(message)
    for send in tally.sends.values():
        found = by_nonce.pop(send.nonce, [])
        if len(found) > 1:
            yield f"{send.nonce} is stored {len(found)} times"
        if send.acks and not found:
            yield f"{send.nonce} was acknowledged and is lost"
        for message in found:
            if (message.room_id, message.content) != (send.room_id, send.content):
                yield f"{send.nonce} is stored as something else: {message}"
            for ack in send.acks:
                if (ack["id"], ack["seq"]) != (message.id, message.seq):
                    yield f"{send.nonce} was acknowledged as {ack['id']} {ack['seq']} and is {message.id} {message.seq}"
    rooms = {send.room_id for send in tally.sends.values()}
    for nonce, found in by_nonce.items():
        if found[0].room_id in rooms:
            yield f"nobody sent {nonce}"


def _streams(stored: Stored) -> Iterable[str]:
    """D3: the seqs of each stream are exactly floor…head."""
    for name, (head, floor) in stored.bounds.items():
        if name == STAFF_LOG:
            continue  # it takes its numbers here, and keeps rows of its own
        if stored.entries.get(name, []) != list(range(floor, head + 1)):
            yield f"{name} does not hold exactly {floor}…{head}"


def _heard(tally: Tally, client: Client) -> Iterable[str]:
    """D6: what a client was shown of a stream is one unbroken run, unless it was reset, and each nonce came once."""
    runs: dict[str, list[int]] = defaultdict(list)
    nonces: Counter[str] = Counter()
    for event in client.events:
        if "seq" in event:
            runs[event["stream"]].append(event["seq"])
        if event["type"] == "message_received":
            nonces[event["message"]["nonce"]] += 1
    reset = {frame["stream"] for frame in client.resets}
    for stream, seqs in runs.items():
        if stream not in reset and seqs != list(range(seqs[0], seqs[0] + len(seqs))):
            yield f"its frames of {stream} are not one run"
    followed = {stream.removeprefix("room:") for stream in client.positions.keys() - reset}
    for send in tally.acknowledged:
        if send.room_id in followed and nonces[send.nonce] != 1:
            yield f"it was shown {send.nonce} {nonces[send.nonce]} times"


def after_removal(stored: Stored, client: Client, room_id: str) -> list[str]:
    """D11: what a client was shown of a room from after a removal of its account, and from before it came back."""
    stream = f"room:{room_id}"
    moves = stored.moves.get((stream, client.user_id), [])
    found = []
    for number, (seq, type_) in enumerate(moves):
        if type_ == "user_left_room":
            back = moves[number + 1][0] if number + 1 < len(moves) else float("inf")
            shown = [event["seq"] for event in client.of_stream(stream) if seq < event["seq"] < back]
            found += [f"{client.user_id} was removed at {seq} and shown {late}" for late in shown]
    return found


def differences(client: Client, room_id: str, fresh: list[dict[str, Any]]) -> list[str]:
    """D9: where what a client knows of a room, from frames alone, is not what a fresh read says."""
    known = {id_: message for id_, message in client.messages.items() if message["room_id"] == room_id}
    read = {message["id"]: message for message in fresh}
    return [
        f"{id_}: knows {known.get(id_)}, reads {read.get(id_)}"
        for id_ in known.keys() | read.keys()
        if known.get(id_) != read.get(id_)
    ]
