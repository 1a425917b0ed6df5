"""Measures of images that were decoded before: found by content, recomputed otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging import known_pictures
from rsitmd_tools.imaging.known_pictures import KnownPicture, KnownPictures
from rsitmd_tools.imaging.measures import EXACT, Lines, Picture, measure, picture_pairs

Known = dict[str, KnownPicture]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of four images; the last one is a copy."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(4):
        seed = 1 if number == 3 else number
        values = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(values).resize((64, 64)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def known(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    return {
        f"digest{number}": KnownPicture(f"pixels{number}", measure(images / f"{number}.png"))
        for number in range(4)
    }


def stored(known: Known) -> Known:
    """Return what a cache gives back: no paths."""
    return {
        digest: replace(entry, picture=replace(entry.picture, path=Path()))
        for digest, entry in known.items()
    }


def packs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").rglob("*.npz"))


def some(known: Known, *numbers: int) -> Known:
    return {f"digest{number}": known[f"digest{number}"] for number in numbers}


def test_what_is_kept_is_found_again(images: Path, known: Known) -> None:
    first = KnownPictures(images, EXACT)
    first.keep(known)
    pictures = [entry.picture for entry in known.values()]
    pairs = first.pairs(list(known), pictures, 16)
    assert [(pair.first, pair.second) for pair in pairs] == [(1, 3)]
    again = KnownPictures(images, EXACT)
    assert list(again.by_digest) == list(known)
    assert again.by_digest == stored(known)


def test_what_is_added_is_found_beside_what_was_kept(
    images: Path, known: Known, tmp_path: Path
) -> None:
    KnownPictures(images, EXACT).keep(some(known, 2))
    adding = KnownPictures(images, EXACT)
    adding.add(some(known, 0))
    adding.add(some(known, 3, 1))
    adding.add({})
    assert len(packs(tmp_path)) == 3
    assert "by_digest" not in vars(adding), "what is only written to is not read"
    assert KnownPictures(images, EXACT).by_digest == stored(known)


def test_a_release_of_known_images_writes_nothing_and_another_one_joins_the_packs(
    images: Path, known: Known, tmp_path: Path
) -> None:
    for number in range(3):
        KnownPictures(images, EXACT).add(some(known, number))
    before = {path: path.stat().st_mtime_ns for path in packs(tmp_path)}
    again = KnownPictures(images, EXACT)
    again.keep(some(known, 0, 1, 2))
    assert {path: path.stat().st_mtime_ns for path in packs(tmp_path)} == before
    # That of another process, and what a killed one left.
    KnownPictures(images, EXACT).add(some(known, 1, 2))
    (tmp_path / "cache" / "pictures" / next(iter(before)).parent.name).joinpath(
        ".a.npz.partial-1"
    ).write_bytes(b"")
    again.keep(known)
    assert len(packs(tmp_path)) == 2 and not before.keys() & set(packs(tmp_path))
    assert not list((tmp_path / "cache").rglob("*partial*"))
    assert KnownPictures(images, EXACT).by_digest == stored(known)


def test_images_that_are_not_released_stay_known_while_their_files_may_exist(
    images: Path, known: Known
) -> None:
    KnownPictures(images, EXACT).add(some(known, 0, 1, 2))
    KnownPictures(images, EXACT).keep(some(known, 3))
    assert KnownPictures(images, EXACT).by_digest == stored(known)
    (images / "0.png").unlink()
    KnownPictures(images, EXACT).keep(some(known, 1, 2, 3))
    assert KnownPictures(images, EXACT).by_digest == stored(some(known, 1, 2, 3))


def test_unreadable_images_are_not_known(images: Path, known: Known) -> None:
    bad = {"bad": KnownPicture("pixels", Picture(images, "cannot be decoded"))}
    KnownPictures(images, EXACT).add(bad)
    KnownPictures(images, EXACT).keep({**known, **bad})
    assert KnownPictures(images, EXACT).by_digest == stored(known)


def test_pairs_are_computed_once_for_the_same_images(
    images: Path, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [entry.picture for entry in known.values()]
    before = KnownPictures(images, EXACT)
    expected = before.pairs(list(known), pictures, 16)
    calls = []
    monkeypatch.setattr(
        known_pictures, "picture_pairs", lambda *a: calls.append(a) or picture_pairs(*a)
    )
    again = KnownPictures(images, EXACT)
    assert again.pairs(list(known), pictures, 16) == expected
    assert calls == []
    assert again.pairs(list(known)[:3], pictures[:3], 16) == []
    assert again.pairs(list(known), pictures, 17) == expected
    assert len(calls) == 2


@pytest.mark.parametrize("text", ["", "[", "{}", '["key"]', '["key", [1]]'])
def test_damaged_pairs_are_computed_again(
    images: Path, known: Known, tmp_path: Path, text: str
) -> None:
    pictures = [entry.picture for entry in known.values()]
    expected = KnownPictures(images, EXACT).pairs(list(known), pictures, 16)
    (file,) = (tmp_path / "cache").rglob("*.json")
    file.write_text(text)
    assert KnownPictures(images, EXACT).pairs(list(known), pictures, 16) == expected != []


@pytest.mark.parametrize("change", ["thresholds", "decoder", "damaged", "other folder"])
def test_what_may_differ_is_not_used(
    images: Path, known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    KnownPictures(images, EXACT).add(some(known, 0, 1))
    (first,) = packs(tmp_path)
    lines, folder = EXACT, images
    if change == "thresholds":
        lines = Lines(3.0, 3.0)
    elif change == "decoder":
        monkeypatch.setattr("PIL.__version__", "0.0")
    elif change == "damaged":
        first.write_bytes(first.read_bytes()[:100])
    else:
        folder = tmp_path / "other"
    KnownPictures(folder, lines).add(some(known, 2))
    found = KnownPictures(folder, lines)
    assert found.by_digest == stored(some(known, 2)), "the other pack is still used"
    found.keep(some(known, 2, 3))
    assert first.exists() == (change == "other folder")
    assert KnownPictures(folder, lines).by_digest == stored(some(known, 2, 3))


def test_a_cache_that_cannot_be_written_is_no_error(
    images: Path, known: Known, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    kept = KnownPictures(images, EXACT)
    kept.add(known)
    kept.keep(known)
    assert kept.by_digest == known
    pictures = [entry.picture for entry in known.values()]
    assert len(kept.pairs(list(known), pictures, 16)) == 1
    assert KnownPictures(images, EXACT).by_digest == {}


PICTURES = st.builds(
    Picture,
    path=st.just(Path()),
    width=st.integers(16, 4096),
    height=st.integers(16, 4096),
    mode=st.sampled_from(["RGB", "L"]),
    deviation=st.floats(0, 128),
    sharpness=st.floats(0, 1e3),
    nodata=st.floats(0, 1),
    thumbnail=st.binary(min_size=1024, max_size=1024),
)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
ENTRIES = st.dictionaries(DIGESTS, st.builds(KnownPicture, DIGESTS, PICTURES), max_size=8)


@given(entries=ENTRIES, size=st.integers(1, 8))
def test_several_packs_are_as_one(
    entries: Known, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    several, one = tmp_path_factory.mktemp("several"), tmp_path_factory.mktemp("one")
    names = list(entries)
    for start in range(0, len(names), size):
        part = {name: entries[name] for name in names[start : start + size]}
        KnownPictures(several, EXACT).add(part)
    KnownPictures(one, EXACT).add(entries)
    found = KnownPictures(several, EXACT).by_digest
    assert found == KnownPictures(one, EXACT).by_digest == entries
