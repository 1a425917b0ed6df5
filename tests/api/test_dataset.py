"""``rsitmd_tools.load``: records, images, tables, torch and the prior."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rsitmd_tools
from rsitmd_tools.dataset import Dataset as Records
from rsitmd_tools.dataset import ImageRecord, Sentence
from rsitmd_tools.dataset.folds import with_fold
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import save_dataset
from rsitmd_tools.formats.images import ImageMode, decoded_image
from rsitmd_tools.similarity import compute_prior, write_prior

SPLITS = ("train", "train", "val", "test", "test")
COUNTS = (5, 0, 2, 3, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images with different numbers of sentences."""
    images = []
    (tmp_path / "images").mkdir()
    for number, (split, count) in enumerate(zip(SPLITS, COUNTS, strict=True)):
        name = f"port_{number}.png"
        Image.new("L", (20, 16), 10 * number).save(tmp_path / "images" / name)
        texts = tuple(Sentence(f"Image {number} has ship {k}.", f"p{k}") for k in range(count))
        images.append(ImageRecord(name, texts, ("a b",), split, "port"))
    save_dataset(Records("small", tuple(images), tmp_path, "rsitmd"), tmp_path, "rsitmd")
    return tmp_path


def test_records_are_found_by_index_and_name(folder: Path) -> None:
    data = rsitmd_tools.load(folder)
    assert isinstance(data, rsitmd_tools.Dataset)
    assert isinstance(data, Records)
    assert [image.filename for image in data] == [f"port_{n}.png" for n in range(5)]
    assert data[3] is data["port_3.png"] is data.images[3]
    assert data[-1].filename == "port_4.png"
    with pytest.raises(KeyError):
        data["port_9.png"]
    with pytest.raises(IndexError):
        data[5]
    test = data.split("test")
    assert isinstance(test, rsitmd_tools.Dataset)
    assert [image.filename for image in test] == ["port_3.png", "port_4.png"]
    with pytest.raises(RsitmdError, match="available splits: train, val, test"):
        data.split("valid")
    assert repr(data) == "<Dataset 'small': 5 images, 11 sentences, train 2, val 1, test 2>"
    assert pickle.loads(pickle.dumps(data)) == data


def test_a_dataset_is_a_sequence_of_records(folder: Path) -> None:
    data = rsitmd_tools.load(folder)
    for number, image in enumerate(data):
        copied = replace(image)
        for value in (image, copied, image.filename):
            assert value in data
            assert data.index(value) == number
            assert data.count(value) == 1
    test = data.split("test")
    for missing in (data[0], "port_0.png", "port_9.png", 3, None, np.zeros(5)):
        assert missing not in test
        assert test.count(missing) == 0
        with pytest.raises(ValueError, match="is not in the dataset"):
            test.index(missing)
    twice = data.with_images([data[1], data[0], data[1]])
    assert twice.count("port_1.png") == twice.count(data[1]) == 2
    assert [twice.index("port_1.png", *more) for more in ((), (1,), (-2,), (0, 1))] == [0, 2, 2, 0]
    with pytest.raises(ValueError, match="is not in the dataset"):
        twice.index("port_1.png", 1, 2)
    assert list(reversed(data)) == list(data.images)[::-1]
    # A file is also found by its place below the image folder.
    below = data.with_images([replace(data[0], extra={"filepath": "harbour"})])
    assert "harbour/port_0.png" in below
    assert below.index("harbour/port_0.png") == 0


def test_records_can_be_in_a_set(folder: Path) -> None:
    data = rsitmd_tools.load(folder)
    assert len({*data, *rsitmd_tools.load(folder)}) == 5
    other = replace(data[0], extra={"note": "x"})
    assert hash(other) == hash(data[0])
    assert len({data[0], other}) == 2
    assert hash(data) == hash(rsitmd_tools.load(folder))


