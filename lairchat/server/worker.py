"""A process that serves nobody: upkeep, and later what else nobody waits for. Without the weight of a server."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence

from lairchat.config import Config
from lairchat.core import lane
from lairchat.server import logs
from lairchat.server.lasting import kept_running

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0  # for the step that runs; whatever it did not commit, another does again


def work(tasks: Sequence[Callable[[], Awaitable[None]]], config: Config, *, say: Callable[[str], None]) -> None:
    """Run the tasks until SIGTERM or SIGINT; a second signal does not wait."""
    logs.set_up(config.log_level)
    asyncio.run(_work(tasks, say))
    # A thread of the lane may still be in a statement: it must not keep the process.
    logging.shutdown()
    os._exit(0)


async def _work(tasks: Sequence[Callable[[], Awaitable[None]]], say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    running = [loop.create_task(kept_running(task)) for task in tasks]
    say("Lair Chat's worker is at work")
    await stop.wait()
    logger.info("stopping")
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=STOP_SECONDS)
    lane.close()
