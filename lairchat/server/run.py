"""One serving process from its start to its end."""

import asyncio
import contextlib
import ctypes
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

from lairchat.config import Config
from lairchat.core import draining, lane
from lairchat.core.writer import writer
from lairchat.server import logs
from lairchat.server.daphne import Server
from lairchat.server.guard import Application
from lairchat.server.lasting import kept_running

logger = logging.getLogger(__name__)

# Coroutine functions that run as long as the server does (the hub's heads, the heartbeat). They begin before the first
# request, are begun again a second after one fails, and are cancelled when the last socket is closed.
on_start: list[Callable[[], Awaitable[None]]] = []

GRACE_SECONDS = 2.5  # after the time for a graceful stop: then the process ends, whatever a thread still does
M_MMAP_THRESHOLD = -3
LARGE_BLOCK_BYTES = 1024 * 1024


def serve(application: Application, config: Config, *, say: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully. Raises PortInUse."""
    say = say or _print
    logs.set_up(config.log_level)
    if not config.database_url.startswith("sqlite:"):
        from lairchat.core.postgresql.base import be_prompt  # needs psycopg, which only this database does

        be_prompt(config.storage.wait_seconds)
    _raise_file_limit()
    _give_large_blocks_back()
    from twisted.internet import reactor

    loop = reactor._asyncioEventloop  # the one the reactor runs on; Daphne made it
    asyncio.set_event_loop(loop)
    server = Server(application, config)
    port = server.listen()
    run = Run(server, loop, reactor.stop)
    loop.call_soon(run.begin)
    host = f"[{config.host}]" if ":" in config.host else config.host
    say(f"Lair Chat listens on http://{host}:{port}")
    if not config.limits_on:
        say("WARNING: rate limits are OFF (LAIR_LIMITS=off). Anyone may guess passwords and flood rooms.")
    reactor.run(installSignalHandlers=False)


class Run:
    """The tasks beside the server, and the way to the end."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
        self.server, self.loop, self.end = server, loop, end
        self.tasks: list[asyncio.Task[None]] = []
        self.stopping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self.stop)
        writer.start()
        self.tasks = [self.loop.create_task(kept_running(work)) for work in on_start]

    def stop(self) -> None:
        """The first signal asks; a second one does not wait."""
        if self.stopping is not None:
            os._exit(1)
        server = self.server.config.server
        _end_later(server.drain_seconds + server.stop_seconds + GRACE_SECONDS)
        self.stopping = self.loop.create_task(self._stop())

    async def _stop(self) -> None:
        draining.begin()
        try:
            if pause := self.server.config.server.drain_seconds:
                logger.info("draining for %s s", pause)
                await asyncio.sleep(pause)
            logger.info("stopping")
            await self.server.stop_gracefully()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            writer.stop()
            lane.close()
        finally:
            self.end()


def _end_later(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, args=(1,))
    timer.daemon = True
    timer.start()


def _raise_file_limit() -> None:
    """Each socket is an open file, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _give_large_blocks_back() -> None:
    """glibc, seeing large blocks freed, begins to keep them, once per thread: after 40 sign-ins that was 370 MiB of
    password hashing's memory. With a fixed threshold they are mapped and unmapped (mallopt(3))."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
