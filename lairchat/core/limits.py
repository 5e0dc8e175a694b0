"""Rate limits: fixed windows counted atomically, in memory, in Redis or in the database (guarantees, section 3).

The figures are settings; `spend("send", key)` is the whole interface.
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from django.db import connection
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from lairchat import config
from lairchat.core.errors import RateLimited
from lairchat.core.metrics import LIMITED

logger = logging.getLogger(__name__)

BREAKER_SECONDS = 3.0
CLOCKS_APART_SECONDS = 5.0  # as much may the clocks of two machines differ
# A window that ends later than one that began now was written before the clock jumped back (F7).
_IS_OVER = "core_limitwindow.ends_at <= %s OR core_limitwindow.ends_at > %s"
_COUNT = f"""
INSERT INTO core_limitwindow (key, hits, ends_at) VALUES (%s, %s, %s)
ON CONFLICT (key) DO UPDATE SET
  hits = CASE WHEN {_IS_OVER} THEN excluded.hits ELSE core_limitwindow.hits + excluded.hits END,
  ends_at = CASE WHEN {_IS_OVER} THEN excluded.ends_at ELSE core_limitwindow.ends_at END
RETURNING hits
"""  # noqa: S608


class MemoryStorage(Storage):
    """Windows of this process, on the monotonic clock: no jump of the wall clock makes one longer (F7)."""

    SWEEP_AFTER = 4096  # uses

    def __init__(self) -> None:
        super().__init__()
        self.windows: dict[str, tuple[int, float]] = {}  # hits, and the end on the monotonic clock
        self._lock = threading.Lock()
        self._uses = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.monotonic()
        with self._lock:
            self._sweep(now)
            hits, ends_at = self.windows.get(key, (0, 0.0))
            if ends_at <= now:
                hits, ends_at = 0, now + expiry
            self.windows[key] = hits + amount, ends_at
            return hits + amount

    def get(self, key: str) -> int:
        hits, ends_at = self.windows.get(key, (0, 0.0))
        return hits if ends_at > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        _, ends_at = self.windows.get(key, (0, 0.0))
        return time.time() + max(0.0, ends_at - time.monotonic())

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            count, self.windows = len(self.windows), {}
            return count

    def clear(self, key: str) -> None:
        self.windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        self._uses += 1
        if self._uses % self.SWEEP_AFTER == 0:
            self.windows = {key: window for key, window in self.windows.items() if window[1] > now}


class DatabaseStorage(Storage):
    """Windows as rows of `core_limitwindow`: one upsert counts, so parallel requests never pass more than the limit."""

    STORAGE_SCHEME = ["lair-database"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [key, amount, now + expiry, *2 * (now, now + expiry + CLOCKS_APART_SECONDS)])
            return cursor.fetchone()[0]

    def get(self, key: str) -> int:
        row = self._row(key)
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        row = self._row(key)
        return row[1] if row else time.time()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM core_limitwindow")
            return cursor.rowcount

    def clear(self, key: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM core_limitwindow WHERE key = %s", [key])

    def _row(self, key: str) -> tuple[int, float] | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT hits, ends_at FROM core_limitwindow WHERE key = %s AND ends_at > %s", [key, time.time()]
            )
            return cursor.fetchone()


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a limit is left: for the `X-RateLimit-*` headers."""

    limit: int
    remaining: int
    reset_seconds: int


_lock = threading.RLock()
_limiter: FixedWindowRateLimiter | None = None
_shared = False
_carried: dict[str, tuple[int, float]] = {}  # what memory had counted, until the database has it: uses, monotonic end
_away_until = 0.0  # Redis failed: until then it is not asked


def share_between_processes() -> None:
    """Count in the database from now on, with all that memory counted: another process was seen, and no Redis."""
    global _shared, _limiter
    with _lock:
        if not counts_alone():
            return
        if _limiter is not None and isinstance(_limiter.storage, MemoryStorage):
            _carried.update(_limiter.storage.windows)
        _shared, _limiter = True, None
    # Outside the lock: the database may keep us waiting for somebody who waits for the lock.
    for key in list(_carried):
        _carry(key)


def counts_alone() -> bool:
    """Whether this process counts in its own memory."""
    return not _shared and config.current().redis_url is None


def _carry(key: str) -> None:
    """Write down what memory had counted for one window. Only then it is forgotten: nobody misses it in between."""
    hits, ends_at = _carried[key]
    remaining = ends_at - time.monotonic()
    if remaining > 0:
        DatabaseStorage().incr(key, remaining, amount=hits)
    _carried.pop(key, None)


def forget() -> None:
    """Begin with empty windows in memory: for tests."""
    global _shared, _limiter, _away_until
    with _lock:
        _shared, _limiter, _away_until = False, None, 0.0
        _carried.clear()


def _current() -> FixedWindowRateLimiter:
    global _limiter
    if _limiter is None:
        with _lock:
            if _limiter is None:
                _limiter = FixedWindowRateLimiter(_storage())
    return _limiter


def _storage() -> Storage:
    redis_url = config.current().redis_url
    if redis_url is not None:
        # No second attempt: a request waits for Redis once, and no longer than this (F3).
        bounds: Any = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2, "retry": Retry(NoBackoff(), 0)}
        return RedisStorage(redis_url, **bounds)
    return DatabaseStorage() if _shared else MemoryStorage()


def _item(name: str) -> RateLimitItem:
    window = getattr(config.current().limits, name)
    return RateLimitItemPerSecond(window.count, window.seconds, namespace="lair")


def _count(item: RateLimitItem, name: str, key: str) -> tuple[bool, float, int]:
    """Whether the use is allowed, when the window ends, and what is left. Without its Redis, in the database (F3)."""
    global _away_until
    if config.current().redis_url is None:
        with _lock:  # or it could be counted in memory after memory was carried over
            if counts_alone():
                return _counted(_current(), item, name, key)
        pending, ends_at = _carried.get(item.key_for(name, key), (0, 0.0))
        pending = pending if ends_at > time.monotonic() else 0
        allowed, reset_at, remaining = _counted(_current(), item, name, key)
        return allowed and remaining >= pending, reset_at, max(0, remaining - pending)
    if time.monotonic() >= _away_until:
        try:
            return _counted(_current(), item, name, key)
        except RedisError as error:
            _away_until = time.monotonic() + BREAKER_SECONDS
            logger.warning("Redis does not count limits (%s); the database does", type(error).__name__)
    return _counted(FixedWindowRateLimiter(DatabaseStorage()), item, name, key)


def _counted(limiter: FixedWindowRateLimiter, item: RateLimitItem, name: str, key: str) -> tuple[bool, float, int]:
    allowed = limiter.hit(item, name, key)
    reset_at, remaining = limiter.get_window_stats(item, name, key)
    return allowed, reset_at, remaining


def spend(name: str, key: Any) -> Standing | None:
    """Count one use of the limit by `key`; None where limits are switched off.

    Raises RateLimited, with the seconds until the window ends, once the limit is passed.
    """
    if not config.current().limits_on:
        return None
    item = _item(name)
    allowed, reset_at, remaining = _count(item, name, str(key))
    seconds = max(1, int(reset_at - time.time() + 0.999))
    if not allowed:
        LIMITED.labels(name).inc()
        raise RateLimited(retry_after=seconds, limit=item.amount)
    return Standing(item.amount, remaining, seconds)
