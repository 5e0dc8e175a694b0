"""The sockets of the load: they count what is delivered, and decode it only where the order asks for it."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

MARK = b'"message_received"'  # once in the text of each delivered message, ours and everybody else's
OPENING_AT_ONCE = 40  # below the sockets that may wait for their sign-in from one address


class RefusedSend(Exception):
    """The server answered with an error; a machine that is too busy says so (503)."""


class Count:
    """Deliveries of all sockets together; `reached` wakes whoever waits for a number of them."""

    def __init__(self, mark: bytes = MARK) -> None:
        self.mark = mark
        self.received = 0
        self.wanted = sys.maxsize
        self.times: list[float] | None = None  # of each delivery, while somebody wants to know
        self.bytes = 0  # of the last text that was a delivery
        self.reached: asyncio.Future[None] | None = None

    def expect(self, more: int) -> "asyncio.Future[None]":
        self.wanted = self.received + more
        self.reached = asyncio.get_running_loop().create_future()
        return self.reached

    def take(self, text: bytes) -> None:
        found = text.count(self.mark)
        self.received += found
        if self.times is not None:
            self.times.extend([time.perf_counter()] * found)
            self.bytes = len(text) if found == 1 else self.bytes
        if self.received >= self.wanted:
            self.wanted = sys.maxsize
            if self.reached is not None and not self.reached.done():
                self.reached.set_result(None)


class Socket(WSListener):
    """One socket. Its texts go to the count, or to `take` while the order wants to read them itself."""

    def __init__(self, count: Count) -> None:
        self.count_text = count.take
        self.take: Callable[[bytes], None] | None = None
        self.transport: WSTransport | None = None
        self.waits: set[asyncio.Future[Any]] = set()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        text = frame.get_payload_as_bytes()
        if self.take is None:
            self.count_text(text)
        elif frame.msg_type == WSMsgType.TEXT:
            self.take(text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        for future in self.waits:
            if not future.done():
                future.set_exception(ConnectionError("the server closed the socket"))

    def send(self, value: dict[str, Any]) -> None:
        self.send_text(json.dumps(value).encode())

    def send_text(self, text: bytes) -> None:
        if self.transport is None:
            raise ConnectionError("the socket is not open")
        self.transport.send(WSMsgType.TEXT, text)

    async def until(self, text: bytes, act: Callable[[], None]) -> bytes:
        """Act, then wait until a frame with the text in it comes; what comes meanwhile is counted."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def take(came: bytes) -> None:
            self.count_text(came)
            if text in came and not future.done():
                future.set_result(came)

        self.take = take
        self.waits = {future}
        act()
        try:
            return await future
        finally:
            self.take = None


class LairSocket(Socket):
    """A socket of ours, which opens as dialect v2 asks."""

    def __init__(self, count: Count) -> None:
        super().__init__(count)
        self.live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waits = {self.live}
        self.take = self._open

    def _open(self, text: bytes) -> None:
        for frame in frames_of(text):
            match frame["type"]:
                case "server_hello":
                    self.send({"type": "client_hello", "version": "2.0", "features": [], "resume": None})
                case "live" if not self.live.done():
                    self.take = None
                    self.live.set_result(None)
        if self.take is None:
            self.count_text(text)


class SocketIo(Socket):
    """A socket of a socket.io server: its protocol 5 over engine.io 4, WebSocket from the first byte."""

    def __init__(self, count: Count) -> None:
        super().__init__(count)
        self.live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waits = {self.live}
        self.take = self._open

    def _open(self, text: bytes) -> None:
        if text.startswith(b"0{"):
            self.send_text(b"40")  # connect to the namespace /
        elif text.startswith(b"40") and not self.live.done():
            self.take = None
            self.live.set_result(None)


def frames_of(text: bytes) -> list[dict[str, Any]]:
    """A text is one frame, or a list of them."""
    frames = msgspec.json.decode(text)
    return frames if isinstance(frames, list) else [frames]


async def open_lair(order: dict[str, Any], count: Count, number: int) -> Socket:
    socket = LairSocket(count)
    tokens, ports = order["tokens"], order["ports"]
    headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
    await _connect(socket, ports[number % len(ports)], "/ws", extra_headers=headers)
    await socket.live
    return socket


async def open_plain(order: dict[str, Any], count: Count, number: int) -> Socket:
    """A socket of a server without hello and sign-in, in the room its number has."""
    socket = Socket(count)
    await _connect(socket, order["ports"][0], f"/ws/room{number % order.get('rooms', 1)}")
    return socket


async def open_socket_io(order: dict[str, Any], count: Count, number: int) -> Socket:
    socket = SocketIo(count)
    await _connect(socket, order["ports"][0], "/socket.io/?EIO=4&transport=websocket")
    await socket.live
    return socket


OPENERS = {"lair": open_lair, "plain": open_plain, "socket.io": open_socket_io}


async def _connect(socket: Socket, port: int, path: str, **options: Any) -> None:
    url = f"ws://127.0.0.1:{port}{path}"
    await ws_connect(lambda: socket, url, websocket_handshake_timeout=30, read_buffer_init_size=4096, **options)


async def open_many(order: dict[str, Any], count: Count, how_many: int, first: int = 0) -> list[Socket]:
    """Open the sockets, a few at a time."""
    opener = OPENERS[order["kind"]]
    places = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one(number: int) -> Socket:
        async with places:
            return await opener(order, count, number)

    return list(await asyncio.gather(*(one(first + number) for number in range(how_many))))
