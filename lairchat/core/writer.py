"""The writer lane: what waits to be written shares one transaction and one durable commit (group commit, D1).

One thread of the process takes the acts that wait, all of one kind at a time, and answers them after the commit. On
SQLite it writes everything, so that no two threads of a process wait for the database's one lock. Where no lane runs
(the command line, tests), an act is written by whoever asks for it.
"""

import asyncio
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from django.db import connection, connections

from lairchat.core.errors import Busy, Unavailable
from lairchat.core.metrics import BATCH_SIZES

logger = logging.getLogger(__name__)

T = TypeVar("T")

FEW, MANY = 64, 256  # acts of one transaction; a large one holds the lane for 40–60 ms, so only a crowd gets it
WAITING_MAX = 2048  # acts that may wait; more are refused at once
CROWDED_SECONDS = 0.5  # and, while a full batch waits, whoever would stand behind one who waits longer than this
WAIT_SECONDS = 5.0  # F5: nobody is kept longer than this for their turn
TEDIOUS_SECONDS = 0.5  # a batch refused later than this was not refused by chance


class Kind(Protocol):
    """Acts that can be written together."""

    def commit(self, requests: Sequence[Any]) -> list[Any]:
        """Carry the requests out in one transaction: for each its result, or the exception that answers it."""
        ...


class Waiting:
    """A request in the queue, and who wants to hear what became of it."""

    __slots__ = ("future", "kind", "loop", "request", "since")

    def __init__(self, kind: Kind, request: Any, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.kind, self.request, self.loop = kind, request, loop
        self.since = time.monotonic()
        self.future: Any = Future() if loop is None else loop.create_future()


class Alone:
    """A kind of its own: one call, which opens its own transaction."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call

    def commit(self, requests: Sequence[Any]) -> list[Any]:
        try:
            return [self.call()]
        except BaseException as error:  # whoever waits for it raises it
            return [error]


class Writer:
    """The lane of one process. It runs between `start` and `stop`."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """What waits is still written; later acts are written by whoever asks."""
        with self._ready:
            thread, self._thread = self._thread, None
            self._ready.notify()
        if thread is not None:
            thread.join()

    @property
    def is_running(self) -> bool:
        return self._thread is not None

    @property
    def takes_acts(self) -> bool:
        """Whether an act asked for here goes through the lane: not from within a transaction that is already open."""
        return self._thread not in (None, threading.current_thread()) and not connection.in_atomic_block

    def waiting(self) -> int:
        """Acts in the queue, for the metrics."""
        return len(self._waiting)

    def write(self, kind: Kind, request: Any) -> Any:
        """Have the request carried out, and return its result. Raises what answers it, Busy included."""
        if not self.takes_acts:
            return answered(kind.commit([request])[0])
        waiting = Waiting(kind, request)
        self._put(waiting)
        # Of a pool, whoever waits for the lane may hold the connection that the lane waits for.
        _give_connections_back()
        return answered(waiting.future.result())

    async def write_soon(self, kind: Kind, request: Any) -> Any:
        """The same for a coroutine, which no thread waits for. Only where the lane runs."""
        waiting = Waiting(kind, request, asyncio.get_running_loop())
        self._put(waiting)
        return answered(await waiting.future)

    def alone(self, call: Callable[[], T]) -> T:
        """Make a call that opens its own transaction: on SQLite in the lane, else here and now."""
        if connection.vendor != "sqlite" or not self.takes_acts:
            return call()
        context = contextvars.copy_context()
        result: T = self.write(Alone(lambda: context.run(call)), None)
        return result

    # The queue

    def _put(self, waiting: Waiting) -> None:
        with self._ready:
            if self._thread is None or self._is_crowded():
                raise Busy()
            self._waiting.append(waiting)
            self._ready.notify()

    def _is_crowded(self) -> bool:
        """More comes than is written: better refused at once than accepted late (overload)."""
        waiting = len(self._waiting)
        if waiting >= WAITING_MAX:
            return True
        return waiting >= FEW and time.monotonic() - self._waiting[0].since > CROWDED_SECONDS

    def _take(self) -> list[Waiting]:
        """The oldest request and those of its kind; none at the end."""
        with self._ready:
            while not self._waiting:
                if self._thread is None:
                    return []
                self._ready.wait()
            kind = self._waiting[0].kind
            most = FEW if len(self._waiting) < MANY else MANY
            taken: list[Waiting] = []
            others: deque[Waiting] = deque()
            while self._waiting and len(taken) < most:
                waiting = self._waiting.popleft()
                (taken if waiting.kind is kind else others).append(waiting)
            self._waiting.extendleft(reversed(others))
            return taken

    def _everybody(self) -> list[Waiting]:
        with self._ready:
            everybody, self._waiting = list(self._waiting), deque()
            return everybody

    def _work(self) -> None:
        while taken := self._take():
            try:
                self._carry_out(taken)
            except Exception:  # the lane outlives everything
                logger.exception("the writer lane failed")
            finally:
                _give_connections_back()

    def _carry_out(self, taken: list[Waiting]) -> None:
        begun = time.monotonic()
        latest = begun - WAIT_SECONDS
        timely = [waiting for waiting in taken if waiting.since > latest]
        outcomes: list[Any] = []
        if timely:
            BATCH_SIZES.observe((), len(timely))
            try:
                outcomes = timely[0].kind.commit([waiting.request for waiting in timely])
            except Exception as error:
                outcomes = [error] * len(timely)
        late = [waiting for waiting in taken if waiting.since <= latest]
        if time.monotonic() - begun > TEDIOUS_SECONDS and all(isinstance(one, Busy | Unavailable) for one in outcomes):
            # The database made the batch wait as long as anybody may, for nothing: those behind it waited too.
            late += self._everybody()
        _tell([*zip(timely, outcomes, strict=True), *((waiting, Busy()) for waiting in late)])


def _give_connections_back() -> None:
    """To the pool, on PostgreSQL; on SQLite a thread keeps its own."""
    for each in connections.all(initialized_only=True):
        each.close_if_unusable_or_obsolete()


def answered(outcome: Any) -> Any:
    """The result, or raises the exception that took its place."""
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _tell(outcomes: list[tuple[Waiting, Any]]) -> None:
    """Wake those who wait; all coroutines of a loop by one call into it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Any, Any]]] = {}
    for waiting, outcome in outcomes:
        if waiting.loop is None:
            waiting.future.set_result(outcome)
        else:
            by_loop.setdefault(waiting.loop, []).append((waiting.future, outcome))
    for loop, pairs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: list[tuple[Any, Any]]) -> None:
    for future, outcome in pairs:
        if not future.done():
            future.set_result(outcome)


writer = Writer()
