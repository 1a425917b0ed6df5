"""Scenes are hashed by a thread, before it is known which files are scenes."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.ingest.plan import ScenePlan, Source
from rsitmd_tools.ingest.scene_hashes import SceneHashes
from rsitmd_tools.workspace.scenes import Scene

CONTENT = bytes(range(256)) * 100


def scene(path: Path, sha256: str = "") -> Scene:
    """Return a scene as it is planned."""
    status = path.stat()
    return Scene(
        sha256=sha256,
        source=path.name,
        found_at=str(path),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        width=1,
        height=1,
        crs=None,
        transform=None,
        acquired=None,
        bands="",
    )


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for number, path in enumerate(paths):
        path.write_bytes(CONTENT[number:])
    return paths


def test_each_file_has_the_hash_of_its_bytes(files: list[Path]) -> None:
    with closing(SceneHashes(files, frozenset())) as hashes:
        for number, path in enumerate(files):
            found = hashes.hashed(number, scene(path))
            assert found == scene(path, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("change", [{"size": 1}, {"mtime_ns": 1}])
def test_a_file_that_is_not_the_planned_one_is_refused(
    files: list[Path], change: dict[str, int]
) -> None:
    with closing(SceneHashes(files, frozenset())) as hashes:
        other = replace(scene(files[0]), **change)  # type: ignore[arg-type]
        with pytest.raises(UnusableImageError, match="changed while it was read"):
            hashes.hashed(0, other)


def test_a_file_that_changes_after_it_was_hashed_is_refused(files: list[Path]) -> None:
    with closing(SceneHashes(files, frozenset())) as hashes:
        hashes.hashed(0, scene(files[0]))
        os.utime(files[0], (1, 1))
        with pytest.raises(UnusableImageError, match="changed while it was read"):
            hashes.hashed(0, scene(files[0]))


def test_a_missing_file_is_said(files: list[Path]) -> None:
    planned = scene(files[0])
    files[0].unlink()
    with (
        closing(SceneHashes(files, frozenset())) as hashes,
        pytest.raises(UnusableImageError, match="cannot be read"),
    ):
        hashes.hashed(0, planned)


@pytest.mark.parametrize("beside", ["size", "mask"])
def test_what_the_plan_hashes_itself_is_not_hashed(files: list[Path], beside: str) -> None:
    sizes = frozenset({files[0].stat().st_size} if beside == "size" else ())
    if beside == "mask":
        files[0].with_name("a.tif.msk").write_bytes(b"mask")
    with closing(SceneHashes(files, sizes)) as hashes:
        assert hashes._running[0].result() is None
        assert hashes._running[1].result() is not None


def test_a_file_that_is_no_scene_is_not_read_to_its_end(files: list[Path]) -> None:
    endless = Path("/dev/zero")
    with closing(SceneHashes([endless, *files], frozenset())) as hashes:
        plans = [ScenePlan(Source(path, path.name, "x")) for path in (endless, *files)]
        hashes.keep([replace(plans[0], problem="is too large"), *plans[1:]])
        assert hashes._running[0].result() is None


def test_the_end_does_not_wait_for_the_end_of_a_file() -> None:
    hashes = SceneHashes([Path("/dev/zero")], frozenset())
    hashes.close()
    assert hashes._running[0].cancelled() or hashes._running[0].result() is None
