"""Steps of the demo that need neither a server nor a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.demo.captioned import CaptionedImage
from rsitmd_tools.demo.run import add_images, run_demo
from rsitmd_tools.demo.scenes import draw_scenes
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace import Workspace


def test_all_categories_are_ingested_in_one_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = []
    for number, scene in enumerate(draw_scenes(4)):
        path = tmp_path / f"{number}.png"
        scene.image.save(path)
        images.append(CaptionedImage(path, scene.category, scene.sentences, scene.keywords))
    with Workspace.create(tmp_path / "w") as workspace:
        add_images(workspace, images)
        assert {path.name for path in workspace.images.iterdir()} == {
            f"{image.category}_1.tif" for image in images
        }
    assert capsys.readouterr().err == "ingest: 4/4 done\n"


def test_an_input_that_cannot_be_read_leaves_no_output(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="does not exist"):
        run_demo(tmp_path / "out", tmp_path / "none", scenes=40, epochs=1)
    assert not (tmp_path / "out").exists()
