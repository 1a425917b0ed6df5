"""What a person types on the page is kept, however the page is left: in Chromium, words counted.

Each test does what people were seen to do, with the shipped page and the real server, and reads
afterwards what the server has (drafts and annotations) and what ``pull`` brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rsitmd_tools.studio.pull import pull
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.pages import (
    LAPTOP,
    OpenPage,
    browser,
    close_guide,
    keywords,
    log_in,
    open_page,
    open_stream,
    pushed,
    sentence,
    shot,
    sign_up,
    submit_button,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Dialog, Page

    from rsitmd_tools.studio.client import Client
    from rsitmd_tools.studio.server import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

FIVE = "[annotation]\nannotators_per_image = 1\nsentences_per_annotator = 5\n"
SOON = 10_000  # milliseconds; nothing waits so long
# No request for a draft reaches the server. A route of the browser does not hold those that go on
# after their page.
NO_DRAFTS = """
const send = window.fetch;
window.fetch = (url, options) =>
  String(url).includes("drafts") && !sessionStorage.getItem("drafts")
    ? Promise.reject(new TypeError("Failed to fetch"))
    : send(url, options);
"""


class Server:
    """What the server has of tasks, read with the lead's token."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.url = server.url
        self._headers = {"Authorization": f"Token {server.token}"}

    def _get(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}/api/{path}", headers=self._headers)
        answer.raise_for_status()
        return answer.json()

    def drafts(self, task: int) -> list[dict[str, list[str]]]:
        """Return the texts of each draft of a task, by field."""
        return [texts(draft["result"]) for draft in self._get(f"tasks/{task}/drafts")]

    def annotations(self, task: int) -> list[dict[str, list[str]]]:
        """Return the texts of each annotation of a task that is no skip, by field."""
        return [texts(entry["result"]) for entry in self._get(f"tasks/{task}/annotations")]


