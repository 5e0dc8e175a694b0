"""A real server, a real Chromium, and people in it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from chat.tests.browser.line import Line
from chat.tests.browser.visitors import Visitor
from lairchat.testing.processes import ServerProcess

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
) -> Iterator[ServerProcess]:
    """A server of its own for each module. One that says LIMITS = "off" gets no rate limits."""
    data = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(installed, data)
    limits = {"LAIR_LIMITS": request.module.LIMITS} if hasattr(request.module, "LIMITS") else {}
    with ServerProcess(data, "manage.py", "serve", **limits) as server:
        assert server.port
        yield server


@pytest.fixture(scope="module")
def address(site: ServerProcess) -> str:
    return f"http://127.0.0.1:{site.port}"


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visitor]]:
    """Lets somebody sit down at a browser of their own: `visit("alice")`."""
    visitors: list[Visitor] = []

    def come(name: str, *, base: str = address, **context: Any) -> Visitor:
        visitor = Visitor(browser, base, name, **context)
        visitors.append(visitor)
        return visitor

    yield come
    for visitor in visitors:
        visitor.close()


@pytest.fixture
def line(site: ServerProcess) -> Iterator[Line]:
    line = Line(site.port)
    yield line
    line.close()
