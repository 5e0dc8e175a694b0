"""Somebody who asks every process by REST without a pause, and notes what came and how long it took."""

import asyncio
import http.client
import json
import time
from typing import Any, NamedTuple

from lairchat.faults.cluster import Cluster

PAUSE_SECONDS = 0.1


class Asked(NamedTuple):
    """One request and its answer, by the monotonic clock."""

    path: str
    begun: float
    seconds: float
    status: int
    code: str  # of the error, if it is one
    retry_after: str | None


class Asker:
    """Use as an async context: inside it writes, reads and looks at /ready and /health, each in a task of its own."""

    def __init__(self, cluster: Cluster, name: str, room_id: str) -> None:
        self.cluster, self.room_id = cluster, room_id
        self.token = cluster.place.people[name].token
        self.asked: list[Asked] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Asker":
        for number in range(len(self.cluster.ports)):
            for method, path in (
                ("POST", "/api/v1/messages"),
                ("GET", f"/api/v1/messages?target_type=room&target_id={self.room_id}&limit=5"),
                ("GET", "/ready"),
                ("GET", "/health"),
            ):
                self._tasks.append(asyncio.ensure_future(self._go_on(number, method, path)))
        return self

    async def __aexit__(self, *_error: Any) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def answers(self, path: str, since: float, until: float = float("inf")) -> list[Asked]:
        """What was asked there in that time; `path` is how it begins, `POST` means the writes."""
        return [one for one in self.asked if one.path.startswith(path) and since <= one.begun < until]

    async def _go_on(self, number: int, method: str, path: str) -> None:
        while True:
            self.asked.append(await asyncio.to_thread(self._ask, number, method, path))
            await asyncio.sleep(PAUSE_SECONDS)

    def _ask(self, number: int, method: str, path: str) -> Asked:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = {"target": {"type": "room", "room_id": self.room_id}, "content": "is anybody there?"}
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.ports[number], timeout=60)
        begun = time.monotonic()
        try:
            connection.request(method, path, json.dumps(body) if method == "POST" else None, headers)
            response = connection.getresponse()
            said = json.loads(response.read() or b"null")
        finally:
            connection.close()
        seconds = time.monotonic() - begun
        code = said["error"]["code"] if isinstance(said, dict) and "error" in said else ""
        name = "POST" if method == "POST" else path
        return Asked(name, begun, seconds, response.status, code, response.getheader("Retry-After"))
