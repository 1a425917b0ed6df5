"""Statistics: the paper's figures come out of the public captions."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.dataset import Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import dataset_statistics
from rsitmd_tools.quality.output.statistics import plot, render
from rsitmd_tools.schemas import first_error, load_schema
from tests.quality.conftest import dataset, record


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("rsitmd_precomp", (4743, 23715, 33, 11.317, 4.602, 3908, 0.0282)),
        ("ucm_precomp", (2100, 10500, 0, 11.527, 0.968, 337, 0.0572)),
    ],
)
def test_the_figures_of_the_paper(shared_data: Path, name: str, wanted: tuple[float, ...]) -> None:
    found = dataset_statistics(load_dataset(shared_data / name))
    assert first_error(found, load_schema("statistics")) is None
    keys = ("images", "sentences", "categories", "average_length", "diversity", "distinct_words")
    rounded = tuple(round(found[key], 3) for key in keys)
    assert (*rounded, round(found["average_similarity"], 4)) == wanted
    assert found["average_similarity"] == found["splits"]["test"]["average_similarity"]
    assert sum(part["images"] for part in found["splits"].values()) == found["images"]


def test_a_dataset_by_hand() -> None:
    data = dataset(
        record("a_1.tif", [Sentence("A ship.", annotator="x"), Sentence("A ship.", "y")], ["b c"]),
        record("b_1.tif", [Sentence("Two red ships", annotator="x")], []),
        record("9.tif", [], []),
    )
    found = dataset_statistics(data)
    assert first_error(found, load_schema("statistics")) is None
    assert found["average_length"] == pytest.approx((3 + 3 + 3) / 3)
    assert found["diversity"] == pytest.approx(2 / 3)
    assert found["distinct_words"] == len({"a", "ship", ".", "two", "red", "ships"})
    assert found["category_counts"] == {"a": 1, "b": 1}
    assert found["distributions"]["length"] == {"3": 3}
    assert found["distributions"]["keywords_per_image"] == {"0": 2, "1": 1}
    assert found["distributions"]["words"]["ship"] == 2
    assert found["annotators"]["x"]["sentences"] == 2
    assert found["annotators"]["x"]["distinct"] == 1.0


def test_origins_are_counted_and_shown() -> None:
    sentences = [
        Sentence("A ship.", "x", origin="human", machine_given=False),
        Sentence("Two ships.", "y", origin="human", edit_distance=41, machine_given=True),
        Sentence("Six ships.", "y", origin="machine changed", edit_distance=4, machine_given=True),
        Sentence("Five ships.", "z", origin="machine changed", edit_distance=7, machine_given=True),
        Sentence("No ship."),
    ]
    found = dataset_statistics(dataset(record("a_1.tif", sentences)))
    assert found["origins"] == {
        "human": 2, "machine changed": 2, "machine untouched": 0, "unknown": 1,
        "machine_given": 3, "edit_distance": 5.5,
    }  # fmt: skip
    assert first_error(found, load_schema("statistics")) is None
    told = (
        "origin: human 2, machine changed 2, machine untouched 0 (mean edit distance 5.5),"
        " unknown 1; machine text was shown for 3"
    )
    assert told in render([found], "text")
    assert "origin:" not in render([dataset_statistics(dataset(record()))], "text")


def test_an_empty_dataset_has_no_averages() -> None:
    found = dataset_statistics(dataset())
    assert found["average_length"] is None
    assert found["average_similarity"] is None
    assert first_error(found, load_schema("statistics")) is None


def test_tables_and_the_plot(tmp_path: Path) -> None:
    documents = [
        dataset_statistics(dataset(record(), name=name)) for name in ("a & b", "a & b", "$x$|\x1b")
    ]
    latex = render(documents, "latex")
    assert r"a \& b & a \& b' & \$x\$|\textbackslash{}x1b \\" in latex
    markdown = render(documents, "markdown")
    assert r"| | a & b | a & b' | $x$\|\x1b |" in markdown
    assert "\x1b" not in render(documents[2:], "text")
    plot(documents, tmp_path / "fig9.png")
    assert (tmp_path / "fig9.png").read_bytes().startswith(b"\x89PNG")
