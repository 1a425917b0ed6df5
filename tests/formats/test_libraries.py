"""What `build convert` writes, read by the libraries of the field."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset, save_dataset

pytestmark = pytest.mark.libraries

COUNT = {"train": 7, "val": 2, "test": 3}
ODD = 'A "grey", long\tpier; über\u00a0all.\nTwo ships.'


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of different colours with texts that are hard to quote."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "images").mkdir()
    images = []
    for split, count in COUNT.items():
        for number in range(count):
            name = f"port_{split}.{number}.tif"
            colour = (20 * number, 100, len(split))
            Image.new("RGB", (32, 24), colour).save(folder / "images" / name)
            texts = tuple(Sentence(f"{ODD} Image {number} of {split}, {k}.") for k in range(5))
            words = ("white ship", "- pier") if number != 1 else ()
            images.append(ImageRecord(name, texts, words, split, "port"))
    save_dataset(Dataset("harbour", tuple(images), folder, "rsitmd"), folder, "rsitmd")
    return folder


def convert(source: Path, target: Path, *options: str) -> Path:
    assert root._run(["build", "convert", str(source), str(target), *options], False) == 0
    return target


def expected(source: Path, split: str, suffix: str = ".jpg") -> dict[str, list[str]]:
    images = load_dataset(source).select(split)
    return {i.filename.replace(".tif", suffix): list(i.captions) for i in images}


@pytest.fixture
def hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()

    def load(*arguments: Any, **options: Any) -> Any:
        return datasets.load_dataset(*arguments, cache_dir=str(tmp_path / "cache"), **options)

    return load


def test_hugging_face_reads_the_image_folder(
    source: Path, tmp_path: Path, hugging_face: Any
) -> None:
    folder = convert(source, tmp_path / "out", "--to", "imagefolder")
    found = hugging_face("imagefolder", data_dir=str(folder))
    assert {name: len(part) for name, part in found.items()} == {
        "train": 7,
        "validation": 2,
        "test": 3,
    }
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        rows = list(found[name])
        assert Counter(tuple(row["captions"]) for row in rows) == Counter(
            map(tuple, expected(source, split).values())
        )
        assert {row["image"].size for row in rows} == {(32, 24)}
        assert {row["category"] for row in rows} == {"port"}
        assert [len(row["keywords"]) for row in rows].count(0) == 1


@pytest.mark.parametrize("images", ["copy", "jpeg:95"])
def test_hugging_face_reads_the_shards(
    source: Path, tmp_path: Path, hugging_face: Any, images: str
) -> None:
    folder = convert(source, tmp_path / "out", "--to", "webdataset", "--images", images)
    files = {split: str(folder / f"harbour-{split}-*.tar") for split in COUNT}
    found = hugging_face("webdataset", data_files=files)
    suffix = "tif" if images == "copy" else "jpg"
    for split in COUNT:
        rows = list(found[split])
        texts = expected(source, split, f".{suffix}")
        assert {row["json"]["filename"]: row["json"]["captions"] for row in rows} == texts
        assert [row["txt"] for row in rows] == [captions[0] for captions in texts.values()]
        assert {row[suffix].size for row in rows} == {(32, 24)}


def test_webdataset_reads_the_shards(source: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    folder = convert(source, tmp_path / "out", "--to", "webdataset", "--images", "jpeg:95")
    url = str(folder / "harbour-train-000000.tar")
    rows = list(
        webdataset.WebDataset(url, shardshuffle=False, empty_check=False)
        .decode("rgb8")
        .to_tuple("jpg", "json", "txt")
    )
    texts = expected(source, "train")
    assert {row[1]["filename"]: row[1]["captions"] for row in rows} == texts
    assert [row[2] for row in rows] == [captions[0] for captions in texts.values()]
    for number, row in enumerate(rows):
        assert np.abs(row[0].reshape(-1, 3).mean(0) - (20 * number, 100, 5)).max() < 4


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("filepath-tab", {}),
        ("filepath-comma", {"sep": ","}),
        ("filename-tab", {"img_key": "filename"}),
        ("filename-comma", {"img_key": "filename", "sep": ","}),
    ],
)
def test_open_clip_reads_the_csv(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variant: str,
    options: dict[str, str],
) -> None:
    pytest.importorskip("webdataset")
    data = pytest.importorskip("open_clip_train.data")
    folder = convert(
        source, tmp_path / "out", "--to", "open-clip-csv", "--variant", variant, "--images", "copy"
    )
    # OpenCLIP opens paths from the working directory.
    monkeypatch.chdir(folder / "images" if "filename" in variant else folder)
    found = data.CsvDataset(
        str(folder / "harbour_val.csv"),
        **{
            "transforms": lambda image: image.size,
            "img_key": "filepath",
            "caption_key": "title",
            "tokenizer": list,
            **options,
        },
    )
    captions = [text for texts in expected(source, "val").values() for text in texts]
    assert [found[index] for index in range(len(found))] == [((32, 24), text) for text in captions]
    again = {i.location: list(i.captions) for i in load_dataset(folder).select("val")}
    assert again == expected(source, "val", ".tif")


def test_pycocotools_reads_the_captions(source: Path, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    folder = convert(source, tmp_path / "out", "--to", "coco")
    for split in COUNT:
        found = coco.COCO(str(folder / f"captions_{split}.json"))
        texts = {
            found.loadImgs(number)[0]["file_name"]: [
                entry["caption"] for entry in found.loadAnns(found.getAnnIds(imgIds=[number]))
            ]
            for number in found.getImgIds()
        }
        assert texts == expected(source, split, ".tif")


def test_karpathy_json_has_the_fields_that_loaders_use(source: Path, tmp_path: Path) -> None:
    folder = convert(source, tmp_path / "out", "--to", "karpathy")
    images = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["images"]
    sentences = [sentence for image in images for sentence in image["sentences"]]
    assert [sentence["sentid"] for sentence in sentences] == list(range(60))
    assert all(image["sentids"] == [s["sentid"] for s in image["sentences"]] for image in images)
    assert images[0]["filename"] == "port_train.0.tif"
