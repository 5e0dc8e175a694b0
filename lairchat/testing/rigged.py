"""The server with a part that fails when told, or that counts: `python -m lairchat.testing.rigged '<JSON>' serve`.

Nothing here is in the server's own code; it hangs on the hooks that are there for everybody. The wish may hold
`{"dies": [<point>, <n>]}`: the process kills itself as its n-th message reaches that point.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any, NoReturn

POINTS = ("before_commit", "after_commit", "before_publish", "before_ack")
MESSAGE = "message_received"


def die() -> NoReturn:
    """End as a crash does: nothing is flushed, nothing is told."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # not reached; the signal cannot be held off


def dies(point: str, number: int) -> None:
    """Kill this process where its `number`-th message is about to be committed, was committed, or was published."""
    from django.db import transaction

    from chat.realtime import hub  # noqa: F401 — its outlet stands before ours
    from lairchat.core import events

    seen = count(1)

    def is_it(kinds: list[str]) -> bool:
        return any(kind == MESSAGE and next(seen) == number for kind in kinds)

    def witness(then: Callable[[], Any]) -> None:
        # The first of the callbacks after the commit: nobody was told of anything yet.
        events.witnesses.append(lambda event, _delivery: then() if is_it([event.type]) else None)

    def outlet(deliveries: list[Any]) -> None:
        if is_it([delivery.type for delivery in deliveries]):
            die()

    match point:
        case "before_commit":
            witness(die)
        case "after_commit":
            witness(lambda: transaction.on_commit(die))
        case "before_publish":
            events.outlets.insert(0, outlet)
        case "before_ack":
            events.outlets.append(outlet)
        case _:
            raise ValueError(f"no such point: {point}")


def main() -> None:
    """Do as the wish says, then as `manage.py` does."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    import django
    from django.core.management import execute_from_command_line

    wish = json.loads(sys.argv[1])
    django.setup()
    if "dies" in wish:
        dies(*wish["dies"])
    execute_from_command_line(["manage.py", *sys.argv[2:]])


if __name__ == "__main__":
    main()
