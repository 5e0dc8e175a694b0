"""A small program that speaks the socket's second dialect, and forgives the server nothing.

It keeps its positions across sockets and resumes from them, as the browser does. Whatever breaks D6, D7 or D11 is kept
in `faults`, and the next thing asked of the client raises it.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

DEADLINE_SECONDS = 60.0


class Refused(Exception):
    """The server answered a command with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.details: dict[str, Any] = error.get("details") or {}


class Lost(ConnectionError):
    """The socket ended, with `code` if the server said one, before the answer came."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the socket ended with {code}")
        self.code = code


class Client:
    """One program of one person. Its sockets come and go; what it knows stays."""

    def __init__(self, port: int, token: str, *, user_id: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.port, self.token, self.user_id, self.tls = port, token, user_id, tls
        self.cookie = ""  # of a browser's sign-in; where there is one, it counts instead of the token
        self.patience_seconds = DEADLINE_SECONDS  # for a socket to become live, and for an answer
        self.epoch: str | None = None
        self.positions: dict[str, int] = {}
        self.events: list[dict[str, Any]] = []  # stored and volatile, in the order they came
        self.messages: dict[str, dict[str, Any]] = {}  # the newest form of each message, by id
        self.resets: list[dict[str, Any]] = []
        self.resumes = 0
        self.faults: list[str] = []
        self._unexplained: set[str] = set()  # streams whose position was not taken up; a reset must say why
        self._line: _Line | None = None
        self._changed = asyncio.Event()

    # Coming and going

    async def connect(self) -> dict[str, Any]:
        """Open a socket, resume if there was one before, and wait until it is live. Answers the `ready` frame.

        Raises Lost (the server closed it, with its code; it answers nothing) or OSError (nobody listens).
        """
        line = _Line(self)
        url = f"wss://localhost:{self.port}/ws" if self.tls else f"ws://127.0.0.1:{self.port}/ws"
        try:
            await ws_connect(
                lambda: line,
                url,
                ssl_context=self.tls,
                extra_headers=self._who(),
                websocket_handshake_timeout=self.patience_seconds,
            )
        except WSError as error:
            raise Lost(None) from error
        if line.transport is None:  # cut before the upgrade was answered; picows returns as if all were well
            raise Lost(None)
        self._line = line
        try:
            async with asyncio.timeout(self.patience_seconds):
                ready = await line.opened
        except TimeoutError:
            self.drop()
            raise Lost(None) from None
        self._changed.set()  # its frames may have come before it was this client's line
        self.check()
        return ready

    async def connect_again(self, *, pause_seconds: float = 0.05) -> dict[str, Any]:
        """Try to connect until the server is back. Raises AssertionError at the deadline."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                try:
                    return await self.connect()
                except OSError:  # Lost among them
                    await asyncio.sleep(pause_seconds)

    @property
    def is_connected(self) -> bool:
        return self._line is not None and self._line.close_code is _OPEN

    @property
    def is_live(self) -> bool:
        """The socket is open and everything missed has come: commands may be sent."""
        return self.is_connected and self._line is not None and self._line.opened.done()

    @property
    def close_reason(self) -> str:
        """The text the server ended the last socket with; a 4012 names the seconds to wait."""
        return self._line.said_reason if self._line is not None else ""

    @property
    def close_code(self) -> int | None:
        """How the server ended the last socket; None if it said nothing or it is still open."""
        code = self._line.close_code if self._line is not None else None
        return code if isinstance(code, int) else None

    async def closed(self) -> int | None:
        """Wait until the server ends the socket; answers its code."""
        await self.until(lambda: not self.is_connected, "the socket ends")
        return self.close_code

    def drop(self) -> None:
        """Cut the line without a word, as a network does."""
        if self._line is not None and self._line.transport is not None:
            self._line.transport.disconnect(graceful=False)

    # Asking and hearing

    def begin(self, type_: str, **fields: Any) -> "asyncio.Future[dict[str, Any]]":
        """Send a command; the future is its ack. Raises Lost if there is no socket."""
        self.check()
        if self._line is None or self._line.transport is None or not self.is_connected:
            raise Lost(self.close_code)
        request_id = uuid4().hex
        future = asyncio.get_running_loop().create_future()
        self._line.asked[request_id] = future
        self._line.send({"type": type_, "request_id": request_id} | fields)
        return future

    async def ask(self, type_: str, **fields: Any) -> dict[str, Any]:
        """Send a command and wait for its ack. Raises Refused or Lost."""
        async with asyncio.timeout(self.patience_seconds):
            return await self.begin(type_, **fields)

    async def send_message(self, room_id: str, content: str, **fields: Any) -> dict[str, Any]:
        return await self.ask("send_message", target={"type": "room", "room_id": room_id}, content=content, **fields)

    async def until(self, question: Callable[[], Any], what: str) -> Any:
        """Wait until the answer is true, asking whenever something came; returns it."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not (answer := question()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"it never became true that {what}") from None
        self.check()
        return answer

    async def heard(self, type_: str, **fields: Any) -> dict[str, Any]:
        """The first event of the kind with these fields, waiting for it if need be."""

        def found() -> dict[str, Any] | None:
            return next(
                (event for event in self.events if event["type"] == type_ and fields.items() <= event.items()), None
            )

        return await self.until(found, f"{type_} came with {fields}")

    def of_stream(self, stream: str) -> list[dict[str, Any]]:
        """The stored events of one stream, in the order they came."""
        return [event for event in self.events if event.get("stream") == stream and "seq" in event]

    def check(self) -> None:
        """Raises AssertionError if the server broke a promise towards this client."""
        assert not self.faults, "\n".join(self.faults)

    def leave(self) -> None:
        """Close the socket as a program does that ends."""
        if self._line is not None and self._line.transport is not None:
            self._line.transport.send_close(WSCloseCode.OK)

    # What the line hands over

    def _who(self) -> dict[str, str]:
        if self.cookie:
            return {"Cookie": f"lair_session={self.cookie}", "Origin": f"http://127.0.0.1:{self.port}"}
        return {"Authorization": f"Bearer {self.token}"}

    def _hello(self) -> dict[str, Any]:
        resume = None
        if self.epoch is not None:
            resume = {"epoch": self.epoch, "positions": self.positions}
            self.resumes += 1
        return {"type": "client_hello", "version": "2.0", "client_name": "test", "features": [], "resume": resume}

    def _ready(self, frame: dict[str, Any]) -> None:
        if self.epoch == frame["epoch"]:
            moved = {name for name, seq in frame["from"].items() if self.positions.get(name, seq) != seq}
            lost = self.positions.keys() - frame["from"].keys()
            # D7: a position that is not taken up must be reset aloud before the client is live.
            self._unexplained = moved | lost
        self.user_id, self.epoch = frame["user"]["id"], frame["epoch"]
        self.positions = dict(frame["from"])

    def _reset(self, frame: dict[str, Any]) -> None:
        self.resets.append(frame)
        self._unexplained = self._unexplained - {frame["stream"]}
        if frame["reason"] == "no_access":
            self.positions.pop(frame["stream"], None)
        else:
            self.positions[frame["stream"]] = frame["head"]

    def _live(self) -> None:
        if self._unexplained:
            self.faults.append(f"resumed elsewhere without a reset: {sorted(self._unexplained)}")

    def _event(self, frame: dict[str, Any]) -> None:
        self.events.append(frame)
        if "seq" not in frame:
            return
        stream, seq = frame["stream"], frame["seq"]
        position = self.positions.get(stream)
        if position is None:
            self.faults.append(f"{frame['type']} {seq} of {stream}, which this client does not follow")
            return
        if seq != position + 1:
            self.faults.append(f"{frame['type']} {seq} of {stream} after {position}")
        self.positions[stream] = seq
        self._apply(frame)

    def _apply(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "message_received" | "message_edited" | "message_deleted":
                message = frame["message"]
                held = self.messages.get(message["id"])
                if held is None or message["rev"] > held["rev"]:
                    self.messages[message["id"]] = message
            case "reactions_changed":
                held = self.messages.get(frame["message_id"])
                if held is not None and frame["rev"] > held["rev"]:
                    self.messages[held["id"]] = held | {"rev": frame["rev"], "reactions": frame["reactions"]}
            case "room_gained":
                item = frame["item"]
                self.positions.setdefault(f"room:{item['room']['id']}", item["counted_to"])
            case "user_left_room" if frame["user_id"] == self.user_id:
                self.positions.pop(frame["stream"], None)  # D11: nothing of it may come after this
            case "room_deleted":
                self.positions.pop(frame["stream"], None)


_OPEN = object()


class _Line(WSListener):
    """One socket of a client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.transport: WSTransport | None = None
        self.close_code: Any = _OPEN
        self.said_code: int | None = None
        self.said_reason = ""
        self.ready: dict[str, Any] | None = None
        self.opened: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.asked: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def send(self, frame: dict[str, Any]) -> None:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, json.dumps(frame).encode())

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.said_code = frame.get_close_code()  # type: ignore[assignment]
            self.said_reason = frame.get_close_reason() or ""
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            value = json.loads(frame.get_payload_as_utf8_text())
            for each in value if isinstance(value, list) else [value]:
                self._take(each)
            self.client._changed.set()

    def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "server_hello":
                self.send(self.client._hello())
            case "ready":
                self.ready = frame
                self.client._ready(frame)
            case "reset":
                self.client._reset(frame)
            case "live":
                self.client._live()
                if not self.opened.done():
                    self.opened.set_result(self.ready or {})
            case "ack" | "error" | "pong":
                self._answer(frame)
            case _:
                self.client._event(frame)

    def _answer(self, frame: dict[str, Any]) -> None:
        future = self.asked.pop(frame.get("request_id") or "", None)
        if future is None or future.done():
            return
        if frame["type"] == "error":
            future.set_exception(Refused(frame["error"]))
        else:
            future.set_result(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.close_code = self.said_code
        for future in (self.opened, *self.asked.values()):
            if not future.done():
                future.set_exception(Lost(self.said_code))
                future.exception()  # whoever waits gets it; where nobody does, nothing need be said
        self.asked.clear()
        self.client._changed.set()
