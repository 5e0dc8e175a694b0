"""Clients that speak bytes, so that a test can do what no honest client does: not read, never finish, lie.

No event loop and no library between the test and the socket.
"""

import os
import select
import socket
import ssl
import struct
import time
from typing import Any

SILENCE_SECONDS = 40.0


class RawHTTP:
    """One connection to the server."""

    def __init__(
        self,
        port: int,
        *,
        timeout_seconds: float = 30,
        receive_buffer: int | None = None,
        address: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.socket = socket.socket()
        if address:
            self.socket.bind((address, 0))
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_seconds)
        self.socket.connect(("127.0.0.1", port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> "tuple[int, dict[str, str], bytes]":
        """Send one request and read its answer; `x_forwarded_for=` is the header X-Forwarded-For."""
        self.send_head(method, path, content_length=str(len(body)), **headers)
        self.send(body)
        return self.answer()

    def send_head(self, method: str, path: str, **headers: str) -> None:
        given = {"host": "127.0.0.1"} | headers
        lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def answer(self) -> "tuple[int, dict[str, str], bytes]":
        """Status, headers in lower case, body. Raises ConnectionError if the server ended before."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        pairs = [line.split(":", 1) for line in head[1:] if line]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(iter(self._chunk, b""))
        return status, headers, self.read(int(headers.get("content-length", 0)))

    def _chunk(self) -> bytes:
        size = int(self._until(b"\r\n"), 16)
        return self.read(size + 2)[:-2]

    def read(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._more()
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server ended the connection")
        self.buffer += data

    def is_cut(self) -> bool:
        """The server reset the connection, whatever is still unread here."""
        poll = select.poll()
        poll.register(self.socket, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _file, event in poll.poll(0))

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Closed(Exception):
    """The server closed the socket with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"closed with {code} {reason}")


class RawSocket(RawHTTP):
    """One WebSocket (RFC 6455)."""

    def __init__(
        self,
        port: int,
        path: str = "/ws",
        *,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
        **headers: str,
    ) -> None:
        super().__init__(port, receive_buffer=receive_buffer, tls=tls)
        self.send_head(
            "GET",
            path,
            upgrade="websocket",
            connection="Upgrade",
            sec_websocket_version="13",
            sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
            **headers,
        )
        self.status, self.headers, _ = self.answer()

    @property
    def is_open(self) -> bool:
        return self.status == 101

    def send_text(self, text: str) -> None:
        self.send(frame(text.encode()))

    def receive(self) -> str:
        """The next text; answers pings. Raises Closed; AssertionError where nothing but pings comes."""
        deadline = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < deadline:
            opcode, payload = self.receive_frame()
            if opcode == 8:
                raise Closed(struct.unpack("!H", payload[:2])[0], payload[2:].decode())
            if opcode == 9:
                self.send(frame(payload, opcode=10))
            elif opcode == 1:
                return payload.decode()
        raise AssertionError(f"nothing but pings for {SILENCE_SECONDS} s")

    def receive_frame(self) -> tuple[int, bytes]:
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self.read(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.read(8))[0]
        return first & 0x0F, self.read(size)

    def ask(self, text: str) -> str:
        self.send_text(text)
        return self.receive()

    def closed(self) -> Closed:
        """Read on until the server closes."""
        while True:
            try:
                self.receive()
            except Closed as closed:
                return closed


def frame(payload: bytes, *, opcode: int = 1, final: bool = True) -> bytes:
    """One masked frame, complete."""
    mask = os.urandom(4)
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    return frame_head(len(payload), opcode=opcode, final=final) + mask + masked


def frame_head(size: int, *, opcode: int = 1, final: bool = True) -> bytes:
    """The head of a masked frame, without its mask."""
    first = (0x80 if final else 0) | opcode
    if size < 126:
        return bytes((first, 0x80 | size))
    if size < 65536:
        return struct.pack("!BBH", first, 0x80 | 126, size)
    return struct.pack("!BBQ", first, 0x80 | 127, size)
