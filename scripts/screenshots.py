"""`make screenshots`: every page as people see it, light and dark, at 1280 and 360 px, into docs/screenshots."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from lairchat.testing.processes import ServerProcess, eventually

OUT = Path(__file__).parents[1] / "docs" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
WIDTHS = {1280: 800, 360: 740}
SCHEMES = ("light", "dark")
ADMIN = "ines_moreau"  # of the demo's people
PASSWORD = "correct horse battery staple"

VISITOR_PAGES = {"login": "/login", "register": "/register", "not-found": "/nowhere"}
PAGES = {
    "home": "/",
    "rooms": "/rooms",
    "room-new": "/rooms/new",
    "settings-profile": "/settings/profile",
    "settings-account": "/settings/account",
    "settings-password": "/settings/password",
    "settings-sessions": "/settings/sessions",
    "settings-look": "/settings/look",
    "api-docs": "/docs",
    "desk": "/admin/",
    "desk-people": "/admin/accounts/user/",
    "desk-sessions": "/admin/accounts/usersession/",
    "desk-sanctions": "/admin/accounts/sanction/",
    "desk-log": "/admin/accounts/auditentry/",
    "desk-rooms": "/admin/rooms/room/",
    "desk-members": "/admin/rooms/membership/",
    "desk-room-sanctions": "/admin/rooms/roomsanction/",
    "desk-messages": "/admin/chat/message/",
}


def main() -> None:
    only = set(sys.argv[1:])
    shutil.rmtree(OUT, ignore_errors=not only) if not only else None
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, serving() as empty, serving(seeded=True) as full:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        link = eventually(lambda: re.search(r"/welcome\?code=\S+", empty.output), "the set-up link is printed")
        for scheme in SCHEMES:
            for width, height in WIDTHS.items():
                visitor = page_of(browser, empty.port, scheme, width, height)
                shoot(visitor, "welcome", link[0], scheme, width, only)
                visitor = page_of(browser, full.port, scheme, width, height)
                for name, path in VISITOR_PAGES.items():
                    shoot(visitor, name, path, scheme, width, only)
                sign_in(visitor)
                for name, path in PAGES.items():
                    shoot(visitor, name, path, scheme, width, only)
                details(visitor, scheme, width, only)
                visitor.context.close()
        browser.close()


@contextmanager
def serving(*, seeded: bool = False) -> Iterator[ServerProcess]:
    """A fresh installation of its own; `seeded` with the demo's people."""
    data = Path(tempfile.mkdtemp(prefix="lair-screenshots-"))
    steps = [["migrate"], ["collectstatic", "--noinput"]]
    if seeded:
        steps.append(["seed_demo", "--password", PASSWORD])
    try:
        for step in steps:
            with ServerProcess(data, "manage.py", *step) as command:
                assert command.process.wait(600) == 0, command.output
        with ServerProcess(data, "manage.py", "serve", LAIR_LIMITS="off") as server:
            assert server.port
            yield server
    finally:
        shutil.rmtree(data)


def page_of(browser: Browser, port: int, scheme: str, width: int, height: int) -> Page:
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{port}",
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        locale="en-GB",
    )
    return context.new_page()


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("html[data-connection=live]")


def shoot(page: Page, name: str, path: str | None, scheme: str, width: int, only: set[str]) -> None:
    if only and name not in only:
        return
    if path is not None:
        page.goto(path)
    page.wait_for_load_state("networkidle") if name.startswith(("api", "desk")) else page.wait_for_load_state()
    if page.locator("html[data-connection]").count():
        page.wait_for_selector("html[data-connection=live]")
    page.screenshot(path=OUT / f"{name}-{scheme}-{width}.png")


def details(page: Page, scheme: str, width: int, only: set[str]) -> None:
    """What is reached by a click: panels of a room, a person's page, the reason page of an act."""
    page.goto("/")
    page.wait_for_selector("html[data-connection=live]")
    page.get_by_role("link", name=re.compile("^general")).click()
    page.get_by_role("textbox", name="Message general").wait_for()
    shoot(page, "room", None, scheme, width, only)
    page.get_by_role("button", name="People").first.click()
    page.get_by_role("complementary", name="People").wait_for()
    shoot(page, "room-people", None, scheme, width, only)
    page.goto("/admin/accounts/user/")
    page.locator("#result_list tbody a").nth(2).click()
    shoot(page, "desk-person", None, scheme, width, only)
    page.goto("/admin/accounts/user/")
    page.locator("#result_list input.action-select").nth(2).check()
    page.get_by_role("button", name="Mute…").click()
    page.get_by_test_id("reason-form").wait_for()
    shoot(page, "desk-reason", None, scheme, width, only)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    main()
