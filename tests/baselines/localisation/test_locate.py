"""Locating in a scene: result, cache, interruption, and what cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.localisation import slice_features
from rsitmd_tools.baselines.localisation.locate import Locator, SceneOptions, locate
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.imaging.tiff import ORIENTATION
from tests.tiny_runs import SETTINGS

SMALL = SceneOptions(scales=(32, 64))
TEXT = "A red boat on the sea."


def test_windows_are_the_best_slices(locator: Locator, scene: Path) -> None:
    known = locator.scene(scene, SMALL)
    found = locator.locate(known, TEXT, 3)
    scores = locator.scores(known, TEXT)
    assert found.scores[0] == np.nanmax(scores)
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert len(found.windows) == 3
    assert found.heat.values.shape == (200, 300)
    document = found.document()
    assert set(document) == {"scene", "text", "windows", "metrics"}
    assert set(document["windows"][0]) == {"x", "y", "size", "score"}
    assert document["metrics"] is None


def test_features_are_those_of_encoding_each_slice(locator: Locator, scene: Path) -> None:
    from PIL import Image

    from rsitmd_tools.imaging.raster import open_raster

    known = locator.scene(scene, SMALL)
    with open_raster(scene) as raster:
        whole, _ = raster.read_rgb()
    side = locator.config.image_size
    one = known.slices[40]
    cut = Image.fromarray(whole[one.y : one.y + one.size, one.x : one.x + one.size])
    pixels = np.asarray(cut.resize((side, side), Image.Resampling.BICUBIC))[None]
    expected = locator.model.encode_images(unit_images(pixels)).detach().numpy()[0]
    np.testing.assert_allclose(known.features[40], expected, rtol=1e-4, atol=1e-5)


def test_a_second_query_encodes_nothing_and_finds_the_same(
    locator: Locator, scene: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = locator.scene(scene, SMALL)
    assert len(list(cache.rglob("*.npy"))) == 1
    monkeypatch.setattr(locator.model, "encode_images", None)
    again = locator.scene(scene, SMALL)
    assert np.array_equal(first.features, again.features)
    copy = Path(shutil.copy(scene, scene.with_name("copy.tif")))
    assert np.array_equal(locator.scene(copy, SMALL).features, first.features)
    # Other settings are another key.
    with pytest.raises(TypeError):
        locator.scene(scene, SceneOptions(scales=(32,)))


def test_a_scene_that_was_changed_is_encoded_again(locator: Locator, scene: Path) -> None:
    before = locator.scene(scene, SMALL).features
    with rasterio.open(scene, "r+") as file:
        file.write(255 - file.read())
    after = locator.scene(scene, SMALL).features
    assert not np.allclose(after, before, atol=1e-3)


def test_a_run_with_other_weights_encodes_the_slices_itself(
    located_run: Path,
    tiny: Dataset,
    scene: Path,
    tmp_path: Path,
    cache: Path,
) -> None:
    first = Locator(located_run, "cpu").scene(scene, SMALL)
    config = load_config("vsepp", (*SETTINGS, "seed=1"))
    other = Locator(train(tiny, config, tmp_path / "other"), "cpu").scene(scene, SMALL)
    assert len(list(cache.glob("slices/*"))) == 2
    assert not np.allclose(other.features, first.features)


def test_a_killed_command_continues_with_the_first_missing_block(
    locator: Locator, scene: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slice_features, "BLOCK", 20)
    whole = locator.scene(scene, SMALL)
    files = sorted(cache.rglob("*.npy"))
    assert len(files) == -(-len(whole.slices) // 20) > 4
    files[1].unlink()
    files[3].write_bytes(b"damaged")
    encoded = []
    plain = slice_features._encode

    def counted(model: object, images: object) -> object:
        encoded.append(len(images))  # type: ignore[arg-type]
        return plain(model, images)  # type: ignore[arg-type]

    monkeypatch.setattr(slice_features, "_encode", counted)
    again = locator.scene(scene, SMALL)
    assert sum(encoded) == 40
    np.testing.assert_allclose(again.features, whole.features, rtol=1e-4, atol=1e-5)


def test_a_cache_that_cannot_be_written_is_no_error(
    locator: Locator, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "file"))
    found = locator.locate(locator.scene(scene, SMALL), TEXT)
    assert len(found.windows) == 5
    assert any("are not stored; the next command encodes them again" in n for n in found.notes)


def test_places_without_data_have_no_window(
    locator: Locator, make_scene: Callable[..., Path]
) -> None:
    path = make_scene(hidden=(slice(0, 160), slice(None)))
    found = locator.locate(locator.scene(path, SceneOptions(scales=(32,))), TEXT, 100)
    assert all(one.x >= 128 for one in found.windows)
    assert not found.heat.covered[:, :120].any()
    assert not found.heat.values[:, :120].any()


def test_notes_on_a_map_that_is_0_everywhere(
    locator: Locator, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = locator.scene(scene, SMALL)
    for best, note in ((0.5, "places that fit better are too small for the median filter"),
                       (0.0, "all places fit the sentence equally")):  # fmt: skip
        scores = np.zeros(len(made.slices))
        scores[0] = best
        monkeypatch.setattr(locator, "scores", lambda *_, scores=scores: scores)
        found = locator.locate(made, TEXT)
        assert not found.heat.values.any()
        assert found.notes[-1].startswith(note)


def test_notes_on_scales_and_crs(locator: Locator, make_scene: Callable[..., Path]) -> None:
    known = locator.scene(make_scene(crs=None, transform=None), SceneOptions())
    assert known.notes == (
        "slices of 256 and 512 pixels are larger than the scene: not used",
        "the scene has no CRS: all coordinates are its pixels",
    )


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_blank_sentence(located_run: Path, scene: Path, text: str) -> None:
    with pytest.raises(WrongUsage, match="the query is empty"):
        locate(located_run, scene, text)


def test_scenes_that_cannot_be_used(
    locator: Locator, make_scene: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(RsitmdError, match="is 90 x 100 pixels, smaller than a slice of 128"):
        locator.scene(make_scene(width=90, height=100))
    empty = make_scene(hidden=(slice(None), slice(None)))
    with pytest.raises(RsitmdError, match="has no slice with enough valid pixels"):
        locator.scene(empty, SMALL)
    with pytest.raises(RsitmdError, match=r"none.tif: cannot be read \(no such file"):
        locator.scene(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(RsitmdError, match=r"text.tif: .*; use another scene"):
        locator.scene(tmp_path / "text.tif")


@pytest.mark.parametrize("name", ["photo.jpg", "photo.tif"])
def test_a_scene_that_is_stored_turned_is_refused(
    locator: Locator, tmp_path: Path, name: str
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = Image.fromarray(np.full((96, 64, 3), 90, np.uint8))
    picture.save(tmp_path / name, exif=exif)
    with pytest.raises(RsitmdError, match="its pixels are stored turned; save it upright first"):
        locator.scene(tmp_path / name, SMALL)
    exif[ORIENTATION] = 1
    picture.save(tmp_path / name, exif=exif)
    assert locator.scene(tmp_path / name, SMALL).width == 64


def test_a_run_without_weights(located_run: Path, scene: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(located_run, tmp_path / "run"))
    (run / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(RsitmdError, match="has no checkpoint yet"):
        locate(run, scene, TEXT)
