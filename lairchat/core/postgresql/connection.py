"""One connection to PostgreSQL, and the patience of whoever uses it.

A server that is frozen, or behind a network that swallows packets, answers nothing at all: its own timeouts do not run,
and the kernel goes on acknowledging what is sent. So the waiting is bounded on our side.
"""

import select
import threading
import time
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

CHECK_SECONDS = 2.0  # a server that is there answers an empty question long before, also on a busy machine
TRUSTED_SECONDS = 1.0  # a connection used a moment ago is not asked again, only looked at
AGAIN_SECONDS = 1.0  # so often somebody looks whether a lost database is back
NOTICED_SECONDS = 0.5  # shorter waits cost no patience: many quick statements are no slow database
FULL = ("too many", "connection slots are reserved")


class Silence(psycopg.OperationalError):
    """PostgreSQL did not answer in time. What it was asked may still happen."""


class Outage:
    """Whether the database is lost. Then callers are refused at once, but for one a second who looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._again_at: float | None = None
        self._answered_at = 0.0

    def begin(self, since: float) -> None:
        """Nobody had an answer since then, as far as the caller knows; if anybody had, one was unlucky."""
        with self._lock:
            if self._again_at is None and self._answered_at < since:
                self._again_at = time.monotonic() + AGAIN_SECONDS

    def end(self) -> None:
        """The database answered somebody."""
        self._answered_at = time.monotonic()
        self._again_at = None

    def refuses(self) -> bool:
        """Whether this caller need not ask."""
        if self._again_at is None:
            return False
        with self._lock:
            now = time.monotonic()
            if self._again_at is None or now < self._again_at:
                return self._again_at is not None
            self._again_at = now + AGAIN_SECONDS
            return False


outage = Outage()


class Connection(psycopg.Connection[Any]):
    """psycopg's connection, which waits no longer than its user's `patience`, in seconds; None is any time."""

    patience: float | None = None
    used_at = 0.0

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> Self:
        """Raises OperationalError; unless the server only has no place left, the database then counts as lost."""
        begun = time.monotonic()
        try:
            connection = super().connect(*args, **kwargs)
        except psycopg.OperationalError as error:
            if not any(words in str(error) for words in FULL):
                outage.begin(begun)
            raise
        outage.end()
        connection.patience = CHECK_SECONDS  # for what is set up next
        return connection

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Let the server answer. Raises Silence, with the connection closed, once the patience is used up."""
        if self.patience is None or timeout is not None:
            answer = super().wait(gen, interval=interval, timeout=timeout)
            outage.end()
            return answer
        begun = time.monotonic()
        try:
            answer = super().wait(gen, interval=interval, timeout=max(self.patience, 0.0))
            outage.end()
            return answer
        except errors._WaitTimeout:
            # Whatever it was asked may yet come back as the answer to something else.
            self.pgconn.finish()
            raise Silence(f"PostgreSQL did not answer for {time.monotonic() - begun:.1f} s") from None
        finally:
            self.used_at = time.monotonic()
            if self.used_at - begun > NOTICED_SECONDS:
                self.patience -= self.used_at - begun

    def still_carries(self) -> bool:
        """Whether the server is at the other end, for a connection that waited in the pool."""
        if self.closed:
            return False
        if time.monotonic() - self.used_at < TRUSTED_SECONDS and not _has_news(self.fileno()):
            return True
        self.patience = CHECK_SECONDS
        begun = time.monotonic()
        try:
            self.execute("")
        except Silence:
            outage.begin(begun)
            return False
        except psycopg.Error:
            return False
        return self.pgconn.transaction_status == TransactionStatus.IDLE


def _has_news(descriptor: int) -> bool:
    """An idle server says nothing, except that it ends."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
