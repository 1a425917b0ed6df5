"""What a pull stores of one task, and what it reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsitmd_tools.studio.campaign.payment import payment
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.accounts import ServerAccounts
from rsitmd_tools.studio.sync.deletions import mark_deleted
from rsitmd_tools.studio.sync.notes import notes
from rsitmd_tools.studio.sync.pull_report import PullReport
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.studio.sync.task_store import TaskStore
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.clock import record_clock
from rsitmd_tools.workspace.merge import merged_images, untouched_sentences
from rsitmd_tools.workspace.predictions import Prediction, replace_predictions
from rsitmd_tools.workspace.states import move
from rsitmd_tools.workspace.tasks import Task, tasks_of
from tests.builders import add
from tests.studio.sync.teams import workspace_of

ANNA, BERTA = 1, 2


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with two annotators, a project of Anna and one task in it."""
    with workspace_of(tmp_path / "w", "anna@x.org", "berta@x.org") as made:
        with made.transaction() as db:
            add(db, "project", annotator_id=ANNA)
            add(db, "image")
            add(db, "task", image_id=1)
        yield made


class Accounts:
    """The accounts of a server: each has the number of its annotator."""

    def row(self, user: Any) -> int:
        return int(user)


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000000+00:00"


def entry(
    text: str, changed: int, author: int | None = ANNA, number: int = 7, made: int = 1
) -> dict[str, Any]:
    """Return an annotation as the server sends it, last changed at a second."""
    return {
        "id": number,
        "created_at": at(made),
        "updated_at": at(changed),
        "completed_by": author,
        "updated_by": author,
        "result": as_result([text], ["red ship"]),
    }


def store(workspace: Workspace, *entries: dict[str, Any]) -> PullReport:
    """Store the task of image 1 as a pull does."""
    [task] = tasks_of(workspace.db, 1)
    return store_task(workspace, task, *entries)


def store_task(workspace: Workspace, task: Task, *entries: dict[str, Any]) -> PullReport:
    report = PullReport()
    accounts = TaskStore(workspace, cast("ServerAccounts", Accounts()), report)
    with workspace.transaction():
        latest = max(one["updated_at"] for one in entries)
        accounts.store(task, SimpleNamespace(updated_at=latest, annotations=list(entries)))
    return report


def texts(workspace: Workspace) -> list[tuple[str, str]]:
    """Return the sentences of all revisions with their states."""
    rows = workspace.db.execute("SELECT raw, state FROM sentence ORDER BY id")
    return [(row["raw"], row["state"]) for row in rows]


def decide(workspace: Workspace, state: str, note: str = "") -> None:
    """Decide about the latest sentence."""
    with workspace.transaction() as db:
        sentence = db.execute("SELECT max(id) FROM sentence").fetchone()[0]
        move(db, sentence, state, "B. Lee", note=note)


@pytest.mark.parametrize(
    ("ahead", "changed", "corrected"),
    [(0, 20, 0), (0, 21, 1), (None, 20, 0), (None, 21, 1), (10, 30, 0), (10, 31, 1), (-10, 11, 1)],
)
def test_a_change_before_a_sentence_was_sent_back_does_not_correct_it(
    workspace: Workspace, ahead: int | None, changed: int, corrected: int
) -> None:
    """Sent back at second 20 of this computer; the clock of the server is ahead."""
    store(workspace, entry("There are many roads.", 1))
    decide(workspace, "sent back", "count them")
    with workspace.transaction() as db:
        db.execute("UPDATE decision SET decided_at = ?", (at(20),))
        if ahead is not None:
            record_clock(workspace, "here", at(25), at(25 + ahead))
    report = store(workspace, entry("There are many roads, yes.", changed))
    assert report.corrected == corrected
    state = "new" if corrected else "sent back"
    assert texts(workspace)[-1] == ("There are many roads, yes.", state)
    named = {"image": "port_1.tif", "annotator": "anna@x.org", "sentences": [1]}
    assert report.still_sent_back == ([] if corrected else [named])
    assert bool(notes(workspace, 1)) is not bool(corrected)
    if not corrected:  # when she has read the note
        assert "count them" in notes(workspace, 1)[1]
        assert store(workspace, entry("Two roads.", 40)).corrected == 1


