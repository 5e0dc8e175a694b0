"""A small TCP proxy that is as cruel as networks are: it delays, splits, holds and cuts what passes."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Manner:
    """How one connection is treated."""

    delay_seconds: float = 0.0  # each byte comes so much later, in its order
    drip_bytes: int = 0  # so many of each chunk are written one at a time
    cut_after_seconds: float | None = None  # then the connection is reset
    hold_after_seconds: float | None = None  # then nothing passes any more, and nobody is told


KIND = Manner()


class Proxy:
    """Listens on a port of its own and passes on to another. Use as an async context; its end cuts everything."""

    def __init__(self, to_port: int, *, manner: Callable[[], Manner] = lambda: KIND) -> None:
        self.to_port, self.manner = to_port, manner
        self.port = 0
        self.delay_seconds = 0.0  # of every connection, beside its manner's
        self.links: set[Link] = set()
        self.cut = 0
        self.held = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: Any) -> None:
        assert self._server is not None
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut_all(self) -> None:
        """Reset every connection there is."""
        for link in tuple(self.links):
            link.cut()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.to_port, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        link = Link(self, self.manner(), (reader, writer), upstream)
        self.links.add(link)
        try:
            await link.carry()
        finally:
            self.links.discard(link)
            link.cut()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link:
    """One connection and its other half."""

    def __init__(self, proxy: Proxy, manner: Manner, client: Stream, server: Stream) -> None:
        self.proxy, self.manner, self.client, self.server = proxy, manner, client, server
        self.passing = asyncio.Event()
        self.passing.set()

    @property
    def delay_seconds(self) -> float:
        return self.manner.delay_seconds + self.proxy.delay_seconds

    async def carry(self) -> None:
        """Pass bytes in both directions until one side ends, or as long as the manner says."""
        loop = asyncio.get_running_loop()
        handles = []
        if self.manner.cut_after_seconds is not None:
            handles.append(loop.call_later(self.manner.cut_after_seconds, self._cut))
        if self.manner.hold_after_seconds is not None:
            handles.append(loop.call_later(self.manner.hold_after_seconds, self._hold))
        ways = [
            asyncio.ensure_future(self._one_way(self.client[0], self.server[1])),
            asyncio.ensure_future(self._one_way(self.server[0], self.client[1])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for handle in handles:
                handle.cancel()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            while True:
                await self.passing.wait()
                data = await reader.read(CHUNK)
                waiting.put_nowait((loop.time() + self.delay_seconds, data))
                if not data:
                    return

        reading = asyncio.ensure_future(read())
        try:
            while True:
                due, data = await waiting.get()
                if not data:
                    return
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self.passing.wait()
                await self._write(writer, data)
        except OSError:
            return
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        drip = self.manner.drip_bytes
        for start in range(min(drip, len(data))):
            writer.write(data[start : start + 1])
            await asyncio.sleep(0)  # a packet each: the transport writes at once, without Nagle
        if len(data) > drip:
            writer.write(data[drip:])
        await writer.drain()

    def _cut(self) -> None:
        self.proxy.cut += 1
        self.cut()

    def cut(self) -> None:
        for _, writer in (self.client, self.server):
            with contextlib.suppress(OSError):
                writer.transport.abort()

    def _hold(self) -> None:
        self.proxy.held += 1
        self.passing.clear()


def cruel(rng: Random) -> Manner:
    """A manner by chance: most connections are cut, some are held half-open, all are late or in pieces."""
    fate = rng.random()
    return Manner(
        delay_seconds=rng.choice((0.0, 0.0, 0.02, 0.2)),
        drip_bytes=rng.choice((0, 16, 200)),
        cut_after_seconds=rng.uniform(0.05, 6.0) if fate < 0.7 else None,
        hold_after_seconds=rng.uniform(0.5, 4.0) if fate >= 0.85 else None,
    )
