"""The pages are usable on a telephone, by keyboard, in every look, and to people who hear them."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def offences(page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['target']} {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_room_has_no_barrier(visit, scheme):
    person = visit(f"axel_{scheme}", color_scheme=scheme).register().make_room(f"hall {scheme}")
    person.write(f"hall {scheme}", "hello, see https://example.org/ and @axel_light")
    person.page.get_by_role("button", name="People", exact=True).click()
    expect(person.page.get_by_role("complementary", name="People").get_by_role("listitem")).to_have_count(1)
    expect(person.page.locator("html")).to_have_attribute("data-theme", scheme)
    assert offences(person.page) == []


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_the_door_has_no_barrier(visit, path):
    person = visit("nobody")
    person.page.goto(path)
    assert offences(person.page) == []


def test_the_look_is_kept(visit):
    person = visit("lux", color_scheme="light").register()
    person.page.get_by_role("button", name="lux, your menu").click()
    person.page.get_by_role("button", name="Dark", exact=True).click()
    person.page.reload()
    expect(person.page.locator("html")).to_have_attribute("data-theme", "dark")
    person.page.goto("/login")
    expect(person.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_on_a_telephone_one_column_is_seen_and_back_leads_to_the_rooms(visit):
    person = visit("pia", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).register()
    person.make_room("pocket")
    row = person.write("pocket", "from the bus")
    row.tap()
    row.get_by_role("button", name="More actions").tap()
    person.page.get_by_role("menuitem", name="Reply").tap()
    person.page.get_by_role("button", name="Cancel reply").tap()
    rooms = person.page.get_by_role("navigation", name="Rooms")
    expect(rooms).to_be_hidden()
    person.page.locator(".head").get_by_role("link", name="Rooms").click()
    expect(rooms).to_be_visible()
    expect(person.box("pocket")).to_be_hidden()
    person.page.go_back()
    expect(person.box("pocket")).to_be_visible()
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_a_narrow_window_a_panel_covers_the_room(visit):
    for width in (360, 900):
        person = visit(f"quinn{width}", viewport={"width": width, "height": 740}).register()
        person.make_room(f"pocket {width}")
        person.page.get_by_role("button", name="People").first.click()
        panel = person.page.get_by_role("complementary", name="People")
        expect(panel).to_be_visible()
        box = panel.bounding_box()
        assert (box["y"], box["height"]) == (0, 740)


def test_a_message_is_written_edited_and_answered_by_keyboard_alone(visit):
    person = visit("kay").register().make_room("keys")
    keyboard = person.page.keyboard
    expect(person.box("keys")).to_be_focused()
    keyboard.type("one line")
    keyboard.press("Shift+Enter")
    keyboard.type("another")
    keyboard.press("Enter")
    expect(person.row("one line")).to_have_attribute("data-state", "sent")
    keyboard.press("ArrowUp")
    expect(person.page.get_by_role("textbox", name="Edit message")).to_be_focused()
    keyboard.press("Control+A")
    keyboard.type("changed")
    keyboard.press("Enter")
    row = person.row("changed")
    expect(row).to_have_attribute("data-edited", "")
    row.focus()
    keyboard.press("r")
    expect(person.box("keys")).to_be_focused()
    keyboard.type("an answer")
    keyboard.press("Enter")
    expect(person.row("an answer").locator(".row-answered")).to_be_visible()


def test_signing_out_ends_the_session(visit):
    person = visit("otto").register()
    person.page.get_by_role("button", name="otto, your menu").click()
    person.page.get_by_role("button", name="Sign out").click()
    expect(person.page).to_have_url(re.compile(r"/login"))
    person.page.goto("/")
    expect(person.page).to_have_url(re.compile(r"/login"))
