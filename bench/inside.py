"""Median seconds of reads inside one process, on a small and on a large database in turns.

`python -m bench.inside <times> <small data directory> <large data directory>` prints one object for each.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM = 5  # the first ones fill caches

Acts = dict[str, Callable[[], Any]]


def measured(times: int, dirs: list[Path]) -> list[dict[str, float]]:
    from django.db import connections

    wrappers, acts, sizes = [], [], []
    for number, data_dir in enumerate(dirs):
        alias = f"measured{number}"
        connections.databases[alias] = connections.databases["default"] | {"NAME": str(data_dir / "lair.sqlite3")}
        wrappers.append(connections[alias])
        connections["default"] = connections[alias]
        acts.append(acts_of(json.loads((data_dir / "scale.json").read_text())))
        sizes.append(_pages_bytes())
    taken: dict[str, list[list[float]]] = {name: [[] for _ in dirs] for name in acts[0]}
    for turn in range(times + WARM):
        for name in taken:
            for number, wrapper in enumerate(wrappers):
                connections["default"] = wrapper
                begun = time.perf_counter()
                acts[number][name]()
                if turn >= WARM:
                    taken[name][number].append(time.perf_counter() - begun)
    return [
        {name: statistics.median(lists[number]) for name, lists in taken.items()} | {"pages_bytes": sizes[number]}
        for number in range(len(dirs))
    ]


def _pages_bytes() -> int:
    """What the database holds, without what it has to spare."""
    from django.db import connection

    with connection.cursor() as cursor:
        pages, free, size = (
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def acts_of(facts: dict[str, Any]) -> Acts:
    """Pages of 50 and the unread counts of all rooms as commands; the page as a whole request, both ways."""
    from uuid import UUID

    from django.test import RequestFactory

    from accounts.models import User, UserSession
    from accounts.tokens import session_token
    from chat import queries
    from chat.commands import get_messages
    from chat.shapes import GetMessagesInput, RoomTarget
    from lairchat.core import log
    from lairchat.server.handler import LaneHandler
    from lairchat.testing import cast

    person = User.objects.get(pk=facts["people"]["alice"]["id"])
    alice = cast.signed_in(person)
    token = session_token(UserSession.objects.get(pk=alice.session_id), person)
    room = UUID(facts["rooms"]["room 0"])
    middle = log.heads([log.room_stream(room)])[log.room_stream(room)] // 2
    target = RoomTarget(room)
    handler, requests = LaneHandler(), RequestFactory(SERVER_NAME="127.0.0.1", HTTP_AUTHORIZATION=f"Bearer {token}")

    def answer(path: str, urls: str) -> bytes:
        request: Any = requests.get(path)
        request.urlconf = urls
        response: Any = handler.get_response(request)
        if response.status_code != 200 or response.content.count(b'"nonce"') < 50:
            raise RuntimeError(f"{path}: {response.status_code} {response.content[:300]!r}")
        return bytes(response.content)

    return {
        "page": lambda: get_messages(alice, GetMessagesInput(target=target)),
        "page_in_the_middle": lambda: get_messages(alice, GetMessagesInput(target=target, before=middle)),
        "unread": lambda: queries.counts(person.id),
        "request": lambda: answer(f"/api/v1/messages?target_type=room&target_id={room}", "lairchat.urls"),
        "serializer": lambda: answer(f"/api/v1/by-serializer/{room}", "bench.serializers"),
    }


def main(times: str, *dirs: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    django.setup()
    print(json.dumps(measured(int(times), [Path(data_dir) for data_dir in dirs])))


if __name__ == "__main__":
    main(*sys.argv[1:])
