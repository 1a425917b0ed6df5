"""The cache of searches for images of one place: a kill in the middle, damage, folders to read."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools.imaging import same_place
from rsitmd_tools.imaging.local_features import Features, PlaceMatch
from rsitmd_tools.imaging.place_cache import PlaceCache, user_cache
from rsitmd_tools.imaging.same_place import same_place_pairs
from tests.pictures import cut, ground


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve images; the last two show the places of the images 3 and 5."""
    folder = tmp_path_factory.mktemp("scenes")
    images = [cut(ground(seed), 0, 0) for seed in range(10)]
    images += [cut(ground(3), 120, 0), cut(ground(5), 60, 80, angle=40)]
    paths = []
    for number, image in enumerate(images):
        paths.append(folder / f"{number:02}.png")
        image.save(paths[-1])
    return paths


def forbid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError(f"{name} is called again")

    monkeypatch.setattr(same_place, name, fail)


def pairs(found: Sequence[same_place.PlacePair]) -> list[tuple[int, int]]:
    return [(pair.first, pair.second) for pair in found]


def test_a_second_search_computes_nothing(
    scenes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = same_place_pairs(scenes, cache=tmp_path)
    assert pairs(first) == [(3, 10), (5, 11)]
    for name in ("_features", "match_places", "neighbours"):
        forbid(name, monkeypatch)
    assert same_place_pairs(scenes, cache=tmp_path) == first


def test_a_new_image_costs_its_own_features(
    scenes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same_place_pairs(scenes[:-1], cache=tmp_path)
    described: list[Path] = []
    real = same_place._features
    monkeypatch.setattr(same_place, "_features", lambda path: described.append(path) or real(path))
    assert pairs(same_place_pairs(scenes, cache=tmp_path)) == [(3, 10), (5, 11)]
    assert described == scenes[-1:]


def test_the_cache_is_found_by_content_and_order(scenes: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    same_place_pairs(scenes, cache=cache)
    moved = []
    for number, path in enumerate(reversed(scenes)):
        moved.append(tmp_path / f"{number}.png")
        moved[-1].write_bytes(path.read_bytes())
    assert pairs(same_place_pairs(moved, cache=cache)) == [(0, 6), (1, 8)]
    moved[0].write_bytes(scenes[0].read_bytes())
    assert pairs(same_place_pairs(moved, cache=cache)) == [(1, 8), (0, 11)]


def test_damaged_files_of_the_cache_are_computed_again(scenes: list[Path], tmp_path: Path) -> None:
    expected = same_place_pairs(scenes, cache=tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3, "features, candidates and one block of matches"
    for path in files:
        data = path.read_bytes()
        for damage in (b"", data[: len(data) // 2], b"[[1]]"):
            path.write_bytes(damage)
            assert same_place_pairs(scenes, cache=tmp_path) == expected


def test_a_cache_that_cannot_be_written_is_not_needed(scenes: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(same_place_pairs(scenes, cache=tmp_path / "file")) == 2


def test_the_folder_of_the_cache_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSITMD_CACHE", "/own")
    assert user_cache() == Path("/own")
    monkeypatch.delenv("RSITMD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert user_cache() == Path("/xdg/rsitmd-tools")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/one")
    assert user_cache() == Path("/home/one/.cache/rsitmd-tools")


def test_features_and_matches_come_back_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    entries = [
        (
            str(count),
            Features(
                rng.random((count, 2), np.float32),
                rng.integers(0, 255, (count, 128), np.uint8),
                (count + 1, 256),
                count // 2,
                rng.integers(0, 255, (128, count + 1), np.uint8),
            ),
        )
        for count in (0, 3, 1)
    ]
    cache = PlaceCache(tmp_path, ("keypoints",), ("settings",))
    cache.add_features(entries)
    found = cache.features(["3", "0", "absent"])
    assert set(found) == {"0", "3"}
    for name, expected in entries[:2]:
        assert np.array_equal(found[name].points, expected.points)
        assert np.array_equal(found[name].descriptors, expected.descriptors)
        assert found[name].size == expected.size
        assert found[name].strong == expected.strong
        assert np.array_equal(found[name].thumbnail, expected.thumbnail)
    assert PlaceCache(tmp_path, ("other",), ("settings",)).features(["3"]) == {}
    other = PlaceCache(tmp_path, ("keypoints",), ("other",))
    assert set(other.features(["3"])) == {"3"}
    matrix = ((1.0, 2.0, 1 / 3), (0.0, 1.0, 5.0))
    matches = [(0, 4, PlaceMatch(7, 0.1 + 0.2, 0.5, matrix))]
    matches += [(1, 2, PlaceMatch(None, 0.8, 0.1, matrix))]
    search = cache.search(["a", "b"], (0,))
    search.keep_matches(2, matches)
    assert search.matches(2) == matches
    for damaged in (
        "[[0, 4, 7]]",
        "[[0, 4, 1e999, 1, 1, 1, 0, 0, 0, 1, 0]]",
        f"[[0, 4{', null' * 9}]]",
    ):
        (search._folder / "block-3.json").write_text(damaged)
        assert search.matches(3) is None
    assert search.matches(1) is None and cache.search(["b", "a"], (0,)).matches(2) is None
    assert other.search(["a", "b"], (0,)).matches(2) is None


SLOW_SEARCH = """
import sys, time
from pathlib import Path
from rsitmd_tools.imaging import same_place

same_place.PACK, same_place.BLOCK = 4, 2
real = getattr(same_place, sys.argv[1])
calls = 0
def slow(*items):
    global calls
    calls += 1
    if calls > int(sys.argv[2]):
        print("reached", flush=True)
        time.sleep(60)
    return real(*items)
setattr(same_place, sys.argv[1], slow)
same_place.same_place_pairs(sorted(Path(sys.argv[3]).iterdir()), workers=1, cache=Path(sys.argv[4]))
"""


@pytest.mark.parametrize(("step", "calls", "stored"), [("_features", 9, 8), ("match_places", 3, 2)])
def test_a_killed_search_goes_on(
    step: str,
    calls: int,
    stored: int,
    scenes: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [sys.executable, "-c", SLOW_SEARCH, step, str(calls), scenes[0].parent, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as search:
        assert search.stdout is not None and search.stdout.readline() == "reached\n"
        search.send_signal(signal.SIGKILL)
    monkeypatch.setattr(same_place, "PACK", 4)
    monkeypatch.setattr(same_place, "BLOCK", 2)
    done: list[Any] = []
    real = getattr(same_place, step)
    monkeypatch.setattr(same_place, step, lambda *items: done.append(items) or real(*items))
    whole = same_place_pairs(scenes, workers=1, cache=tmp_path / "other")
    everything = len(done)
    assert same_place_pairs(scenes, workers=1, cache=tmp_path) == whole
    assert pairs(whole) == [(3, 10), (5, 11)]
    assert len(done) == 2 * everything - stored
