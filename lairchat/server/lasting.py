"""Tasks that last as long as the process does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0


async def kept_running(work: Callable[[], Awaitable[None]]) -> None:
    """Run the coroutine function until it returns or is cancelled; a second after it fails it begins again."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("%s failed; it begins again", getattr(work, "__qualname__", work))
        else:
            return
        await asyncio.sleep(AGAIN_SECONDS)
