"""Guarantees, section 3: counting is atomic, in memory, in the database of several processes, and in Redis."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connections

from lairchat import config
from lairchat.core import limits
from lairchat.core.errors import RateLimited
from lairchat.testing import stack
from lairchat.testing.processes import ROOT, eventually
from lairchat.testing.redis import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 50


@pytest.fixture
def a_long_window() -> Iterator[int]:
    """Twenty in an hour: no window ends while the test runs. Answers the twenty."""
    config.reload({"limits.send": {"count": 20, "seconds": 3600}})
    yield 20
    config.reload()


def allowed(key: str = "somebody") -> bool:
    try:
        limits.spend("send", key)
    except RateLimited:
        return False
    finally:
        connections.close_all()
    return True


def allowed_of_many() -> int:
    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(lambda _: allowed(), range(MANY)))


def test_of_many_at_once_exactly_the_allowed_pass(a_long_window: int) -> None:
    assert allowed_of_many() == a_long_window


def test_of_many_at_once_exactly_the_allowed_pass_in_the_database(a_long_window: int) -> None:
    limits.share_between_processes()
    assert allowed_of_many() == a_long_window


def test_what_was_counted_alone_counts_when_another_process_comes(a_long_window: int) -> None:
    first = [allowed() for _ in range(15)]
    limits.share_between_processes()
    assert limits.DatabaseStorage().get(limits._item("send").key_for("send", "somebody")) == 15
    assert sum(first) + allowed_of_many() == a_long_window


def test_no_more_pass_while_another_process_comes(a_long_window: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        passing = [threads.submit(allowed) for _ in range(MANY)]
        limits.share_between_processes()
        assert 0 < sum(each.result() for each in passing) <= a_long_window
    assert not allowed()


def test_of_many_at_once_exactly_the_allowed_pass_in_redis(a_long_window: int, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        config.reload({"redis_url": redis.url, "limits.send": {"count": 20, "seconds": 3600}})
        assert allowed_of_many() == a_long_window


SPENDER = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "lairchat.settings"
import django
django.setup()
from lairchat.core import limits
from lairchat.core.errors import RateLimited
limits.share_between_processes()
passed = 0
for _ in range(25):
    try:
        limits.spend("send", "somebody")
    except RateLimited:
        continue
    passed += 1
print(json.dumps(passed))
"""


def test_two_processes_together_pass_exactly_the_allowed(tmp_path: Path) -> None:
    (tmp_path / "lair.toml").write_text("[limits]\nsend = {count = 20, seconds = 3600}\n")
    given = stack.environment(tmp_path, LAIR_CONFIG=str(tmp_path / "lair.toml"))
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=given, cwd=ROOT, check=True)
    both = [
        subprocess.Popen([sys.executable, "-c", SPENDER], env=given, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert sum(json.loads(process.communicate()[0]) for process in both) == 20


@pytest.mark.parametrize("trouble", [RedisServer.freeze, RedisServer.kill])
@pytest.mark.promise("F3")
def test_without_its_redis_the_database_counts(
    a_long_window: int, tmp_path: Path, trouble: Callable[[RedisServer], None]
) -> None:
    with RedisServer(tmp_path) as redis:
        config.reload({"redis_url": redis.url, "limits.send": {"count": 20, "seconds": 3600}})
        assert allowed()
        trouble(redis)
        assert allowed_of_many() == a_long_window


def test_limits_of_different_people_and_kinds_are_apart(a_long_window: int) -> None:
    assert sum(allowed("one") for _ in range(30)) == a_long_window
    assert allowed("other")
    limits.spend("edits", "one")


@pytest.mark.parametrize("share", [False, True], ids=["in memory", "in the database"])
def test_a_window_ends(share: bool) -> None:
    config.reload({"limits.send": {"count": 1, "seconds": 1}})
    try:
        if share:
            limits.share_between_processes()
        deadline = time.monotonic() + 30
        passed = 0
        while passed < 3:  # one a second
            passed += allowed()
            assert time.monotonic() < deadline
    finally:
        config.reload()


@pytest.mark.promise("F7")
@pytest.mark.parametrize("share", [False, True], ids=["in memory", "in the database"])
@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1)], ids=["back", "forward"])
def test_a_clock_that_jumps_restarts_a_window_at_most(a_long_window: int, share: bool, jump: timedelta) -> None:
    config.reload({"limits.send": {"count": 20, "seconds": 60}})
    if share:
        limits.share_between_processes()
    assert allowed_of_many() == 20
    with time_machine.travel(datetime.now(UTC) + jump, tick=True):
        again = [allowed() for _ in range(20)]
        assert not allowed()  # twenty and no more, before the jump or after it
        assert all(again) or not any(again)
        assert refused_for() <= 60
    assert refused_for() <= 60


