"""Who is online: connected to this process, or to another by its heartbeat."""

import threading
import time
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from lairchat.core import processes
from lairchat.core.models import Process

DEAD_AFTER = timedelta(seconds=15)  # D10
KEPT_SECONDS = 1.0

_lock = threading.Lock()
_known: frozenset[UUID] = frozenset()
_read_at: float | None = None


def online_ids() -> frozenset[UUID]:
    """The accounts with an open socket: those of this process as they are now, the others' at most a second old."""
    return frozenset(processes.online_here()) | _elsewhere()


def _elsewhere() -> frozenset[UUID]:
    global _known, _read_at
    with _lock:
        if _read_at is None or time.monotonic() - _read_at >= KEPT_SECONDS:
            _known, _read_at = _read(), time.monotonic()
        return _known


def _read() -> frozenset[UUID]:
    live = Process.objects.filter(beat_at__gte=timezone.now() - DEAD_AFTER).values_list("id", "online")
    return frozenset(UUID(one) for id_, online in live if id_ != processes.own_id() for one in online)


def forget() -> None:
    """Read again at the next question: for tests, and after an own heartbeat."""
    global _read_at
    with _lock:
        _read_at = None
