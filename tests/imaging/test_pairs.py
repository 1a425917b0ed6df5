"""Exact and near duplicates among drawn and changed images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps

from rsitmd_tools.imaging import pairs, perceptual
from rsitmd_tools.imaging.measures import measure, picture_pairs
from rsitmd_tools.imaging.pairs import (
    EXACT,
    NEAR,
    Fingerprint,
    ImagePair,
    image_pairs,
    most_similar,
    pairs_between,
)
from rsitmd_tools.imaging.perceptual import (
    ORIENTATIONS,
    near_orientations,
)
from rsitmd_tools.imaging.registration import Registration
from tests.imaging.changes import CHANGES, fingerprints
from tests.pictures import cropped, jpeg, photo, plain

HASHES = st.lists(st.integers(0, 2**10), max_size=12)


@given(HASHES, st.integers(0, 6))
@settings(deadline=None)
def test_candidates_equal_a_brute_force_search(numbers: list[int], distance: int) -> None:
    texts = [f"{number:016x}" for number in numbers]
    expected = [
        (i, j)
        for i, j in combinations(range(len(numbers)), 2)
        if (numbers[i] ^ numbers[j]).bit_count() <= distance
    ]
    assert sorted((i, j) for i, j, _ in near_orientations(texts, distance)) == expected


@given(HASHES, st.integers(0, 6))
@settings(deadline=None)
def test_other_hashes_of_the_second_images_are_compared(numbers: list[int], distance: int) -> None:
    texts, others = ([f"{number ^ mask:016x}" for number in numbers] for mask in (0, 3))
    expected = [
        (i, j)
        for i, j in combinations(range(len(numbers)), 2)
        if (numbers[i] ^ numbers[j] ^ 3).bit_count() <= distance
    ]
    found = near_orientations(texts, distance, None, others)
    assert sorted((i, j) for i, j, _ in found) == expected


def test_an_image_that_resembles_the_centre_of_another_is_a_near_duplicate(
    tmp_path: Path,
) -> None:
    for number in range(20, 60):
        large = photo(number)
        images = fingerprints(tmp_path, [large, photo(2), cropped(large, 0.1)])
        if not any((i, j) == (0, 2) for i, j, _ in near_orientations(hashes_of(images), 16)):
            found = image_pairs(images, workers=1)
            if found:
                break
    else:
        pytest.fail("no crop was found by the centre of its image")
    assert [(pair.first, pair.second, pair.kind) for pair in found] == [(0, 2, NEAR)]
    turned = photo(number).transpose(Image.Transpose.ROTATE_90)
    images = fingerprints(tmp_path, [turned, cropped(large, 0.1)])
    assert [(pair.first, pair.second) for pair in image_pairs(images, workers=1)] == [(0, 1)]


def hashes_of(images: Sequence[Fingerprint]) -> list[str]:
    return [image.hashes for image in images]


def test_the_nearest_orientation_of_a_candidate_is_reported() -> None:
    own, turned, far = "0" * 16, "f" * 16, "0f" * 8
    assert not list(near_orientations([own + own, far + far], 3))
    assert list(near_orientations([own + turned, turned + far], 3)) == [(0, 1, 1)]


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_picture_is_a_near_duplicate(name: str, tmp_path: Path) -> None:
    images = [photo(1), photo(2), CHANGES[name](photo(1)), photo(3)]
    (pair,) = image_pairs(fingerprints(tmp_path, images))
    assert (pair.first, pair.second, pair.kind) == (0, 2, NEAR)
    assert 0.65 <= pair.similarity < 1


@pytest.mark.parametrize("turn", ORIENTATIONS)
def test_equal_pixels_in_any_orientation_are_exact(
    turn: Image.Transpose | None, tmp_path: Path
) -> None:
    # With a frame, the first rows of all orientations are equal.
    for image in (photo(1), ImageOps.expand(photo(1).resize((254, 254)), 1)):
        copy = image if turn is None else image.transpose(turn)
        assert image_pairs(fingerprints(tmp_path, [image, photo(2), copy])) == [
            ImagePair(0, 2, EXACT, 1.0)
        ]


def test_all_pairs_of_three_orientations_of_a_picture_are_exact(tmp_path: Path) -> None:
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE)
    images = [photo(1), *(photo(1).transpose(turn) for turn in turns), photo(2)]
    assert image_pairs(fingerprints(tmp_path, images)) == [
        ImagePair(*pair, EXACT, 1.0) for pair in ((0, 1), (0, 2), (1, 2))
    ]


def test_threads_and_processes_find_the_same_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fingerprints(tmp_path, [photo(1), jpeg(photo(1), 60), photo(2), photo(2), photo(3)])
    found = image_pairs(made, workers=2)
    assert [(p.first, p.second, p.kind) for p in found] == [(0, 1, NEAR), (2, 3, EXACT)]
    monkeypatch.setattr(pairs, "FEW", 0)
    assert image_pairs(made, workers=2) == found


@pytest.mark.parametrize("copies", [0, 1])
def test_pixels_of_different_pictures_are_not_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    images = [photo(seed) for seed in range(6)]
    hashed: list[Path] = []
    monkeypatch.setattr(pairs, "_digest", lambda path: hashed.append(path) or "")
    image_pairs(fingerprints(tmp_path, [*images, *images[:copies]]))
    assert len(hashed) == 2 * copies


def test_pictures_of_equal_shapes_and_other_texture_are_no_duplicates(
    tmp_path: Path,
) -> None:
    shapes = np.asarray(photo(1).convert("L").filter(ImageFilter.GaussianBlur(9)), np.float64)
    images = []
    for seed in range(4):
        noise = np.random.default_rng(seed).normal(0, 18, (256, 256))
        images.append(Image.fromarray((shapes + noise).clip(0, 255).astype(np.uint8)))
    found = fingerprints(tmp_path, images)
    candidates = list(near_orientations([f.hashes for f in found], pairs.DISTANCE))
    assert candidates, "the hashes of these pictures must be similar for this test"
    assert image_pairs(found) == []


def test_pictures_without_texture_are_duplicates_only_if_their_pixels_are_equal(
    tmp_path: Path,
) -> None:
    sea = [plain(60), plain(61), plain(60, 1.0), plain(200, slope=8), plain(180, slope=11)]
    images = [*sea, plain(60), plain(200, slope=8).transpose(Image.Transpose.ROTATE_180)]
    found = [(p.first, p.second, p.kind) for p in image_pairs(fingerprints(tmp_path, images))]
    assert found == [(0, 5, EXACT), (3, 6, EXACT)]


@pytest.mark.parametrize("side", [80, 100, 225, 256, 300])
def test_pictures_without_texture_are_found_in_any_orientation(side: int, tmp_path: Path) -> None:
    sea = plain(60, noise=4.0, slope=3).resize((side, side))
    copies = [sea if turn is None else sea.transpose(turn) for turn in ORIENTATIONS]
    other = Image.fromarray(np.roll(np.asarray(sea), 9, axis=1))
    images = [*copies, other]
    expected = [(0, k, EXACT) for k in range(1, len(copies))]
    made = fingerprints(tmp_path, images)
    assert [(p.first, p.second, p.kind) for p in image_pairs(made)] == expected
    measured = [measure(entry.path) for entry in made]
    assert [(p.first, p.second, p.kind) for p in picture_pairs(measured, 16)] == expected


def test_equal_pixels_are_found_among_more_pictures_of_one_hash_than_are_compared(
    tmp_path: Path,
) -> None:
    count = pairs.MAX_LEADERS + 4
    made = fingerprints(tmp_path, [photo(k % count) for k in range(2 * count)])
    same = [Fingerprint(entry.path, entry.thumbnail, made[0].hashes) for entry in made]
    found = [(p.first, p.second, p.kind) for p in image_pairs(same)]
    assert found == [(k, k + count, EXACT) for k in range(count)]


@pytest.mark.parametrize("similarity", [0.0, 1.0])
def test_the_work_for_thousands_of_images_of_one_hash_is_linear(
    similarity: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fingerprints(tmp_path, [photo(1)])
    count = 50_000 if similarity else 2_000
    fit = Registration(1.0, 1.0, (0.0, 0.0))
    compared = 0

    def similarity_of(_: object) -> float:
        nonlocal compared
        compared += 1
        return similarity

    monkeypatch.setattr(
        pairs, "coarse_registrations", lambda _, first, *__, **___: [fit] * len(first)
    )
    monkeypatch.setattr(pairs, "_similarity", similarity_of)
    monkeypatch.setattr(pairs, "_digest", lambda _: "")
    found = image_pairs([one] * count, workers=1)
    assert compared <= pairs.MAX_LEADERS * count
    if similarity:
        assert compared == count - 1
        assert [(p.first, p.second) for p in found] == [(0, k) for k in range(1, count)]


def test_the_candidates_of_many_similar_hashes_are_the_nearest_ones() -> None:
    rng = np.random.default_rng(0)
    numbers = [int(value) for value in rng.integers(0, 2**16, 3000)]
    found = list(near_orientations([f"{number:016x}" for number in numbers], 16, 5))
    assert len(found) == 5 * (3000 - 5) + 10, "each has the five nearest of the later ones"
    chosen = [j for i, j, _ in found if i == 7]
    distance = [(numbers[7] ^ number).bit_count() for number in numbers]
    assert max(distance[j] for j in chosen) <= sorted(distance[8:])[4]


@given(st.lists(st.integers(0, 2**7), max_size=60), st.integers(1, 6))
@settings(deadline=None)
def test_the_nearest_candidates_are_those_of_a_brute_force_search(
    numbers: list[int], most: int
) -> None:
    """Blocks are so small that limits are lowered again and again, and many distances are equal."""
    expected = []
    for i, number in enumerate(numbers):
        later = [((number ^ other).bit_count(), j) for j, other in enumerate(numbers) if j > i]
        expected += sorted((i, j) for d, j in sorted(later)[:most] if d <= 4)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {"BLOCK": 4, "ACROSS": 8, "MANY": 3}.items():
            patched.setattr(perceptual, name, value)
        found = near_orientations([f"{number:016x}" for number in numbers], 4, most)
        assert [(i, j) for i, j, _ in found] == expected


def odd_images() -> dict[str, Image.Image]:
    """Return images of 16 px, grey ones and ones of one colour; each with a copy."""
    tiny = photo(1).resize((16, 16))
    images = {"tiny": tiny, "grey": photo(2).convert("L"), "plain": plain(60)}
    return {f"{name}-{copy}": image for copy in "ab" for name, image in images.items()}


def test_odd_images_and_a_damaged_one_are_compared(tmp_path: Path) -> None:
    images = odd_images()
    made = fingerprints(tmp_path, [*images.values(), photo(3), photo(3)])
    made[-1].path.write_bytes(b"\x89PNG")
    found = [(p.first, p.second, p.kind) for p in image_pairs(made)]
    assert found == [(0, 3, EXACT), (1, 4, EXACT), (2, 5, EXACT)]


@pytest.mark.parametrize("image", odd_images().values(), ids=odd_images())
def test_all_images_may_be_equal(image: Image.Image, tmp_path: Path) -> None:
    found = image_pairs(fingerprints(tmp_path, [image] * 12))
    assert [(p.first, p.second, p.kind) for p in found] == [(0, k, EXACT) for k in range(1, 12)]


def test_pictures_of_one_hash_that_differ_are_told_apart(tmp_path: Path) -> None:
    images = [photo(1), photo(2), photo(1), photo(2), photo(3)]
    made = fingerprints(tmp_path, images)
    same = [Fingerprint(entry.path, entry.thumbnail, made[0].hashes) for entry in made]
    assert [(p.first, p.second) for p in image_pairs(same)] == [(0, 2), (1, 3)]


def test_two_old_images_are_not_compared_again(tmp_path: Path) -> None:
    made = fingerprints(tmp_path, [photo(1), photo(1), photo(2), photo(2)])
    assert [(p.first, p.second) for p in image_pairs(made, since=2)] == [(2, 3)]


def test_a_damaged_file_has_no_pairs_and_a_deleted_one_those_of_its_thumbnail(
    tmp_path: Path,
) -> None:
    made = fingerprints(tmp_path, [photo(1), photo(1), photo(1)])
    made[1].path.write_bytes(made[1].path.read_bytes()[:300])
    assert [(p.first, p.second) for p in image_pairs(made)] == [(0, 2)]
    made[0].path.unlink()
    assert [(p.first, p.second, p.kind) for p in image_pairs(made)] == [
        (0, 1, NEAR),
        (0, 2, NEAR),
    ]


def test_no_images_and_one_image_have_no_pairs(tmp_path: Path) -> None:
    assert image_pairs([]) == []
    assert image_pairs(fingerprints(tmp_path, [photo(1)])) == []


def test_copies_of_a_copy_are_paired_across_collections() -> None:
    found = [ImagePair(0, 1, EXACT, 1.0), ImagePair(0, 3, EXACT, 1.0), ImagePair(3, 4, NEAR, 0.8)]
    crossing = [(p.first, p.second, p.kind) for p in pairs_between(found, 3)]
    assert crossing == [(0, 3, EXACT), (0, 4, NEAR), (1, 3, EXACT)]


def test_the_most_similar_pair_of_an_image_is_kept() -> None:
    found = [ImagePair(0, 2, NEAR, 0.9), ImagePair(1, 2, EXACT, 1.0), ImagePair(0, 3, NEAR, 0.7)]
    assert list(most_similar(found)) == [found[1], found[2]]


def test_long_comparisons_show_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prints = fingerprints(tmp_path, [photo(1), photo(1).convert("L").convert("RGB"), photo(2)])
    image_pairs(prints)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(perceptual, "SHORT", 1)
    monkeypatch.setattr(pairs, "SHORT_FITTING", 0)
    monkeypatch.setattr(pairs, "SHORT_VERIFICATION", 0)
    image_pairs(prints)
    lines = capsys.readouterr().err.splitlines()
    assert lines.count("compare hashes: 2/2 done") == 3  # those of two different pictures
    assert "compare thumbnails: 1/1 done" in lines
    assert "compare images: 1/1 done" in lines
