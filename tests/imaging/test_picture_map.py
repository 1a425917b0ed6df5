"""The map between images of one picture, and the outline of common ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging.perceptual import ORIENTATIONS
from rsitmd_tools.imaging.picture_map import common_ground, common_share, picture_map
from tests.pictures import photo

SIDE = 256
POINTS = np.array([[0.3, 0.4], [0.6, 0.45], [0.5, 0.7]])


def saved(folder: Path, name: str, image: Image.Image) -> Path:
    image.save(folder / name)
    return folder / name


def mapped(first: Path, second: Path) -> npt.NDArray[np.float64]:
    found = picture_map(first, second)
    assert found is not None
    matrix = np.array(found)
    return np.asarray(POINTS @ matrix[:, :2].T + matrix[:, 2])


@pytest.mark.parametrize("orientation", range(8))
def test_a_turned_copy_maps_its_points(tmp_path: Path, orientation: int) -> None:
    image, how = photo(1).resize((SIDE, SIDE)), ORIENTATIONS[orientation]
    turned = image if how is None else image.transpose(how)
    found = mapped(saved(tmp_path, "a.png", image), saved(tmp_path, "b.png", turned))
    for point, place in zip(POINTS, found, strict=True):
        # A white dot at the point is at the mapped place in the turned image.
        dot = Image.new("L", (SIDE, SIDE))
        x, y = (point * SIDE).astype(int)
        dot.paste(255, (x - 2, y - 2, x + 2, y + 2))
        pixels = np.asarray(dot if how is None else dot.transpose(how))
        rows, columns = np.nonzero(pixels)
        centre = np.array([columns.mean(), rows.mean()]) + 0.5
        assert np.allclose(place * SIDE, centre, atol=2.5)


@pytest.mark.parametrize(("left", "top", "side"), [(12, 6, 236), (0, 16, 240), (0, 0, 256)])
def test_the_map_of_a_crop_is_that_of_its_frame(
    tmp_path: Path, left: int, top: int, side: int
) -> None:
    image = photo(2).resize((SIDE, SIDE))
    crop = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
    one, other = saved(tmp_path, "a.png", image), saved(tmp_path, "b.png", crop)
    expected = (POINTS * SIDE - (left, top)) / side
    assert np.allclose(mapped(one, other), expected, atol=0.02)
    back = (POINTS * side + (left, top)) / SIDE
    assert np.allclose(mapped(other, one), back, atol=0.02)


def test_a_damaged_file_has_no_map(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    assert picture_map(saved(tmp_path, "a.png", photo(1)), tmp_path / "b.png") is None


def test_outlines_of_a_shift_are_the_two_strips() -> None:
    first, second = common_ground(((1, 0, -0.75), (0, 1, 0)))
    assert sorted(map(tuple, first.round(6))) == [(0.75, 0), (0.75, 1), (1, 0), (1, 1)]
    assert sorted(map(tuple, second.round(6))) == [(0, 0), (0, 1), (0.25, 0), (0.25, 1)]
    assert np.isclose(common_share((first, second)), 0.25)


@pytest.mark.parametrize("mapping", [((1, 0, 2), (0, 1, 0)), ((0, 0, 0), (0, 0, 0))])
def test_nothing_common_has_no_outline(mapping: tuple[tuple[float, ...], ...]) -> None:
    outlines = common_ground(mapping)
    assert [len(points) for points in outlines] == [0, 0]
    assert common_share(outlines) == 0


@settings(max_examples=100, deadline=None)
@given(
    angle=st.floats(-180, 180),
    zoom=st.floats(0.3, 3.3),
    shift=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_outlines_are_in_both_images_and_agree(
    angle: float, zoom: float, shift: tuple[float, float]
) -> None:
    from shapely.geometry import Polygon, box

    cos, sin = zoom * np.cos(np.radians(angle)), zoom * np.sin(np.radians(angle))
    mapping = ((cos, -sin, shift[0]), (sin, cos, shift[1]))
    first, second = common_ground(mapping)
    for points in (first, second):
        assert ((points >= 0) & (points <= 1)).all()
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    matrix = np.array(mapping)
    expected = Polygon(corners @ matrix[:, :2].T + matrix[:, 2]).intersection(box(0, 0, 1, 1))
    area = Polygon(second).area if len(second) >= 3 else 0.0
    assert np.isclose(area, expected.area, atol=1e-6)
    other = Polygon(first).area if len(first) >= 3 else 0.0
    assert np.isclose(other * zoom**2, area, atol=1e-5)
