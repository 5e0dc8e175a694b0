"""From an empty machine to two people who chat."""

import re

import pytest
from playwright.sync_api import expect

from chat.tests.browser.visitors import PASSWORD
from lairchat.testing.processes import eventually

pytestmark = pytest.mark.browser

LINK = re.compile(r"/welcome\?code=\S+")


def printed(site):
    """The links, once each process has printed one."""
    links = LINK.findall(site.output)
    return links if len(links) == len(site.processes) else None


def test_the_printed_link_leads_to_an_administrator_a_room_and_a_second_person(site, visit, address):
    links = eventually(lambda: printed(site), "each process prints its set-up link")
    root = visit("root", base=address)
    # Each start makes the link before it useless: of two processes, the later one's counts.
    link = next(link for link in links if root.page.goto(link).ok)
    root.page.get_by_label("Username").fill("root")
    root.page.get_by_label("E-mail").fill("root@example.org")
    root.page.get_by_label("Password").fill(PASSWORD)
    root.page.get_by_label("First room").fill("hearth")
    root.page.get_by_role("button", name="Set up").click()
    root.is_live()
    expect(root.timeline("hearth")).to_be_visible()
    root.write("hearth", "is anybody there?")

    again = visit("late")
    assert again.page.goto(link).status >= 400
    second = visit("sven").register()
    second.open("hearth") if second.room_link("hearth").count() else second.join("hearth")
    expect(second.row("is anybody there?")).to_be_visible()
    second.write("hearth", "I am")
    expect(root.row("I am")).to_be_visible()
