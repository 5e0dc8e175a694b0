"""The connection breaks, and nobody has to do anything about it."""

import time

import pytest
from playwright.sync_api import expect

from lairchat.testing.processes import eventually

pytestmark = pytest.mark.browser

CUT_SECONDS = 15
MESSAGES = 30


@pytest.fixture
def far(visit, line):
    """Lets somebody reach the server over a line that can be cut."""
    return lambda name: visit(name, base=f"http://127.0.0.1:{line.port}")


def test_a_cut_of_fifteen_seconds_loses_and_doubles_nothing(visit, far, line):
    """30 messages written meanwhile come once, in order, over a new socket that resumed, without a reload."""
    near = visit("carl").register().make_room("bridge")
    far = far("dora").register().join("bridge")
    near.write("bridge", "before the cut")
    expect(far.row("before the cut")).to_be_visible()
    far.page.evaluate("window.stayed = true")
    assert [hello["version"] for hello in far.hellos[-1:]] == ["2.0"]
    sockets = len(far.hellos)

    line.cut()
    cut_at = time.monotonic()
    expect(far.page.locator("html")).to_have_attribute("data-connection", "offline")
    box = near.box("bridge")
    wanted = [f"meanwhile {number:02}" for number in range(MESSAGES)]
    for text in wanted:
        box.fill(text)
        box.press("Enter")
    far.box("bridge").fill("written in the dark")
    far.box("bridge").press("Enter")
    expect(far.row("written in the dark")).to_have_attribute("data-state", "pending")
    expect(far.page.get_by_test_id("connection-line")).to_be_visible()
    # 20 sends in 4 s are allowed: the rest wait in the outbox and go by themselves.
    expect(near.page.locator("[data-state=pending]")).to_have_count(0, timeout=30_000)
    eventually(lambda: time.monotonic() - cut_at >= CUT_SECONDS, "the cut lasted")
    line.mend()

    far.is_live()
    expect(far.row("written in the dark")).to_have_attribute("data-state", "sent", timeout=20_000)
    expect(far.row("meanwhile")).to_have_count(MESSAGES)
    assert [text for text in far.texts() if text.startswith("meanwhile")] == wanted
    expect(near.row("written in the dark")).to_have_count(1)
    assert far.page.evaluate("window.stayed"), "the page was loaded again"
    assert len(far.hellos) > sockets
    resume = far.hellos[-1]["resume"]
    assert resume["epoch"]
    assert any(stream.startswith("room:") and seq > 0 for stream, seq in resume["positions"].items())


def test_what_waits_to_be_sent_survives_a_reload(far, line):
    far = far("dirk").register().make_room("shelf")
    line.cut()
    expect(far.page.locator("html")).to_have_attribute("data-connection", "offline")
    far.box("shelf").fill("kept in the drawer")
    far.box("shelf").press("Enter")
    expect(far.row("kept in the drawer")).to_have_attribute("data-state", "pending")
    line.mend()
    far.page.reload()
    expect(far.row("kept in the drawer")).to_have_attribute("data-state", "sent", timeout=20_000)
    expect(far.row("kept in the drawer")).to_have_count(1)
