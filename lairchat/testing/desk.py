"""A browser at the desk: pages by their address, and buttons through their reason page to the result."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.actions.sessions import begin_session
from accounts.actor import Actor, Visitor
from accounts.models import AuditEntry
from lairchat.core.admin import list_of, page_of


class Page:
    """An answer of the desk as somebody reads it."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        self.html = response.content.decode()

    def __contains__(self, text: str) -> bool:
        return text in unescape(self.html)

    @property
    def buttons(self) -> list[str]:
        """What the rows of a list can be done to."""
        return re.findall(r'<button [^>]*name="action" value="([^"]+)"', self.html)

    @property
    def rows(self) -> list[str]:
        """The ids of the rows of a list."""
        return re.findall(r'name="_selected_action" value="([^"]+)"', self.html)

    @property
    def refused(self) -> dict[str, str]:
        """Of a result: who was refused, and the code."""
        found = re.findall(r'<li data-refused="([^"]+)"><b>(.*?)</b>', self.html)
        return {unescape(label): code for code, label in found}

    @property
    def done(self) -> list[str]:
        return [unescape(label) for label in re.findall(r"<li data-done><b>(.*?)</b>", self.html)]

    @property
    def expected_refusals(self) -> dict[str, str]:
        """Of a reason page: who will be refused, and why."""
        found = re.findall(r'<li data-will-refuse><b>(.*?)</b><span class="error">(.*?)</span>', self.html)
        return {unescape(label): unescape(why) for label, why in found}

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.html)
        assert found, f"no field {name}"
        return unescape(found[1])


class Desk:
    """Somebody's browser, signed in (or not, without an actor)."""

    def __init__(self, actor: Actor | None) -> None:
        self.client = Client()
        if actor is not None:
            visitor = Visitor(via="web", address="127.0.0.1", device="Firefox")
            _, cookie = begin_session(visitor, actor.person, "web")
            self.client.cookies[settings.SESSION_COOKIE_NAME] = cookie

    def get(self, address: str, **query: Any) -> Page:
        return Page(self.client.get(address, query))

    def list(self, model: type[Model], **query: Any) -> Page:
        return self.get(list_of(model), **query)

    def page(self, row: Model) -> Page:
        return self.get(page_of(row))

    def press(self, button: str, rows: Iterable[Model]) -> Page:
        """The reason page behind a list's button, with these rows ticked."""
        rows = list(rows)
        form = {"index": "0", "action": button, "_selected_action": [str(row.pk) for row in rows]}
        return Page(self.client.post(list_of(type(rows[0])), form, follow=True))

    def act(self, button: str, rows: Iterable[Model], **form: Any) -> Page:
        """All the way through the reason page to the result."""
        rows = list(rows)
        return self.send(self.press(button, rows), button, rows, **form)

    def send(self, reason_page: Page, button: str, rows: Iterable[Model], **form: Any) -> Page:
        """The reason page's form, filled in."""
        rows = list(rows)
        meta = rows[0]._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[button])
        hidden = {name: reason_page.field(name) for name in ("key", "ids", "back")}
        return Page(self.client.post(address, hidden | {"preset": "", "reason": ""} | form, follow=True))


def last_entry() -> AuditEntry:
    """The newest line of the staff log."""
    return AuditEntry.objects.select_related("detail").order_by("-seq")[0]
