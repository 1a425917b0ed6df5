"""Sampling: deterministic, independent of the file system, as different as possible."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.sampling import (
    FEATURES,
    LEVELS,
    SIDE,
    Sampling,
    farthest_first,
    features_of,
    sample,
)
from rsitmd_tools.ingest.scan import Found, scan
from rsitmd_tools.workspace import Workspace
from tests.ingest.scenes import write_scene


def files(count: int, source: Path = Path("/a/source")) -> list[Found]:
    return [
        Found.at(str(source), f"{source}/c{n % 3}", f"{n}.png", f"c{n % 3}", None)
        for n in range(count)
    ]


def chosen(found: list[Found], sampling: Sampling) -> list[str]:
    return [file.relative for file in sample(found, sampling)]


def test_a_random_choice_has_so_many_of_each_category() -> None:
    found = [*files(60), Found.at("/a", "/a/rare", "1.png", "rare", None)]
    counts = Counter(file.category for file in sample(found, Sampling(per_category=7)))
    assert counts == {"c0": 7, "c1": 7, "c2": 7, "rare": 1}


def test_a_random_choice_depends_on_seed_and_names_alone() -> None:
    found = files(60)
    first = chosen(found, Sampling(per_category=5, seed=1))
    assert first != chosen(found, Sampling(per_category=5, seed=2))
    assert first == chosen(files(60, Path("/elsewhere")), Sampling(per_category=5, seed=1))
    random.Random(0).shuffle(found)
    assert set(first) == set(chosen(found, Sampling(per_category=5, seed=1)))


def test_a_new_file_displaces_at_most_one() -> None:
    before = set(chosen(files(60), Sampling(per_category=5)))
    after = set(chosen(files(61), Sampling(per_category=5)))
    assert len(before - after) <= 1


@st.composite
def points(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    values = st.integers(0, 3)
    cells = draw(st.lists(values, min_size=rows * columns, max_size=rows * columns))
    return np.array(cells, np.float32).reshape(rows, columns)


@given(points(), st.integers(0, 14))
def test_farthest_first_is_that_of_its_definition(values: np.ndarray, count: int) -> None:
    whole = values.astype(int)
    total = len(whole)
    expected: list[int] = []
    for _ in range(min(count, total)):
        if not expected:
            from_mean = [((total * row - whole.sum(0)) ** 2).sum() for row in whole]
            expected.append(int(np.argmin(from_mean)))
            continue
        nearest = [
            -1 if k in expected else min(((row - whole[c]) ** 2).sum() for c in expected)
            for k, row in enumerate(whole)
        ]
        expected.append(int(np.argmax(nearest)))
    assert farthest_first(values, count) == expected


def test_the_features_are_small_enough_for_exact_sums() -> None:
    assert FEATURES * LEVELS**2 < 2**22
    values = np.random.default_rng(0).integers(0, LEVELS + 1, (300, FEATURES))
    assert farthest_first(values.astype(np.float32), 40) == farthest_first(
        np.asfortranarray(values.astype(np.float32)), 40
    )


def draw_scenes(folder: Path) -> Path:
    """Twelve images of three colours that hardly differ, and one that differs much."""
    for number in range(12):
        colour = [(200, 30, 30), (30, 200, 30), (30, 30, 200)][number % 3]
        image = Image.new("RGB", (64, 64), colour)
        image.putpixel((number, 0), (255, 255, 255))
        folder.joinpath("all").mkdir(parents=True, exist_ok=True)
        image.save(folder / "all" / f"{number}.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "all" / "noise.png")
    return folder


def test_a_diverse_choice_takes_one_of_each_kind(tmp_path: Path) -> None:
    found = scan([draw_scenes(tmp_path)]).found
    names = chosen(found, Sampling(diverse=4))
    kinds = {name if "noise" in name else int(Path(name).stem) % 3 for name in names}
    assert kinds == {0, 1, 2, "all/noise.png"}
    assert names == chosen(found, Sampling(diverse=4))
    assert names == chosen(found, Sampling(diverse_per_category=4)), "there is one category"
    assert len(sample(found, Sampling(diverse=99))) == 13


def test_the_gradients_tell_stripes_of_one_mean_apart(tmp_path: Path) -> None:
    for name, axis in (("down", 0), ("right", 1)):
        stripes = np.indices((64, 64))[axis] // 2 % 2 * 255
        Image.fromarray(stripes.astype(np.uint8)).convert("RGB").save(tmp_path / f"{name}.png")
    down, right = (features_of(str(tmp_path / f"{name}.png")) for name in ("down", "right"))
    assert down is not None and right is not None
    assert len(down) == FEATURES and max(down + right) <= LEVELS
    assert down[-128:] != right[-128:]


def test_unusable_files_are_left_to_the_ingest_which_reports_them(tmp_path: Path) -> None:
    source = draw_scenes(tmp_path / "source")
    (source / "all" / "bad.png").write_bytes(b"x")
    with Workspace.create(tmp_path / "w") as workspace:
        report = ingest(workspace, [source], sampling=Sampling(diverse=2))
        assert (report.added, len(report.rejected), report.not_chosen) == (2, 1, 11)
        again = ingest(workspace, [source], sampling=Sampling(diverse=2))
        assert (again.added, again.known) == (0, 2)


@pytest.mark.parametrize(
    "given", [{"diverse": 1, "per_category": 1}, {"diverse": 1, "diverse_per_category": 1}]
)
def test_two_ways_exclude_each_other(given: dict[str, int]) -> None:
    with pytest.raises(Exception, match="two ways of sampling"):
        Sampling(**given)


def test_a_diverse_choice_sees_the_bands_that_are_taken_in(tmp_path: Path) -> None:
    pytest.importorskip("rasterio")
    flat = np.full((3, 64, 64), 90, np.uint8)
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    path = write_scene(tmp_path / "a.tif", np.concatenate([flat, noisy[None]]))
    usual, fourth = features_of(str(path)), features_of(str(path), BandOptions(bands=(4,)))
    assert usual is not None and fourth is not None and usual != fourth
    assert not any(usual[SIDE * SIDE * 3 :]) and any(fourth[SIDE * SIDE * 3 :])
