"""Decoded images, views and cached features."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data import features as features_module
from rsitmd_tools.baselines.data import images as images_module
from rsitmd_tools.baselines.data.features import cached_features
from rsitmd_tools.baselines.data.images import (
    cached_images,
    decode_images,
    unit_images,
)
from rsitmd_tools.baselines.data.mapped import MappedArray, new_array, one_writer
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.views import VIEWS, turned
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

SIZE = 32


def test_the_eight_views_are_the_symmetries_of_a_square() -> None:
    image = torch.arange(9.0).view(1, 3, 3)
    views = [turned(image, view) for view in range(VIEWS)]
    assert torch.equal(views[0], image)
    assert len({tuple(view.flatten().tolist()) for view in views}) == VIEWS
    # Each view of a view is a view again.
    for view in views:
        for again in range(VIEWS):
            assert any(torch.equal(turned(view, again), other) for other in views)


def test_threads_decode_as_one(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_module, "BLOCK", 5)
    one = decode_images(tiny, SIZE, tmp_path / "one.npy", threads=1)
    several = decode_images(tiny, SIZE, tmp_path / "several.npy", threads=4)
    assert np.array_equal(one, several) and one.any()


def test_images_are_decoded_once_and_pickled_as_their_path(tmp_path: Path, tiny: Dataset) -> None:
    images = cached_images(tiny, SIZE, tmp_path)
    assert images.array.shape == (len(tiny), SIZE, SIZE, 3)
    written = images.file.stat().st_mtime_ns
    assert cached_images(tiny, SIZE, tmp_path).file.stat().st_mtime_ns == written
    assert cached_images(tiny.select("test"), SIZE, tmp_path).file != images.file
    assert len(pickle.dumps(images)) < 1000
    assert np.array_equal(pickle.loads(pickle.dumps(images)).array, images.array)


def test_stored_pixels_of_another_decoding_are_not_used(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(images_module, "DECODING", 1)
        earlier.setattr(images_module, "decode_image", lambda path, size: np.zeros((size, size, 3)))
        assert not cached_images(tiny, SIZE, tmp_path).array.any()
    assert cached_images(tiny, SIZE, tmp_path).array.any()


def png_bomb() -> bytes:
    """Return a PNG whose header claims 60 000 x 60 000 pixels, more than fit in memory."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n cut", png_bomb()])
def test_an_image_that_cannot_be_decoded_is_reported(
    tmp_path: Path, tiny: Dataset, content: bytes
) -> None:
    first = tiny.images[0]
    (tmp_path / first.filename).write_bytes(content)
    broken = replace(tiny, images=(first,), image_folder=tmp_path)
    with pytest.raises(RsitmdError, match=first.filename):
        decode_images(broken, SIZE, tmp_path / "x.npy")
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob(".*partial*"))
    with pytest.raises(RsitmdError, match="does not exist"):
        decode_images(replace(broken, image_folder=tmp_path / "no"), SIZE, tmp_path / "x.npy")


def written(folder: Path) -> list[str]:
    """Return the files of a folder except lock files."""
    return [each.name for each in folder.iterdir() if each.suffix != ".lock"]


def test_a_killed_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    with pytest.raises(KeyboardInterrupt), new_array(file, (3, 2), np.float32):
        raise KeyboardInterrupt
    assert not written(tmp_path)
    (tmp_path / ".a.npy.partial-0").write_bytes(b"x")
    with new_array(file, (3, 2), np.float32) as array:
        array[:] = 7
    assert written(tmp_path) == ["a.npy"]
    assert (MappedArray(file).array == 7).all()


def another_process(script: str, *arguments: Path) -> subprocess.Popen[str]:
    """Start a Python script and return it when it waits for the lock."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    assert "another process is writing it" in child.stderr.readline()
    return child


WRITER = """
import sys
from pathlib import Path
from rsitmd_tools.baselines.data.mapped import new_array
with new_array(Path(sys.argv[1]), (3, 2), "float32") as array:
    array[:] = 8
