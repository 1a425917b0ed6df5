"""How far a person is, on the pages: counts, what was sent back, the way to the images."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from tests.integration.campaigns import (
    GOOD,
    SENT_BACK,
    SETTINGS,
    MakeCampaign,
    make_campaign,
    own,
    queue,
    session,
)
from tests.integration.pages import (
    OpenPage,
    browser,
    in_sight,
    keywords,
    log_in,
    open_page,
    open_stream,
    picture,
    posted,
    sentence,
    shot,
    sign_up,
    submit_button,
)

if TYPE_CHECKING:
    import httpx
    from playwright.sync_api import Locator, Page, Response

    from rsitmd_tools.studio.server.embedded import EmbeddedServer

__all__ = ["browser", "make_campaign", "open_page", "session"]  # fixtures
pytestmark = pytest.mark.integration

# Notes that the guide was open, however short that was.
WATCH_GUIDE = """
new MutationObserver(() => {
  if (document.querySelector(".lsf-modal-ls")) window.greeted = true;
}).observe(document, { childList: true, subtree: true });
"""
PHONE, TABLET = (390, 844), (1024, 768)


@dataclass(frozen=True)
class Person:
    """An annotator in a browser, and what the pages show about the own project."""

    page: Page
    name: str
    url: str
    project: int

    @property
    def home(self) -> Locator:
        """The list of the first page."""
        return self.page.locator("#rsitmd-home")

    @property
    def mine(self) -> Locator:
        """The part of the list for this person: other tests leave shared projects on the server."""
        return self.home.locator("section").filter(has_text=f": {self.name}")

    @property
    def bar(self) -> Locator:
        """The line of counts beside the fields."""
        return self.page.locator("#rsitmd-bar")

    @property
    def end(self) -> Locator:
        """What stands in place of an image when none is left."""
        return self.page.locator("#rsitmd-end")

    def open_home(self) -> None:
        self.page.goto(self.url)

    def open_end(self) -> None:
        self.page.goto(f"{self.url}/projects/{self.project}/data?labeling=1")


@pytest.mark.browser
def test_the_first_page_links_to_sentences_that_were_sent_back(
    open_page: OpenPage,
    make_campaign: MakeCampaign,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    email, other = "queue-page@example.org", annotators[0][0]
    page = open_page()
    sign_up(page, client, email)
    campaign = make_campaign(email, other, settings=f"{SETTINGS}licence = 'CC-BY-4.0'\n")
    person = Person(page, "queue-page", server.url, campaign.projects[email])
    check_the_list_has_only_own_images(person, other)
    accept_the_licence_and_continue(person)
    write_until_the_end_and_follow_the_counts(person)
    campaign.send_back()
    open_what_was_sent_back(person, campaign.tasks(email)[0])
    correct_it(person)
    check_the_lead_has_the_pages_of_the_server(open_page(), server, person.project)


def check_the_list_has_only_own_images(person: Person, other: str) -> None:
    """The first page and the list: her images, nothing of others, no projects to create."""
    page = person.page
    for path in ("/", "/projects"):
        page.goto(person.url + path)
        person.mine.get_by_text("0 of 2 images done, 2 left").wait_for()
        assert not page.get_by_role("button", name=re.compile("Create")).is_visible()
        assert not page.get_by_text(f": {other.partition('@')[0]}").is_visible()
        shot(page, f"queue-home{path.replace('/', '-')}")


def accept_the_licence_and_continue(person: Person) -> None:
    """From the first page to the licence, and from there to the images."""
    page = person.page
    person.home.get_by_role("link", name="Read and accept the licence").click()
    accept(page)
    shot(page, "queue-licence")
    page.get_by_role("link", name="Continue with your images").click()
    await_image(page)
    person.open_home()
    person.mine.get_by_text("0 of 2 images done, 2 left").wait_for()
    assert person.home.get_by_text("licence").count() == 0
    person.mine.get_by_role("link", name="Continue").click()
    await_image(page)
    assert f"/projects/{person.project}/data" in page.url


def write_until_the_end_and_follow_the_counts(person: Person) -> None:
    page, bar, end = person.page, person.bar, person.end
    open_stream(page, person.url, person.project)
    bar.get_by_text("0 of 2 images done, 2 left").wait_for()
    assert in_sight(page, bar)
    assert not page.locator(".lsf-current-task__task-count").is_visible()
    shot(page, "queue-stream")
    write_one(page, SENT_BACK)
    bar.get_by_text("1 of 2 images done, 1 left").wait_for()
    write_one(page, GOOD)
    end.get_by_text("All your images are done. Thank you.").wait_for()
    assert not page.get_by_text("No More Tasks Left in Queue").is_visible()
    assert in_sight(page, end)
    shot(page, "queue-end")


def open_what_was_sent_back(person: Person, task: int) -> None:
    """The first page and the end of the queue lead to a sentence that was sent back."""
    page, end = person.page, person.end
    person.open_home()
    person.mine.get_by_text("1 sentence sent back").wait_for()
    shot(page, "queue-home-sent-back")
    page.add_init_script(WATCH_GUIDE)
    person.open_end()
    end.get_by_text("1 sentence sent back. Open the image and change the sentence:").wait_for()
    page.wait_for_function("window.greeted && !document.querySelector('.lsf-modal-ls')")
    assert in_sight(page, end)
    assert not end.get_by_text("Thank you").is_visible()
    shot(page, "queue-end-sent-back")
    end.get_by_role("link", name="harbour_").click()
    await_image(page)
    assert f"task={task}" in page.url
    person.bar.get_by_text("1 sentence sent back, on this page").wait_for()
    page.get_by_text("says 'many'").first.wait_for()
    shot(page, "queue-task")


def correct_it(person: Person) -> None:
    """Changed, the sentence is sent back no more, and all images are done."""
    page = person.page
    page.get_by_label("Edit Region").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.type(GOOD)
    page.get_by_label("Save").click()
    with page.expect_response(patched):
        submit_button(page).click()
    person.bar.get_by_text("sent back").wait_for(state="detached")
    person.bar.get_by_role("link", name="Go to the list of your images").click()
    person.mine.get_by_text("All your images are done. Thank you.").wait_for()
    person.open_end()
    person.end.get_by_text("All your images are done. Thank you.").wait_for()


def check_the_lead_has_the_pages_of_the_server(
    lead: Page, server: EmbeddedServer, project: int
) -> None:
    log_in(lead, server.url, server.secrets.email, server.secrets.password)
    lead.goto(f"{server.url}/projects")
    lead.get_by_role("button", name="Create new project").wait_for()
    lead.locator(f"a[href='/projects/{project}/data']").wait_for()
    assert lead.locator("#rsitmd-home").count() == 0


@pytest.mark.browser
def test_unsubmitted_changes_are_listed_until_they_are_submitted(
    open_page: OpenPage,
    make_campaign: MakeCampaign,
    server: EmbeddedServer,
    annotators: list[tuple[str, Annotator]],
    session: Callable[..., httpx.Client],
) -> None:
    (email, annotator), (other, _) = annotators[1], annotators[0]
    campaign = make_campaign(email, other)
    project, tasks = campaign.projects[email], campaign.tasks(email)
    for task in tasks:
        annotator.submit(task, [GOOD], ["white ship"])
    mine = session(email)
    assert own(queue(mine), project)["unsubmitted"] == []
    page = open_page()
    log_in(page, server.url, email)
    address = f"{server.url}/projects/{project}/data?task="
    page.goto(f"{address}{tasks[0]}")
    bar = page.locator("#rsitmd-bar")
    bar.get_by_role("link", name="Go to the list of your images").wait_for()
    for key, listed in (("!", [tasks[0]]), ("Backspace", []), ("?", [tasks[0]])):
        if key == "!":
            page.get_by_label("Edit Region").first.click()
        page.keyboard.press(key)
        for _ in range(100):
            found = [entry["task"] for entry in own(queue(mine), project)["unsubmitted"]]
            if found == listed:
                break
            page.wait_for_timeout(100)
        assert found == listed, key
    assert own(queue(session(other)), campaign.projects[other])["unsubmitted"] == []

    text = "1 image with unsubmitted changes"
    page.goto(server.url)
    home = page.locator(f"#rsitmd-home section:has(a[href*='task={tasks[0]}'])")
    home.get_by_text(f"{text}. Open the image and press Update:").wait_for()
    assert home.get_by_text("Thank you").count() == 0
    shot(page, "queue-home-unsubmitted")
    page.add_init_script(WATCH_GUIDE)
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    end = page.locator("#rsitmd-end")
    end.get_by_text("All images are done, but there are unsubmitted changes.").wait_for()
    page.wait_for_function("window.greeted && !document.querySelector('.lsf-modal-ls')")
    assert in_sight(page, end)
    shot(page, "queue-end-unsubmitted")
    page.goto(f"{address}{tasks[1]}")
    bar.get_by_text(f"{text}: ").wait_for()
    shot(page, "queue-bar-unsubmitted")
    bar.get_by_role("link", name="open it").click()
    await_image(page)
    page.get_by_label("Edit Region").first.wait_for()
    with page.expect_response(patched):
        submit_button(page).click()
    bar.get_by_role("link", name="Go to the list of your images").click()
    page.get_by_text("All your images are done. Thank you.").first.wait_for()
    assert own(queue(mine), project)["unsubmitted"] == []


def accept(page: Page) -> None:
    page.get_by_text("I accept").click()
    assert in_sight(page, submit_button(page))
    with page.expect_response(posted):
        submit_button(page).click()
    page.get_by_text("You accepted the licence. Thank you.").wait_for()


def patched(answer: Response) -> bool:
    return answer.request.method == "PATCH" and "/annotations/" in answer.url


def await_image(page: Page) -> None:
    page.wait_for_function("document.querySelector('img[alt=image]')?.naturalWidth > 0")


def write_one(page: Page, text: str) -> None:
    await_image(page)
    sentence(page).click()
    page.keyboard.type(text)
    keywords(page).click()
    page.keyboard.type("white ship")
    with page.expect_response(posted) as answer:
        submit_button(page).click()
    assert answer.value.status == 201


def close_guide(page: Page) -> None:
    if page.get_by_label("Close modal").is_visible():
        page.get_by_label("Close modal").click()


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, TABLET])
def test_a_narrow_screen_has_the_fields_under_the_image_and_submit_in_sight(
    size: tuple[int, int],
    open_page: OpenPage,
    make_campaign: MakeCampaign,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    email, other = f"narrow{size[0]}@example.org", annotators[0][0]
    page = open_page(size)
    sign_up(page, client, email)
    campaign = make_campaign(email, other, settings=f"{SETTINGS}licence = 'CC-BY-4.0'\n")
    project = campaign.projects[email]
    page.goto(server.url)
    mine = page.locator("#rsitmd-home section").filter(has_text=f": narrow{size[0]}")
    mine.get_by_role("link", name="Continue").wait_for()
    assert in_sight(page, mine.get_by_role("link", name="Continue"))
    page.get_by_role("link", name="Read and accept the licence").click()
    accept(page)
    shot(page, "narrow-licence", size)
    end = page.get_by_role("link", name="Continue with your images")
    assert in_sight(page, end)
    end.click()
    await_image(page)
    shot(page, "narrow-guide", size)
    assert in_sight(page, page.get_by_label("Close modal"))
    open_stream(page, server.url, project)
    page.locator("#rsitmd-bar").get_by_text("0 of 2 images done, 2 left").wait_for()
    for part in (picture(page), submit_button(page), page.locator("#rsitmd-bar")):
        assert in_sight(page, part)
    shot(page, "narrow-stream", size)
    for part in (sentence(page), keywords(page)):
        part.evaluate("element => element.scrollIntoView({block: 'center'})")
        assert in_sight(page, part)
        assert in_sight(page, submit_button(page))
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    assert in_sight(page, page.get_by_role("button", name="Skip"))
    write_one(page, SENT_BACK)
    page.locator("#rsitmd-bar").get_by_text("1 of 2 images done, 1 left").wait_for()

    # The page of one task, where a sentence is corrected.
    campaign.send_back()
    page.goto(f"{server.url}/projects/{project}/data?task={campaign.tasks(email)[0]}")
    page.get_by_label("Edit Region").first.wait_for()
    page.wait_for_load_state("networkidle")  # the editor draws the page again after each answer
    close_guide(page)
    bar = page.locator("#rsitmd-bar")
    bar.get_by_text("1 sentence sent back, on this page").wait_for()
    shot(page, "narrow-task", size)
    for part in (
        page.locator(".rsitmd-sentence [data-testid=textarea-region]"),
        page.get_by_label("Edit Region").first,
    ):
        part.evaluate("element => element.scrollIntoView({block: 'center'})")
        assert in_sight(page, part)
    assert in_sight(page, submit_button(page))
    assert in_sight(page, bar)
