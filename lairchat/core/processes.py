"""The heartbeat of this process: a row that says it lives, and who is connected to it."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError
from django.utils import timezone

from lairchat import VERSION
from lairchat.core import lane, limits
from lairchat.core.ids import uuid7
from lairchat.core.models import Process

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
DEAD_SECONDS = 15.0

_id: UUID | None = None
online_here: Callable[[], list[UUID]] = list  # set by the hub's process


def own_id() -> UUID | None:
    """This process's row, once it beats."""
    return _id


def living(database: str = DEFAULT_DB_ALIAS) -> "list[Process]":
    """Processes whose heartbeat is no older than 15 s; one statement."""
    return list(Process.objects.using(database).filter(beat_at__gt=timezone.now() - timedelta(seconds=DEAD_SECONDS)))


async def beat(role: str) -> None:
    """Keep this process's row alive until cancelled; take it away at the end."""
    global _id
    _id = uuid7()
    try:
        while True:
            online = [str(user_id) for user_id in online_here()]
            try:
                await lane.run(_beat, _id, role, online)
            except (OperationalError, InterfaceError) as error:  # the database is away: the next beat tells (F4)
                logger.warning("the heartbeat could not be written: %s", error)
            except Exception:
                logger.exception("the heartbeat could not be written")
            await asyncio.sleep(BEAT_SECONDS)
    finally:
        id_, _id = _id, None
        await lane.run(_end, id_)


def _beat(id_: UUID, role: str, online: list[str]) -> None:
    now = timezone.now()
    facts = {"online": online, "sockets": len(online), "beat_at": now}
    if not Process.objects.filter(pk=id_).update(**facts):
        Process.objects.create(id=id_, role=role, host=socket.gethostname(), pid=os.getpid(), version=VERSION, **facts)
    dead = now - timedelta(seconds=DEAD_SECONDS)
    Process.objects.filter(beat_at__lte=dead).delete()
    if Process.objects.exclude(pk=id_).exclude(role="worker").exists():  # a worker serves nobody, so limits nobody
        limits.share_between_processes()


def _end(id_: UUID) -> None:
    Process.objects.filter(pk=id_).delete()
