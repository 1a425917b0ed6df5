"""What a person types on the page is kept, however the page is left: in Chromium, words counted.

Each test does what people were seen to do, with the shipped page and the real server, and reads
afterwards what the server has (drafts and annotations) and what ``pull`` brings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.integration.pages import (
    LAPTOP,
    OpenPage,
    browser,
    close_guide,
    log_in,
    open_page,
    sentence,
    shot,
    sign_up,
    submit_button,
)
from tests.integration.written import (
    FIVE,
    Stored,
    captions,
    eventually,
    go_back,
    next_task,
    press,
    standing,
    started,
    task_of,
    wait_for_focus,
    wait_for_texts,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = [pytest.mark.integration, pytest.mark.browser]

# No request for a draft reaches the server. A route of the browser does not hold those that go on
# after their page.
NO_DRAFTS = """
const send = window.fetch;
window.fetch = (url, options) =>
  String(url).includes("drafts") && !sessionStorage.getItem("drafts")
    ? Promise.reject(new TypeError("Failed to fetch"))
    : send(url, options);
"""


# A draft is saved by two requests: which drafts exist, and the text. The first one waits.
HELD = """
const send = window.fetch;
const released = new Promise((resolve) => (window.release = resolve));
window.fetch = (url, options) =>
  String(url).includes("drafts") && !options?.body
    ? released.then(() => send(url, options))
    : send(url, options);
"""


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
    """A link of the server's page: the browser stays on the page, the editor is removed."""
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


def test_a_typed_sentence_is_restored_however_the_page_was_left(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=len(MOVES), how="upload")
    project, page = started(open_page, folder, server, client, "leaves@example.org")
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
        eventually(page, lambda t=task, f=fields: f in there.drafts(t), True)
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


def test_a_text_that_is_typed_before_a_slow_page_is_ready_is_kept(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    """Our scripts look every 150 ms what is open; here they look late."""
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    project, page = started(open_page, folder, server, client, "slow-page@example.org")
    page.add_init_script(
        "const every = window.setInterval;"
        "window.setInterval = (act, time) => every(act, time === 150 ? 3000 : time);"
    )
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    page.wait_for_function("window.Htx && !Htx.isLoading && Htx.annotationStore.selected")
    field = page.locator("textarea[name=sentence1]")
    field.fill("Two ships lie at the quay.")
    task = page.evaluate("Htx.task.id")
    eventually(
        page, lambda: {"sentence1": ["Two ships lie at the quay."]} in there.drafts(task), True
    )


def test_a_draft_with_part_of_a_keyword_is_replaced_by_the_full_keyword(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    project, page = started(open_page, folder, server, client, "half-a-keyword@example.org")
    task = task_of(page)
    page.locator("input[name=keywords], textarea[name=keywords]").first.click()
    page.keyboard.type("red ")
    eventually(page, lambda: there.drafts(task), [{"keywords": ["red "]}])
    # From here on no draft arrives: the next page opens with the one of half a keyword.
    page.evaluate(f"() => {{{NO_DRAFTS}}}")
    page.keyboard.type("quay")
    page.keyboard.press("Enter")
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto("about:blank")
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    close_guide(page)
    assert task_of(page) == task
    wait_for_texts(page, {"keywords": ["red quay"]})
    eventually(page, lambda: there.drafts(task), [{"keywords": ["red quay"]}])


def test_an_older_draft_does_not_replace_the_one_of_a_page_that_is_left(
    open_page: OpenPage, make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    project, page = started(open_page, folder, server, client, "overtaken@example.org")
    page.context.add_init_script(HELD)
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    close_guide(page)
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships lie at the quay.")
    press(page, "Tab")  # the draft of the sentence waits for its first request
    page.wait_for_function("Htx.annotationStore.selected.isDraftSaving")
    page.keyboard.type("red quay")
    press(page, "Enter")
    whole = {"sentence1": ["Two ships lie at the quay."], "keywords": ["red quay"]}

    page.once("dialog", lambda dialog: dialog.dismiss())  # stay on the page
    page.evaluate("setTimeout(() => location.reload())")
    eventually(page, lambda: there.drafts(task), [whole])
    page.evaluate("release()")
    page.wait_for_function("!Htx.annotationStore.selected.isDraftSaving")
    page.wait_for_load_state("networkidle")
    assert there.drafts(task) == [whole]
    assert standing(page) == whole


def test_saving_a_draft_does_not_disturb_typing(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "pauses@example.org")
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


def test_shift_enter_inserts_a_line_break(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=1, how="upload")
    _, page = started(open_page, folder, server, client, "shift@example.org")
    task = task_of(page)
    wait_for_focus(page, "sentence1")
    page.keyboard.type("Two ships")
    press(page, "Shift+Enter")
    page.keyboard.type("lie at 1234 quays")
    press(page, "Enter")
    page.keyboard.type("side by side.")
    assert sentence(page).input_value() == "Two ships\nlie at 1234 quays\nside by side."
    # The same in a text that is changed.
    whole = {"sentence1": ["Two ships\nlie at 1234 quays\nside by side."]}
    eventually(page, lambda: there.drafts(task), [whole])
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
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    there = Stored(server)
    folder = make_workspace(images=2, how="upload", settings=FIVE)
    _, page = started(open_page, folder, server, client, "corrects@example.org")
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


def test_a_copy_in_the_browser_is_for_one_person_and_one_image(
    open_page: OpenPage,
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
) -> None:
    """No draft reaches the server: the copy brings the text back, and only where it belongs."""
    there = Stored(server)
    folder = make_workspace(images=2, how="upload")
    project, page = started(open_page, folder, server, client, "copies@example.org")
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
    assert shown_in(page, stream, task) == {}

    page.evaluate("sessionStorage.setItem('drafts', 'go through')")
    page.goto(f"{server.url}/logout")
    log_in(page, server.url, "copies@example.org")
    page.goto(stream)
    assert shown_with_the_copy_of_another_image(page, stream, task) == {}
    close_guide(page)
    wait_for_texts(page, {"sentence1": ["Only this browser knows it."]})
    eventually(page, lambda: there.drafts(task), [{"sentence1": ["Only this browser knows it."]}])
    press(page, "Tab")
    page.keyboard.type("red quay")
    press(page, "Control+Enter")
    next_task(page, task)
    assert page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('rsitmd text'))") == []


def shown_in(page: Page, stream: str, task: int) -> dict[str, list[str]]:
    """Open the stream, which shows a task; return what stands in its fields."""
    page.goto(stream)
    close_guide(page)
    assert task_of(page) == task
    wait_for_focus(page, "sentence1")
    return standing(page)


def shown_with_the_copy_of_another_image(
    page: Page, stream: str, task: int
) -> dict[str, list[str]]:
    """Return what stands in the fields while the copy belongs to another image.

    The copy of another image is not for this one, whatever the number of its task is. The copy of
    this image is there again afterwards, and the page is loaded again.
    """
    key = page.evaluate("Object.keys(localStorage).find(key => key.startsWith('rsitmd text'))")
    foreign = key.replace(key.split('"')[3], "0" * 64)
    page.evaluate(
        "([key, foreign]) => { localStorage.setItem(foreign, localStorage.getItem(key));"
        " localStorage.removeItem(key); }",
        [key, foreign],
    )
    before = shown_in(page, stream, task)
    page.evaluate(
        "([key, foreign]) => { localStorage.setItem(key, localStorage.getItem(foreign));"
        " localStorage.removeItem(foreign); }",
        [key, foreign],
    )
    page.reload()
    return before
