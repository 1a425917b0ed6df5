"""Pictures of saliency maps: red where the map is high, blue where it is low."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import torch
from PIL import Image

from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.evaluation.maps import (
    ACROSS,
    GAP,
    check_maps_folder,
    draw_map,
    draw_maps,
)
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

SIDE, CELLS = 32, 4
CELL = SIDE // CELLS


def bright(cell: int) -> np.ndarray:
    """A map of one bright cell."""
    salient = np.full(CELLS * CELLS, -3, np.float32)
    salient[cell] = 7
    return salient.reshape(CELLS, CELLS)


def check_drawn(picture: np.ndarray, image: np.ndarray, cell: int) -> None:
    """The image, a gap, and the image under a map that is red in this cell alone."""
    assert picture.shape == (SIDE, 2 * SIDE + GAP, 3)
    assert np.array_equal(picture[:, :SIDE], image)
    assert (picture[:, SIDE : SIDE + GAP] == 255).all()
    colours = picture[:, SIDE + GAP :].astype(int) - image // 2
    middles = colours[CELL // 2 :: CELL, CELL // 2 :: CELL].reshape(-1, 3)
    for place, (red, green, blue) in enumerate(middles):
        if place == cell:
            assert red > 50 and red > 2 * green and red > 2 * blue
        else:
            assert blue > red and blue > green


def test_one_bright_cell_is_red_and_all_else_is_blue() -> None:
    image = np.random.default_rng(0).integers(0, 100, (SIDE, SIDE, 3), dtype=np.uint8) * 2
    for cell in (0, 6, 13):
        check_drawn(draw_map(image, bright(cell)), image, cell)
    # Of any scale; and one without any difference is blue.
    assert np.array_equal(draw_map(image, 100 * bright(6)), draw_map(image, bright(6)))
    flat = draw_map(np.zeros_like(image), np.full((CELLS, CELLS), 5, np.float32))
    over = flat[:, SIDE + GAP :].reshape(-1, 3)
    assert len(np.unique(over, axis=0)) == 1 and over[0].argmax() == 2


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    check_maps_folder(tmp_path / "maps")
    (tmp_path / "maps").mkdir()
    check_maps_folder(tmp_path / "maps")
    (tmp_path / "maps" / "photo.png").touch()
    with pytest.raises(RsitmdError, match="not saliency maps"):
        check_maps_folder(tmp_path / "maps")
    (tmp_path / "maps" / "sheet.png").touch()
    check_maps_folder(tmp_path / "maps")
    (tmp_path / "maps" / "thesis.txt").touch()
    with pytest.raises(RsitmdError, match="not saliency maps"):
        check_maps_folder(tmp_path / "maps")


def test_each_image_has_a_map_and_the_sheet_has_all_maps(
    tiny: Dataset, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _, _ = Run(trained).load()
    part = tiny.with_images(tiny.images[:7])
    pixels = np.stack([np.full((SIDE, SIDE, 3), 20 * n, np.uint8) for n in range(7)])
    seen = []

    def saliency(_: AMFMN, images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return torch.from_numpy(np.stack([bright(2 * n) for n in range(7)]))[:, None]

    monkeypatch.setattr(AMFMN, "saliency", saliency)
    file = draw_maps(model, part, pixels, tmp_path / "maps")
    assert torch.equal((255 * seen[0][:, 0, 0, 0]).round(), 20.0 * torch.arange(7))
    sheet = np.asarray(Image.open(file))
    left_over = np.ones(sheet.shape[:2], bool)
    for n, record in enumerate(part):
        name = quote(record.filename, safe="")
        picture = np.asarray(Image.open(tmp_path / "maps" / f"{name}.png"))
        check_drawn(picture, pixels[n], 2 * n)
        top, left = n // ACROSS * (SIDE + GAP), n % ACROSS * (2 * SIDE + 4 * GAP)
        place = slice(top, top + SIDE), slice(left, left + 2 * SIDE + GAP)
        assert np.array_equal(sheet[place], picture)
        left_over[place] = False
    assert (sheet[left_over] == 255).all()
