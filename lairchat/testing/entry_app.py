"""A small application behind the real entry layer, so that the layer can be attacked without the chat behind it.

`python -m lairchat.testing.entry_app` serves it in a process of its own, configured by LAIR_* as the real one.

Paths: /echo (method, length, address), /slow (holds a thread until SIGUSR1), /stream (so many pieces of 64 KiB),
/query (what the database is set to), /figures (answered before the guard, without a thread).

Socket commands, as text: `echo X`, `address`, `count` (frames handled), `flood N` (N frames of 16 KiB), `pour N` (the
same, waiting for the reader), `hold` (handles nothing until SIGUSR1), `cap N`, `signed-in`, `close N`, `fail`.
"""

import json
import signal
import threading
from typing import Any

from django.conf import settings

from lairchat import config

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for this test application, which keeps nothing",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    DATABASES={"default": config.current().database},
    LOGGING_CONFIG=None,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
)

import django  # noqa: E402

django.setup()

import asyncio  # noqa: E402

from django.db import connection  # noqa: E402
from django.db.backends.signals import connection_created  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

from lairchat.core import lane, metrics  # noqa: E402
from lairchat.server.daphne import PortInUse  # noqa: E402
from lairchat.server.guard import Guard  # noqa: E402
from lairchat.server.handler import LaneHandler  # noqa: E402
from lairchat.server.roles import Router  # noqa: E402
from lairchat.server.run import serve  # noqa: E402

SETTINGS = {
    "sqlite": ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"),
    "postgresql": ("synchronous_commit", "lock_timeout", "statement_timeout"),
}
released = threading.Event()
running = 0
most_running = 0
total = 0
connections = 0
lines: list[dict[str, Any]] = []  # of every socket there was
lock = threading.Lock()


def _count_connection(**_signal: Any) -> None:
    global connections
    with lock:
        connections += 1


def echo(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {
            "method": request.method,
            "length": len(request.body),
            "address": request.META["REMOTE_ADDR"],
            "url": request.build_absolute_uri("/reset"),
            "forwarded": request.scope["forwarded"],  # type: ignore[attr-defined]
        }
    )


def slow(request: HttpRequest) -> HttpResponse:
    global running, most_running
    with lock:
        running += 1
        most_running = max(running, most_running)
    released.wait()
    with lock:
        running -= 1
    return HttpResponse("done")


def query(request: HttpRequest) -> HttpResponse:
    return JsonResponse(_query())


def _query() -> dict[str, Any]:
    with connection.cursor() as cursor:
        found = {}
        for name in SETTINGS[connection.vendor]:
            cursor.execute(f"PRAGMA {name}" if connection.vendor == "sqlite" else f"SHOW {name}")
            (found[name],) = cursor.fetchone()
    return found


def _opened() -> int:
    """Connections to the database that were ever opened: Django counts one each time it takes one from the pool."""
    pool = getattr(connection, "pool", None)
    return connections if pool is None else pool.get_stats().get("connections_num", 0)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    count = int(request.GET["pieces"])
    return StreamingHttpResponse(b"x" * 65536 for _ in range(count))


class Control:
    """/figures, before everything else: it must answer when nothing else does."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["path"] != "/figures":
            await self.application(scope, receive, send)
            return
        waiting = max((line["waiting"]() for line in lines), default=0)
        closes = {labels["code"]: value for labels, value in _closes()}
        figures = {"running": running, "most_running": most_running, "connections": _opened()}
        body = json.dumps(figures | {"handled": total, "closes": closes, "waiting": waiting}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})


def _closes() -> list[tuple[dict[str, str], float]]:
    (family,) = metrics.CLOSES.collect()
    return [(sample.labels, sample.value) for sample in family.samples if sample.name.endswith("_total")]


async def websocket(scope: dict, receive: Any, send: Any) -> None:
    global total
    line = scope["lair"]
    lines.append(line)
    handled = 0
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        handled += 1
        total += 1
        command, _, value = message.get("text", "").partition(" ")
        if command == "echo":
            await send({"type": "websocket.send", "text": value})
        elif command == "count":
            await send({"type": "websocket.send", "text": str(handled)})
        elif command == "query":
            answers = await asyncio.gather(*(lane.run(_query) for _ in range(int(value))))
            await send({"type": "websocket.send", "text": json.dumps(answers[-1])})
        elif command == "address":
            await send({"type": "websocket.send", "text": scope["client"][0]})
        elif command == "flood":
            for _ in range(int(value)):
                line["send"](b"x" * 16384)
                await asyncio.sleep(0)
        elif command == "pour":
            for _ in range(int(value)):
                line["send"](b"x" * 16384)
                await line["drained"]()
        elif command == "hold":
            while not released.is_set():
                await asyncio.sleep(0.05)
        elif command == "cap":
            line["set_frame_cap"](int(value))
            await send({"type": "websocket.send", "text": "capped"})
        elif command == "signed-in":
            line["signed_in"]()
            await send({"type": "websocket.send", "text": "welcome"})
        elif command == "close":
            await send({"type": "websocket.close", "code": int(value), "reason": "asked for"})
        elif command == "fail":
            raise RuntimeError("as asked")


urlpatterns = [
    path("echo", echo),
    path("upload/echo", echo),
    path("slow", slow),
    path("query", query),
    path("stream", stream),
]


def main() -> None:
    _query()  # as `migrate` does for the real one: a new file changes to WAL once, and only one connection may do that
    connection.close()
    connection_created.connect(_count_connection)
    signal.signal(signal.SIGUSR1, lambda *_: released.set())
    current = config.current()
    try:
        serve(Control(Guard(Router(http=LaneHandler(), websocket=websocket), current)), current)
    except PortInUse as error:
        raise SystemExit(f"{error}") from None


if __name__ == "__main__":
    main()