def refused_for() -> int:
    """For how many seconds somebody who has used up everything is sent away."""
    while allowed():
        pass
    with pytest.raises(RateLimited) as refused:
        limits.spend("send", "somebody")
    connections.close_all()
    return refused.value.details["retry_after"]


def test_windows_that_ended_are_forgotten() -> None:
    config.reload({"limits.send": {"count": 1, "seconds": 1}})
    try:
        storage = limits._current().storage
        assert isinstance(storage, limits.MemoryStorage)
        deadline = time.monotonic() + 30
        for number in itertools.count():  # one use each, of windows that end after a second
            limits.spend("send", number)
            if len(storage.windows) < number // 2:
                break
            assert time.monotonic() < deadline
    finally:
        config.reload()


def test_who_is_refused_learns_when_to_come_back(a_long_window: int) -> None:
    first = limits.spend("send", "somebody")
    assert first is not None
    assert (first.limit, first.remaining) == (20, 19)
    assert 3598 <= first.reset_seconds <= 3600
    for _ in range(19):
        last = limits.spend("send", "somebody")
    assert last is not None
    assert last.remaining == 0
    with pytest.raises(RateLimited) as refused:
        limits.spend("send", "somebody")
    assert refused.value.details["limit"] == 20
    assert 3590 <= refused.value.details["retry_after"] <= 3600


def test_limits_can_be_switched_off() -> None:
    config.reload({"limits_on": False, "limits.send": {"count": 1, "seconds": 3600}})
    try:
        assert [limits.spend("send", "somebody") for _ in range(3)] == [None] * 3
    finally:
        config.reload()


def test_the_windows_of_the_database_can_be_looked_at_and_emptied() -> None:
    storage = limits.DatabaseStorage()
    assert [storage.incr("a", 100), storage.incr("a", 100, amount=3), storage.incr("b", 100)] == [1, 4, 1]
    assert (storage.get("a"), storage.get("never")) == (4, 0)
    assert storage.get_expiry("a") > time.time() >= storage.get_expiry("never") - 1
    storage.clear("a")
    assert (storage.get("a"), storage.get("b")) == (0, 1)
    assert storage.reset() == 1
    assert storage.check()


@pytest.mark.parametrize("jump_seconds", [86_400.0, -3_600.0])
@pytest.mark.parametrize("is_shared", [False, True])
def test_a_clock_that_jumps_and_comes_back_locks_nobody_out(
    is_shared: bool, jump_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F7: it may restart a window, nothing else."""
    if is_shared:
        limits.share_between_processes()
    true_time, offset = time.time, jump_seconds
    monkeypatch.setattr(time, "time", lambda: true_time() + offset)
    config.reload({"limits.send": {"count": 2, "seconds": 1}})
    try:
        eventually(lambda: not allowed(), "the limit is passed")
        offset = 0.0
        eventually(allowed, "the window is over", seconds=30)
        eventually(lambda: not allowed(), "the limit still counts")
    finally:
        config.reload()
