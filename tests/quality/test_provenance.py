"""The places of a release that somebody else has made."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pytest
from shapely.geometry import Polygon, box

from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.quality.configure import settings_for
from tests.quality.conftest import dataset, record

pytestmark = pytest.mark.libraries
CROSSED = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


@pytest.mark.parametrize(
    ("shapes", "reported", "unchecked"),
    [
        ([box(0, 0, 1, 1), CROSSED], 1, None),
        ([CROSSED, CROSSED], 1, None),
        ([box(0, 0, 1, 1), None], 0, "1 image without a footprint"),
        ([Polygon(), None], 0, "2 images without a footprint"),
    ],
)
def test_footprints_that_are_missing_or_invalid(
    tmp_path: Path, shapes: list[Polygon | None], reported: int, unchecked: str | None
) -> None:
    names = ["a_1.tif", "a_2.tif"]
    images = (record(name, split=s) for name, s in zip(names, ("train", "test"), strict=True))
    save_dataset(dataset(*images), tmp_path, "rsitmd")
    (tmp_path / "split_proof.json").write_text("{}")
    columns = {"image": names, "source_sha256": ["1" * 64, "2" * 64]}
    geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326").to_parquet(
        tmp_path / "footprints.parquet"
    )
    data = load_dataset(tmp_path)
    result = check_subject(subject_of(data, settings_for(data, select="L104")))
    assert len(result.findings) == reported
    why = result.unchecked.get("L104")
    assert why is None if unchecked is None else unchecked in str(why)
