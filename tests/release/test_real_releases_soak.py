"""Real datasets from import to release, then read by the libraries of the field (`make soak`).

Each is made as a user would: import, split, release, verify, convert. A brute-force check that
shares no candidates with the tool finds no picture in two splits.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mlcroissant
import numpy as np
import pytest
from PIL import Image

import rsitmd_tools
from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.imaging.groups import components
from rsitmd_tools.splitting import Item, assign_splits
from rsitmd_tools.splitting.report import deviation_of
from rsitmd_tools.text.fold import folded
from tests.splitting.brute_force import equal_pixels, most_alike, of_one_picture

pytestmark = [pytest.mark.soak, pytest.mark.libraries]

IMAGES = {"rsscn7_sample": 28, "ucm_full": 2100, "rsitmd_partial": 3630}


class Made(NamedTuple):
    """A release, and the captions by file name without suffix, for each split."""

    folder: Path
    dataset: Dataset
    captions: dict[str, dict[str, list[str]]]


SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
LABELS = Path(__file__).parents[1] / "imaging" / "labels" / "same_place_rsitmd_partial.csv"


def run(*arguments: object) -> None:
    assert root._run([*map(str, arguments)], False) == 0


@pytest.fixture(scope="module", params=IMAGES)
def made(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    scratch = tmp_path_factory.mktemp(request.param)
    workspace, release = scratch / "w", scratch / f"{request.param}-1.0.0"
    run("build", "init", workspace)
    run("build", "import", workspace, shared_data / request.param)
    run("build", "split", workspace, "--reassign")
    run("build", "release", workspace, "--version", "1.0.0", "-o", release, "--allow-no-licence")
    run("build", "verify", release)
    dataset = load_dataset(release)
    assert len(dataset) == IMAGES[request.param]
    captions = {
        split: {Path(i.filename).stem: list(i.captions) for i in dataset.select(split)}
        for split in ("train", "val", "test")
    }
    return Made(release, dataset, captions)


def converted(made: Made, target: Path, *options: str) -> Path:
    run("build", "convert", made.folder, target, *options)
    return target


@pytest.mark.timeout(3000)  # all pairs: ten minutes on a busy machine
def test_no_picture_is_in_two_splits(made: Made) -> None:
    homes = [str(image.split) for image in made.dataset]
    paths = [made.dataset.image_path(image) for image in made.dataset]
    assert equal_pixels(paths, homes) == []
    greys = [np.asarray(Image.open(path).convert("L")) for path in paths]
    alike = most_alike(greys, homes)
    assert of_one_picture(greys, alike) == []
    assert Counter(homes).total() == len(paths)


def test_the_card_answers_from_the_data(made: Made) -> None:
    text = (made.folder / "README.md").read_text(encoding="utf-8")
    counts = {split: len(images) for split, images in made.captions.items()}
    assert all(f"| {split} | {count} |" in text for split, count in counts.items())
    assert "Sentences that were imported from other datasets: " in text
    assert "Label Studio" not in text


def test_it_has_no_places(made: Made) -> None:
    """No image of these datasets has one: geopandas and pystac read those of test_places.py."""
    names = {path.name for path in made.folder.iterdir()}
    assert "images.csv" in names
    assert not names & {"footprints.parquet", "stac.json"}


def test_the_python_api_loads_it(made: Made) -> None:
    data = rsitmd_tools.load(made.folder)
    for split, captions in made.captions.items():
        part = data.split(split)
        assert {Path(i.filename).stem: list(i.captions) for i in part} == captions


def test_croissant_describes_it(made: Made) -> None:
    document = mlcroissant.Dataset(jsonld=made.folder / "croissant.json")
    images = list(document.records("images"))
    assert Counter(_text(record["images/split"]) for record in images) == {
        split: len(captions) for split, captions in made.captions.items()
    }
    sentences = [_text(r["sentences/sentence"]) for r in document.records("sentences")]
    assert sentences == list(made.dataset.captions())
    pixels = list(itertools.islice(document.records("pixels"), 5))
    assert {record["pixels/image"].size for record in pixels} == {(256, 256)}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def test_hugging_face_loads_it(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = converted(made, tmp_path / "folder", "--to", "imagefolder", "--images", "jpeg:90")
    found = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache")
    )
    for split, captions in made.captions.items():
        rows = found["validation" if split == "val" else split]
        assert Counter(map(tuple, rows["captions"])) == Counter(map(tuple, captions.values()))
        assert rows[0]["image"].size == (256, 256)


def test_hugging_face_loads_its_shards(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = converted(made, tmp_path / "shards", "--to", "webdataset", "--images", "jpeg:90")
    shards = {split: sorted(map(str, folder.glob(f"*-{split}-*.tar"))) for split in made.captions}
    found = datasets.load_dataset(
        "webdataset", data_files=shards, cache_dir=str(tmp_path / "cache")
    )
    for split, captions in made.captions.items():
        rows = found[split]
        texts = {Path(row["filename"]).stem: row["captions"] for row in rows["json"]}
        assert texts == captions
        assert len(rows) == len(captions)
        assert rows[0]["jpg"].size == (256, 256)


def test_webdataset_loads_it(made: Made, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    folder = converted(made, tmp_path / "shards", "--to", "webdataset", "--images", "jpeg:90")
    for split, captions in made.captions.items():
        urls = sorted(map(str, folder.glob(f"*-{split}-*.tar")))
        rows = webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)
        found = {
            Path(json["filename"]).stem: (json["captions"], image.shape)
            for image, json in rows.decode("rgb8").to_tuple("jpg", "json")
        }
        assert {name: texts for name, (texts, _) in found.items()} == captions
        assert {shape for _, shape in found.values()} == {(256, 256, 3)}


def test_open_clip_loads_it(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pytest.importorskip("open_clip_train.data")
    options = ("--variant", "filepath-tab", "--images", "link")
    folder = converted(made, tmp_path / "csv", "--to", "open-clip-csv", *options)
    monkeypatch.chdir(folder)
    for split, captions in made.captions.items():
        (file,) = folder.glob(f"*_{split}.csv")
        found = data.CsvDataset(
            str(file),
            transforms=lambda image: image.size,
            img_key="filepath",
            caption_key="title",
            tokenizer=list,
        )
        assert len(found) == sum(map(len, captions.values()))
        assert Counter(found.captions) == Counter(itertools.chain(*captions.values()))
        assert found[0][0] == (256, 256)


def test_pycocotools_loads_it(made: Made, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    folder = converted(made, tmp_path / "coco", "--to", "coco", "--images", "none")
    for split, captions in made.captions.items():
        found = coco.COCO(str(folder / f"captions_{split}.json"))
        texts = {
            Path(found.loadImgs(number)[0]["file_name"]).stem: [
                entry["caption"] for entry in found.loadAnns(found.getAnnIds(imgIds=[number]))
            ]
            for number in found.getImgIds()
        }
        assert texts == captions


def test_the_largest_deviation_of_a_category_is_that_of_its_groups(made: Made) -> None:
    """Prints the figures of the documentation: images above or below the share of a category."""
    count = Counter((image.category, image.split) for image in made.dataset)
    total = Counter(image.category for image in made.dataset)
    settings = json.loads((made.folder / "release.json").read_text(encoding="utf-8"))["settings"]
    shares = {split: settings["split"][split] for split in made.captions}
    worst = max(
        (abs(count[category, split] - share * total[category]), category, split)
        for category in total
        for split, share in shares.items()
    )
    parts = Counter(image.split for image in made.dataset)
    files = [file for file in made.folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    print(
        f"\n{made.folder.name}: {len(files)} files, {size:.0f} MB;"
        f" {', '.join(f'{split} {parts[split]}' for split in shares)};"
        f" {len(total)} categories, largest deviation {worst}"
    )
    assert worst[0] < max(10, 0.1 * total[worst[1]])


@pytest.mark.parametrize("captions", [False, True], ids=["pairs", "pairs and captions"])
def test_the_largest_deviation_of_all_names_with_groups(shared_data: Path, captions: bool) -> None:
    """Prints the figures of the documentation for the 4743 names of RSITMD.

    The pairs are those that a person labelled among the images at hand.
    """
    dataset = load_dataset(shared_data / "captions" / "csv" / "RSITMD.csv")
    links = [*labelled_pairs(dataset), *(shared_sentences(dataset) if captions else ())]
    assert links
    items = grouped_items(dataset, links)
    assigned = assign_splits(items, SHARES, seed=0)
    assert all(assigned[one] == assigned[other] for one, other in links)
    worst = deviation_of(items, SHARES, assigned)
    assert worst is not None
    sizes = Counter(item.group for item in items)
    grouped = sum(size for size in sizes.values() if size > 1)
    categories = {item.category for item in items}
    away = abs(worst.images - worst.share)
    parts = Counter(assigned.values())
    print(
        f"\n{len(items)} names, {len(categories)} categories; {grouped} in"
        f" {sum(size > 1 for size in sizes.values())} groups, the largest {max(sizes.values())};"
        f" {', '.join(f'{split} {parts[split]}' for split in SHARES)};"
        f" largest deviation {away:.1f} ({worst.category} in {worst.split})"
    )
    assert (len(items), len(categories)) == (4743, 33)
    assert away < 1


def labelled_pairs(dataset: Dataset) -> list[tuple[str, str]]:
    """Return the pairs that a person labelled, by the names of a dataset of TIFF files."""
    with LABELS.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["same_place"] == "yes"]
    names = {Path(image.filename).stem: image.filename for image in dataset}
    return [(names[Path(row["first"]).stem], names[Path(row["second"]).stem]) for row in rows]


def shared_sentences(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield each image that shares a sentence with the first one that has it."""
    first: dict[str, str] = {}
    for image in dataset:
        for text in map(folded, image.captions):
            if text:
                yield first.setdefault(text, image.filename), image.filename


def grouped_items(dataset: Dataset, links: Iterable[tuple[str, str]]) -> list[Item]:
    names = [image.filename for image in dataset]
    place = {name: index for index, name in enumerate(names)}
    found = components(len(names), ((place[one], place[other]) for one, other in links))
    return [
        Item(image.filename, str(image.category), names[index if group is None else group])
        for index, (image, group) in enumerate(zip(dataset, found, strict=True))
    ]
