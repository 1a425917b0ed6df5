"""Family N: annotators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.formats import load_dataset
from tests.builders import add_team
from tests.quality.conftest import FIVE, dataset, record
from tests.quality.rules.people import NUMBERS, PEOPLE, campaign, image
from tests.release.conftest import add_image

if TYPE_CHECKING:
    from tests.quality.conftest import Found


def test_n101_too_few_annotators(found: Found) -> None:
    three = image(1, *FIVE, people=("anna", "anna", "berta", "anna", "clara"))
    assert found("N101", dataset(image(1, *FIVE))) == []
    assert found("N101", dataset(record())) == []
    [finding] = found("N101", dataset(three))
    assert finding.message == "written by 3 annotators, expected 5"


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
    from rsitmd_tools.workspace import Workspace

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
