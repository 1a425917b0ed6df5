"""What people chose of two sentences, counted; agreement against the textbook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.annotation_templates import CHOICES
from rsitmd_tools.studio.campaign.history import history
from rsitmd_tools.studio.campaign.ranking import agreement, alpha, ranking
from rsitmd_tools.studio.sync.page_changes import remember_renamed
from rsitmd_tools.workspace import Workspace
from tests.builders import add, add_annotation, add_team

choices = st.lists(st.sampled_from(CHOICES), max_size=7)


def test_agreement_is_the_share_of_equal_pairs() -> None:
    assert agreement(["equal"]) is None
    assert agreement(["equal", "equal"]) == 1
    assert agreement(["equal", "both wrong"]) == 0
    assert agreement(["sentence 1", "sentence 1", "sentence 2"]) == pytest.approx(1 / 3)


@given(choices)
def test_agreement_equals_a_direct_count(chosen: list[str]) -> None:
    people = len(chosen)
    found = agreement(chosen)
    if people < 2:
        assert found is None
    else:
        same = sum(chosen.count(c) * (chosen.count(c) - 1) for c in CHOICES)
        assert found == pytest.approx(same / (people * (people - 1)))


def test_alpha_equals_the_textbook_value() -> None:
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section A: 0.095.
    anna, berta = "0100000010", "1110010000"
    pairs = zip(anna, berta, strict=True)
    items = {str(number): {"anna": a, "berta": b} for number, (a, b) in enumerate(pairs)}
    assert alpha(items) == pytest.approx(0.095, abs=5e-4)
    # One person's choice about another item changes nothing.
    assert alpha({**items, "more": {"anna": "1"}}) == pytest.approx(0.095, abs=5e-4)


votes = st.dictionaries(st.sampled_from("abc"), st.sampled_from(CHOICES), max_size=3)


@given(st.dictionaries(st.text(max_size=3), votes, max_size=6))
def test_alpha_accepts_any_choices(chosen: dict[str, dict[str, str]]) -> None:
    found = alpha(chosen)
    judged = any(len(votes) > 1 for votes in chosen.values())
    assert (found is not None) == judged
    assert found is None or found <= 1


def test_choices_of_a_renamed_field_count(tmp_path: Path) -> None:
    """A member renamed the field on the server: pull reads it under its own name."""
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            add_team(db, "a@x", "b@x")
            add(db, "task", image_id=add(db, "image"))
            for person, (field, choice) in enumerate(
                (("better", "sentence 1"), ("best", "sentence 2")), 1
            ):
                part = {"type": "choices", "from_name": field, "value": {"choices": [choice]}}
                add_annotation(
                    db, id=person, annotator_id=person, result=json.dumps([part]), lead_time=1.0
                )
        remember_renamed(workspace, 1, {"best": "better"})
        found = ranking(workspace)
        assert found is not None
        assert found["votes"] == {"sentence 1": 1, "sentence 2": 1, "equal": 0, "both wrong": 0}
        revisions = history(workspace, "port_1.tif")["revisions"]
        assert [revision["choice"] for revision in revisions] == ["sentence 1", "sentence 2"]
