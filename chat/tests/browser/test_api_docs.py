"""The description of the API in a browser, under the policy of S9 and without a network."""

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 360])
def test_a_developer_reads_the_api_and_nothing_breaks_the_policy(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    complaints, asked = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/docs")

    operation = page.locator("#operations-messages-get_messages")
    operation.locator("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    # Nobody is signed in: the page shows the refusal of the real route.
    operation.locator(".live-responses-table").get_by_text("missing_token").wait_for()

    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    refused = [text for text in complaints if "401" not in text]
    assert refused == []
    page.close()
