"""What runs beside the requests of a process, or instead of them."""

from collections.abc import Awaitable, Callable
from functools import partial

from lairchat.core import processes, upkeep
from lairchat.core.bus import bus


def work_of(role: str) -> list[Callable[[], Awaitable[None]]]:
    """Coroutine functions for the life of the process: heartbeat and hints; with sockets also heads and presence;
    where nobody else would do it also the upkeep."""
    work: list[Callable[[], Awaitable[None]]] = [partial(processes.beat, role), bus.run]
    if role in {"all", "worker"}:
        work.append(upkeep.keep_up)
    if role in {"web", "worker"}:
        return work
    from chat.realtime.hub import hub
    from chat.realtime.presence import presence

    return [*work, hub.watch_heads, presence.watch_elsewhere]
