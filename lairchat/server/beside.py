"""What runs beside the requests in a serving process."""

from collections.abc import Awaitable, Callable
from functools import partial

from lairchat.core import processes
from lairchat.core.bus import bus


def work_of(role: str) -> list[Callable[[], Awaitable[None]]]:
    """Coroutine functions for the life of the process: heartbeat and hints; with sockets also heads and presence."""
    work: list[Callable[[], Awaitable[None]]] = [partial(processes.beat, role), bus.run]
    if role == "web":
        return work
    from chat.realtime.hub import hub
    from chat.realtime.presence import presence

    return [*work, hub.watch_heads, presence.watch_elsewhere]
