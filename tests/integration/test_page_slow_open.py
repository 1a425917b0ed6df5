"""A submitted image opens with its text, also where Label Studio selects a new annotation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, keywords, log_in, open_page, pushed
from tests.integration.written import FIVE, Stored, eventually, press, wait_for_texts

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from rsitmd_tools.demo.annotator import Annotator
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

# What Label Studio does if its page has no annotation yet when the task has arrived.
SELECT_NEW = """
(() => {
  const store = Htx.annotationStore;
  store.selectAnnotation(store.createAnnotation().id);
  return store.selected.pk ?? null;
})()
"""


def test_a_page_without_the_submitted_text_is_loaded_again(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    folder = make_workspace(images=1, how="upload", settings=f"{FIVE}keywords_min = 0\n")
    project = pushed(folder)
    task = client.sdk.tasks.list(project=project).items[0].id
    email, annotator = annotators[2]
    words = ["One.", "Two.", "Three.", "Four.", "Five."]
    annotator.submit(task, words, [])
    page = open_page()
    log_in(page, server.url, email)
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))

    def without_annotations(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"annotations": []})

    # What the page sees if the list of tasks replaces the task while it is opened.
    page.route(re.compile(r"/api/tasks/\d+/?\?project="), without_annotations)
    page.goto(f"{server.url}/projects/{project}/data?task={task}")
    page.wait_for_function("window.Htx?.task && !Htx.isLoading")
    eventually(page, lambda: len(loads) >= 2, True)
    page.unroute_all()
    wait_for_texts(page, {f"sentence{n}": [text] for n, text in enumerate(words, 1)})


def test_a_submitted_image_opens_with_its_text(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload", settings=f"{FIVE}keywords_min = 0\n")
    project = pushed(folder)
    task = client.sdk.tasks.list(project=project).items[0].id
    email, annotator = annotators[2]
    words = ["One.", "Two.", "Three.", "Four.", "Five."]
    annotator.submit(task, words, [])
    texts = {f"sentence{n}": [text] for n, text in enumerate(words, 1)}
    page = open_page()
    log_in(page, server.url, email)
    page.goto(f"{server.url}/projects/{project}/data?task={task}")
    wait_for_texts(page, texts)
    page.wait_for_timeout(2000)  # Label Studio draws the task a second time
    assert page.evaluate(SELECT_NEW) is None
    wait_for_texts(page, texts)
    keywords(page).click()
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    eventually(page, lambda: [a.get("keywords") for a in there.annotations(task)], [["red quay"]])
    # A new annotation remains open if the annotator creates it.
    page.get_by_label("Create an annotation").click()
    wait_for_texts(page, {})
    page.wait_for_timeout(500)  # more than the interval at which the page looks
    wait_for_texts(page, {})
