"""RUN/queries.csv: written, read, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import BidirectionalHits
from rsitmd_tools.baselines.evaluation.queries import read_queries, write_queries
from rsitmd_tools.errors import RsitmdError


@pytest.fixture
def file(gallery: Gallery, tmp_path: Path) -> Path:
    scores = np.random.default_rng(0).normal(size=(3, 6))
    both = BidirectionalHits.of(scores, gallery.owners)
    write_queries(tmp_path / "queries.csv", gallery, both.to_text, both.to_image)
    return tmp_path / "queries.csv"


def test_what_is_written_is_read(gallery: Gallery, file: Path) -> None:
    both = BidirectionalHits.of(np.random.default_rng(0).normal(size=(3, 6)), gallery.owners)
    queries = read_queries(file)
    assert queries.images == ("im 0.png", "im 1.png", "im 3.png")
    assert np.array_equal(queries.owners, gallery.owners)
    assert np.array_equal(queries.places, gallery.places)
    assert queries.image_hits == pytest.approx(both.to_text.expected)
    assert queries.text_hits == pytest.approx(both.to_image.expected)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("r1,r5", "r1,r6", "line 2 does not contain"),
        ("im 0.png,,", "im 0.png,x,", "line 2 does not contain"),
        ("im 0.png,,", "im 9.png,,", "images and texts do not match"),
    ],
)
def test_malformed_files_are_one_line_errors(file: Path, old: str, new: str, line: str) -> None:
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(RsitmdError, match=line):
        read_queries(file)


@pytest.mark.parametrize("value", ["1.5", "-1", "nan", ""])
def test_a_hit_is_a_probability(file: Path, value: str) -> None:
    rows = file.read_text().splitlines()
    rows[1] = ",".join([*rows[1].split(",")[:-1], value])
    file.write_text("\n".join(rows))
    with pytest.raises(RsitmdError, match="line 2"):
        read_queries(file)
