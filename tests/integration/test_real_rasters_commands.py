"""``build ingest`` of 220 real rasters that break tools: each is taken in or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.ingest.scan import scan
from rsitmd_tools.workspace import Workspace
from tests.command import rsitmd

pytest.importorskip("rasterio")


@pytest.fixture
def rasters(shared_data: Path) -> Path:
    folder = shared_data / "rasters"
    if not folder.is_dir():
        pytest.skip(f"no real rasters at {folder}")
    return folder


def ingested(workspace: Path, rasters: Path, *more: object) -> dict[str, Any]:
    """Run the command; check that it only wrote progress to stderr, and one line for a reason."""
    Workspace.create(workspace).close()
    options = ("--category", "raster", "--workers", 2, "--json", *more)
    done = rsitmd("build", "ingest", workspace, rasters, *options)
    assert done.returncode == 0, done.stderr
    others = [line for line in done.stderr.splitlines() if not re.match(r"\w+: [0-9]+/", line)]
    assert others == []
    found: dict[str, Any] = json.loads(done.stdout)
    for _, why in found["rejected"]:
        assert re.fullmatch(r"[^\n\r]{5,300}", why)
    return found


def test_every_raster_is_taken_in_or_refused(tmp_path: Path, rasters: Path) -> None:
    found = ingested(tmp_path / "w", rasters)
    files = {Path(file.source).name for file in scan([rasters], "raster").found}
    assert len(files) == found["added"] + found["known"] + len(found["rejected"])
    refused = {Path(source).name for source, _ in found["rejected"]}
    with Workspace.open(tmp_path / "w") as workspace:
        rows = workspace.db.execute("SELECT source, filename FROM image").fetchall()
        assert all((workspace.images / row["filename"]).is_file() for row in rows)
    taken = {Path(row["source"]).name for row in rows}
    assert taken | refused <= files
    assert not taken & refused
    assert len(files - taken - refused) == found["known"]
    # Only these need other files, or hold nothing that can be shown.
    reasons = ("smaller than", "complex", "no finite value", "does not exist", "cannot be decoded")
    assert all(any(part in why for part in reasons) for _, why in found["rejected"])
    assert sum("cannot be decoded" in why for _, why in found["rejected"]) == 2


@pytest.mark.soak
def test_every_scene_is_cut_or_refused(tmp_path: Path, rasters: Path) -> None:
    found = ingested(tmp_path / "w", rasters, "--tile", 512, "--resize", 32)
    files = {Path(file.source).name for file in scan([rasters], "raster").found}
    refused = {Path(source).name for source, _ in found["rejected"]}
    with Workspace.open(tmp_path / "w") as workspace:
        cut = {
            Path(row["source"]).name
            for row in workspace.db.execute("SELECT DISTINCT source FROM image")
        }
    assert len(cut) > 10
    assert cut | refused <= files
    # A file without a tile has a reason, or tiles that are equal to those of another file or
    # have too few valid pixels.
    assert len(files - cut - refused) <= found["known"] + found["left_out"]
