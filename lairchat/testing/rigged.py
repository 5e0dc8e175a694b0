"""The server with a part that fails when told, or that counts: `python -m lairchat.testing.rigged '<JSON>' serve`.

Nothing here is in the server's own code; it hangs on the hooks that are there for everybody. The wish may hold
`{"dies": [<point>, <n>]}`: the process kills itself as its n-th message reaches that point;
`{"stops": <n>}`: it stops itself, as a machine does that is moved, before its n-th message is committed;
`{"counts": true}`: `/metrics` tells how many statements it ran, and what its loop and its hub hold;
`{"fails": true}`: there is a command `fail`, whose handler raises what nobody expects.
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


def stops(number: int) -> None:
    """Stop this process in the middle of the transaction of its `number`-th message."""
    from lairchat.core import events

    seen = count(1)

    def witness(event: Any, _delivery: Any) -> None:
        if event.type == MESSAGE and next(seen) == number:
            os.kill(os.getpid(), signal.SIGSTOP)

    events.witnesses.append(witness)


def counts() -> None:
    """Add to the metrics what only the inside of the process knows."""
    import asyncio

    from django.db.backends.signals import connection_created
    from prometheus_client import Counter

    from chat.realtime.hub import hub
    from lairchat.core.metrics import gauge_at_scrape

    statements = Counter("lair_rig_statements", "Statements of all connections.")

    def counted(execute: Callable[..., Any], *arguments: Any) -> Any:
        statements.inc()
        return execute(*arguments)

    connection_created.connect(
        lambda connection, **_: connection.execute_wrappers.append(counted), weak=False, dispatch_uid="rig"
    )
    gauge_at_scrape("lair_rig_tasks", "Tasks of the loop.", lambda: len(asyncio.all_tasks(hub.loop)))
    gauge_at_scrape("lair_rig_streams", "Streams that are served.", lambda: len(hub.streams))
    gauge_at_scrape(
        "lair_rig_subscriptions",
        "Connections of all streams.",
        lambda: sum(len(served.connections) for served in list(hub.streams.values())),
    )


def fails() -> None:
    """Add the command that fails."""
    from lairchat.core.commands import command

    @command("fail")
    def fail(_actor: Any, _data: Any) -> NoReturn:
        raise RuntimeError("nobody expected this")


def main() -> None:
    """Do as the wish says, then as `manage.py` does."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    import django
    from django.core.management import execute_from_command_line

    wish = json.loads(sys.argv[1])
    django.setup()
    if "dies" in wish:
        dies(*wish["dies"])
    if "stops" in wish:
        stops(wish["stops"])
    if wish.get("counts"):
        counts()
    if wish.get("fails"):
        fails()
    execute_from_command_line(["manage.py", *sys.argv[2:]])


if __name__ == "__main__":
    main()
