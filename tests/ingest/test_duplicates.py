"""Groups of exact and near duplicates, against a plain search of all pairs."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from rsitmd_tools.demo.scenes import write_scenes
from rsitmd_tools.imaging.perceptual import (
    ORIENTATIONS,
    grey_thumbnail,
    near_pairs,
    perceptual_hashes,
)
from rsitmd_tools.ingest import duplicates
from rsitmd_tools.ingest.duplicates import duplicate_groups, group_duplicates
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.workspace import Workspace

HASHES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 2**10).map(lambda n: f"{n:016x}")),
    max_size=12,
)


@given(HASHES, st.integers(0, 6))
@settings(deadline=None)
def test_groups_equal_a_brute_force_search(items: list[tuple[str, str]], distance: int) -> None:
    label = list(range(len(items)))
    for i, j in combinations(range(len(items)), 2):
        bits = int(items[i][1], 16) ^ int(items[j][1], 16)
        if items[i][0] == items[j][0] or bits.bit_count() <= distance:
            kept, gone = sorted((label[i], label[j]))
            label = [kept if value == gone else value for value in label]
    expected = [value if label.count(value) > 1 else None for value in label]
    assert duplicate_groups([p for p, _ in items], [h for _, h in items], distance) == expected


def test_rotated_images_are_pairs_but_an_image_is_not_its_own_pair() -> None:
    own, turned, far = "0" * 16, "f" * 16, "0f" * 8
    assert not list(near_pairs([own + own, far + far], 3))
    assert list(near_pairs([own + turned, turned + far], 3)) == [(0, 1)]


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("turn", ORIENTATIONS[1:])
def test_near_duplicates_are_found_by_their_hashes(turn: Image.Transpose) -> None:
    image = photo(1)
    changed = image.transpose(turn).filter(ImageFilter.GaussianBlur(1)).point(lambda v: v * 0.9)
    images = (image, photo(2), changed, photo(3))
    hashes = perceptual_hashes([grey_thumbnail(i) for i in images])
    assert all(len(text) == 8 * 16 for text in hashes)
    assert duplicate_groups(["a", "b", "c", "d"], hashes, 8) == [0, None, 0, None]


def test_the_distance_of_the_settings_counts(tmp_path: Path) -> None:
    write_scenes(tmp_path / "s", 20, 0)
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [tmp_path / "s"])
        assert group_duplicates(workspace).images < 20
    toml = tmp_path / "w" / "rsitmd.toml"
    toml.write_text(
        toml.read_text().replace("near_duplicate_distance = 8", "near_duplicate_distance = 32")
    )
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        assert group_duplicates(workspace).images == 20


def test_equal_hashes_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    monkeypatch.setattr(
        duplicates, "near_pairs", lambda hashes, _: compared.append(len(hashes)) or iter(())
    )
    equal = ["0123456789abcdef" * 8] * 1000
    assert duplicate_groups([str(n) for n in range(1000)], equal, 0) == [0] * 1000
    assert compared == [1]