def texts(result: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {part["from_name"]: part["value"]["text"] for part in result if part["value"].get("text")}


@pytest.fixture
def there(server: EmbeddedServer) -> Server:
    return Server(server)


def task_of(page: Page) -> int:
    """Wait until a task stands on the page and return its number."""
    page.wait_for_function(
        "window.Htx?.task && !Htx.isLoading && Htx.annotationStore.selected"
        " && document.querySelector('[data-testid=textarea-control]')"
    )
    return int(page.evaluate("Htx.task.id"))


def next_task(page: Page, before: int) -> int:
    page.wait_for_function(f"window.Htx?.task && !Htx.isLoading && Htx.task.id != {before}")
    return task_of(page)


def focused(page: Page) -> str:
    """Return the name of the element with the focus, without the number of a text."""
    name: str = page.evaluate(
        "(e => e.name || e.getAttribute('aria-label') || e.tagName)(document.activeElement)"
    )
    return name.partition(":")[0]


def wait_for_focus(page: Page, name: str) -> None:
    page.wait_for_function(
        "name => { const e = document.activeElement;"
        " return (e.name || e.getAttribute('aria-label') || '').split(':')[0] === name; }",
        arg=name,
    )


def eventually(page: Page, read: Callable[[], Any], expected: Any) -> None:
    """Wait until the server has this."""
    for _ in range(SOON // 100):
        if read() == expected:
            return
        page.wait_for_timeout(100)
    assert read() == expected


def standing(page: Page) -> dict[str, list[str]]:
    """Return what stands in the fields, by field."""
    found: dict[str, list[str]] = page.evaluate("rsitmd.editor.allTexts()")
    return {name: words for name, words in found.items() if words}


def wait_for_texts(page: Page, expected: dict[str, list[str]]) -> None:
    eventually(page, lambda: standing(page), expected)


def started(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    email: str,
    images: int = 1,
    settings: str = "",
) -> tuple[Path, int, Page]:
    """Return a workspace, its project, and the page of somebody at the first image."""
    folder = make_workspace(images=images, how="upload", settings=settings)
    project = pushed(folder)
    page: Page = open_page()
    sign_up(page, client, email)
    open_stream(page, server.url, project)
    task_of(page)
    return folder, project, page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def captions(folder: Path) -> list[tuple[str, ...]]:
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        return [image.captions for image in merged_images(workspace)]


def reload(page: Page, stream: str) -> Page:
    page.reload()
    return page


def close(page: Page, stream: str) -> Page:
    """Close the tab as a person does, and open the stream in another one."""
    context = page.context
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    other = context.new_page()
    other.goto(stream)
    return other


def browser_back(page: Page, stream: str) -> Page:
    page.go_back()
    page.goto(stream)
    return page


def link(page: Page, stream: str) -> Page:
    """A link of the server's page: no page is left for the browser, the editor goes all the same."""
    page.get_by_role("link", name="Projects").first.click()
    page.wait_for_url("**/projects?**")
    page.goto(stream)
    return page


def address(page: Page, stream: str) -> Page:
    page.goto("about:blank")
    page.goto(stream)
    return page


def another_task(page: Page, stream: str) -> Page:
    """To the image before, and back."""
    here = task_of(page)
    page.get_by_test_id("bottombar-prev-button").or_(
        page.locator("button[aria-label*=revious]")
    ).first.click()
    next_task(page, here)
    page.goto(stream)
    return page


Leave = Callable[["Page", str], "Page"]
# How long after the last key, what is done before, and how the page is left.
MOVES: list[tuple[int, tuple[str, ...], Leave]] = [
    (0, (), reload),
    (1, (), close),
    (2, (), link),
    (4, (), another_task),
    (8, (), browser_back),
    (12, (), reload),
    (0, ("Tab",), close),
    (0, ("Tab", "red quay", "Enter"), reload),
    (0, ("Tab", "red quay", "Enter"), link),
    (0, (), another_task),
    (0, (), link),
    (0, (), address),
]


def test_a_typed_sentence_is_there_again_however_the_page_was_left(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    there: Server,
) -> None:
    folder, project, page = started(
        open_page, make_workspace, server, client, "leaves@example.org", images=len(MOVES)
    )
    stream = f"{server.url}/projects/{project}/data?labeling=1"
    expected = []
    for seconds, keys, leave in MOVES:
        task = task_of(page)
        wait_for_focus(page, "sentence1")
        written = f"Two ships lie at the quay, left after {seconds} s by {leave.__name__}{keys}."
        page.keyboard.type(written)
        for key in keys:
            page.keyboard.press(key) if key in ("Tab", "Enter") else page.keyboard.type(key)
        page.wait_for_timeout(1000 * seconds)
        page = leave(page, stream)
        close_guide(page)
        assert task_of(page) == task
        fields = {"sentence1": [written]} | ({"keywords": ["red quay"]} if len(keys) > 1 else {})
        wait_for_texts(page, fields)
        # A draft sent while the page was left may come after the next page has made one.
        eventually(page, lambda task=task: fields in there.drafts(task), True)
        wait_for_focus(page, "sentence1")  # ready to go on writing
        page.keyboard.type(" More.")
        if len(keys) < 2:
            press(page, "Tab")
            page.keyboard.type("red quay")
        press(page, "Control+Enter")
        eventually(
            page,
            lambda task=task: there.annotations(task),
            [{"sentence1": [f"{written} More."], "keywords": ["red quay"]}],
        )
        eventually(page, lambda task=task: there.drafts(task), [])
        expected.append((f"{written} More.",))
    assert sorted(captions(folder)) == sorted(expected)


def test_a_draft_is_saved_while_somebody_writes_and_disturbs_nothing(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    there: Server,
) -> None:
    _, _, page = started(open_page, make_workspace, server, client, "pauses@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.evaluate("window.field = document.activeElement")
    page.keyboard.type("Two ships at the quay.")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Two ships at the quay."]}])
    press(page, *["ArrowLeft"] * len(" at the quay."))
    page.keyboard.type(" lie")
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Two ships lie at the quay."]}])
    page.keyboard.type(" calmly")
    # Without a pause of a second: drafts come all the same.
    for letter in " and quietly side by side":
        page.keyboard.type(letter)
        page.wait_for_timeout(200)
    assert there.drafts(task) != [{"sentence1": ["Two ships lie at the quay."]}]
    assert page.evaluate("document.activeElement === window.field")
    whole = "Two ships lie calmly and quietly side by side at the quay."
    assert sentence(page).input_value() == whole
    eventually(page, lambda: there.drafts(task), [{"sentence1": [whole]}])


def test_enter_with_shift_closes_no_field(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    folder, _, page = started(open_page, make_workspace, server, client, "shift@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships")
    press(page, "Shift+Enter")
    page.keyboard.type("lie at 1234 quays")
    press(page, "Enter")
    page.keyboard.type("side by side.")
    assert sentence(page).input_value() == "Two ships\nlie at 1234 quays\nside by side."
    # The same in a text that is changed.
    eventually(page, lambda: len(there.drafts(task)), 1)
    page.reload()
    close_guide(page)
    wait_for_focus(page, "sentence1")
    press(page, "Shift+Enter")
    page.keyboard.type("It rains.")
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    eventually(page, lambda: len(there.annotations(task)), 1)
    assert captions(folder) == [("Two ships lie at 1234 quays side by side. It rains.",)]


def test_a_correction_is_kept_by_tab_and_by_a_click_and_in_drafts(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    folder, _, page = started(
        open_page, make_workspace, server, client, "corrects@example.org", images=2, settings=FIVE
    )
    task = task_of(page)
    for number in range(1, 6):
        wait_for_focus(page, f"sentence{number}")
        page.keyboard.type(f"Sentence number {number}.")
        press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    go_back(page, task)

    page.get_by_label("Edit Region").nth(1).click()
    press(page, "Control+A")
    page.keyboard.type("Corrected, then Tab.")
    press(page, "Tab")
    wait_for_focus(page, "Edit Region")
    assert standing(page)["sentence2"] == ["Corrected, then Tab."]
    page.keyboard.type(", and more")  # a text that stands there takes letters as a field does
    assert standing(page)["sentence3"] == ["Sentence number 3., and more"]
    press(page, "Shift+Tab")
    page.get_by_label("Edit Region").nth(3).click()
    press(page, "Control+A")
    page.keyboard.type("Corrected, then idle.")
    changed = {f"sentence{n}": [f"Sentence number {n}."] for n in (1, 5)} | {
        "sentence2": ["Corrected, then Tab."],
        "sentence3": ["Sentence number 3., and more"],
        "sentence4": ["Corrected, then idle."],
        "keywords": ["red quay"],
    }
    eventually(page, lambda: there.drafts(task), [changed])
    shot(page, "correction", LAPTOP)
    page.get_by_label("Edit Region").last.focus()
    submit_button(page).click()
    eventually(page, lambda: there.annotations(task), [changed])
    eventually(page, lambda: there.drafts(task), [])
    assert captions(folder)[0] == tuple(changed[f"sentence{n}"][0] for n in range(1, 6))


def go_back(page: Page, task: int) -> None:
    """Go to the image before with the arrow of the page."""
    page.locator("button[aria-label*=revious]").first.click()
    page.wait_for_function(f"!Htx.isLoading && Htx.task.id == {task}")
    task_of(page)


def test_skip_asks_before_it_deletes_a_text(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    folder, _, page = started(
        open_page, make_workspace, server, client, "skips@example.org", images=3
    )
    first = task_of(page)
    asked: list[str] = []
    answer = {"yes": False}

    def on_dialog(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if answer["yes"] else dialog.dismiss()

    page.on("dialog", on_dialog)
    skip = page.get_by_label("skip-task")
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie at the quay.")
    skip.click()
    assert re.search("throws away", asked.pop())
    wait_for_texts(page, {"sentence1": ["Two ships lie at the quay."]})
    keywords(page).click()
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    second = next_task(page, first)
    go_back(page, first)
    for by in (skip.click, lambda: press(page, "Control+Space")):
        page.evaluate("document.activeElement.blur()")
        by()
        assert re.search("submitted this image already. Skip deletes", asked.pop())
        assert task_of(page) == first
    kept = [{"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}]
    assert there.annotations(first) == kept
    answer["yes"] = True
    skip.click()
    next_task(page, first)
    assert len(asked) == 1
    eventually(page, lambda: there.annotations(first), [])
    # An image in which nothing is written is skipped without a question.
    assert task_of(page) == second
    skip.click()
    next_task(page, second)
    assert len(asked) == 1


def test_two_tabs_of_one_image_lose_nothing_without_a_question(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    folder, project, page = started(
        open_page, make_workspace, server, client, "tabs@example.org", images=3
    )
    other = page.context.new_page()
    for keep_here in (True, False):
        page.bring_to_front()
        open_stream(page, server.url, project)
        task = task_of(page)
        other.bring_to_front()
        open_stream(other, server.url, project)
        assert task_of(other) == task
        wait_for_focus(other, "sentence1")
        other.keyboard.type("Written in the second tab.")
        press(other, "Tab")
        other.keyboard.type("red quay")
        page.bring_to_front()
        wait_for_focus(page, "sentence1")
        page.keyboard.type("Written in the first tab.")
        press(page, "Tab")
        page.keyboard.type("red quay")
        press(page, "Control+Enter")
        next_task(page, task)
        other.bring_to_front()
        press(other, "Control+Enter")
        box = other.locator(".rsitmd-notice")
        box.wait_for()
        said = box.inner_text()
        assert "submitted this image already, in another tab" in said
        assert 'Submitted there: "Written in the first tab."' in said
        assert 'Written here: "Written in the second tab."' in said
        shot(other, "two-tabs", LAPTOP)
        other.get_by_role(
            "button", name="Keep what I wrote here" if keep_here else "Keep what is submitted"
        ).click()
        next_task(other, task)
        assert not other.get_by_text("contact our team").is_visible()
        kept = "Written in the second tab." if keep_here else "Written in the first tab."
        assert [a["sentence1"] for a in there.annotations(task)] == [[kept]]
        eventually(page, lambda task=task: there.drafts(task), [])
    assert captions(folder)[:2] == [
        ("Written in the second tab.",),
        ("Written in the first tab.",),
    ]


def test_spaces_are_refused_and_their_field_has_the_focus(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    folder, _, page = started(
        open_page, make_workspace, server, client, "spaces@example.org", images=2, settings=FIVE
    )
    task = task_of(page)
    for number in range(1, 6):
        wait_for_focus(page, f"sentence{number}")
        page.keyboard.type("   " if number == 3 else f"Sentence number {number}.")
        press(page, "Tab")
    page.keyboard.type("red quay")
    box = page.locator(".rsitmd-notice")
    for submit in (submit_button(page).click, lambda: press(page, "Control+Enter")):
        submit()
        box.wait_for()
        assert "There are only spaces. Write sentence 3." in box.inner_text()
        wait_for_focus(page, "sentence3")
        assert there.annotations(task) == []
    shot(page, "spaces", LAPTOP)
    page.keyboard.type("Sentence number 3.")
    press(page, "Control+Enter")
    next_task(page, task)
    box.wait_for(state="hidden")
    # Update refuses them too.
    go_back(page, task)
    page.get_by_label("Edit Region").nth(1).click()
    press(page, "Control+A")
    page.keyboard.type(" ")
    press(page, "Control+Enter")
    box.wait_for()
    assert "There are only spaces. Write sentence 2." in box.inner_text()
    wait_for_focus(page, "sentence2")
    page.keyboard.type("Written anew.")
    press(page, "Control+Enter")
    eventually(page, lambda: [a["sentence2"] for a in there.annotations(task)], [[" Written anew."]])
    assert captions(folder)[0][1] == "Written anew."


def test_whole_tasks_by_keys_alone(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    folder, project, page = started(
        open_page, make_workspace, server, client, "keys@example.org", images=2, settings=FIVE
    )
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    wait_for_focus(page, "Close modal")  # the guide
    press(page, "Enter")
    for image in (1, 2):
        task = task_of(page)
        for number in range(1, 6):
            wait_for_focus(page, f"sentence{number}")
            page.keyboard.type(f"Image {image}, sentence {number}, typed with 1 to 9 and v, h, z.")
            press(page, "Tab")
        wait_for_focus(page, "keywords")
        press(page, "Shift+Tab")
        wait_for_focus(page, "sentence5")
        press(page, "Tab")
        page.keyboard.type("red quay")
        press(page, "Enter")
        page.keyboard.type("- ship")
        press(page, "Control+Enter" if image == 1 else "Meta+Enter")
        eventually(page, lambda task=task: len(there.annotations(task)), 1)
        if image == 1:
            next_task(page, task)
    assert captions(folder) == [
        tuple(
            f"Image {image}, sentence {number}, typed with 1 to 9 and v, h, z."
            for number in range(1, 6)
        )
        for image in (1, 2)
    ]


def test_a_copy_in_the_browser_is_for_one_person_and_one_image(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client,
    there: Server,
) -> None:
    """No draft reaches the server: the copy alone brings the text back, and only where it belongs."""
    _, project, page = started(
        open_page, make_workspace, server, client, "copies@example.org", images=2
    )
    task = task_of(page)
    stream = f"{server.url}/projects/{project}/data?labeling=1"
    page.context.add_init_script(NO_DRAFTS)
    page.goto(stream)
    close_guide(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Only this browser knows it.")
    page.locator(".rsitmd-notice").wait_for()
    assert "The server does not answer" in page.locator(".rsitmd-notice").inner_text()
    shot(page, "no-answer", LAPTOP)
    page.goto("about:blank")
    assert there.drafts(task) == []

    page.goto(f"{server.url}/logout")
    sign_up(page, client, "stranger@example.org")
    page.goto(stream)
    close_guide(page)
    assert task_of(page) == task
    wait_for_focus(page, "sentence1")
    assert standing(page) == {}

    page.evaluate("sessionStorage.setItem('drafts', 'go through')")
    page.goto(f"{server.url}/logout")
    log_in(page, server.url, "copies@example.org")
    # The copy of another image is not for this one, whatever the number of its task is.
    page.goto(stream)
    key = page.evaluate("Object.keys(localStorage).find(key => key.startsWith('rsitmd text'))")
    foreign = key.replace(key.split('"')[3], "0" * 64)
    page.evaluate(
        "([key, foreign]) => { localStorage.setItem(foreign, localStorage.getItem(key));"
        " localStorage.removeItem(key); }",
        [key, foreign],
    )
    page.reload()
    close_guide(page)
    assert task_of(page) == task
    wait_for_focus(page, "sentence1")
    before = standing(page)
    page.evaluate(
        "([key, foreign]) => { localStorage.setItem(key, localStorage.getItem(foreign));"
        " localStorage.removeItem(foreign); }",
        [key, foreign],
    )
    page.reload()
    close_guide(page)
    wait_for_texts(page, {"sentence1": ["Only this browser knows it."]})
    eventually(
        page, lambda: there.drafts(task), [{"sentence1": ["Only this browser knows it."]}]
    )
    assert before == {}
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    assert page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('rsitmd text'))") == []
