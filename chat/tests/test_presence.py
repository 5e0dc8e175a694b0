"""Who is online: over many tabs, over processes, and only to people who share a room."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.presence import forget, online_ids
from chat.realtime.hub import Hub
from chat.realtime.presence import Presence
from chat.tests.listening import Listener, until
from lairchat.core import lane, processes
from lairchat.core.ids import uuid7
from lairchat.core.models import Process
from rooms.models import Room

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def presence(hub: Hub) -> Presence:
    return Presence(hub)


def told(listener: Listener, who: Actor) -> list[str]:
    """What the listener was told of somebody's presence."""
    return [
        event["type"]
        for event in listener.events
        if event["type"] in ("user_online", "user_offline") and event["user_id"] == str(who.person.id)
    ]


async def settled(hub: Hub) -> None:
    """Everything begun so far was told."""
    await until(lambda: not hub._tasks and not hub.volatile, "presence was told")


def elsewhere(*people: Actor, seconds_ago: float = 0) -> UUID:
    process = Process.objects.create(
        id=uuid7(),
        role="all",
        host="elsewhere",
        pid=1,
        version="0",
        sockets=len(people),
        online=[str(actor.person.id) for actor in people],
        beat_at=timezone.now() - timedelta(seconds=seconds_ago),
    )
    return process.id


async def test_people_who_share_a_room_see_each_other_come_and_go(
    hub: Hub, presence: Presence, alice: Actor, bob: Actor, mallory: Actor, den: Room
) -> None:
    listener, outsider = await Listener(bob).listen(), await Listener(mallory).listen()
    await settled(hub)
    coming = await Listener(alice).listen()
    await settled(hub)
    assert told(listener, alice) == ["user_online"]
    hub.detach(coming.connection)
    await settled(hub)
    assert told(listener, alice) == ["user_online", "user_offline"]
    assert told(outsider, alice) == []
    assert told(coming, alice) == []


async def test_only_the_first_tab_and_the_last_one_matter(
    hub: Hub, presence: Presence, alice: Actor, bob: Actor, den: Room
) -> None:
    listener = await Listener(bob).listen()
    tabs = [await Listener(alice).listen() for _ in range(3)]
    await settled(hub)
    for tab in tabs[:2]:
        hub.detach(tab.connection)
        await settled(hub)
    assert told(listener, alice) == ["user_online"]
    hub.detach(tabs[2].connection)
    await settled(hub)
    assert told(listener, alice) == ["user_online", "user_offline"]


async def test_who_is_back_at_once_is_online(hub: Hub, presence: Presence, alice: Actor, bob: Actor, den: Room) -> None:
    listener = await Listener(bob).listen()
    first = await Listener(alice).listen()
    await settled(hub)
    for _ in range(5):
        hub.detach(first.connection)
        first = await Listener(alice).listen()
    await settled(hub)
    assert told(listener, alice)[-1] == "user_online"


@pytest.mark.promise("D10")
async def test_people_of_other_processes_are_told_with_their_heartbeat(
    hub: Hub, presence: Presence, alice: Actor, bob: Actor, den: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "BEAT_SECONDS", 0.05)
    listener = await Listener(bob).listen()
    watching = asyncio.ensure_future(presence.watch_elsewhere())
    try:
        process = await lane.run(elsewhere, alice)
        await until(lambda: told(listener, alice) == ["user_online"], "alice is online")
        here = await Listener(alice).listen()  # a second tab, in this process
        await lane.run(lambda: Process.objects.filter(pk=process).update(online=[]))
        await until(lambda: not presence.elsewhere, "alice is gone there")
        assert told(listener, alice) == ["user_online"]
        hub.detach(here.connection)
        await until(lambda: told(listener, alice) == ["user_online", "user_offline"], "alice is offline")
    finally:
        watching.cancel()


async def test_who_is_still_elsewhere_does_not_go_offline_here(
    hub: Hub, presence: Presence, alice: Actor, bob: Actor, den: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "BEAT_SECONDS", 0.05)
    listener = await Listener(bob).listen()
    here = await Listener(alice).listen()
    watching = asyncio.ensure_future(presence.watch_elsewhere())
    try:
        process = await lane.run(elsewhere, alice)
        await until(lambda: alice.person.id in presence.elsewhere, "alice is elsewhere, too")
        hub.detach(here.connection)
        await settled(hub)
        assert told(listener, alice) == ["user_online"]
        dead = timezone.now() - timedelta(seconds=processes.DEAD_SECONDS + 1)
        await lane.run(lambda: Process.objects.filter(pk=process).update(beat_at=dead))
        await until(lambda: told(listener, alice) == ["user_online", "user_offline"], "the process is dead")
    finally:
        watching.cancel()


def test_a_reader_is_told_who_is_connected_anywhere(alice: Actor, bob: Actor, mallory: Actor, monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "online_here", lambda: [alice.person.id])
    elsewhere(bob)
    elsewhere(mallory, seconds_ago=processes.DEAD_SECONDS + 1)
    forget()
    try:
        assert online_ids() == {alice.person.id, bob.person.id}
    finally:
        forget()
