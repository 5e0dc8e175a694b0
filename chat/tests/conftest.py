"""What tests of streams share: a hub of their own on the test's loop."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chat.realtime import v2
from chat.realtime.hub import Hub
from lairchat.core import events, log


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A process's hub, told of every commit; nothing of another test is in it."""
    fresh = Hub()
    fresh.loop = asyncio.get_running_loop()
    monkeypatch.setattr(v2, "hub", fresh)
    monkeypatch.setattr(log, "_epoch", None)
    events.outlets.append(fresh.deliver)
    yield fresh
    events.outlets.remove(fresh.deliver)
    tasks = tuple(fresh._tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
