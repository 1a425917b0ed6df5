"""Every page in Chromium, in both sizes: what is needed is in sight, and does what it should."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.annotation_templates import RANKING
from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.accounts import invitation_link
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.ranking import ranking
from rsitmd_tools.studio.campaign.status_page import status_page
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.workspace import Workspace
from tests.integration.given_captions import CAPTIONS, give, workspace_of
from tests.integration.pages import (
    DESKTOP,
    LAPTOP,
    OpenPage,
    browser,
    in_sight,
    keywords,
    open_page,
    open_stream,
    picture,
    posted,
    pushed,
    sentence,
    shot,
    sign_up,
    submit_button,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace, Tool

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

EXAMPLES = ".rsitmd-examples"
ONE = "annotators_per_image = 1\nsentences_per_annotator = "


@dataclass(frozen=True)
class Invited:
    """An annotator who has opened the invitation to a project of two images.

    Attributes:
        page: The sign-up page.
        client: The owner's client.
        url: The server's address.
        project: The project's number.
        name: Names the account and the pictures.
    """

    page: Page
    client: Client
    url: str
    project: int
    name: str

    def sign_up(self) -> None:
        sign_up(self.page, self.client, f"{self.name}-page@example.org")

    def check_in_sight(self, parts: Callable[[Locator], list[Locator]]) -> None:
        """Check in both sizes that parts of the labeling page are in sight, right of the picture.

        Args:
            parts: Finds them on a loaded page, given the column of texts. The picture, the examples
                and the button that submits are parts of every page.
        """
        for size in (LAPTOP, DESKTOP):
            self.page.set_viewport_size({"width": size[0], "height": size[1]})
            open_stream(self.page, self.url, self.project)
            texts = self.page.locator(".rsitmd-texts")
            shared = [picture(self.page), submit_button(self.page), texts.locator(EXAMPLES)]
            for part in [*shared, *parts(texts)]:
                assert in_sight(self.page, part), (size, part)
            left, right = picture(self.page).bounding_box(), texts.bounding_box()
            assert left is not None
            assert right is not None
            assert left["x"] + left["width"] <= right["x"]
            shot(self.page, f"page-{self.name}", size)


@pytest.fixture
def invited(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    tmp_path: Path,
) -> Callable[..., Invited]:
    """Return a function that makes a project and opens its invitation."""

    def invited(name: str, settings: str, *, prefilled: bool = False) -> Invited:
        folder = workspace_of(make_workspace, tmp_path, settings)
        project = pushed(folder)
        if prefilled:
            with Workspace.open(folder, write=True) as workspace:
                give(workspace)
        page = open_page(LAPTOP)
        page.goto(invitation_link(client))
        return Invited(page, client, server.url, project, name)

    return invited


def test_the_guide_and_a_page_of_one_sentence_are_in_sight(
    invited: Callable[..., Invited],
) -> None:
    one = invited("one", 'template = "captioning"')
    page = one.page
    shot(page, "sign-up")
    one.sign_up()
    page.goto(f"{one.url}/projects/{one.project}/data?labeling=1")
    # While the window appears, it is drawn larger than it will be.
    guide = page.locator(".lsf-modal-ls.lsf-visible .lsf-modal-ls__content")
    guide.wait_for()
    assert "2. Count: " in guide.inner_text()
    box = guide.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= LAPTOP[1]
    shot(page, "guide")
    one.check_in_sight(lambda _: [sentence(page, 1), keywords(page)])


@pytest.mark.parametrize(
    ("name", "settings", "areas"),
    [("five", f"{ONE}5", 5), ("keywords", 'template = "keywords"', 0)],
)
def test_five_sentences_and_keywords_are_in_sight(
    invited: Callable[..., Invited], name: str, settings: str, areas: int
) -> None:
    writing = invited(name, settings)
    writing.sign_up()
    page = writing.page
    fields = range(1, areas + 1)
    writing.check_in_sight(lambda _: [*(sentence(page, slot) for slot in fields), keywords(page)])


def test_captions_to_correct_and_their_pencils_are_in_sight(
    invited: Callable[..., Invited],
) -> None:
    correction = invited("correction", f'template = "correction"\n{ONE}5', prefilled=True)
    correction.sign_up()
    page = correction.page

    def parts(texts: Locator) -> list[Locator]:
        regions = texts.locator(".rsitmd-sentence [data-testid=textarea-region]")
        assert regions.all_inner_texts() == CAPTIONS
        # A hand and no mouse over it: the pencils are there. Label Studio may still draw them
        # again, and an element that it has replaced has no style.
        page.wait_for_function(
            "getComputedStyle(document.querySelector('[aria-label=\"Edit Region\"]')"
            ".parentElement).opacity === '1'"
        )
        return [*regions.all(), keywords(page)]

    correction.check_in_sight(parts)


def test_captions_to_rank_are_in_sight(invited: Callable[..., Invited]) -> None:
    comparing = invited("ranking", 'template = "ranking"')
    comparing.sign_up()

    def parts(texts: Locator) -> list[Locator]:
        captions = [comparing.page.get_by_text(raw, exact=True) for raw in CAPTIONS[:2]]
        answers = texts.locator("label").all()
        assert len(answers) == 4
        return [*captions, *answers]

    comparing.check_in_sight(parts)


def test_the_page_counts_characters_and_shows_the_limits(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    settings = "[validate.thresholds]\nwords_min = 6\nwords_max = 30\n"
    folder = make_workspace(images=1, how="upload", settings=settings)
    project = pushed(folder)
    page = open_page()
    sign_up(page, client, "counts@example.org")
    open_stream(page, server.url, project)
    count = page.get_by_test_id("textarea-character-count")
    assert page.get_by_text("Sentence, 6 to 30 words").is_visible()
    assert in_sight(page, count)
    sentence(page).click()
    page.keyboard.type("Two ships.")
    assert count.inner_text() == "10 characters"
    assert not page.get_by_text("Press Shift").is_visible()
    assert not page.get_by_role("button", name="Add").is_visible()
    # White space alone is refused by the page.
    page.keyboard.press("Control+A")
    page.keyboard.type("   ")
    keywords(page).click()
    page.keyboard.type("red quay")
    submit_button(page).click()
    page.get_by_text("This field contains only spaces. Write your sentence.").wait_for()
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).new == 0


def test_a_caption_is_corrected_beside_the_original(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    tmp_path: Path,
) -> None:
    folder = workspace_of(make_workspace, tmp_path, f'template = "correction"\n{ONE}5')
    project = pushed(folder)
    with Workspace.open(folder, write=True) as workspace:
        give(workspace)
    page = open_page()
    sign_up(page, client, "corrects-page@example.org")
    open_stream(page, server.url, project)
    before = page.locator(".rsitmd-before")
    assert not before.nth(4).is_visible()
    page.get_by_label("Edit Region").nth(4).click()
    assert in_sight(page, before.nth(4))
    assert before.nth(4).inner_text().strip() == CAPTIONS[4]
    shot(page, "correction-edited", LAPTOP)  # another size would end the editing
    page.keyboard.press("Control+A")
    page.keyboard.type("Five small boats lie in a row before the red crane.")
    page.get_by_label("Save").click()
    assert not before.nth(4).is_visible()
    keywords(page).click()
    page.keyboard.type("red crane")
    with page.expect_response(posted) as answer:
        submit_button(page).click()
    assert answer.value.status == 201
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        rows = workspace.db.execute("SELECT slot, origin, raw FROM sentence ORDER BY slot")
        origins = [(row["slot"], row["origin"]) for row in rows]
    assert origins[:4] == [(slot, "machine untouched") for slot in range(1, 5)]
    assert origins[4][1] != "machine untouched"


def test_a_page_shows_that_the_text_is_machine_written(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    tmp_path: Path,
) -> None:
    """Captioning and correction with captions of a model; captioning without."""
    plain = pushed(make_workspace(images=1, how="upload"))
    page = open_page()
    sign_up(page, client, "machine-page@example.org")
    open_stream(page, server.url, plain)
    assert not page.get_by_text("suggested this text").is_visible()
    for number, settings in enumerate((f"{ONE}5", f'template = "correction"\n{ONE}5')):
        folder = workspace_of(make_workspace, tmp_path, settings)
        project = pushed(folder)
        with Workspace.open(folder, write=True) as workspace:
            give(workspace)
        open_stream(page, server.url, project)
        shown = page.locator(".rsitmd-sentence [data-testid=textarea-region]").first
        assert shown.inner_text() == CAPTIONS[0]
        said = page.get_by_text("A model (m-1) suggested this text. No person has checked it")
        for part in (said, submit_button(page), keywords(page)):
            assert in_sight(page, part)
        shot(page, f"machine-{number}", LAPTOP)


def test_a_ranking_is_chosen_by_keyboard_pulled_and_reported(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
    tool: Tool,
    tmp_path: Path,
) -> None:
    folder = workspace_of(make_workspace, tmp_path, 'template = "ranking"')
    project = pushed(folder)
    page = open_page()
    email = "ranks@example.org"
    sign_up(page, client, email)
    open_stream(page, server.url, project)
    page.keyboard.press("2")
    assert page.locator("input[type=radio]:checked").count() == 1
    page.keyboard.press("1")  # thinks again
    with page.expect_response(posted) as answer:
        page.keyboard.press("Control+Enter")
    assert answer.value.status == 201
    with Workspace.open(folder) as workspace:
        assert ranking(workspace) is None  # nothing is pulled yet
        first, second = (
            row[0] for row in workspace.db.execute("SELECT server_id FROM task ORDER BY id")
        )
    votes = [(first, "sentence 1"), (first, "equal"), (second, "both wrong")]
    for (_, person), (task, choice) in zip(annotators, [*votes, votes[-1]], strict=False):
        rank(person, task, choice)
    assert tool.run("annotate", "pull", folder).returncode == 0
    state = json.loads(tool.run("annotate", "status", folder, "--json").stdout)["ranking"]
    assert [(e["image"], e["winner"], e["agreement"]) for e in state["images"]] == [
        ("harbour_1.tif", "sentence 1", 0.333),
        ("harbour_2.tif", "both wrong", 1.0),
    ]
    assert state["images"][0]["sentences"] == CAPTIONS[:2]
    assert state["images"][0]["votes"] == {
        "sentence 1": 2,
        "sentence 2": 0,
        "equal": 1,
        "both wrong": 0,
    }
    assert state["winners"]["sentence 1"] == state["winners"]["both wrong"] == 1
    assert state["agreement"] == 0.667
    assert state["alpha"] is not None
    told = tool.run("annotate", "status", folder).stdout
    votes = "sentence 1: 2, equal: 1; 33% of annotator pairs agree"
    assert f"harbour_1.tif: winner: sentence 1 (votes: {votes})" in told
    assert "ranking: 2 images; winners: sentence 1: 1" in told
    assert "67% of annotator pairs agree, Krippendorff's alpha (nominal)" in told
    assert "better: sentence 1" in tool.run("annotate", "log", folder, "harbour_1.tif").stdout
    shown = tmp_path / "ranking.html"
    with Workspace.open(folder) as workspace:
        shown.write_text(status_page(workspace), encoding="utf-8")
    page.goto(shown.as_uri())
    assert CAPTIONS[0] in page.locator("main").inner_text()
    shot(page, "status-ranking")


def rank(person: Annotator, task: int, choice: str) -> None:
    result = [
        {
            "from_name": RANKING,
            "to_name": "image",
            "type": "choices",
            "value": {"choices": [choice]},
        }
    ]
    person._client.call(person._client.sdk.annotations.create, safe=False, id=task, result=result)
