"""Places for running requests: so many run, so many wait, the others are told to come again."""

import asyncio
from collections import deque


class Full(Exception):
    """No place became free in time."""


class Admission:
    """A bounded queue before a bounded number of places. Used from one event loop."""

    def __init__(self, places: int, waiting: int, wait_seconds: float) -> None:
        self.free = places
        self.most_waiting = waiting
        self.wait_seconds = wait_seconds
        self.queue: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a place; `leave` gives it back. Raises Full."""
        if self.free > 0:
            self.free -= 1
            return
        if len(self.queue) >= self.most_waiting:
            raise Full
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue.append(turn)
        try:
            async with asyncio.timeout(self.wait_seconds):
                await turn
        except TimeoutError:
            self._give_up(turn)
            raise Full from None
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def leave(self) -> None:
        while self.queue:
            turn = self.queue.popleft()
            if not turn.done():
                turn.set_result(None)  # the place passes on without becoming free
                return
        self.free += 1

    def _give_up(self, turn: "asyncio.Future[None]") -> None:
        if turn.done() and not turn.cancelled():
            self.leave()  # it was given a place just now
        elif turn in self.queue:
            self.queue.remove(turn)
