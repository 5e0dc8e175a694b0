"""Two people in two browsers see what the other does, as it happens."""

from itertools import count

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LIMITS = "off"  # more people register here than may do so in an hour
PAIRS = count()


@pytest.fixture
def pair(visit):
    """Two people, new for each test, in a room of their own."""
    number = next(PAIRS)
    room = f"plaza {number}"
    alice, bob = visit(f"alice{number}"), visit(f"bob{number}")
    alice.register().make_room(room)
    bob.register().join(room)
    return alice, bob, room


def test_both_write_and_read_the_other(pair):
    alice, bob, room = pair
    alice.write(room, "good morning")
    expect(bob.row("good morning")).to_be_visible()
    bob.write(room, "and to you")
    expect(alice.row("and to you")).to_be_visible()
    assert alice.texts()[-2:] == ["good morning", "and to you"]


def test_an_edit_and_a_removal_reach_the_other(pair):
    alice, bob, room = pair
    row = alice.write(room, "tee at four")
    seen = bob.page.locator(f"[data-message-id='{row.get_attribute('data-message-id')}']")
    alice.do(row, "Edit")
    box = alice.page.get_by_role("textbox", name="Edit message")
    box.fill("tea at four")
    box.press("Enter")
    expect(seen.locator("[data-part=text]")).to_contain_text("tea at four")
    expect(seen).to_have_attribute("data-edited", "")

    alice.do(alice.row("tea at four"), "Delete")
    alice.page.get_by_role("button", name="Delete message").click()
    expect(seen).to_have_attribute("data-state", "removed")
    expect(bob.row("tea at four")).to_have_count(0)


def test_a_reaction_is_counted_for_both_and_taken_back(pair):
    alice, bob, room = pair
    alice.write(room, "the build is green")
    row = bob.row("the build is green")
    row.hover()
    row.get_by_role("button", name="Add reaction").click()
    row.get_by_role("group", name="Reactions").get_by_role("button", name="🎉").click()
    reaction = alice.row("the build is green").locator("[data-part=reactions] [data-emoji='🎉']")
    expect(reaction).to_have_attribute("aria-label", f"🎉 1, by {bob.name}")
    expect(reaction).to_have_attribute("aria-pressed", "false")
    reaction.click()
    expect(row.locator("[data-part=reactions] [data-emoji='🎉']")).to_contain_text("2")
    reaction.click()
    row.locator("[data-part=reactions] [data-emoji='🎉']").click()
    expect(reaction).to_have_count(0)


def test_an_answer_shows_what_it_answers(pair):
    alice, bob, room = pair
    alice.write(room, "who brings cake?")
    row = bob.row("who brings cake?")
    bob.do(row, "Reply")
    bob.write(room, "I do")
    expect(alice.row("I do")).to_contain_text("who brings cake?")


def test_typing_is_seen_until_the_message_comes(pair):
    alice, bob, room = pair
    bob.box(room).press_sequentially("wai")
    typing = alice.page.get_by_test_id("typing")
    expect(typing).to_have_text(f"{bob.name} is typing…")
    bob.write(room, "wait for me")
    expect(typing).to_be_empty()


def test_presence_follows_the_other(pair, visit):
    alice, bob, _room = pair
    alice.page.get_by_role("button", name="People", exact=True).click()
    people = alice.page.get_by_role("complementary", name="People")
    there = people.get_by_role("listitem").filter(has_text=f"@{bob.name}")
    expect(there).to_have_attribute("data-online", "true")
    bob.page.goto("about:blank")
    expect(there).to_have_attribute("data-online", "false", timeout=20_000)


def test_unread_and_mentions_are_counted_until_read_and_the_writer_sees_who_read(pair):
    alice, bob, room = pair
    bob.page.goto("/rooms")
    bob.is_live()
    link = bob.room_link(room)
    alice.write(room, "nobody in particular")
    expect(link).to_have_attribute("data-unread", "1")
    alice.write(room, f"@{bob.name} look at this")
    expect(link).to_have_attribute("data-unread", "2")
    expect(link).to_have_attribute("data-mentions", "1")

    bob.page.bring_to_front()
    bob.open(room)
    expect(bob.page.get_by_test_id("unread-line")).to_be_visible()
    expect(link).to_have_attribute("data-unread", "0")
    expect(link).to_have_attribute("data-mentions", "0")
    expect(alice.page.locator("[data-part=seen]")).to_have_text(f"Seen by {bob.name}")


def test_marking_unread_holds_until_the_room_is_left(pair):
    alice, bob, room = pair
    alice.write(room, "first")
    alice.write(room, "second")
    bob.page.bring_to_front()
    link = bob.room_link(room)
    expect(link).to_have_attribute("data-unread", "0")
    bob.do(bob.row("second"), "Mark unread from here")
    expect(link).to_have_attribute("data-unread", "1")
    expect(bob.page.get_by_test_id("unread-line")).to_be_visible()


def test_a_draft_waits_in_its_room(pair):
    alice, _bob, room = pair
    alice.box(room).fill("half a thou")
    alice.page.goto("/rooms")
    alice.open(room)
    expect(alice.box(room)).to_have_value("half a thou")
    alice.page.reload()
    expect(alice.box(room)).to_have_value("half a thou")


def test_markup_in_a_message_stays_text(pair):
    alice, bob, room = pair
    alice.write(room, "<b>bold</b> <img src=x onerror=alert(1)>")
    row = bob.row("<b>bold</b>")
    expect(row).to_be_visible()
    expect(row.locator("b, img")).to_have_count(0)
    bob.write(room, "see https://example.org/a_(b). Good")
    expect(alice.row("Good").get_by_role("link")).to_have_attribute("href", "https://example.org/a_(b)")


def test_an_archived_room_says_so_in_place_of_the_composer(pair):
    alice, _bob, _room = pair
    alice.page.get_by_role("button", name="Room menu").click()
    alice.page.get_by_role("menuitem", name="Archive").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Archive", exact=True).click()
    closed = alice.page.get_by_test_id("composer-closed")
    expect(closed).to_have_attribute("data-reason", "archived")