def test_the_path_is_a_string_or_a_path_and_images_can_be_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "images").rename(tmp_path / "elsewhere")
    data = rsitmd_tools.load(str(folder / "dataset_RSITMD.json"), input_format="rsitmd")
    with pytest.raises(RsitmdError, match="has no image folder"):
        data.open(0)
    with pytest.raises(RsitmdError, match="has no images"):
        data.to_torch()
    assert rsitmd_tools.load(folder, images=str(tmp_path / "elsewhere")).open(1).size == (20, 16)


def test_images_are_opened_late_from_folders_and_archives(folder: Path, tmp_path: Path) -> None:
    data = rsitmd_tools.load(folder)
    save_dataset(data, tmp_path / "shards", "webdataset", images=ImageMode("copy"))
    shards = rsitmd_tools.load(tmp_path / "shards")
    for number in range(5):
        name = f"port_{number}.png"
        assert data.open(name).getpixel((0, 0)) == 10 * number
        assert shards.open(name).getpixel((0, 0)) == 10 * number
    (folder / "images" / "port_0.png").write_bytes(b"no image")
    (folder / "images" / "port_1.png").unlink()
    with pytest.raises(RsitmdError, match=r"port_0\.png: is not a readable image"):
        data.open(0)
    with pytest.raises(RsitmdError, match=r"port_1\.png: image file does not exist"):
        data.open(1)


def test_tables_have_a_row_for_each_sentence_or_image(folder: Path) -> None:
    data = rsitmd_tools.load(folder)
    table = data.to_pandas()
    assert list(table["sentence"]) == data.captions()
    assert list(table["image_index"]) == data.caption_owners()
    last = table.iloc[-2].to_dict()
    assert last == {
        "filename": "port_3.png",
        "split": "test",
        "category": "port",
        "image_index": 3,
        "sentence_index": 2,
        "sentence": "Image 3 has ship 2.",
        "annotator": "p2",
    }
    images = data.to_pandas(per="image")
    assert [len(texts) for texts in images["sentences"]] == list(COUNTS)
    assert images["keywords"][0] == ("a b",)
    with pytest.raises(WrongUsage, match="per='word' is unknown"):
        data.to_pandas(per="word")  # type: ignore[arg-type]


def test_rows_of_the_prior_are_those_of_the_images(folder: Path) -> None:
    test = rsitmd_tools.load(folder).split("test")
    with pytest.raises(RsitmdError, match=r"test\.npy: does not exist; to compute it, run: "):
        test.prior()
    write_prior(test, folder / "prior" / "test.npy")
    prior, expected = test.prior(), compute_prior(test)
    assert prior.shape == (2, 4)
    for index in (0, 1, -1):
        assert np.array_equal(prior.row(index), expected[index])
    for index in (2, -3):
        with pytest.raises(IndexError, match=f"image {index} of 2"):
            prior.row(index)
    with pytest.raises(WrongUsage, match="these images have 3"):
        rsitmd_tools.load(folder).prior()
    with pytest.raises(RsitmdError, match="was computed from other data"):
        rsitmd_tools.load(folder).split("train").prior(folder / "prior" / "test.npy")
    write_prior(test, folder / "sparse.npz", threshold=0.1)
    assert np.allclose(test.prior(str(folder / "sparse.npz")).row(1), expected[1], atol=0.1)


def red(image: Image.Image) -> Any:
    return np.asarray(image)[0, 0].tolist()


def test_items_of_torch_are_pairs_or_images(folder: Path) -> None:
    data = rsitmd_tools.load(folder)
    pairs = data.to_torch(red, str.upper)
    assert len(pairs) == 11
    assert [item.text for item in pairs] == [text.upper() for text in data.captions()]
    assert [item.image_index for item in pairs] == data.caption_owners()
    assert [item.sentence_index for item in pairs] == list(range(11))
    assert pairs[5].image == [20, 20, 20], "grey images become RGB"
    images = data.to_torch(red, len, per="image")
    assert [item.text for item in images] == [[19] * count for count in COUNTS]
    assert [item.sentence_index for item in images] == [0, -1, 5, 7, 10]
    for wrong in (-12, 11):
        with pytest.raises(IndexError):
            pairs[wrong]
    assert isinstance(data.to_torch()[0].image, Image.Image)


