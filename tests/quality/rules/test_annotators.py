"""Family N: annotators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.workspace import Workspace
from tests.builders import add, add_annotation, add_team
from tests.quality.conftest import FIVE, dataset, record
from tests.quality.rules.people import NUMBERS, PEOPLE, campaign, image
from tests.release.conftest import add_image

if TYPE_CHECKING:
    from tests.quality.conftest import Found

TEN = "Seven long red boats lie at the old grey pier."


def test_n101_too_few_annotators(found: Found) -> None:
    three = image(1, *FIVE, people=("anna", "anna", "berta", "anna", "clara"))
    assert found("N101", dataset(image(1, *FIVE))) == []
    assert found("N101", dataset(record())) == []
    [finding] = found("N101", dataset(three))
    assert finding.message == "written by 3 annotators, expected 5"


@pytest.mark.parametrize("template", ["keywords", "ranking"])
def test_n101_without_sentences_on_the_page(template: str, tmp_path: Path, found: Found) -> None:
    one = dataset(image(1), image(2, *FIVE, people=("anna",) * 5))
    settings = f'[annotation]\ntemplate = "{template}"\n'
    assert found("N101", one, settings, folder=tmp_path) == []


@pytest.mark.parametrize(
    ("code", "say"),
    [
        ("N102", lambda number: f"There are trees, {number // 3} of them."),
        ("N103", lambda number: f"Trees {number}."),
        ("N104", lambda number: f"This is a {NUMBERS[number % 10]} of the kind {number} by far."),
    ],
)
def test_n102_n103_n104_one_annotator_differs(code: str, say: object, found: Found) -> None:
    assert found(code, campaign()) == []
    [finding] = found(code, campaign(clara=say))
    assert finding.message.startswith("clara: ")
    assert (finding.image, finding.sentence_index) == (None, None)


def test_few_sentences_are_not_checked(found: Found) -> None:
    data = campaign(clara=lambda number: "Trees.")
    few = data.with_images(data.images[:10])
    assert [f for code in ("N102", "N103", "N104") for f in found(code, few)] == []


def test_n105_impossible_speed(tmp_path: Path, found: Found) -> None:
    with Workspace.create(tmp_path) as workspace:
        with workspace.transaction() as db:
            add_team(db, *(f"{person}@x.org" for person in PEOPLE))
        add_image(workspace, 0, 5, "train")
        with workspace.transaction() as db:
            db.execute("UPDATE annotation SET lead_time = 30.0")
            db.execute("UPDATE annotation SET lead_time = 0.5 WHERE annotator_id = 3")
    [finding] = found("N105", load_dataset(tmp_path))
    assert finding.sentence_index == 2
    assert "clara@x.org: 9 words in 0.5 s" in finding.message


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Workspace]:
    """An image; anna typed two sentences of ten words each in 3.8 seconds, and then in 4."""
    with Workspace.create(tmp_path) as workspace:
        with workspace.transaction() as db:
            add_team(db, "anna@x.org")
            for number, seconds in enumerate((3.8, 4.0), 1):
                add(db, "image", id=number, number=number)
                add(db, "task", id=number, image_id=number)
                add_annotation(db, [TEN, TEN], id=number, task_id=number, lead_time=seconds)
        yield workspace


def test_n105_counts_the_words_of_rejected_sentences_too(typed: Workspace, found: Found) -> None:
    slow = [("port_1.tif", n, "anna@x.org: 10 words in 1.9 s") for n in (0, 1)]
    for state, left in (("new", slow), ("rejected", slow[:1]), ("sent back", slow[:1])):
        with typed.transaction() as db:
            db.execute("UPDATE sentence SET state = ? WHERE slot = 2", (state,))
        all_of_them = found("N105", load_dataset(typed.path))
        assert [(f.image, f.sentence_index, f.message) for f in all_of_them] == left


@pytest.mark.parametrize(("seconds", "speeds"), [(0.5, [3, 1]), (0.9, [])])
def test_n105_counts_only_new_words_of_corrected_texts(
    typed: Workspace, found: Found, seconds: float, speeds: list[int]
) -> None:
    with typed.transaction() as db:
        db.execute("DELETE FROM sentence WHERE annotation_id = 2")
        db.execute("UPDATE annotation SET lead_time = ?", (seconds,))
        for slot, given in ((1, "Seven boats lie at the grey pier."), (2, TEN.replace("red", "a"))):
            db.execute(
                "UPDATE sentence SET origin = 'machine changed', machine_raw = ? WHERE slot = ?",
                (given, slot),
            )
    messages = [finding.message for finding in found("N105", load_dataset(typed.path))]
    assert [int(message.split()[1]) for message in messages] == speeds
    assert all("new word" in message for message in messages)


def test_n106_similar_annotators(found: Found) -> None:
    own = "Two white boats lie beside the long grey pier of the port."
    like = "Two white boats lie beside a long grey pier of the port."
    [finding] = found("N106", dataset(image(1, own, FIVE[1], like)))
    assert finding.sentence_index == 2
    assert "clara and anna share" in finding.message
    assert found("N106", dataset(image(1, *FIVE))) == []
    same = image(1, own, like, people=("anna", "anna"))
    assert found("N106", dataset(same)) == []


def test_n107_needs_the_history_of_a_workspace(found: Found) -> None:
    assert found("N107", campaign()) == []


def test_n108_needs_the_predictions_of_a_workspace(found: Found) -> None:
    """What it finds in a workspace is shown in tests/studio/test_prefill.py."""
    assert found("N108", dataset(image(1, *FIVE))) == []
