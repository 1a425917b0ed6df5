"""Images of an exclusion list are never trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from tests.builders import add


def workspace_of(folder: Path) -> Workspace:
    workspace = Workspace.create(folder, "old")
    with workspace.transaction() as db:
        for n in range(1, 41):
            add(db, "image", number=n, pixel_sha256=f"pixels {min(n, 38)}", phash=hashes(n))
    return workspace


def hashes(number: int) -> str:
    """Eight hashes that are far from those of other numbers; 38 to 40 are one picture."""
    import hashlib

    digest = hashlib.sha512(str(min(number, 38)).encode()).hexdigest()
    return digest[:128]


@pytest.mark.parametrize("earlier", [False, True])
def test_excluded_images_and_their_duplicates_are_in_test(tmp_path: Path, earlier: bool) -> None:
    file = tmp_path / "exclude.json"
    entries = [{"filename": name} for name in ("port_3.tif", "port_39.tif")]
    file.write_text(
        json.dumps({"exclude": {"old": entries, "other": [{"filename": "port_5.tif"}]}})
    )
    with workspace_of(tmp_path / "w") as workspace:
        if earlier:
            split(workspace)
        split(workspace, exclude=file)
        rows = workspace.db.execute("SELECT filename, split FROM image").fetchall()
        homes = {row["filename"]: row["split"] for row in rows}
        assert {homes[f"port_{n}.tif"] for n in (3, 38, 39, 40)} == {"test"}
        assert list(homes.values()).count("train") > 25
        assert split(workspace, exclude=file).placed == 0


def test_an_invalid_exclusion_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with (
        workspace_of(tmp_path / "w") as workspace,
        pytest.raises(RsitmdError, match="is not an exclusion list"),
    ):
        split(workspace, exclude=tmp_path / "x.json")
