"""The harness itself: a verdict says what was found, and a run that breaks is no pass."""

import asyncio
import contextlib
from pathlib import Path

from lairchat.faults.cluster import names, teams
from lairchat.faults.figures import p50, p99
from lairchat.faults.proxy import Manner, Proxy
from lairchat.faults.run import Run, Scenario


def carried_out(work: object, directory: Path) -> Run:
    run = Run("work", 7, False, directory)
    return asyncio.run(Scenario("work", work).carry_out(run))  # type: ignore[arg-type]


def test_what_does_not_hold_is_told_with_the_verdict(tmp_path: Path) -> None:
    async def work(run: Run) -> None:
        run.note(acks=3, seconds=0.12345)
        run.must(True, "the sky fell")
        run.must(False, "somebody lost a message")

    run = carried_out(work, tmp_path)
    assert run.verdict == "FAIL work (short) seed=7 0s acks=3 seconds=0.1235"
    assert run.explained.splitlines()[1:] == ["    somebody lost a message"]


def test_a_scenario_that_breaks_is_no_pass(tmp_path: Path) -> None:
    async def work(run: Run) -> None:
        raise AssertionError("it never became true")

    assert carried_out(work, tmp_path).wrong == ["AssertionError: it never became true"]


def test_a_seed_names_the_same_chance(tmp_path: Path) -> None:
    first, again = (Run("crash", 5, False, tmp_path).rng.random() for _ in range(2))
    assert first == again != Run("crash", 6, False, tmp_path).rng.random()


def test_percentiles_are_values_that_were_measured() -> None:
    assert (p50([3, 1, 2]), p99(range(1, 101)), p99([])) == (2, 99, 0)


def test_everybody_has_three_rooms_with_other_people_in_each() -> None:
    people = names(40)
    rooms = teams(people)
    for person in people:
        hall, first, second = (set(members) for members in rooms.values() if person in members)
        assert hall == set(people)
        assert len(first & second) < len(first)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_a_proxy_passes_everything_on_late_and_in_pieces() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    said = bytes(range(256)) * 40
    async with Proxy(server.sockets[0].getsockname()[1], manner=lambda: Manner(0.01, drip_bytes=50)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(said)
        assert await reader.readexactly(len(said)) == said
        writer.close()
    server.close()


async def test_a_proxy_cuts_and_holds() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    fates = iter((Manner(cut_after_seconds=0.01), Manner(hold_after_seconds=0.0)))
    async with Proxy(server.sockets[0].getsockname()[1], manner=lambda: next(fates)) as proxy:
        reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert proxy.cut == 1
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        async with asyncio.timeout(60):
            while not proxy.held:
                await asyncio.sleep(0.01)
        writer.write(b"is anybody there?")
        heard = asyncio.ensure_future(reader.read(10))
        done, _ = await asyncio.wait([heard], timeout=0.2)
        assert not done
        heard.cancel()
    server.close()
