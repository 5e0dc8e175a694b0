"""The same acts on a small and on a large database, in turns, so that whatever else the machine does is shared.

`compare` does it all; as a program it is its own helper, so that each database has a process with its settings.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lairchat.testing import stack

ROOT = Path(__file__).parents[2]
ROOMS = 12
ROUNDS = 200
TEXTS = [f"text number {number}, about as long as most of what people write to each other" for number in range(500)]


def build(data_dir: Path, messages: int, *, rooms: int = ROOMS, share: float = 0.9) -> dict[str, Any]:
    """A database in `data_dir` with alice, bob, their rooms and so many messages, `share` of them in the first room.

    Answers what `lairchat.testing.town` does. A database that is there already is kept.
    """
    done = data_dir / "scale.json"
    if not done.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _run(data_dir, "build", str(messages), str(rooms), str(share))
    facts: dict[str, Any] = json.loads(done.read_text())
    return facts


def compare(directory: Path, small: int, large: int) -> dict[str, list[float]]:
    """Median seconds of each act: `{act: [on the small one, on the large one]}`."""
    dirs = [directory / str(small), directory / str(large)]
    for data_dir, messages in zip(dirs, (small, large), strict=True):
        build(data_dir, messages)
    databases = [word for data_dir in dirs for word in (str(data_dir), stack.database_url(data_dir))]
    answer: dict[str, list[float]] = json.loads(_run(dirs[0], "compare", *databases).splitlines()[-1])
    return answer


def _run(data_dir: Path, *arguments: str) -> str:
    settings = stack.environment(data_dir, LAIR_LIMITS="off", DJANGO_SETTINGS_MODULE="lairchat.settings")
    command = [sys.executable, "-m", "lairchat.testing.scale", *arguments]
    done = subprocess.run(command, env=settings, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _build(messages: int, rooms: int, share: float) -> None:
    from uuid import UUID

    from django.db import connection

    from lairchat import config
    from lairchat.demo import bulk
    from lairchat.testing import town

    names = [f"room {number}" for number in range(rooms)]
    facts = town.fill({"people": ["alice", "bob"], "rooms": {name: ["alice", "bob"] for name in names}})
    if connection.vendor == "sqlite":
        # Of this loading connection only: a database that is not whole is never measured.
        connection.cursor().execute("PRAGMA synchronous=OFF")
        connection.cursor().execute("PRAGMA journal_mode=OFF")
    authors = [UUID(person["id"]) for person in facts["people"].values()]
    first = int(messages * share)
    shares = [first] + [(messages - first) // (rooms - 1)] * (rooms - 1)
    talks = [
        bulk.Talk(UUID(facts["rooms"][name]), authors, TEXTS, count) for name, count in zip(names, shares, strict=True)
    ]
    bulk.load(talks, random.Random(1))
    _read_nearly_all(facts)
    (config.current().data_dir / "scale.json").write_text(json.dumps(facts))


def _read_nearly_all(facts: dict[str, Any]) -> None:
    """Alice has forty unread messages in each room: what the sidebar has to count."""
    from uuid import UUID

    from accounts.models import User
    from chat.actions.receipts import mark_read
    from lairchat.core import log
    from lairchat.testing import cast

    alice = cast.signed_in(User.objects.get(pk=facts["people"]["alice"]["id"]))
    for room_id in facts["rooms"].values():
        stream = log.room_stream(room_id)
        mark_read(alice, UUID(room_id), max(1, log.heads([stream])[stream] - 40))


def _compare(databases: list[tuple[Path, str]]) -> dict[str, list[float]]:
    from django.db import connections

    from accounts.models import User
    from lairchat.testing import cast

    acts: list[dict[str, Callable[[], object]]] = []
    wrappers = []
    for number, (data_dir, address) in enumerate(databases):
        alias = f"measured{number}"
        name = address.removeprefix("sqlite:///") if address.startswith("sqlite:") else address.rpartition("/")[2]
        connections.databases[alias] = connections.databases["default"] | {"NAME": name}
        wrappers.append(connections[alias])
        connections["default"] = connections[alias]
        facts = json.loads((data_dir / "scale.json").read_text())
        alice = cast.signed_in(User.objects.get(pk=facts["people"]["alice"]["id"]))
        acts.append(_acts(alice, facts["rooms"]["room 0"]))
    taken: dict[str, list[list[float]]] = {name: [[] for _ in databases] for name in acts[0]}
    for turn in range(ROUNDS + 10):
        for name in taken:
            for number, wrapper in enumerate(wrappers):
                connections["default"] = wrapper
                begun = time.perf_counter()
                acts[number][name]()
                if turn >= 10:  # the first ones fill caches
                    taken[name][number].append(time.perf_counter() - begun)
    return {name: [statistics.median(times) for times in both] for name, both in taken.items()}


def _acts(alice: Any, room_id: str) -> dict[str, Callable[[], object]]:
    from uuid import UUID

    from chat.actions.messages import send_message
    from chat.commands import get_messages, get_sidebar
    from chat.shapes import GetMessagesInput, RoomTarget
    from lairchat.core import log
    from lairchat.core.commands import Nothing

    room = UUID(room_id)
    middle = log.heads([log.room_stream(room)])[log.room_stream(room)] // 2
    target = RoomTarget(room)
    return {
        "send": lambda: send_message(alice, room, TEXTS[0]),
        "newest page": lambda: get_messages(alice, GetMessagesInput(target=target)),
        "page in the middle": lambda: get_messages(alice, GetMessagesInput(target=target, before=middle)),
        "page around a message": lambda: get_messages(alice, GetMessagesInput(target=target, around=middle)),
        "sidebar": lambda: get_sidebar(alice, Nothing()),
    }


if __name__ == "__main__":
    import django

    django.setup()
    what, *arguments = sys.argv[1:]
    if what == "build":
        _build(int(arguments[0]), int(arguments[1]), float(arguments[2]))
    elif what == "compare":
        sys.stdout.write(
            json.dumps(_compare([(Path(one), address) for one, address in zip(*[iter(arguments)] * 2, strict=True)]))
            + "\n"
        )
    else:
        raise SystemExit(__doc__)