def test_a_kept_request_keeps_its_time(workspace: Workspace) -> None:
    """A pull that changes nothing of a sentence does not make its correction too old."""
    store(workspace, entry("Many roads.", 1))
    decide(workspace, "sent back", "count them")
    with workspace.transaction() as db:
        db.execute("UPDATE decision SET decided_at = ?", (at(2),))
    kept = entry("Many roads.", 3)
    store(workspace, {**kept, "result": as_result(["Many roads."], ["grey road"])})
    assert store(workspace, entry("Two roads.", 4)).corrected == 1


def test_a_restored_server_does_not_replace_an_accepted_text_unseen(workspace: Workspace) -> None:
    old, new = entry("There are many roads.", 1), entry("Two roads cross.", 2)
    store(workspace, old)
    decide(workspace, "sent back", "count them")
    with workspace.transaction() as db:  # before Anna has changed it
        db.execute("UPDATE decision SET decided_at = ?", (at(1),))
    assert store(workspace, new).corrected == 1
    decide(workspace, "accepted")
    report = store(workspace, old)
    named = {"image": "port_1.tif", "annotator": "anna@x.org", "sentences": [1]}
    assert (report.reopened, report.still_sent_back) == ([named], [named])
    assert texts(workspace) == [
        ("There are many roads.", "sent back"),
        ("Two roads cross.", "replaced"),
    ]
    assert store(workspace, old) == PullReport(), "nothing has changed since"


def authors(workspace: Workspace) -> list[str]:
    """Return the authors of all revisions."""
    rows = workspace.db.execute(
        "SELECT email FROM annotation JOIN annotator ON annotator.id = annotator_id"
        " ORDER BY annotation.id"
    )
    return [row["email"] for row in rows]


@pytest.mark.parametrize("shared", [False, True])
def test_a_changed_text_of_a_deleted_account_keeps_its_author(
    workspace: Workspace, shared: bool
) -> None:
    with workspace.transaction() as db:
        if shared:
            db.execute("UPDATE project SET annotator_id = NULL")
        add(db, "annotator", email="lead@x.org")
    store(workspace, entry("A ship.", 1, BERTA))
    report = store(workspace, {**entry("A white ship.", 2, None), "updated_by": 3})
    assert authors(workspace) == ["berta@x.org"] * 2
    assert report.authorless == [{"image": "port_1.tif", "annotator": "berta@x.org"}]
    assert [one["changed_by"] for one in report.foreign] == ["lead@x.org"]
    assert {row["annotator"]: row["annotations"] for row in payment(workspace)} == {
        "berta@x.org": 1
    }


def test_a_text_of_a_deleted_account_stays_with_its_last_author(workspace: Workspace) -> None:
    store(workspace, entry("Two roads.", 1))
    store(workspace, entry("Two roads.", 2, BERTA))
    report = store(workspace, entry("Three roads.", 3, None))
    assert report.authorless == [{"image": "port_1.tif", "annotator": "berta@x.org"}]
    assert report.new_authors == []


def test_a_new_text_of_a_deleted_account_counts_for_the_owner_of_the_project(
    workspace: Workspace,
) -> None:
    report = store(workspace, entry("A ship.", 1, None), entry("A ship.", 2, None, 8, made=2))
    assert authors(workspace) == ["anna@x.org"]
    assert report.doubled == 1, "the server stored one request twice"
    assert len(report.authorless) == 1


