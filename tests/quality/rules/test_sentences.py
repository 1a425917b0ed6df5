"""Family S: what the examples of the rules do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.quality import subject_of
from rsitmd_tools.quality.fixes import changes
from tests.quality.conftest import dataset, record

if TYPE_CHECKING:
    from tests.quality.conftest import Found


def of(raw: str) -> Dataset:
    """Return a dataset of one sentence."""
    return dataset(record(sentences=[raw]))


@pytest.mark.parametrize(
    "raw",
    [
        "Many green trees are beside the road.",
        "There are many buildings and green grass.",
        "There are several buildings and bareland.",
        "Many planes near grassland.",
        "Several pieces of grass lie here.",
        "A few ships with sand are here.",
        "Some water tanks stand here in rows.",
        "Some round white water tanks stand here.",
        "Some water-filled pits are here.",
        "Some wood houses are near.",
        "Some snow capped peaks are here.",
        "Some dark green and white ponds lie here.",
        "Some of the green plants are here.",
        "Many people cross sand here.",
        "There are some green, some yellow.",
    ],
)
def test_s104_the_noun_after_the_word_can_be_counted(raw: str, found: Found) -> None:
    assert len(found("S104", of(raw))) == 1


@pytest.mark.parametrize(
    "raw",
    [
        "Some water is in the pond.",
        "A lot of lush green grass is beside the tanks.",
        "Some of the snow is on the roofs.",
        "A lot of white snow covers the roofs.",
        "Some farmland surrounds the houses.",
        "Some green and grey farmland lies here.",
        "There is some green around the tanks.",
        "There is some green.",
        "There is some partly covered snow",
    ],
)
def test_s104_the_noun_after_the_word_cannot_be_counted(raw: str, found: Found) -> None:
    assert found("S104", of(raw)) == []


def test_s104_takes_linear_time(found: Found) -> None:
    for part in ("some ", "some green and ", "some " + "s" * 50_000 + " "):
        assert len(found("S104", of(part * (100_000 // len(part)) + "trees."))) == 1


@pytest.mark.parametrize(
    "raw",
    [
        "A two-lane lane runs along the sea.",
        "The short bridge is a six-line line of stone.",
        "The tank is close to a two‑train train of grey.",
    ],
)
def test_s112_a_compound_is_another_word_than_its_noun(raw: str, found: Found) -> None:
    assert found("S112", of(raw)) == []
    assert changes(subject_of(of(raw)), unsafe=False) == []


def test_s112_a_noun_twice_after_a_compound(found: Found) -> None:
    raw = "A two-lane lane lane runs along the sea."
    assert [f.message for f in found("S112", of(raw))] == ["repeated word 'lane lane'"]
    [change] = changes(subject_of(of(raw)), unsafe=False)
    assert change.after == "A two-lane lane runs along the sea."


@pytest.mark.parametrize(
    "raw",
    [
        "1/2 of the field is green and 3/4 of it is wet.",
        "A 4×4 grid of tanks lies near it.",
        "A 4 × 4 grid of tanks lies near it.",
        "A 4 x 4 grid of tanks lies near it.",
        "The ratio is 2:3 near it.",
        "The ratio is 2 : 3 near it.",
        "From 10:10 am boats lie here.",
        "From 10 am boats lie here.",
        "From 9 o'clock boats lie here.",
        "It costs $5 per boat.",
        "It costs € 5 per boat.",
        "The dock has boats No. 3 and 25 others.",
        "The area is 3 sq. km. wide.",
        "The area is 3 square meters wide.",
        "Between 5–6 boats lie here.",
        "Between 5 - 6 boats lie here.",
    ],
)
def test_s120_what_is_no_count(raw: str, found: Found) -> None:
    assert found("S120", of(raw)) == []
    assert not [c for c in changes(subject_of(of(raw)), unsafe=True) if "S120" in c.codes]


@pytest.mark.parametrize(
    "raw",
    [
        "There are 3 square houses here.",
        "The port: 3 boats lie here.",
        "The port (3 boats) is here.",
        "Boats—3 of them—lie here.",
        "Port 1, 3 boats lie here.",
    ],
)
def test_s120_counts_beside_signs(raw: str, found: Found) -> None:
    assert [f.message for f in found("S120", of(raw))] == ["counts in digits: 3"]


def test_a_question_mark_inside_a_word_is_a_lost_character(found: Found) -> None:
    lost = of("The roof?s edge is red.")
    assert found("S122", lost) == []
    assert len(found("S115", lost)) == 1
    assert len(found("S115", dataset(ImageRecord("a.tif", keywords=("caf?s terrace",))))) == 1
    for raw in ("Is a church near?", "Is a church near here?Yes.", "Is the roof?s edge red?"):
        assert len(found("S122", of(raw))) == 1
    for raw in ("Is a church near here?Yes.", "See https://x.org/a?b=1 for it.", "Is it red? no"):
        assert found("S115", dataset(ImageRecord("a.tif", (Sentence(raw),)))) == []
