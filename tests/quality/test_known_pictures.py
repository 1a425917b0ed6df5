"""Measures of images that were decoded before: found by content, recomputed otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.quality import known_pictures
from rsitmd_tools.quality.known_pictures import KnownPicture, KnownPictures
from rsitmd_tools.quality.pictures import EXACT, Lines, measure, picture_pairs


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, KnownPicture]:
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    found = {}
    for number in range(4):
        seed = 1 if number == 3 else number  # the last one is a copy
        values = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        file = tmp_path / f"{number}.png"
        Image.fromarray(values).resize((64, 64)).save(file)
        found[f"digest{number}"] = KnownPicture(f"pixels{number}", measure(file))
    return found


def test_what_is_kept_is_found_again(tmp_path: Path, known: dict[str, KnownPicture]) -> None:
    first = KnownPictures(tmp_path, EXACT)
    first.keep(known)
    pictures = [entry.picture for entry in known.values()]
    pairs = first.pairs(list(known), pictures, 16)
    assert [(pair.first, pair.second) for pair in pairs] == [(1, 3)]
    again = KnownPictures(tmp_path, EXACT)
    assert list(again.by_digest) == list(known)
    for digest, entry in again.by_digest.items():
        assert entry.pixel_sha256 == known[digest].pixel_sha256
        for name in ("width", "height", "mode", "deviation", "sharpness", "nodata", "thumbnail"):
            assert getattr(entry.picture, name) == getattr(known[digest].picture, name)


def test_pairs_are_computed_once_for_the_same_images(
    tmp_path: Path, known: dict[str, KnownPicture], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [entry.picture for entry in known.values()]
    before = KnownPictures(tmp_path, EXACT)
    before.keep(known)
    expected = before.pairs(list(known), pictures, 16)
    calls = []
    monkeypatch.setattr(
        known_pictures, "picture_pairs", lambda *a: calls.append(a) or picture_pairs(*a)
    )
    again = KnownPictures(tmp_path, EXACT)
    assert again.pairs(list(known), pictures, 16) == expected
    assert calls == []
    assert again.pairs(list(known)[:3], pictures[:3], 16) == []
    assert again.pairs(list(known), pictures, 17) == expected
    assert len(calls) == 2


@pytest.mark.parametrize("change", ["thresholds", "decoder", "damaged", "other folder"])
def test_what_may_differ_is_not_used(
    tmp_path: Path,
    known: dict[str, KnownPicture],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    KnownPictures(tmp_path, EXACT).keep(known)
    lines, folder = EXACT, tmp_path
    if change == "thresholds":
        lines = Lines(3.0, 3.0)
    elif change == "decoder":
        monkeypatch.setattr("PIL.__version__", "0.0")
    elif change == "damaged":
        (file,) = (tmp_path / "cache" / "pictures").iterdir()
        file.write_bytes(file.read_bytes()[:100])
    else:
        folder = tmp_path / "other"
    assert KnownPictures(folder, lines).by_digest == {}


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, known: dict[str, KnownPicture]
) -> None:
    (tmp_path / "cache").write_text("a file")
    kept = KnownPictures(tmp_path, EXACT)
    kept.keep(known)
    assert kept.by_digest == known
    assert KnownPictures(tmp_path, EXACT).by_digest == {}
