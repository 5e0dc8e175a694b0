"""Rooms are made, found, joined and left, and people invited, without reading a manual."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_somebody_is_invited_by_name_and_accepts(visit):
    anna = visit("anna").register().make_room("library", "Private")
    ben = visit("ben").register()
    anna.page.get_by_role("button", name="Room menu").click()
    anna.page.get_by_role("menuitem", name="Invite people").click()
    anna.page.get_by_role("searchbox", name="Find somebody").fill("ben")
    anna.page.get_by_role("button", name="Invite ben").click()
    expect(anna.page.get_by_role("dialog").get_by_text("Invited", exact=True)).to_be_visible()

    ben.page.get_by_role("button", name="Accept").click()
    expect(ben.timeline("library")).to_be_visible()
    ben.write("library", "thank you")
    anna.page.keyboard.press("Escape")
    expect(anna.row("thank you")).to_be_visible()


def test_an_invitation_can_be_declined(visit):
    cleo = visit("cleo").register().make_room("cellar", "Private")
    dan = visit("dan").register()
    cleo.page.get_by_role("button", name="Room menu").click()
    cleo.page.get_by_role("menuitem", name="Invite people").click()
    cleo.page.get_by_role("searchbox", name="Find somebody").fill("dan")
    cleo.page.get_by_role("button", name="Invite dan").click()
    dan.page.get_by_role("button", name="Decline").click()
    expect(dan.page.locator(".invitation")).to_have_count(0)
    expect(dan.room_link("cellar")).to_have_count(0)


def test_a_room_is_joined_and_left(visit):
    visit("emil").register().make_room("garden")
    fay = visit("fay").register().join("garden")
    fay.page.get_by_role("button", name="Room menu").click()
    fay.page.get_by_role("menuitem", name="Leave").click()
    fay.page.get_by_role("button", name="Leave room").click()
    expect(fay.room_link("garden")).to_have_count(0)


def test_two_people_talk_alone(visit):
    gil = visit("gil").register()
    hana = visit("hana").register()
    gil.page.get_by_role("button", name="Start a conversation").click()
    gil.page.get_by_role("searchbox", name="Find somebody").fill("hana")
    gil.page.get_by_role("button", name="Write to hana").click()
    gil.write("hana", "between us")
    expect(hana.room_link("gil")).to_have_attribute("data-unread", "1")
    hana.open("gil")
    expect(hana.row("between us")).to_be_visible()


def test_somebody_removed_from_a_room_loses_it_at_once(visit):
    ida = visit("ida").register().make_room("attic")
    jon = visit("jon").register().join("attic")
    ida.page.get_by_role("button", name="People", exact=True).click()
    person = ida.page.get_by_role("complementary", name="People").get_by_role("listitem").filter(has_text="@jon")
    person.hover()
    person.get_by_role("button", name="Remove jon").click()
    ida.page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(jon.room_link("attic")).to_have_count(0)
    expect(jon.page.get_by_role("heading", name="This room is not there")).to_be_visible()