def test_new_texts_of_deleted_accounts_in_a_shared_project_have_different_authors(
    workspace: Workspace,
) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE project SET annotator_id = NULL")
    first, second = entry("A ship.", 1, None), entry("A long pier.", 2, None, 8, made=2)
    report = store(workspace, first, second)
    unknown = ["unknown-7@removed.invalid", "unknown-8@removed.invalid"]
    assert authors(workspace) == unknown
    assert [one["annotator"] for one in report.authorless] == unknown
    state = status(workspace)
    assert (state["complete"], state["missing"]) == (1, 0)
    assert [row["annotator"] for row in payment(workspace)] == unknown
    assert store(workspace, first, second).authorless == [], "nothing is new"


def test_a_text_in_the_project_of_somebody_else_is_named_once(workspace: Workspace) -> None:
    named = {"image": "port_1.tif", "annotator": "berta@x.org", "owner": "anna@x.org"}
    assert store(workspace, entry("A ship.", 1, BERTA)).strangers == [named]
    assert store(workspace, entry("A white ship.", 2, BERTA)).strangers == []
    own = store(workspace, entry("A white ship.", 2, BERTA), entry("A pier.", 3, ANNA, 8, made=3))
    assert own.strangers == []


def on_the_page(made: dict[str, Any]) -> dict[str, Any]:
    """Return an annotation with the identities that the page gives to each of its regions."""
    regions = [{**region, "id": f"{made['id']}"} for region in made["result"]]
    return {**made, "result": regions}


@pytest.mark.parametrize("state", ["accepted", "sent back", "rejected"])
@pytest.mark.parametrize("pulled_between", [False, True])
def test_a_decision_stays_when_its_author_deletes_the_text_and_submits_it_again(
    workspace: Workspace, state: str, pulled_between: bool
) -> None:
    """Skip deletes a submitted annotation; what is submitted then is another one."""
    first, other = entry("Two roads.", 1), entry("A ship.", 1, BERTA, number=6)
    store(workspace, other, first)
    decide(workspace, state, "count them")
    if pulled_between:
        store(workspace, {**other, "updated_at": at(2)})
    again = on_the_page(entry("Two roads.", 30, number=9, made=30))
    report = store(workspace, other, again)
    assert (report.new, report.deleted, report.corrected) == (1, int(not pulled_between), 0)
    assert [found["accepted"] for found in report.deletions] in ([0], [])
    assert ("Two roads.", "replaced") in texts(workspace)
    assert texts(workspace)[-1] == ("Two roads.", state)
    assert bool(notes(workspace, 1)) is (state == "sent back")
    assert store(workspace, other, again) == PullReport(), "nothing has changed since"

    store(workspace, other, first)  # the server is restored
    roads = [(raw, now) for raw, now in texts(workspace) if raw == "Two roads."]
    assert roads == [("Two roads.", state), ("Two roads.", "replaced")]


@pytest.mark.parametrize("state", ["accepted", "sent back", "rejected"])
def test_a_decision_stays_when_a_deleted_text_comes_back(workspace: Workspace, state: str) -> None:
    first, other = entry("Two roads.", 1), entry("A ship.", 1, BERTA, number=6)
    store(workspace, other, first)
    decide(workspace, state, "count them")
    assert len(store(workspace, other).deletions) == 1
    store(workspace, other, first)  # the server is restored
    assert texts(workspace) == [("A ship.", "new"), ("Two roads.", state)]


def test_the_copy_of_a_repeated_request_replaces_a_deleted_original(workspace: Workspace) -> None:
    first, copy = entry("Two roads.", 1), entry("Two roads.", 1, number=8)
    assert store(workspace, first, copy).doubled == 1
    assert store(workspace, entry("Three roads.", 2), copy).doubled == 1
    assert texts(workspace) == [("Two roads.", "replaced"), ("Three roads.", "new")]
    report = store(workspace, {**copy, "updated_at": at(3)})
    assert (report.new, report.doubled) == (1, 0)
    [image] = merged_images(workspace)
    assert image.captions == ("Two roads.",)


