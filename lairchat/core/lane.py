"""The lane: the bounded threads in which all synchronous work of a process runs.

asgiref would give each running request a thread and a database connection of its own, without a cap. Ours are few and
stay: on SQLite each keeps its connection, on PostgreSQL each call gives it back to the pool.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import ParamSpec, TypeVar

from django.db import connections

from lairchat import config

P = ParamSpec("P")
T = TypeVar("T")

_lock = Lock()
_threads: ThreadPoolExecutor | None = None


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a thread of the lane, with this task's context, and wait for what it returns or raises.

    A cancelled wait does not stop the thread: what it began, it finishes.
    """
    return await asyncio.wrap_future(submit(function, *args, **kwargs))


def submit(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Like `run`, for callers that do not wait."""
    context = contextvars.copy_context()
    return _pool().submit(context.run, lambda: _called(lambda: function(*args, **kwargs)))


def close() -> None:
    """Take nothing more; running calls finish by themselves. Later calls start new threads."""
    global _threads
    with _lock:
        threads, _threads = _threads, None
    if threads is not None:
        threads.shutdown(wait=False, cancel_futures=True)


def waiting() -> int:
    """Calls that wait for a thread, for the metrics."""
    return _threads._work_queue.qsize() if _threads is not None else 0


def _called(function: Callable[[], T]) -> T:
    try:
        return function()
    finally:
        _give_connections_back()


def _give_connections_back() -> None:
    # CONN_MAX_AGE decides: 0 (PostgreSQL) gives the connection to the pool, None (SQLite) keeps it unless it is broken.
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


def _pool() -> ThreadPoolExecutor:
    global _threads
    if _threads is not None:
        return _threads
    with _lock:
        if _threads is None:
            _threads = ThreadPoolExecutor(config.current().server.threads, thread_name_prefix="lane")
        return _threads
