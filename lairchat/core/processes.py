"""The heartbeat of this process: a row that says it lives, and who is connected to it."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from lairchat import VERSION, config
from lairchat.core import lane, limits
from lairchat.core.ids import uuid7
from lairchat.core.models import Process

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
DEAD_SECONDS = 15.0
# A process that counts limits alone looks so often for another, and one that finds another waits so long before it
# serves: then both count together from its first request on (guarantees, section 3).
LOOK_SECONDS = 0.2
NOTICE_SECONDS = 0.5

_id: UUID | None = None
online_here: Callable[[], list[UUID]] = list  # set by the hub's process


def own_id() -> UUID | None:
    """This process's row, once it beats."""
    return _id


def living(database: str = DEFAULT_DB_ALIAS) -> "list[Process]":
    """Processes whose heartbeat is no older than 15 s; one statement."""
    return list(Process.objects.using(database).filter(beat_at__gt=timezone.now() - timedelta(seconds=DEAD_SECONDS)))


def arrive(role: str) -> None:
    """Say that this process is about to serve, and give those that serve already the time to notice; blocks."""
    global _id
    _id = uuid7()
    try:
        if _beat(_id, role, []) and config.current().redis_url is None:
            time.sleep(NOTICE_SECONDS)
    except DatabaseError:  # it may be away for a while: the beats tell (F4)
        logger.exception("this process could not be written down")
    finally:
        connection.close()


async def beat(role: str) -> None:
    """Keep this process's row alive until cancelled; take it away at the end."""
    global _id
    _id = _id or uuid7()
    try:
        while True:
            online = [str(user_id) for user_id in online_here()]
            try:
                await lane.run(_beat, _id, role, online)
            except (OperationalError, InterfaceError) as error:  # the database is away: the next beat tells (F4)
                logger.warning("the heartbeat could not be written: %s", error)
            except Exception:
                logger.exception("the heartbeat could not be written")
            await _look_for_others(_id, BEAT_SECONDS)
    finally:
        id_, _id = _id, None
        await lane.run(_end, id_)


async def _look_for_others(id_: UUID, seconds: float) -> None:
    """Let the time pass, and begin to count limits together as soon as there is somebody to count with."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        await asyncio.sleep(min(left, LOOK_SECONDS) if limits.counts_alone() else left)
        if limits.counts_alone():
            try:
                await lane.run(_share_if_not_alone, id_)
            except Exception:
                logger.exception("other processes could not be looked for")


def _beat(id_: UUID, role: str, online: list[str]) -> bool:
    """Write down that this process lives. Whether there are others."""
    now = timezone.now()
    facts = {"online": online, "sockets": len(online), "beat_at": now}
    if not Process.objects.filter(pk=id_).update(**facts):
        Process.objects.create(id=id_, role=role, host=socket.gethostname(), pid=os.getpid(), version=VERSION, **facts)
    dead = now - timedelta(seconds=DEAD_SECONDS)
    Process.objects.filter(beat_at__lte=dead).delete()
    return _share_if_not_alone(id_)


def _share_if_not_alone(id_: UUID) -> bool:
    # A worker serves nobody, so it limits nobody.
    there_are_others = Process.objects.exclude(pk=id_).exclude(role="worker").exists()
    if there_are_others:
        limits.share_between_processes()
    return there_are_others


def _end(id_: UUID) -> None:
    Process.objects.filter(pk=id_).delete()
