"""Fixtures of all our tests: the cast, their rooms, and what was published."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Nothing of ours is imported at the top: the plugin is loaded before Django is set up.


def _allow_emptying(sender: Any, using: str, **kwargs: Any) -> None:
    """Tests with threads empty all tables afterwards; the staff log's triggers would refuse it."""
    if sender.name == "accounts":
        from django.db import connections

        from accounts import triggers

        triggers.remove(connections[using])


def pytest_configure() -> None:
    from django.db.models.signals import post_migrate

    post_migrate.connect(_allow_emptying)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """What is said of one database is not asked of the other."""
    from lairchat.testing import stack

    return True if collection_path.match(stack.ELSEWHERE) else None


def pytest_report_header() -> str:
    from lairchat.testing import stack

    return f"stack: {'PostgreSQL, Redis, two processes' if stack.ON_POSTGRES else 'SQLite, one process'}"


def pytest_unconfigure() -> None:
    from lairchat.testing import stack

    stack.end()


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    """Nobody's limits are spent by another test."""
    from lairchat.core import limits, log

    limits.forget()
    log._epoch = None  # the database of the last test, and its history, are gone
    yield
    limits.forget()


@pytest.fixture
def publishes() -> Callable[..., Any]:
    from lairchat.testing import recorder

    return recorder.publishes


@pytest.fixture
def publishes_nothing() -> Callable[..., Any]:
    from lairchat.testing import recorder

    return recorder.publishes_nothing


@pytest.fixture
def recording() -> Callable[..., Any]:
    from lairchat.testing import recorder

    return recorder.recording


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    from lairchat.testing.cast import person

    return person


@pytest.fixture
def alice(person: Callable[..., Any]) -> Any:
    """A member, and the owner of both rooms."""
    return person("alice")


@pytest.fixture
def bob(person: Callable[..., Any]) -> Any:
    """A member."""
    return person("bob")


@pytest.fixture
def mallory(person: Callable[..., Any]) -> Any:
    """Outside."""
    return person("mallory")


@pytest.fixture
def mona(person: Callable[..., Any]) -> Any:
    """Moderates the site."""
    from accounts.roles import SiteRole

    return person("mona", SiteRole.MODERATOR)


@pytest.fixture
def root(person: Callable[..., Any]) -> Any:
    """Administers the site."""
    from accounts.roles import SiteRole

    return person("root", SiteRole.ADMIN)


@pytest.fixture
def den(alice: Any, bob: Any) -> Any:
    """The private room of alice and bob."""
    return _room(alice, bob, "den", "private")


@pytest.fixture
def plaza(alice: Any, bob: Any) -> Any:
    """A public room of alice and bob."""
    return _room(alice, bob, "plaza", "public")


def _room(alice: Any, bob: Any, name: str, privacy: str) -> Any:
    from lairchat.testing.cast import bring_in
    from rooms.actions.rooms import create_room

    room = create_room(alice, name, privacy=privacy).room
    bring_in(alice, room, bob)
    return room


@pytest.fixture
def fill() -> Callable[..., None]:
    from lairchat.testing.cast import fill

    return fill
