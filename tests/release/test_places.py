"""The places of a release, read by geopandas and pystac."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.release import make_release
from rsitmd_tools.workspace import Workspace
from tests.release.placed import with_scenes

pytestmark = pytest.mark.libraries


def test_footprints_are_read_by_the_libraries_of_the_field(
    make_workspace: Callable[..., Path], tmp_path: Path
) -> None:
    geopandas = pytest.importorskip("geopandas")
    pystac = pytest.importorskip("pystac")
    workspace = make_workspace(images=8)
    with_scenes(workspace, 8)
    out = tmp_path / "ports-1.0.0"
    with Workspace.open(workspace) as opened:
        make_release(opened, "1.0.0", out)
    names = {image.filename for image in load_dataset(out)}
    table = geopandas.read_parquet(out / "footprints.parquet")
    assert set(table["image"]) == names
    assert table.crs.to_epsg() == 4326
    windows = zip(*(table[key].tolist() for key in ("col", "row", "width", "height")), strict=True)
    assert dict(zip(table["image"], windows, strict=True)) == {
        f"{('harbour', 'farm')[n % 2]}_{n // 2 + 1}.tif": (n, 0, 16, 12) for n in range(8)
    }
    assert set(table["licence"]) == {"CC0-1.0"}
    assert table.total_bounds[0] == pytest.approx(9.0)
    items = list(pystac.ItemCollection.from_file(str(out / "stac.json")))
    assert len(items) == 8
    for item in items:
        for asset in item.assets.values():
            assert (out / asset.href).is_file(), asset.href
        assert str(tmp_path) not in str(item.to_dict())
        # pystac has the schemas of the core; those of extensions would be downloaded.
        item.stac_extensions.clear()
        assert [uri.rpartition("/")[2] for uri in item.validate()] == ["item.json"]
    assert str(tmp_path) not in table.drop(columns="geometry").to_csv()
