"""A program that speaks REST to a server process: one request, one connection, no retries."""

import asyncio
import http.client
import json
import ssl
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    body: Any


class Rest:
    """One account's program; behind a proxy it speaks TLS. Raises OSError where nobody answers."""

    def __init__(self, port: int, token: str | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.port, self.token, self.tls = port, token, tls

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request under /api/v1; blocks."""
        given = {"Content-Type": "application/json"} | headers
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        connection = self._connection()
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), given)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read() or b"null"))
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.tls is not None:
            return http.client.HTTPSConnection("localhost", self.port, timeout=60, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """The same, on a thread, for many at once."""
        return await asyncio.to_thread(self.call, method, path, body, **headers)

    def send_message(self, room_id: str, content: str, **fields: Any) -> Answer:
        body = {"target": {"type": "room", "room_id": room_id}, "content": content}
        return self.call("POST", "/messages", body | fields)

    def history(self, room_id: str) -> list[dict[str, Any]]:
        """Every message of a room, oldest first, read page by page."""
        pages: list[dict[str, Any]] = []
        before = ""
        while True:
            answer = self.call("GET", f"/messages?target_type=room&target_id={room_id}&limit=100{before}")
            assert answer.status == 200, answer
            pages += answer.body["messages"]
            if not answer.body["has_older"]:
                return pages[::-1]
            before = f"&before={pages[-1]['seq']}"
