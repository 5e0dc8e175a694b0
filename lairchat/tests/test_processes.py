"""D10: a process says that it lives, and who is connected to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from lairchat.core import lane, limits, processes
from lairchat.core.ids import uuid7
from lairchat.core.models import Process

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = UUID(int=1)


async def until(question: Callable[[], Any], what: str) -> Any:
    try:
        async with asyncio.timeout(30):
            while not (answer := await lane.run(question)):
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"it never became true that {what}") from None
    return answer


def other(*, seconds_ago: float, online: tuple[UUID, ...] = ()) -> Process:
    return Process.objects.create(
        id=uuid7(),
        role="all",
        host="elsewhere",
        pid=1,
        version="0",
        sockets=len(online),
        online=[str(id_) for id_ in online],
        beat_at=timezone.now() - timedelta(seconds=seconds_ago),
    )


@pytest.fixture
async def beating(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["asyncio.Task[None]"]:
    monkeypatch.setattr(processes, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(processes, "online_here", lambda: [ALICE])
    task = asyncio.ensure_future(processes.beat("realtime"))
    await until(lambda: Process.objects.filter(pk=processes.own_id()).exists(), "the process beats")
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_process_says_who_it_is_and_who_is_with_it(beating: Any) -> None:
    [row] = await lane.run(processes.living)
    assert (row.id, row.role, row.online, row.sockets) == (processes.own_id(), "realtime", [str(ALICE)], 1)
    first = row.beat_at
    await until(lambda: Process.objects.get(pk=row.pk).beat_at > first, "it beats again")


async def test_a_process_that_ends_takes_its_row_along(beating: Any) -> None:
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert processes.own_id() is None
    assert await lane.run(processes.living) == []


async def test_a_row_that_was_taken_for_dead_comes_back(beating: Any) -> None:
    await lane.run(Process.objects.all().delete)
    await until(lambda: Process.objects.filter(pk=processes.own_id()).exists(), "it beats again")


async def test_the_dead_are_swept_away(beating: Any) -> None:
    dead = await lane.run(other, seconds_ago=processes.DEAD_SECONDS + 1)
    assert dead not in await lane.run(processes.living)
    await until(lambda: not Process.objects.filter(pk=dead.pk).exists(), "it is swept away")


async def test_who_sees_another_process_counts_limits_together(beating: Any) -> None:
    assert not limits._shared
    await lane.run(other, seconds_ago=0)
    await until(lambda: limits._shared, "limits are counted in the database")
