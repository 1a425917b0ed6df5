"""The heat map: pooled means equal those of the whole matrix, sorted by category."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.similarity import compute_prior
from rsitmd_tools.similarity.heatmap import draw_heat_maps, heat_map

if TYPE_CHECKING:
    from tests.similarity.conftest import MakeDataset


def test_cells_are_means_of_the_matrix_sorted_by_category(make_dataset: MakeDataset) -> None:
    ships = make_dataset([[f"{n} red ship near port {k}" for k in "abc"] for n in "pqrst"])
    farms = make_dataset([[f"{n} green farm {k}" for k in "ab"] for n in "uvw"], category="Z")
    ships = ships.with_images([*ships.images[:2], *farms, *ships.images[2:]])
    found = heat_map(ships, cells=4)
    ordered = ships.with_images([*farms, *(i for i in ships if i.category == "a")])
    matrix = compute_prior(ordered)
    rows = np.arange(8) * 4 // 8
    columns = np.arange(21) * 4 // 21
    expected = [
        [matrix[np.ix_(rows == r, columns == c)].mean() for c in range(4)] for r in range(4)
    ]
    np.testing.assert_allclose(found.cells, expected, atol=1e-12)
    assert found.categories == (("Z", 0, 3), ("a", 3, 5))
    assert found.mean == pytest.approx(matrix.mean())


def test_images_without_words_are_left_out(make_dataset: MakeDataset) -> None:
    found = heat_map(make_dataset([["a ship", "b"], ["", ""], ["red ship", "port"]]))
    assert np.isnan(found.cells[1]).all()
    assert not np.isnan(found.cells[[0, 2]]).any()


def test_several_are_drawn_side_by_side(tmp_path: Path, make_dataset: MakeDataset) -> None:
    maps = [heat_map(make_dataset([["a red ship"], ["a blue sea"]], category=c)) for c in "ab"]
    for count in (1, 2):
        draw_heat_maps(maps[:count], tmp_path / f"{count}.png")
    with Image.open(tmp_path / "1.png") as one, Image.open(tmp_path / "2.png") as two:
        assert two.width > one.width * 1.7
        assert len(two.convert("RGB").getcolors(1 << 24) or []) > 20
    with pytest.raises(WrongUsage, match="unsupported file type"):
        draw_heat_maps(maps, tmp_path / "map.gif")
    with pytest.raises(RsitmdError, match="cannot be written"):
        draw_heat_maps(maps, Path("/proc/none/map.png"))


def test_a_heat_map_without_captions_is_an_error(make_dataset: MakeDataset) -> None:
    with pytest.raises(RsitmdError, match="has no captions"):
        heat_map(make_dataset([[]]))