"""


def test_two_processes_write_one_file_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    with new_array(file, (3, 2), np.float32) as array:
        child = another_process(WRITER, file)
        array[:] = 7
    assert child.wait() == 0
    assert (MappedArray(file).array == 8).all()
    assert written(tmp_path) == ["a.npy"]


READER = """
import pickle, sys
from pathlib import Path
from rsitmd_tools.baselines.data import features
features._compute = None
model, pixels = pickle.loads(Path(sys.argv[1]).read_bytes())
features.cached_features(model, pixels, 2, Path(sys.argv[2]))
"""


def test_features_of_another_process_are_awaited(tmp_path: Path, tiny: Dataset) -> None:
    config = load_config("vsepp", [f"image_size={SIZE}", "dimension=16"])
    model = make_model(config, make_tokenizer(config, tiny))
    pixels = cached_images(tiny, SIZE, tmp_path)
    (tmp_path / "handed").write_bytes(pickle.dumps((model, pixels)))
    cached_features(model, pixels, 2, tmp_path / "elsewhere")
    (made,) = (tmp_path / "elsewhere").glob("*.npy")
    shared = tmp_path / "shared"
    with one_writer(shared / made.stem.removesuffix("-0")):
        child = another_process(READER, tmp_path / "handed", shared)
        made.rename(shared / made.name)
    assert child.wait() == 0


DECODER = """
import pickle, sys
from pathlib import Path
from rsitmd_tools.baselines.data import images
images.decode_images = None
data, size = pickle.loads(Path(sys.argv[1]).read_bytes())
images.cached_images(data, size, Path(sys.argv[2]))
"""


def test_images_that_another_process_decodes_are_awaited(tmp_path: Path, tiny: Dataset) -> None:
    (tmp_path / "handed").write_bytes(pickle.dumps((tiny, SIZE)))
    made = cached_images(tiny, SIZE, tmp_path / "elsewhere").file
    shared = tmp_path / "shared"
    with one_writer(shared / made.stem):
        child = another_process(DECODER, tmp_path / "handed", shared)
        made.rename(shared / made.name)
    assert child.wait() == 0


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(RsitmdError, match=r"a\.npy: cannot be written"),
        new_array(tmp_path / "file" / "a.npy", (3, 2), np.float32),
    ):
        pass


@pytest.mark.parametrize("name", ["vsepp", "m1", "m3"])
def test_cached_features_are_those_of_the_model(tmp_path: Path, tiny: Dataset, name: str) -> None:
    config = load_config(name, [f"image_size={SIZE}", "dimension=16"])
    torch.manual_seed(0)
    model = make_model(config, make_tokenizer(config, tiny)).eval()
    pixels = cached_images(tiny, SIZE, tmp_path)
    stored = StoredRows(cached_features(model, pixels, 4, tmp_path), by_view=True)
    rows, views = np.array([5, 2, 5]), np.array([0, 3, 1])
    with torch.no_grad():
        images = unit_images(pixels.array[rows])
        seen = torch.stack([turned(image, int(v)) for image, v in zip(images, views, strict=True)])
        expected = model.encode_images(seen)
        found, other = (
            model.encode_features([part.float() for part in stored.read(rows, which)])
            for which in (views, np.zeros_like(views))
        )
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)
    # Other views have other features.
    assert not torch.allclose(other, expected, atol=5e-3)


def test_feature_keys_depend_on_everything_that_affects_features(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config("vsepp", [f"image_size={SIZE}", "dimension=16"])
    model = make_model(config, make_tokenizer(config, tiny))
    pixels = cached_images(tiny, SIZE, tmp_path)

    def key(pixels: MappedArray = pixels, views: int = 2) -> str:
        return features_module.features_key(model, pixels.file.stem, views)

    cached_features(model, pixels, 2, tmp_path)
    first = key()
    others = {
        key(views=3),
        key(cached_images(tiny, 2 * SIZE, tmp_path)),
        key(cached_images(tiny.select("train"), SIZE, tmp_path)),
    }
    with monkeypatch.context() as patch:
        # Known features are opened, not computed.
        patch.setattr(features_module, "_compute", lambda *_: pytest.fail("computed again"))
        assert cached_features(model, pixels, 2, tmp_path)
    with torch.no_grad():
        next(model.frozen_part().parameters()).add_(1e-3)
    assert len({first, key(), *others}) == 5
    # The head has no part in it.
    changed = key()
    with torch.no_grad():
        model.project.weight.add_(1)  # type: ignore[union-attr,operator]
    assert key() == changed


@pytest.mark.parametrize("name", ["vsepp", "m1", "m3"])
def test_networks_with_equal_weights_do_not_share_features(tiny: Dataset, name: str) -> None:
    one, other = (
        make_model(config, make_tokenizer(config, tiny))
        for backbone in ("resnet18", "resnetblur18")
        for config in [load_config(name, ["dimension=16", f"backbone={backbone}"])]
    )
    other.frozen_part().load_state_dict(one.frozen_part().state_dict())
    assert features_module.features_key(one, "images", 1) != features_module.features_key(
        other, "images", 1
    )


def test_features_too_large_for_half_precision_are_an_error(tmp_path: Path, tiny: Dataset) -> None:
    config = load_config("vsepp", [f"image_size={SIZE}", "dimension=16"])
    model = make_model(config, make_tokenizer(config, tiny))
    with torch.no_grad():
        for parameter in model.frozen_part().parameters():
            parameter.fill_(1e6)
    with pytest.raises(RsitmdError, match="features of"):
        cached_features(model, cached_images(tiny, SIZE, tmp_path), 1, tmp_path)
    assert not list(tmp_path.glob("features*"))