def test_an_annotation_that_gets_the_words_of_an_earlier_one_is_no_copy(
    workspace: Workspace,
) -> None:
    first = entry("Two roads.", 1)
    store(workspace, first, entry("A ship.", 2, number=8))
    report = store(workspace, first, entry("Two roads.", 3, number=8))
    assert (report.changed, report.doubled) == (1, 0)
    assert ("A ship.", "replaced") in texts(workspace)


def test_an_imported_annotation_keeps_its_decision_under_its_new_number(
    workspace: Workspace,
) -> None:
    store(workspace, entry("Two roads.", 1))
    decide(workspace, "accepted")
    report = store(workspace, entry("Two roads.", 5, number=21, made=5))
    assert (report.new, report.deletions) == (0, [])
    assert texts(workspace) == [("Two roads.", "accepted")]


def test_what_is_missing_or_on_several_lines_is_reported(workspace: Workspace) -> None:
    written = {**entry("", 1), "result": as_result(["", "Two\nroads."], [])}
    report = store(workspace, written)
    named = {"image": "port_1.tif", "annotator": "anna@x.org", "missing": [1]}  # one is asked for
    assert (report.incomplete, report.blank, report.folded) == ([named], 1, 1)
    report = store(workspace, entry("Two roads.", 2))
    assert (report.incomplete, report.blank, report.folded) == ([], 0, 0)


def test_an_annotation_that_became_a_skip_is_deleted(workspace: Workspace) -> None:
    assert store(workspace, entry("Two roads.", 1)).tasks == 1
    skip = {**entry("Two roads.", 2), "was_cancelled": True}
    report = store(workspace, skip)
    assert (report.tasks, report.skipped, len(report.deletions)) == (1, 1, 1)
    report = store(workspace, skip)
    assert (report.tasks, report.skipped, report.deletions) == (0, 0, [])
    [image] = merged_images(workspace)
    assert image.captions == ()


def test_another_text_instead_of_a_deleted_one_has_to_be_reviewed(workspace: Workspace) -> None:
    named = {"image": "port_1.tif", "annotator": "anna@x.org", "sentences": [1]}
    store(workspace, entry("Two roads.", 1))
    decide(workspace, "accepted")
    report = store(workspace, entry("Three roads.", 2, number=8, made=2))
    assert (report.reopened, report.corrected) == ([named], 0)
    assert texts(workspace) == [("Two roads.", "replaced"), ("Three roads.", "new")]
    decide(workspace, "sent back", "count them")
    with workspace.transaction() as db:
        db.execute("UPDATE decision SET decided_at = ?", (at(3),))
    report = store(workspace, entry("Four roads.", 4, number=9, made=4))
    assert (report.reopened, report.corrected) == ([], 1)
    assert texts(workspace)[-1] == ("Four roads.", "new")
    # Somebody else who writes the same words is not concerned.
    decide(workspace, "rejected")
    store(workspace, on_the_page(entry("Four roads.", 5, BERTA, number=10, made=5)))
    assert texts(workspace)[-1] == ("Four roads.", "new")


def test_another_text_takes_the_place_of_the_last_of_several_deleted_ones(
    workspace: Workspace,
) -> None:
    # The order of the changes counts, not that of the numbers.
    store(workspace, entry("A ship.", 3), entry("A pier.", 2, number=8, made=2))
    store(workspace, entry("A crane.", 4, number=9, made=4))
    states = [("A ship.", "replaced"), ("A pier.", "new"), ("A crane.", "new")]
    assert texts(workspace) == states