def test_torch_loads_in_processes(folder: Path) -> None:
    from torch.utils.data import DataLoader

    pairs = rsitmd_tools.load(folder).split("test").to_torch(np.asarray)
    [batch] = DataLoader(pairs, batch_size=4, num_workers=1)
    assert tuple(batch.image.shape) == (4, 16, 20, 3)
    assert batch.image_index.tolist() == [0, 0, 0, 1]


def test_the_import_is_light() -> None:
    script = (
        "import sys, json, rsitmd_tools; before = set(sys.modules); data = rsitmd_tools.load"
        "(sys.argv[1]); print(json.dumps([sorted(before), sorted(sys.modules)]))"
    )
    example = Path(__file__).parents[2] / "docs" / "example"
    done = subprocess.run(
        [sys.executable, "-c", script, str(example)], capture_output=True, text=True, check=True
    )
    before, after = json.loads(done.stdout)
    heavy = {"torch", "pandas", "PIL", "numpy", "rasterio", "numba", "rsitmd_tools.formats"}
    assert not heavy & set(before)
    assert not {"torch", "pandas", "rasterio", "numba"} & set(after)
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        rsitmd_tools.laod  # noqa: B018


def test_a_fold_is_a_dataset_of_train_and_test(folder: Path) -> None:
    data = rsitmd_tools.load(folder)
    with pytest.raises(RsitmdError, match=r"folds\.csv: does not exist.*build split DIR --folds"):
        data.fold(0)
    lines = [f"port_{number}.png,{number % 2}\n" for number in range(5)]
    (folder / "folds.csv").write_text("".join(["filename,fold\n", *lines]))
    fold = rsitmd_tools.load(folder / "dataset_RSITMD.json").fold(1)
    assert isinstance(fold, rsitmd_tools.Dataset)
    assert [image.split for image in fold] == ["train", "test", "train", "test", "train"]
    assert fold.split("test").open(0).size == (20, 16)
    with pytest.raises(WrongUsage, match="fold 2 does not exist; use a fold from 0 to 1"):
        fold.fold(2)
    with pytest.raises(WrongUsage, match="none of these images is in fold 1; take the fold of"):
        data.split("val").fold(1)
    with pytest.raises(WrongUsage, match="all of these images are in fold 0; take the fold of"):
        data.split("val").fold(0)


def test_values_of_16_bits_are_stretched_for_torch(folder: Path) -> None:
    values = np.linspace(2000, 9000, 20 * 16).reshape(16, 20).astype(np.uint16)
    Image.fromarray(values).save(folder / "images" / "port_3.png")
    image = np.asarray(rsitmd_tools.load(folder).split("test").to_torch()[0].image)
    assert image.shape == (16, 20, 3)
    assert (image.min(), image.max()) == (0, 255)
    assert 100 < image.mean() < 150


