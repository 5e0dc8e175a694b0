"""What came for one connection and was not taken yet."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]


class Inbox:
    """A queue of messages for the application that knows when it is full, and says so to the one who reads.

    Full is no refusal: what was read already still comes in. The reader stops until `on_room` is called.
    """

    def __init__(self, frames: int, bytes_: int, on_room: Callable[[], None]) -> None:
        self.most_frames, self.most_bytes = frames, bytes_
        self.on_room = on_room
        self.full = False
        self.waited_seconds = 0.0  # by the message that was taken last
        self._messages: deque[tuple[Message, int, float]] = deque()
        self._bytes = 0
        self._ended = False
        self._taker: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message, size: int = 0) -> None:
        if self._ended:
            return
        self._messages.append((message, size, time.monotonic()))
        self._bytes += size
        self.full = len(self._messages) >= self.most_frames or self._bytes >= self.most_bytes
        self._wake()

    def end(self, message: Message) -> None:
        """We closed: nobody gets answers to what still waits here, so only this remains."""
        self._messages.clear()
        self._messages.append((message, 0, time.monotonic()))
        self._bytes, self.full, self._ended = 0, False, True
        self._wake()

    async def get(self) -> Message:
        while not self._messages:
            self._taker = asyncio.get_running_loop().create_future()
            await self._taker
        message, size, since = self._messages.popleft()
        self.waited_seconds = time.monotonic() - since
        self._bytes -= size
        if self.full and len(self._messages) <= self.most_frames // 2 and self._bytes <= self.most_bytes // 2:
            self.full = False
            self.on_room()
        return message

    def _wake(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)
