"""A long history is read back without a jump."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from chat.tests.browser.visitors import PASSWORD, Visitor
from lairchat.testing.processes import eventually

pytestmark = pytest.mark.browser

LIMITS = "off"  # the history is written faster than people may
LENGTH = 260

# Where the row that is read stands, and what is drawn.
PLACE = """() => {
  const box = document.querySelector('.scroller').getBoundingClientRect()
  const rows = [...document.querySelectorAll('[role=listitem][data-key]')]
  const row = rows.find((one) => one.getBoundingClientRect().bottom > box.top + 8)
  return {seq: Number(row.dataset.seq), id: row.dataset.messageId, top: row.getBoundingClientRect().top}
}"""
NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => done(true)))"
RESTS = 10
TOP_OF = "id => document.querySelector(`[data-message-id='${id}']`)?.getBoundingClientRect().top"


def post(base: str, path: str, body: dict, token: str = "") -> dict:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{base}/api/v1{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def archive(address: str) -> Iterator[dict]:
    """A room with more messages than a page, a window or a screen holds."""
    token = post(address, "/auth/register", {"username": "vera", "email": "v@example.org", "password": PASSWORD})[
        "token"
    ]
    room = post(address, "/rooms", {"name": "archive"}, token)["room"]
    target = {"type": "room", "room_id": room["id"]}
    sent = [post(address, "/messages", {"target": target, "content": f"page {n:03}"}, token) for n in range(LENGTH)]
    return {"room": room["id"], "messages": [one["message"] for one in sent]}


def settled(page: Page) -> dict:
    """Where the row being read stands, once scrolling and reading ahead have come to rest."""
    seen: list[dict] = []

    def at_rest() -> bool:
        page.wait_for_function(NEXT_FRAME)
        seen.append(page.evaluate(PLACE))
        return len(seen) >= RESTS and all(place == seen[-1] for place in seen[-RESTS:])

    eventually(at_rest, "the list rests")
    return seen[-1]


def test_scrolling_back_reaches_the_beginning_and_bounds_what_is_drawn(visit, archive):
    reader: Visitor = visit("vera").sign_in()
    reader.open("archive")
    expect(reader.row(f"page {LENGTH - 1}")).to_be_in_viewport()
    box = reader.page.locator(".scroller")
    beginning = reader.page.get_by_role("heading", name="#archive")
    box.hover()
    for _step in range(400):
        if beginning.is_visible():
            break
        reader.page.mouse.wheel(0, -600)
        reader.page.wait_for_function(NEXT_FRAME)
    expect(reader.row("page 000")).to_be_attached()
    assert reader.rows().count() <= 250
    reader.page.get_by_test_id("jump-end").click()
    expect(reader.row(f"page {LENGTH - 1}")).to_be_in_viewport()


def test_a_new_message_does_not_move_what_is_being_read(visit, archive):
    reader = visit("vera").sign_in().open("archive")
    writer = visit("wim").register().join("archive")
    expect(reader.row(f"page {LENGTH - 1}")).to_be_in_viewport()
    reader.page.locator(".scroller").hover()
    reader.page.mouse.wheel(0, -900)
    expect(reader.page.get_by_test_id("jump-end")).to_be_visible()
    before = settled(reader.page)
    writer.write("archive", "something new")
    expect(reader.room_link("archive")).to_have_attribute("data-unread", "1")
    assert abs(reader.page.evaluate(TOP_OF, before["id"]) - before["top"]) <= 1


def test_a_link_to_an_old_message_opens_there_and_leads_back_to_the_present(visit, archive):
    reader = visit("vera").sign_in()
    old = archive["messages"][40]
    reader.page.goto(f"/r/{archive['room']}/{old['id']}")
    reader.is_live()
    expect(reader.row("page 040")).to_be_in_viewport()
    reader.page.get_by_test_id("jump-end").click()
    expect(reader.row(f"page {LENGTH - 1}")).to_be_in_viewport()


def test_older_messages_come_in_above_without_moving_what_is_read(visit, archive):
    reader = visit("vera").sign_in().open("archive")
    expect(reader.row(f"page {LENGTH - 1}")).to_be_in_viewport()
    settled(reader.page)
    height = reader.page.locator(".scroller").evaluate("box => box.scrollHeight")
    before = reader.page.evaluate(
        f"() => {{ document.querySelector('.scroller').scrollTop = 700; return ({PLACE})() }}"
    )
    expect(reader.page.get_by_test_id("jump-end")).to_be_visible()
    settled(reader.page)
    assert reader.page.locator(".scroller").evaluate("box => box.scrollHeight") > height, "nothing came in above"
    assert abs(reader.page.evaluate(TOP_OF, before["id"]) - before["top"]) <= 1
