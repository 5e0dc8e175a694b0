"""D10, F3: hints over Redis, and what happens while it is dead, frozen or back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from lairchat import config
from lairchat.core import bus as bus_module
from lairchat.core.bus import Bus
from lairchat.core.events import Close, Delivery, Join, Leave
from lairchat.core.metrics import HINTS
from lairchat.testing import town
from lairchat.testing.clients import Client
from lairchat.testing.processes import ServerProcess
from lairchat.testing.redis import RedisServer
from lairchat.testing.rest import Rest

ALICE, BOB, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)
EVERYTHING = [
    Delivery("room:a", 7, "message_received", '{"content":"Grüße"}'.encode(), (Leave(ALICE, "room:a"),)),
    Delivery("room:a", 8, "room_deleted", b"{}", (Leave(None, "room:a"),)),
    Delivery("user:b", 3, "room_gained", b"{}", (Join(BOB, "room:a", 6),)),
    Delivery("user:b", 4, "session_ended", b"{}", (Close(BOB, 4010, session_id=SESSION), Close(BOB, 4011))),
    Delivery("room:a", None, "user_typing", b"{}", key="typing", except_user=ALICE),
    Delivery("", None, "user_online", b"{}", key="presence", users=(ALICE, BOB)),
]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        config.reload({"redis_url": server.url})
        yield server
    config.reload()


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Bus, list[Delivery]]]:
    """A bus at work, and what it heard."""
    bus, heard = Bus(), []
    bus.receive = heard.extend
    work = asyncio.ensure_future(bus.run())
    await until(lambda: bus.state == "up", "the bus is up")
    yield bus, heard
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def until(question: Callable[[], Any], what: str) -> None:
    try:
        async with asyncio.timeout(30):
            while not question():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"it never became true that {what}") from None


async def heard_again(bus: Bus, heard: list[Delivery]) -> None:
    """Say something until it is heard: while Redis comes back, hints may be lost."""
    said = 0
    async with asyncio.timeout(30):
        while not heard:
            bus.publish([Delivery("room:a", 100 + said, "again", b"{}")])
            said += 1
            await asyncio.sleep(0.05)


def plain(delivery: Delivery) -> tuple[Any, ...]:
    return (
        delivery.stream,
        delivery.seq,
        delivery.type,
        delivery.frame,
        tuple(delivery.effects),
        delivery.key,
        delivery.users,
        delivery.except_user,
    )


async def test_without_redis_there_is_no_bus() -> None:
    bus = Bus()
    await bus.run()
    assert bus.state == "off"
    bus.publish(EVERYTHING)


@pytest.mark.promise("D10")
async def test_another_process_hears_exactly_what_was_said(redis: RedisServer) -> None:
    async with running() as (one, own), running() as (_, heard):
        one.publish(EVERYTHING)
        await until(lambda: len(heard) >= len(EVERYTHING) and len(own) >= len(EVERYTHING), "both hear it")
    assert [plain(delivery) for delivery in heard] == [plain(delivery) for delivery in EVERYTHING]


async def test_a_large_frame_goes_as_its_position(redis: RedisServer) -> None:
    large = b"x" * (bus_module.FRAME_MAX + 1)
    async with running() as (one, _), running() as (_, heard):
        one.publish([Delivery("room:a", 7, "message_received", large, (Leave(ALICE, "room:a"),))])
        await until(lambda: heard, "it is heard")
    assert plain(heard[0]) == ("room:a", 7, "message_received", b"", (), "", None, None)


@pytest.mark.parametrize("trouble", ["freeze", "kill"])
async def test_redis_goes_and_comes_back_and_nobody_waits_for_it(redis: RedisServer, trouble: str) -> None:
    async with running() as (one, _), running() as (_, heard):
        dropped = HINTS.labels("dropped")._value.get()
        getattr(redis, trouble)()
        for _ in range(20):
            # Each answers at once, whatever becomes of it; what does not fit is dropped, not waited for.
            one.publish([Delivery("room:a", number, "said", b"{}") for number in range(100)])
            await asyncio.sleep(0)
        await until(lambda: one.state == "down", "the bus notices")
        assert HINTS.labels("dropped")._value.get() > dropped
        redis.thaw() if trouble == "freeze" else redis.start()
        await until(lambda: one.state == "up", "the bus is up again")
        heard.clear()
        await heard_again(one, heard)


async def test_a_quiet_process_notices_too(redis: RedisServer) -> None:
    async with running() as (quiet, _):
        redis.kill()
        await until(lambda: quiet.state == "down", "it notices")
        redis.start()
        await until(lambda: quiet.state == "up", "it is up again")


async def test_a_dead_redis_is_left_alone_for_a_while(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "BREAKER_SECONDS", 3600.0)
    said = [Delivery("room:a", 7, "said", b"{}")]
    async with running() as (one, _):
        redis.kill()
        await until(lambda: one.state == "down", "the bus notices")
        await until(lambda: one.publish(said) or one._waiting.qsize() > 0, "something waits")
        failed, dropped = HINTS.labels("failed")._value.get(), HINTS.labels("dropped")._value.get()
        for _ in range(bus_module.WAITING_MAX):
            one.publish(said)
        await until(lambda: HINTS.labels("dropped")._value.get() > dropped, "the queue is full")
        assert HINTS.labels("failed")._value.get() == failed


@pytest.mark.parametrize("steps", range(12))
async def test_a_bus_that_is_told_to_end_ends_whatever_it_was_doing(redis: RedisServer, steps: int) -> None:
    bus = Bus()
    work = asyncio.ensure_future(bus.run())
    await until(lambda: bus.state == "up", "the bus is up")
    bus.publish([Delivery("room:a", 7, "said", b"{}")])
    for _ in range(steps):
        await asyncio.sleep(0)
    work.cancel()
    _, running_on = await asyncio.wait({work}, timeout=10)
    for task in running_on:
        task.cancel()
    assert not running_on


@pytest.mark.processes
@pytest.mark.promise("D10")
async def test_two_processes_hear_each_other_with_and_without_their_redis(tmp_path: Path) -> None:
    place = town.found(tmp_path, ["alice", "bob"], {"den": ["alice", "bob"]})
    room, alice, bob = place.rooms["den"], place.people["alice"], place.people["bob"]
    serve = ("manage.py", "serve")
    with (
        RedisServer(tmp_path) as redis,
        ServerProcess(tmp_path, *serve, LAIR_REDIS_URL=redis.url) as one,
        ServerProcess(tmp_path, *serve, LAIR_REDIS_URL=redis.url) as other,
    ):
        hers, his = Client(one.port, alice.token), Client(other.port, bob.token)
        await hers.connect()
        await his.connect()

        async def typing_crosses() -> None:
            """Only the bus carries typing: that it is heard says that the bus works."""
            before = len(his.events)
            async with asyncio.timeout(60):
                while "user_typing" not in {event["type"] for event in his.events[before:]}:
                    await Rest(one.port, alice.token).ask("POST", f"/rooms/{room}/typing", {})
                    await asyncio.sleep(0.2)

        async def messages_cross(content: str) -> None:
            ack = await hers.send_message(room, content)
            by_rest = await Rest(other.port, bob.token).ask(
                "POST", "/messages", {"target": {"type": "room", "room_id": room}, "content": content}
            )
            assert by_rest.status == 201, by_rest
            for client in (hers, his):
                await client.heard("message_received", seq=ack["seq"])
                await client.heard("message_received", seq=by_rest.body["seq"])

        await typing_crosses()
        await messages_cross("with Redis")
        redis.freeze()
        await messages_cross("while it is frozen")
        redis.thaw()
        await typing_crosses()
        redis.kill()
        await messages_cross("while it is dead")
        redis.start()
        await typing_crosses()
        await messages_cross("with Redis again")
        for client in (hers, his):
            client.check()
            assert client.resets == []
            client.drop()
