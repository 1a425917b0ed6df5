"""A submitted image opens with its text, also where Label Studio selects a new annotation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.pages import OpenPage, browser, keywords, log_in, open_page
from tests.integration.written import (
    Stored,
    by_field,
    eventually,
    press,
    submitted,
    wait_for_texts,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from rsitmd_tools.demo.annotator import Annotator
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

WORDS = ["One.", "Two.", "Three.", "Four.", "Five."]

# What Label Studio does if its page has no annotation yet when the task has arrived.
SELECT_NEW = """
(() => {
  const store = Htx.annotationStore;
  store.selectAnnotation(store.createAnnotation().id);
  return store.selected.pk ?? null;
})()
"""

# A slow page: the list of tasks is there long before the task is asked for.
SLOW_TASK = """
(() => {
  const send = window.fetch.bind(window);
  const pause = (time) => new Promise((go) => setTimeout(go, time));
  window.fetch = async (resource, options) => {
    const path = new URL(resource, location.href).pathname;
    const answer = await send(resource, options);
    if (/\\/api\\/tasks\\/\\d+\\/?$/.test(path)) await pause(1500);
    return answer;
  };
})();
"""


class Author(NamedTuple):
    """The page of an annotator who has submitted the only image, with the image's address."""

    page: Page
    address: str
    task: int


@pytest.fixture
def author(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> Author:
    email, annotator = annotators[2]
    path, task = submitted(make_workspace, client, annotator, WORDS)
    page = open_page()
    log_in(page, server.url, email)
    return Author(page, server.url + path, task)


def test_a_list_that_arrives_before_the_task_does_not_empty_a_submitted_image(
    author: Author,
) -> None:
    page, address = author.page, author.address
    page.goto(address)
    wait_for_texts(page, by_field(WORDS))
    page.wait_for_timeout(2000)
    # The annotator has a list now, and the page asks for it first.
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))
    page.add_init_script(SLOW_TASK)
    page.goto(address)
    wait_for_texts(page, by_field(WORDS))
    page.wait_for_timeout(3000)
    assert len(loads) == 1
    wait_for_texts(page, by_field(WORDS))


def test_a_page_without_the_submitted_text_is_loaded_again(
    author: Author,
) -> None:
    page, address = author.page, author.address
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))

    def without_annotations(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"annotations": []})

    # What the page sees if the list of tasks replaces the task while it is opened.
    page.route(re.compile(r"/api/tasks/\d+/?\?project="), without_annotations)
    page.goto(address)
    page.wait_for_function("window.Htx?.task && !Htx.isLoading")
    eventually(page, lambda: len(loads) >= 2, True)
    page.unroute_all()
    wait_for_texts(page, by_field(WORDS))


def test_a_submitted_image_opens_with_its_text(author: Author, server: EmbeddedServer) -> None:
    there = Stored(server)
    page, task = author.page, author.task
    page.goto(author.address)
    wait_for_texts(page, by_field(WORDS))
    page.wait_for_timeout(2000)  # Label Studio draws the task a second time
    assert page.evaluate(SELECT_NEW) is None
    wait_for_texts(page, by_field(WORDS))
    keywords(page).click()
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    eventually(page, lambda: [a.get("keywords") for a in there.annotations(task)], [["red quay"]])
    # A new annotation remains open if the annotator creates it.
    page.get_by_label("Create an annotation").click()
    wait_for_texts(page, {})
    page.wait_for_timeout(500)  # more than the interval at which the page looks
    wait_for_texts(page, {})
