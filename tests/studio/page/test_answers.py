"""What the page says while the server does not answer, in Chromium without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.page.middleware import scripts
from tests.chromium import launched

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# A draft and a submit that the server does not answer; `sent` has what answers each of them.
TWO_REQUESTS = """() => {
    const answer = () => new Response("{}", { headers: { "Content-Type": "application/json" } });
    window.sent = {};
    const send = (name) => {
        let attempts = 0;
        return () => new Promise((resolve, reject) => {
            attempts += 1;
            if (attempts === 1) reject(new TypeError("Failed to fetch"));
            else window.sent[name] = () => resolve(answer());
        });
    };
    for (const name of ["draft", "submit"]) rsitmd.answers.persist(send(name), () => name);
}"""


def test_a_message_stays_while_another_request_has_no_answer() -> None:
    with launched() as browser:
        page = browser.new_page()
        load(page, "11_notice.js", "25_answers.js")
        page.evaluate(TWO_REQUESTS)
        page.wait_for_function("Boolean(sent.draft && sent.submit)")
        notice = page.locator(".rsitmd-notice[data-subject=server]")
        page.evaluate("sent.submit()")
        notice.get_by_text("The server does not answer. draft").wait_for()
        page.evaluate("sent.draft()")
        notice.wait_for(state="detached")


def load(page: Page, *names: str) -> None:
    """Run scripts of the labeling page on an empty page; the browser keeps a copy of all text."""
    page.evaluate("window.rsitmd = { backup: { keeps: () => true } }")
    for name in names:
        page.add_script_tag(content=scripts()[name].decode())
