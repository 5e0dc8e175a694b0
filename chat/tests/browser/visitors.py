"""People at a browser, and what they do there, found by role and name or by the hooks of the client's test contract."""

import json
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, WebSocket, expect

PASSWORD = "correct horse battery staple"


class Visitor:
    """One person in one browser context of their own."""

    def __init__(self, browser: Browser, base: str, name: str, **context: Any) -> None:
        self.name = name
        self.base = base
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | context
        self.context = browser.new_context(base_url=base, **options)
        self.page: Page = self.context.new_page()
        self.hellos: list[dict[str, Any]] = []  # what each socket of the page said first
        self.complaints: list[str] = []  # whatever a browser console should not say
        self.page.on("websocket", self._watch_socket)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _watch_socket(self, socket: WebSocket) -> None:
        def sent(frame: str | bytes) -> None:
            value = json.loads(frame)
            if value["type"] == "client_hello":
                self.hellos.append(value)

        socket.on("framesent", sent)

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused request and a lost socket are the network's words; the client shows both in its own.
        of_the_network = "Failed to load resource" in message.text or "WebSocket" in message.text
        if message.type == "error" and not of_the_network:
            self.complaints.append(message.text)

    # ---- coming in

    def register(self) -> "Visitor":
        self.page.goto("/register")
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("E-mail").fill(f"{self.name}@example.org")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Register").click()
        return self.is_live()

    def sign_in(self, identifier: str | None = None) -> "Visitor":
        self.page.goto("/login")
        self.page.get_by_label("Username or e-mail").fill(identifier or self.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        return self.is_live()

    def is_live(self) -> "Visitor":
        expect(self.page.locator("html")).to_have_attribute("data-connection", "live", timeout=40_000)
        return self

    # ---- rooms

    def room_link(self, name: str) -> Locator:
        return self.page.get_by_role("navigation", name="Rooms").locator("[data-room-id]").filter(has_text=name)

    def open(self, name: str) -> "Visitor":
        self.room_link(name).click()
        expect(self.timeline(name)).to_be_visible()
        return self

    def make_room(self, name: str, privacy: str = "Public") -> "Visitor":
        self.page.goto("/rooms/new")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_role("radio", name=privacy).check()
        self.page.get_by_role("button", name="Create room").click()
        expect(self.timeline(name)).to_be_visible()
        return self

    def join(self, name: str) -> "Visitor":
        self.page.goto("/rooms")
        self.page.get_by_role("button", name=f"Join {name}").click()
        expect(self.timeline(name)).to_be_visible()
        return self

    # ---- messages

    def timeline(self, room: str) -> Locator:
        return self.page.get_by_role("list", name=f"Messages in {room}")

    def box(self, room: str) -> Locator:
        return self.page.get_by_role("textbox", name=f"Message {room}")

    def write(self, room: str, text: str) -> Locator:
        """Send a text, and give its row once the server has it."""
        box = self.box(room)
        box.fill(text)
        box.press("Enter")
        row = self.row(text)
        expect(row).to_have_attribute("data-state", "sent")
        return row

    def rows(self) -> Locator:
        return self.page.locator("[role=listitem][data-key]")

    def row(self, text: str) -> Locator:
        """The row that says this."""
        return self.rows().filter(has=self.page.locator("[data-part=text]", has_text=text))

    def do(self, row: Locator, what: str) -> None:
        """Choose something of a row's menu."""
        row.hover()
        row.get_by_role("button", name="More actions").click()
        self.page.get_by_role("menuitem", name=what).click()

    def texts(self) -> list[str]:
        return self.page.locator("[role=listitem][data-key] [data-part=text]").all_inner_texts()

    def close(self) -> None:
        self.context.close()
        assert self.complaints == [], f"{self.name}'s console: {self.complaints}"
