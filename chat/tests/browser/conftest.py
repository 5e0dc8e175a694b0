"""A real server, a real Chromium, and people in it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from chat.tests.browser.line import Line
from chat.tests.browser.visitors import Visitor
from lairchat.testing import stack
from lairchat.testing.processes import ServerProcess, Servers

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Not for the session: while Playwright runs, the thread's loop is its own, and tests with loops of theirs would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "No Chromium was found. Install it (apt-get install chromium): these tests drive a real browser."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a fresh installation, before its first start."""
    data = tmp_path_factory.mktemp("installed")
    for command in (["migrate"], ["collectstatic", "--noinput"]):
        with ServerProcess(data, "manage.py", *command) as prepared:
            assert prepared.wait() == 0, prepared.output
    return data


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """A server of its own for each module. One that says LIMITS = "off" gets no rate limits."""
    data = tmp_path_factory.mktemp("site") / "data"
    stack.copy(installed, data)
    limits = {"LAIR_LIMITS": request.module.LIMITS} if hasattr(request.module, "LIMITS") else {}
    with Servers(data, **limits) as servers:
        assert servers.ports
        yield servers


@pytest.fixture(scope="module")
def address(site: Servers) -> str:
    return f"http://127.0.0.1:{site.ports[0]}"


@pytest.fixture
def visit(browser: Browser, site: Servers) -> Iterator[Callable[..., Visitor]]:
    """Lets somebody sit down at a browser of their own, served by another process than the one before: `visit("bob")`.

    A `base` is another way to the server.
    """
    visitors: list[Visitor] = []

    def come(name: str, *, base: str | None = None, **context: Any) -> Visitor:
        address = f"http://127.0.0.1:{site.port_for(len(visitors))}"
        visitor = Visitor(browser, base or address, name, **context)
        visitors.append(visitor)
        return visitor

    yield come
    for visitor in visitors:
        visitor.close()


@pytest.fixture
def line(site: Servers) -> Iterator[Line]:
    line = Line(site.ports[0])
    yield line
    line.close()
