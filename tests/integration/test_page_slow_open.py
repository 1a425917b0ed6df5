"""A submitted image opens with its text, also where Label Studio selects a new annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import OpenPage, browser, keywords, log_in, open_page, pushed
from tests.integration.written import FIVE, Stored, eventually, press, standing, wait_for_texts

if TYPE_CHECKING:
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
})()
"""


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
    page.evaluate(SELECT_NEW)
    assert standing(page) == {}
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
