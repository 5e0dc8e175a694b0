"""From an empty machine to two people who chat."""

import re

import pytest
from playwright.sync_api import expect

from chat.tests.browser.visitors import PASSWORD
from lairchat.testing.processes import eventually

pytestmark = pytest.mark.browser

LINK = re.compile(r"/welcome\?code=\S+")


def test_the_printed_link_leads_to_an_administrator_a_room_and_a_second_person(site, visit, address):
    link = eventually(lambda: LINK.search(site.output), "the server prints its set-up link")[0]
    root = visit("root", base=address)
    root.page.goto(link)
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