def test_the_images_of_a_fold_are_those_of_the_tar_files(folder: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    data = rsitmd_tools.load(folder)
    save_dataset(data, shards, "webdataset", images=ImageMode("copy"))
    lines = [f"port_{number}.png,{number % 2}\n" for number in range(5)]
    (shards / "folds.csv").write_text("".join(["filename,fold\n", *lines]))
    fold = rsitmd_tools.load(shards).fold(1)
    for image in fold:
        number = int(image.filename[5])
        assert image.split == ("test" if number % 2 else "train")
        assert fold.open(image).getpixel((0, 0)) == 10 * number


def test_two_images_of_one_name_are_refused_in_a_fold(folder: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    data = rsitmd_tools.load(folder)
    for number, split in ((3, "train"), (4, "test")):
        name = f"port_{number}.png"
        (folder / "images" / name).replace(folder / "images" / "a.png")
        image = replace(data[name], filename="a.png", split=split)
        one = replace(data.with_images([image]), name="x")
        save_dataset(one, tmp_path / split, "webdataset", images=ImageMode("copy"))
        shards.mkdir(exist_ok=True)
        [file] = (tmp_path / split).iterdir()
        file.rename(shards / file.name)
    (shards / "folds.csv").write_text("filename,fold\na.png,0\n")
    both = rsitmd_tools.load(shards)
    third = both.with_images([*both.images, ImageRecord("b.png")])
    with pytest.raises(RsitmdError, match=r"a\.png: two images of this name would be in test"):
        with_fold(third, {"a.png": 0, "b.png": 1}, 0)


def write_image(file: Path, values: np.ndarray[Any, Any], **options: Any) -> None:
    """Write the values ``(bands, rows, columns)`` as an image."""
    import rasterio

    count, height, width = values.shape
    with rasterio.open(
        file, "w", width=width, height=height, count=count, dtype=values.dtype, **options
    ) as raster:
        raster.write(values)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_images_for_torch_are_those_of_the_other_commands(folder: Path) -> None:
    steps = np.linspace(0, 1, 20 * 16).reshape(1, 16, 20)
    colours = np.concatenate([steps] * 3)
    images = folder / "images"
    tiff: dict[str, Any] = {"driver": "GTiff", "photometric": "RGB"}
    write_image(images / "port_0.png", (colours * 4000).astype(np.uint16), driver="PNG")
    write_image(images / "port_1.png", colours.astype(np.float32), **tiff)
    five = np.concatenate([colours * 255, steps, steps]).astype(np.uint8)
    write_image(images / "port_2.png", five, driver="GTiff")
    alpha = np.zeros((1, 16, 20))
    transparent = np.concatenate([colours * 255, alpha]).astype(np.uint8)
    transparent[3, :, 10:] = 255
    write_image(images / "port_3.png", transparent, driver="PNG")
    turned = Image.new("RGB", (20, 16), (1, 2, 3))
    exif = turned.getexif()
    exif[274] = 6
    turned.save(images / "port_4.png", "JPEG", exif=exif)
    data = rsitmd_tools.load(folder)
    items = [np.asarray(item.image) for item in data.to_torch(per="image")]
    for image, pixels in zip(data, items, strict=True):
        assert np.array_equal(pixels, np.asarray(decoded_image(data, image)))
    for pixels in items[:2]:
        assert 100 < pixels.mean() < 150
    assert items[3][:, :10].max() == 0
    assert items[4].shape == (20, 16, 3)


def test_plain_images_are_not_changed_for_torch(folder: Path) -> None:
    random = np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8)
    Image.fromarray(random).save(folder / "images" / "port_0.png")
    Image.fromarray(random).save(folder / "images" / "port_1.png", "JPEG")
    data = rsitmd_tools.load(folder)
    for image, item in zip(data, data.to_torch(per="image"), strict=True):
        assert np.array_equal(np.asarray(item.image), np.asarray(data.open(image).convert("RGB")))


def test_indices_of_numpy_and_torch_and_slices(folder: Path) -> None:
    import torch

    data = rsitmd_tools.load(folder)
    pairs, images = data.to_torch(red), data.to_torch(red, per="image")
    for index in (np.int64(3), torch.tensor(3)):
        assert data[index] is data[3]
        assert data.open(index).getpixel((0, 0)) == 30
        assert pairs[index] == pairs[3]
        assert images[index] == images[3]
        assert type(images[index].image_index) is int
    assert data[1:3] == data.images[1:3]
    assert pairs[-1] == pairs[10]
    assert images[-1].image_index == 4
    for wrong in (1.5, None):
        with pytest.raises(TypeError):
            data[wrong]  # type: ignore[call-overload]
        with pytest.raises(TypeError):
            pairs[wrong]  # type: ignore[index]
    with pytest.raises(TypeError):
        pairs[0:2]  # type: ignore[index]
