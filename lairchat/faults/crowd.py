"""The people of a run: they write at a steady rate, come back whenever their line ends, and forgive nothing.

Half of them repeat, with the same nonce, whatever was not acknowledged; the others never do.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple
from uuid import uuid4

from lairchat.faults.cluster import Cluster
from lairchat.faults.run import Run
from lairchat.testing.clients import Client, Lost, Refused
from lairchat.testing.history import Send, Stored, Tally, differences, faults_of
from lairchat.testing.town import Person

RATE = 200.0  # sends a second, all together
PASSING = {"busy", "unavailable", "storage_full", "rate_limited"}  # nothing was stored; later it may be
RESTART = 4012
TOO_SLOW = 4008
BEHIND_SECONDS = 0.5  # a writer that is later than this lets the sends go which it missed
SETTLED_SECONDS = 120.0
SMALL_SHARE = 5  # so much more is said in a small room than in the largest


class Answered(NamedTuple):
    """A send and its acknowledgement, by the monotonic clock."""

    send: Send
    begun: float
    at: float

    @property
    def seconds(self) -> float:
        return self.at - self.begun


class Member(Client):
    """A client that is always on its way back, and remembers when it was away and when it heard what."""

    def __init__(self, person: Person, ports: list[int], first: int, rng: Random) -> None:
        super().__init__(ports[first % len(ports)], person.token, user_id=person.id)
        self.name, self.ports, self.next_port, self.rng = person.name, ports, first, rng
        self.is_back = asyncio.Event()  # set while it is live
        self.may_come = asyncio.Event()  # cleared: it stays away
        self.may_come.set()
        self.is_polite = False  # waits between attempts as the protocol asks: 0.5 to 3 s, doubling to 30 s
        self._attempts = 0
        self.live_since: float | None = None
        self.away_since: float | None = None
        self.gaps: list[float] = []  # seconds between the end of a line and the next live one
        self.live: list[tuple[float, float]] = []  # from, to
        self.codes: Counter[int | None] = Counter()
        self.came: dict[str, float] = {}  # when each nonce came
        self.came_from: dict[str, int] = {}  # and through which process

    async def stay(self) -> None:
        """Be connected until cancelled: on to the next process when a line ends or cannot be opened."""
        while True:
            await self.may_come.wait()
            try:
                await self.connect()
            except OSError:  # Lost among them
                self._attempts += 1
            else:
                self._attempts = 0
                self._came_back()
                await self._line_ends()
                self._went_away()
            self._move_on()
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        if self.close_code == RESTART:
            with contextlib.suppress(ValueError):
                return float(self.close_reason)
        if self.is_polite:
            return min(30.0, self.rng.uniform(0.5, 3.0) * 2**self._attempts)
        return self.rng.uniform(0.05, 0.3)

    def _move_on(self) -> None:
        self.next_port += 1
        self.port = self.ports[self.next_port % len(self.ports)]

    async def _line_ends(self) -> None:
        while self.is_connected:
            self._changed.clear()
            await self._changed.wait()

    def _came_back(self) -> None:
        self.is_back.set()
        self.live_since = time.monotonic()
        if self.away_since is not None:
            self.gaps.append(self.live_since - self.away_since)
            self.away_since = None

    def _went_away(self) -> None:
        self.is_back.clear()
        self.away_since = time.monotonic()
        self.codes[self.close_code] += 1
        if self.live_since is not None:
            self.live.append((self.live_since, self.away_since))
            self.live_since = None

    def was_live(self, begin: float, end: float) -> bool:
        """It had one line, caught up, through all that time."""
        if self.live_since is not None and self.live_since <= begin:
            return True
        return any(since <= begin and end <= until for since, until in self.live)

    def _event(self, frame: dict[str, Any]) -> None:
        super()._event(frame)
        if frame["type"] == "message_received":
            self.came.setdefault(frame["message"]["nonce"], time.monotonic())


class Crowd:
    """Use as an async context: everybody is live inside; at its end nobody writes, and all lines are dropped."""

    def __init__(
        self,
        run: Run,
        cluster: Cluster,
        *,
        rate: float = RATE,
        people: list[str] | None = None,
        each: int = 1,
        ports: list[int] | None = None,
        patience: float = 60.0,
        padding: int = 0,
        by_cookie: bool = False,
        nobody_repeats: bool = False,
    ) -> None:
        self.run, self.cluster, self.rate, self.padding = run, cluster, rate, " " + "x" * padding if padding else ""
        persons = [cluster.place.people[name] for name in people or cluster.place.people] * each
        places = ports or cluster.ports
        self.members = [Member(person, places, number, run.rng) for number, person in enumerate(persons)]
        for member in self.members:
            member.patience_seconds = patience
            member.cookie = cluster.place.people[member.name].cookie if by_cookie else ""
        self.nobody_repeats = nobody_repeats
        self.rooms = _rooms_of(cluster)
        self.tally = Tally()
        self.answered: list[Answered] = []
        self.refusals: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.writers: list[Member] = self.members  # who is chosen from to write
        self._staying: list[asyncio.Task[None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Crowd":
        self._staying = [asyncio.ensure_future(member.stay()) for member in self.members]
        await self.all_live()
        return self

    async def __aexit__(self, *_error: Any) -> None:
        tasks = [*self._staying, *self._under_way]
        if self._writing is not None:
            tasks.append(self._writing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for member in self.members:
            member.drop()

    def be_patient(self, seconds: float) -> None:
        """From now on a line that gives no answer for so long is taken for dead."""
        for member in self.members:
            member.patience_seconds = seconds

    async def all_live(self, *, seconds: float = SETTLED_SECONDS) -> None:
        """Wait until everybody has a line and has caught up."""
        await self.until(lambda: all(member.is_live for member in self.members), "everybody is live", seconds=seconds)

    async def until(self, question: Any, what: str, *, seconds: float = SETTLED_SECONDS) -> None:
        """Raises AssertionError at the deadline, or as soon as a member's own work fails."""
        deadline = time.monotonic() + seconds
        while not question():
            for task in self._staying:
                if task.done():
                    task.result()
            assert time.monotonic() < deadline, f"it never became true that {what}"
            await asyncio.sleep(0.01)

    # Writing

    def begin(self) -> None:
        """Begin to write, and go on at the rate whatever the answers are."""
        self._writing = asyncio.ensure_future(self._write())

    async def finish(self) -> None:
        """Write no more; wait for every answer that is still to come."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            self._writing = None
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def more_acknowledged(self, more: int, *, seconds: float = 120.0) -> None:
        """Wait until so many more sends were acknowledged."""
        wanted = len(self.answered) + more
        await self.until(lambda: len(self.answered) >= wanted, f"{more} more are acknowledged", seconds=seconds)

    async def _write(self) -> None:
        due, number = time.monotonic(), 0
        while True:
            due = max(due + 1 / self.rate, time.monotonic() - BEHIND_SECONDS)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            member = self.run.rng.choice(self.writers)
            if not member.is_live:
                continue
            number += 1
            room_id = self.run.rng.choice(self.rooms[member.name])
            self._in_the_background(self.say(member, room_id, f"{member.name} {number}{self.padding}"))

    def _in_the_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def repeats(self, member: Member) -> bool:
        return not self.nobody_repeats and self.members.index(member) % 2 == 0

    async def say(self, member: Member, room_id: str, content: str) -> None:
        """Send one message and note what became of it; those who repeat go on until it is acknowledged."""
        send = self.tally.sending(uuid4().hex, room_id, content)
        begun = time.monotonic()
        while True:
            try:
                ack = await member.send_message(room_id, content, nonce=send.nonce)
            except Refused as refusal:
                self.refusals[refusal.code] += 1
                if refusal.code not in PASSING:
                    self.wrong.append(f"{member.name} was refused: {refusal}")
                    return
                pause = self.run.rng.uniform(0.2, 1.0)
            except Lost:
                pause = 0.0
            except TimeoutError:  # nothing came: the line is taken for dead, as a phone would
                member.drop()
                pause = 0.0
            else:
                send.acks.append(ack)
                self.answered.append(Answered(send, begun, time.monotonic()))
                return
            if not self.repeats(member):
                return
            await asyncio.sleep(pause)
            await asyncio.wait_for(member.is_back.wait(), SETTLED_SECONDS)

    # Figures

    def waits(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Seconds to the acknowledgement of each send that began in that time."""
        return [answer.seconds for answer in self.answered if since <= answer.begun < until]

    def lags(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Seconds from each acknowledgement to each member of the room who was live all the while and heard of it."""
        here = {room_id: [m for m in self.members if room_id in self.rooms[m.name]] for room_id in self.all_rooms}
        return [
            max(0.0, came - answer.at)
            for answer in self.answered
            if since <= answer.begun < until
            for member in here[answer.send.room_id]
            if (came := member.came.get(answer.send.nonce)) is not None and member.was_live(answer.begun, came)
        ]

    def rate_reached(self) -> float:
        """Sends acknowledged per second, from the first to the last."""
        if len(self.answered) < 2:
            return 0.0
        return len(self.answered) / (self.answered[-1].at - self.answered[0].begun)

    def gaps(self) -> list[float]:
        return [gap for member in self.members for gap in member.gaps]

    @property
    def all_rooms(self) -> set[str]:
        return {room_id for rooms in self.rooms.values() for room_id in rooms}

    # The verdict

    async def judge(self, *, resets_allowed: bool = False) -> Stored:
        """Hold what everybody was told against what is stored and against a fresh read, once all have caught up."""
        await self.finish()
        await self.all_live()
        stored = await asyncio.to_thread(self.cluster.stored)
        heads = {room_id: stored.bounds[f"room:{room_id}"][0] for room_id in self.all_rooms}
        await self.until(lambda: all(self._has_reached(member, heads) for member in self.members), "all catch up")
        run, tally = self.run, self.tally
        run.wrong += self.wrong
        run.wrong += faults_of(tally, stored, self.members)
        run.wrong += [f"{send.nonce} was repeated and never acknowledged" for send in self._given_up()]
        resets = Counter(frame["reason"] for member in self.members for frame in member.resets)
        run.must(resets_allowed or not resets, f"clients had to read anew: {dict(resets)}")
        run.wrong += await self._differences(self.members)
        run.note(
            people=len(self.members),
            acks=len(tally.acknowledged),
            per_second=self.rate_reached(),
            unanswered=len(tally.unacknowledged),
            repeated=sum(len(send.acks) for send in tally.sends.values() if any(a["duplicate"] for a in send.acks)),
            resumes=sum(member.resumes for member in self.members),
            resets=sum(resets.values()),
        )
        if self.refusals:
            run.note(refused=",".join(f"{code}:{count}" for code, count in sorted(self.refusals.items())))
        return stored

    def _has_reached(self, member: Member, heads: dict[str, int]) -> bool:
        rooms = self.rooms[member.name]
        return all(member.positions.get(f"room:{room_id}", 0) >= heads[room_id] for room_id in rooms)

    def _given_up(self) -> Iterable[Send]:
        repeating = {member.name for member in self.members if self.repeats(member)}
        return [send for send in self.tally.unacknowledged if send.content.split()[0] in repeating]

    async def _differences(self, members: list[Member]) -> list[str]:
        found = []
        for room_id in self.all_rooms:
            readers = [m for m in members if room_id in self.rooms[m.name] and not _was_reset(m, room_id)]
            if readers:
                fresh = await asyncio.to_thread(self.cluster.rest(readers[0].name).history, room_id)
                found += [
                    f"{reader.name} {difference}"
                    for reader in readers
                    for difference in differences(reader, room_id, fresh)
                ]
        return found


def _was_reset(member: Member, room_id: str) -> bool:
    return any(frame["stream"] == f"room:{room_id}" for frame in member.resets)


def _rooms_of(cluster: Cluster) -> dict[str, list[str]]:
    """The ids of everybody's rooms, by their names; small ones several times, since more is said in them."""
    place = cluster.place
    most = max(map(len, cluster.rooms.values()))
    return {
        name: [
            place.rooms[room]
            for room, members in cluster.rooms.items()
            if name in members
            for _ in range(1 if len(members) == most else SMALL_SHARE)
        ]
        for name in place.people
    }