@pytest.mark.parametrize("state", ["accepted", "sent back", "rejected"])
@pytest.mark.parametrize("deleted_first", [False, True])
def test_a_decision_stays_when_the_text_is_moved_to_another_project(
    workspace: Workspace, state: str, deleted_first: bool
) -> None:
    with workspace.transaction() as db:
        add(db, "project", server_id=2, annotator_id=BERTA)
        add(db, "task", image_id=1, project_id=2, server_id=9)
    [first], [second] = tasks_of(workspace.db, 1), tasks_of(workspace.db, 2)
    store(workspace, entry("Two roads.", 1))
    decide(workspace, state, "count them")
    if deleted_first:
        with workspace.transaction() as db:
            mark_deleted(db, first.row)
    moved = entry("Two roads.", 30, number=9, made=30)
    report = store_task(workspace, second, moved)
    named = {"image": "port_1.tif", "annotator": "anna@x.org", "sentences": [1]}
    assert report.repeated == {state: [named]}
    assert texts(workspace) == [("Two roads.", state)] * 2
    assert bool(notes(workspace, 2)) is (state == "sent back")
    [second] = tasks_of(workspace.db, 2)
    assert store_task(workspace, second, moved) == PullReport(), "nothing has changed since"
    with workspace.transaction() as db:
        mark_deleted(db, first.row)
    [image] = merged_images(workspace)
    assert image.captions == (("Two roads.",) if state == "accepted" else ())


def test_a_second_annotation_with_rejected_words_is_rejected(workspace: Workspace) -> None:
    first = entry("Two roads.", 1)
    store(workspace, first)
    decide(workspace, "rejected")
    second = on_the_page(entry("Two roads.", 2, number=8, made=2))
    store(workspace, first, second, on_the_page(entry("Two roads.", 2, BERTA, number=9, made=2)))
    states = ["rejected", "rejected", "new"]  # other people decide for themselves
    assert texts(workspace) == [("Two roads.", state) for state in states]


def test_captions_that_are_given_later_do_not_change_who_wrote_a_sentence(
    workspace: Workspace,
) -> None:
    store(workspace, entry("Two roads.", 1))
    decide(workspace, "accepted")
    replace_predictions(workspace, "model 1", [Prediction(1, 1, "Two roads.")])
    added_at(workspace, 2)
    changed = entry("Two roads.", 2)
    store(workspace, {**changed, "result": as_result(["Two roads."], ["grey road"])})
    assert texts(workspace)[-1] == ("Two roads.", "accepted")
    assert untouched_sentences(workspace) == []
    [image] = merged_images(workspace)
    assert [(sentence.raw, sentence.origin) for sentence in image.sentences] == [
        ("Two roads.", "human")
    ]
    # Words that are new may come from the captions.
    store(workspace, entry("Three roads.", 3))
    store(workspace, entry("Two roads.", 4))
    assert [sentence["raw"] for sentence in untouched_sentences(workspace)] == ["Two roads."]


def added_at(workspace: Workspace, second: int) -> None:
    """Set when the captions were added, by the clock of this computer."""
    with workspace.transaction() as db:
        db.execute("UPDATE prediction SET added_at = ?", (at(second),))


@pytest.mark.parametrize(
    ("ahead", "untouched"), [(None, True), (0, False), (10, False), (-10, True)]
)
def test_captions_added_after_a_text_that_was_not_pulled_yet_are_not_where_it_comes_from(
    workspace: Workspace, ahead: int | None, untouched: bool
) -> None:
    """The text is from second 20 of the server, the captions from second 25 of this computer."""
    if ahead is not None:
        with workspace.transaction():
            record_clock(workspace, "here", at(30), at(30 + ahead))
    replace_predictions(workspace, "model 1", [Prediction(1, 1, "Two roads.")])
    added_at(workspace, 25)
    store(workspace, entry("Two roads.", 20))
    assert bool(untouched_sentences(workspace)) is untouched
    store(workspace, entry("Two  roads.", 50))
    assert untouched_sentences(workspace), "changed after it could be seen"


def test_a_change_of_the_author_on_the_server_is_named(workspace: Workspace) -> None:
    store(workspace, entry("Two roads.", 1))
    report = store(workspace, entry("Two roads.", 2, BERTA))
    named = {"image": "port_1.tif", "annotator": "berta@x.org", "before": "anna@x.org"}
    assert report.new_authors == [named]
    [image] = merged_images(workspace)
    assert [sentence.changed_by for sentence in image.sentences] == ["anna@x.org"]
