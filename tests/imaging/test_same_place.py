"""Images of overlapping ground, found by local features."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging import local_features, same_place
from rsitmd_tools.imaging.local_features import features, match_places
from rsitmd_tools.imaging.opencv import load_opencv
from rsitmd_tools.imaging.same_place import (
    neighbours_per_image,
    prove,
    same_place_pairs,
    shows_one_place,
)
from rsitmd_tools.imaging.visual_words import nearest_embeddings, neighbours, vocabulary
from tests.pictures import SIDE, crops_with_a_lawn, cut, ground


def match(one: Image.Image, other: Image.Image) -> local_features.PlaceMatch | None:
    return match_places(features(np.asarray(one)), features(np.asarray(other)))


@pytest.mark.parametrize(
    ("x", "side", "angle", "overlap"),
    [(178, 256, 0.0, 0.5), (127, 256, 0.0, 0.7), (203, 256, 0.0, 0.4), (110, 170, 0.0, 0.9)],
)
def test_shifted_and_zoomed_images_show_one_place(
    x: int, side: int, angle: float, overlap: float
) -> None:
    scene = ground(1)
    found = match(cut(scene, 50, 50), cut(scene, x, 50, side, angle))
    assert found is not None
    assert shows_one_place(found)
    assert abs(found.overlap - overlap) < 0.15


@pytest.mark.parametrize("angle", [20.0, 90.0, 133.0])
def test_the_map_of_a_rotated_image_is_found(angle: float) -> None:
    scene = ground(1)
    found = match(cut(scene, 150, 150), cut(scene, 150, 150, angle=angle))
    assert found is not None and shows_one_place(found)
    (a, b, _), _ = found.matrix
    assert abs(np.hypot(a, b) - 1) < 0.03
    assert np.isclose(np.degrees(np.arctan2(b, a)) % 360, angle, atol=2)


def test_the_shift_of_the_map_is_that_of_the_images() -> None:
    scene = ground(2)
    found = match(cut(scene, 50, 50), cut(scene, 130, 90))
    assert found is not None
    assert np.allclose([row[2] for row in found.matrix], [-80, -40], atol=1.5)


def test_one_object_in_two_places_is_not_one_place() -> None:
    aircraft = np.asarray(cut(ground(7), 0, 0))[:70, :70]
    first, second = (np.asarray(cut(ground(seed), 0, 0)).copy() for seed in (3, 4))
    first[40:110, 60:130] = aircraft
    second[150:220, 20:90] = aircraft
    found = match(Image.fromarray(first), Image.fromarray(second))
    assert found is not None and found.inliers >= 6, "the object must match for this test"
    assert not shows_one_place(found)


def test_a_common_legend_is_not_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = []
    for seed in (3, 4):
        picture = cut(ground(seed), 0, 0)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, SIDE - 28, SIDE, SIDE), fill=255)
        for line, text in enumerate(["Example Imagery 2021", "0    50   100 m   UTM 32 N"]):
            draw.text((4, SIDE - 27 + 13 * line), text, fill=0, font=ImageFont.load_default(14))
        pictures.append(features(np.asarray(picture)))
    assert prove(*pictures) is None
    monkeypatch.setattr(local_features, "IN_PLACE", -1.0)
    assert prove(*pictures) is not None, "the legend must match for this test"


def test_a_place_that_changed_in_part_is_one_place() -> None:
    before, later = (np.asarray(cut(ground(seed), 0, 0)).astype(float) for seed in (3, 4))
    built = np.kron(np.random.default_rng(0).random((8, 8)) < 0.3, np.ones((SIDE // 8, SIDE // 8)))
    after = np.where(built, later, before * 0.8 + 20)
    found = prove(features(before.astype(np.uint8)), features(after.astype(np.uint8)))
    assert found is not None and found.inliers is not None
    assert np.allclose(found.matrix, [[1, 0, 0], [0, 1, 0]], atol=local_features.IN_PLACE)


def test_other_places_and_plain_images_do_not_match() -> None:
    plain = Image.fromarray(np.full((SIDE, SIDE), 90, np.uint8))
    assert match(plain, plain) is None
    other = match(cut(ground(1), 0, 0), cut(ground(2), 0, 0))
    assert other is None or not shows_one_place(other)


def test_pairs_are_found_among_other_images(tmp_path: Path) -> None:
    images = [cut(ground(seed), 0, 0) for seed in range(12)]
    images += [cut(ground(3), 120, 0), cut(ground(5), 60, 80, angle=40)]
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        image.save(paths[-1])
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG")
    found = same_place_pairs([*paths, tmp_path / "damaged.png"])
    assert [(pair.first, pair.second) for pair in found] == [(3, 12), (5, 13)]
    assert found == same_place_pairs([*paths, tmp_path / "damaged.png"])


@pytest.mark.parametrize("seed", range(3))
def test_the_pairs_do_not_depend_on_the_order_of_the_images(tmp_path: Path, seed: int) -> None:
    """Cuts of four scenes that overlap a little: some are near the limit."""
    paths = []
    for number in range(24):
        file = tmp_path / f"{number}.png"
        cut(ground(number % 4), 12 * number, 7 * number).save(file)
        paths.append(file)
    mixed = random.Random(seed).sample(paths, len(paths))

    def found(order: list[Path], cache: str) -> dict[tuple[Path, Path], local_features.PlaceMatch]:
        pairs = same_place_pairs(order, workers=1, cache=tmp_path / cache)
        assert all(pair.first < pair.second for pair in pairs)
        return {(order[pair.first], order[pair.second]): pair.match for pair in pairs}

    one, other = found(paths, "a"), found(mixed, "b")
    assert len(one) > 10
    assert {frozenset(pair) for pair in one} == {frozenset(pair) for pair in other}
    for (first, second), match in one.items():
        same = other.get((first, second)) or other[second, first].inverted()
        assert (same.inliers, same.agreement) == (match.inliers, match.agreement)
        assert np.allclose(same.matrix, match.matrix, atol=1e-6)


def test_small_datasets_have_more_neighbours() -> None:
    found = [neighbours_per_image(images) for images in (0, 1, 2100, 3630, 5000, 10_921, 10**6)]
    assert found == [40, 40, 40, 27, 20, 10, 10]


def test_a_common_strip_without_keypoints_is_found_by_its_pixels() -> None:
    images = crops_with_a_lawn()
    keypoints = match(*images)
    assert keypoints is None or not shows_one_place(keypoints)
    found = prove(*(features(np.asarray(image)) for image in images))
    assert found is not None and found.inliers is None and found.agreement > 0.9
    assert found.matrix == ((1.0, 0.0, -210.0), (0.0, 1.0, 0.0))
    assert abs(found.overlap - 46 / 256) < 0.01


def test_too_few_images_have_no_neighbours() -> None:
    assert neighbours([], 5) == []
    assert neighbours([np.zeros((4, 128), np.uint8)], 5) == []
    assert neighbours([np.empty((0, 128), np.uint8)] * 3, 5) == []


def random_descriptors(seed: int, noise: int = 0) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    found = rng.integers(10, 240, (40, 128)) + rng.integers(0, noise + 1, (40, 128))
    return found.astype(np.uint8)


def test_the_neighbours_of_thousands_of_equal_images_are_few() -> None:
    equal, other, noisy = random_descriptors(1), random_descriptors(2), random_descriptors(1, 3)
    tables = [other, *[equal] * 5000, noisy]
    found = neighbours(tables, 5)
    assert {(1, k) for k in range(2, 5002)} <= set(found)
    assert {(k, 5001) for k in range(1, 5001)} <= set(found)
    assert len(found) <= 15_000


def test_only_images_of_different_sides_are_neighbours() -> None:
    equal, noisy = random_descriptors(1), random_descriptors(1, 3)
    tables = [equal, equal, noisy, random_descriptors(2), equal]
    assert {(0, 1), (0, 2)} <= set(neighbours(tables, 5))
    sides = [0, 0, 0, 1, 1]
    across = {(0, 4), (1, 4), (2, 4)}
    assert across <= set(neighbours(tables, 5, sides=sides))
    assert all(sides[i] != sides[j] for i, j in neighbours(tables, 5, sides=sides))


def test_the_neighbours_by_embeddings_are_those_of_the_cosine() -> None:
    table = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    table[4] = 0
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    scores = unit @ unit.T - 2 * np.eye(30)
    expected = {
        (min(i, j), max(i, j)) for i in range(30) if i != 4 for j in np.argsort(-scores[i])[:3]
    }
    assert nearest_embeddings(table, 3) == sorted(expected)
    sides = [0] * 15 + [1] * 15
    assert all(i < 15 <= j for i, j in nearest_embeddings(table, 3, sides=sides))


def test_embeddings_are_a_second_source_of_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, image in zip(
        paths, (cut(ground(1), 0, 0), cut(ground(2), 0, 0), cut(ground(1), 120, 0)), strict=True
    ):
        image.save(path)
    monkeypatch.setattr(same_place, "neighbours", lambda *_, **__: [])
    assert same_place_pairs(paths, cache=tmp_path / "cache") == []
    vectors = np.array([[1, 0], [0, 1], [1, 0.1]], np.float32)
    (pair,) = same_place_pairs(paths, cache=tmp_path / "cache", embeddings=vectors)
    assert (pair.first, pair.second) == (0, 2)


def test_odd_images_have_no_pairs_of_one_place(tmp_path: Path) -> None:
    scene = cut(ground(1), 0, 0)
    images = [Image.new("L", (SIDE, SIDE), 90), Image.new("L", (SIDE, SIDE), 90)]
    images += [scene.resize((16, 16)), scene.convert("RGB"), scene]
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        image.save(paths[-1])
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG")
    found = same_place_pairs([*paths, tmp_path / "damaged.png", tmp_path / "absent.png"])
    assert [(pair.first, pair.second) for pair in found] == [(3, 4)]
    assert same_place_pairs([]) == [] and same_place_pairs(paths[:1]) == []


def test_a_vocabulary_has_the_centres_of_the_descriptors() -> None:
    rng = np.random.default_rng(0)
    centres = rng.integers(20, 230, (5, 128))
    noisy = centres[rng.integers(0, 5, 400)] + rng.integers(-3, 4, (400, 128))
    words = vocabulary([noisy.astype(np.uint8)] * 10)
    distance = np.sqrt(((words[None] - centres[:, None]) ** 2).sum(axis=2)).min(axis=1)
    assert distance.max() < 40


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(RsitmdError, match=r"OpenCV.* is not installed") as refused:
        load_opencv()
    assert refused.value.hint is not None and "pip install '.[geo]'" in refused.value.hint


LABELS = Path(__file__).parent / "labels"
COLUMNS = ("first", "second")


@pytest.mark.parametrize("name", ["ucm_full", "rsitmd_partial"])
def test_real_pairs_are_distinguished_as_by_eye(name: str, shared_data: Path) -> None:
    """The labels were made by looking at each pair: similar objects are not one place."""
    images = shared_data / name / "images"
    with (LABELS / f"same_place_{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = []
    for row in rows:
        pair = (np.asarray(Image.open(images / row[key]).convert("L")) for key in COLUMNS)
        if (prove(*map(features, pair)) is not None) != (row["same_place"] == "yes"):
            wrong.append(row)
    assert wrong == []
