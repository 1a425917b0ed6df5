"""Renditions: created once, complete, equal to the image."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.sync.renditions import make_renditions, rendition_path
from rsitmd_tools.workspace import Workspace


def test_a_rendition_has_the_same_pixels_and_is_created_once(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        image = Image.radial_gradient("L").convert("RGB")
        image.save(workspace.images / "a b.c_1.tif")
        make_renditions(workspace, ["a b.c_1.tif"])
        made = rendition_path(workspace, "a b.c_1.tif")
        assert made.name == "a b.c_1.png"
        with Image.open(made) as rendition:
            assert rendition.format == "PNG"
            assert ImageChops.difference(rendition, image).getbbox() is None
        before = made.stat().st_mtime_ns
        make_renditions(workspace, ["a b.c_1.tif"])
        assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [None, b"", b"no image", b"II*\x00\x08\x00\x00\x00"])
def test_a_damaged_image_is_an_error_and_leaves_no_rendition(
    tmp_path: Path, content: bytes | None
) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        if content is not None:
            (workspace.images / "x_1.tif").write_bytes(content)
        with pytest.raises(
            RsitmdError, match=r"images/x_1\.tif: cannot be read .*ingest its source"
        ):
            make_renditions(workspace, ["x_1.tif"])
        assert list(workspace.renditions.rglob("*.*")) == []
