"""Family D: structure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rsitmd_tools.dataset import Dataset, Sentence
from rsitmd_tools.formats import load_dataset
from tests.quality.conftest import FIVE, dataset, document, record

if TYPE_CHECKING:
    from tests.quality.conftest import Found

Read = Callable[[Any], Dataset]


def test_d101_schema(read: Read, found: Found) -> None:
    assert found("D101", read(document({}, {}))) == []
    [finding] = found("D101", read(document({}, {"keywords": "blue sea"})))
    assert finding.message == 'images[1].keywords: must be a list, not "blue sea"'
    missing = document({})
    del missing["images"][0]["imgid"]
    del missing["images"][0]["sentences"][2]["sentid"]
    messages = [f.message for f in found("D101", read(missing))]
    assert messages == [
        "images[0]: has no 'imgid'",
        "images[0].sentences[2]: has no 'sentid'",
    ]


def test_d102_sentence_count(found: Found) -> None:
    assert found("D102", dataset(record())) == []
    for count in (0, 4, 6):
        sentences = [f"{n} boats lie at the pier." for n in range(count)]
        [finding] = found("D102", dataset(record(), record("a_2.tif", sentences)))
        assert (finding.image, finding.message) == ("a_2.tif", f"has {count} sentences, expected 5")


@pytest.mark.parametrize("template", ["keywords", "ranking"])
def test_d102_without_sentences_on_the_page(template: str, tmp_path: Path, found: Found) -> None:
    imported = dataset(record(), record("a_2.tif", ["A boat."]))
    settings = f'[annotation]\ntemplate = "{template}"\n'
    assert found("D102", imported, settings, folder=tmp_path) == []


@pytest.mark.parametrize("template", ["captioning", "keywords", "ranking"])
def test_captions_of_an_import_are_checked_with_every_page(
    template: str, tmp_path: Path, found: Found
) -> None:
    settings = f'[annotation]\ntemplate = "{template}"\n'
    padded = dataset(record(), record("a_2.tif", ["A boat lies here."] * 5))
    assert [f.image for f in found("S108", padded, settings, folder=tmp_path)] == ["a_2.tif"]
    words = [f"{a}{b}ip" for a in "bcdfghklmn" for b in "aeiouyrlwh"]
    texts = [f"The {word} lies by the {word}." for word in words for _ in range(5)]
    images = [record(f"a_{n}.tif", texts[5 * n + 1 : 5 * n + 6]) for n in range(len(words) - 1)]
    assert found("D110", dataset(*images), settings, folder=tmp_path) != []


def test_d103_d104_files(tmp_path: Path, found: Found) -> None:
    (tmp_path / "port_1.tif").touch()
    data = dataset(record(), record("port_2.tif"), folder=tmp_path)
    assert [f.image for f in found("D103", data)] == ["port_2.tif"]
    assert found("D104", data) == []
    (tmp_path / "port_2.tif").touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "port_9.JPG").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more.png").mkdir()
    (tmp_path / "._port_1.tif").touch()
    assert found("D103", data) == []
    [finding] = found("D104", data)
    assert "below/port_9.JPG" in finding.message
    (tmp_path / "x.webp").touch()
    assert len(found("D104", data)) == 2
    assert found("D103", dataset(record())) == found("D104", dataset(record())) == []


def test_files_in_the_folder_that_karpathys_json_names(tmp_path: Path, found: Found) -> None:
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014" / "port_1.tif").touch()
    below = dataset(replace(record(), extra={"filepath": "val2014"}), folder=tmp_path)
    for code in ("D103", "D104", "D112"):
        assert found(code, below) == []
    outside = dataset(replace(record(), extra={"filepath": "../val2014"}), folder=tmp_path)
    assert [f.image for f in found("D112", outside)] == ["port_1.tif"]


def test_d105_d106_repeated_names(found: Found) -> None:
    two = dataset(record(split="train"), record(split="test"))
    assert [f.split for f in found("D105", two)] == ["test"]
    assert found("D106", two) == []
    twice = dataset(record(split="train"), record(split="train"))
    assert found("D105", twice) == []
    assert len(found("D106", twice)) == 1


def test_d107_category_differs(found: Found) -> None:
    data = dataset(record(category="river"), record("port_2.tif"), record("81.jpg", category="x"))
    [finding] = found("D107", data)
    assert finding.message == "category 'port' in the file name, 'river' in the record"
    # Names of cameras and satellites are no categories.
    names = ("IMG_2020_1.tif", "S2A_20200101.tif", "DJI_7.tif")
    assert found("D107", dataset(*(record(name, category="beach") for name in names))) == []


def test_d108_swapped_splits(tmp_path: Path, found: Found) -> None:
    (tmp_path / "val.txt").write_text("port_1.tif\n")
    (tmp_path / "test.txt").write_text("port_2.tif\nport_9.tif\n")
    settings = '[validate]\nexpected_splits = {val = "val.txt", test = "test.txt"}\n'
    right = dataset(record(split="val"), record("port_2.tif", split="test"))
    [absent] = found("D108", right, settings, folder=tmp_path)
    assert "1 expected image missing, for example port_9.tif" in absent.message
    swapped = dataset(record(split="test"), record("port_2.tif", split="val"))
    messages = [f.message for f in found("D108", swapped, settings, folder=tmp_path)]
    assert "test and val appear swapped: 1 image of test in val" in messages
    assert "in split test, expected in val" in messages
    assert found("D108", swapped) == []
    # An image that no list names is in none of these splits, nor is a name in two.
    surplus = dataset(*right, record("port_3.tif", split="test"), record(split="test"))
    messages = [f.message for f in found("D108", surplus, settings, folder=tmp_path)]
    assert messages.count("in split test, but not in its expected names") == 1
    assert messages.count("in split test, expected in val") == 1
    (tmp_path / "test.txt").write_text("port_2.tif\nport_1.tif\n")
    messages = [f.message for f in found("D108", right, settings, folder=tmp_path)]
    assert "port_1.tif is expected in val and in test" in messages


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"imgid": 0}, "imgid 0 is used twice"),
        ({"sentids": [1, 2, 3, 4, 5]}, "sentids differ from those of the sentences"),
    ],
)
def test_d109_wrong_id(read: Read, found: Found, change: dict[str, Any], message: str) -> None:
    assert found("D109", read(document({}, {}))) == []
    assert message in {f.message for f in found("D109", read(document({}, change)))}


def test_d109_ids_of_sentences(read: Read, found: Found) -> None:
    content = document({}, {})
    content["images"][1]["sentences"][0]["sentid"] = 3
    content["images"][1]["sentences"][1]["imgid"] = 7
    messages = {f.message for f in found("D109", read(content))}
    assert {"sentid 3 is used twice", "a sentence has imgid 7, its image 1"} <= messages


def test_d110_shifted_captions(shared_data: Path, tmp_path: Path, found: Found) -> None:
    source = shared_data / "rsitmd_precomp"
    real = load_dataset(source)
    assert found("D110", real) == []
    assert found("D110", load_dataset(shared_data / "ucm_precomp")) == []
    # Shuffled: among neighbours of one category nobody could tell a shift by an image.
    part = real.select("test")
    order = [part.images[n] for n in np.random.default_rng(0).permutation(len(part))]
    lines = [raw for image in order for raw in image.captions]

    def shifted(by: int) -> Dataset:
        folder = tmp_path / str(by)
        folder.mkdir()
        names = "".join(f"{image.filename}\n" for image in order)
        (folder / "test_filename.txt").write_text(names)
        moved = [*lines[:500], *lines[500 + by :], *lines[500 : 500 + by]]
        (folder / "test_caps.txt").write_text("\n".join(moved) + "\n", encoding="utf-8")
        return load_dataset(folder)

    assert found("D110", shifted(0)) == []
    names = [image.filename for image in order]
    for by, message in ((1, "by 4 lines"), (5, "by -1 image "), (10, "by -2 images")):
        [finding] = found("D110", shifted(by))
        assert message in finding.message
        # The first stretch of 50 images that is wholly or mostly shifted.
        assert 50 <= names.index(str(finding.image)) <= 150


def test_d111_unknown_field(read: Read, found: Found) -> None:
    content = document({"spilt": "test"}, {"spilt": "val"})
    content["images"][0]["sentences"][0]["note"] = "x"
    messages = [f.message for f in found("D111", read(content))]
    assert messages == [
        "unknown field 'images[].sentences[].note' in 1 place",
        "unknown field 'images[].spilt' in 2 places",
    ]
    assert found("D111", read(document({}))) == []
    # The folder of an image, which is read.
    assert found("D111", read(document({"filepath": "val2014"}))) == []


def test_d112_unsafe_name(tmp_path: Path, found: Found) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "link.tif").symlink_to("/etc/passwd")
    names = ("../a.tif", "/etc/passwd", "C:\\a.tif", "a\x1b.tif", "link.tif", "b/../../c.tif")
    for name in names:
        assert found("D112", dataset(record(name), folder=folder)), name
    good = dataset(record("a.tif"), record("b/a.tif"), record("a..b.tif"), folder=folder)
    assert found("D112", good) == []


def test_d113_wrong_tokens(found: Found) -> None:
    right = Sentence(FIVE[0], tokens=("two", "white", "boats", "lie", "at", "the", "grey", "pier"))
    its = Sentence("It's here.", tokens=("it", "'s", "here", "."))
    wrong = Sentence(FIVE[0], tokens=("three", "boats"))
    [finding] = found("D113", dataset(record(sentences=[right, its, FIVE[1], wrong])))
    assert finding.sentence_index == 3


def test_ids_and_fields_of_the_karpathy_layout_are_checked(tmp_path: Path, found: Found) -> None:
    content = document({"imgid": 0}, {"imgid": 0, "spilt": "train"})
    for entry in content["images"]:
        del entry["keywords"], entry["category"]
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    data = load_dataset(tmp_path, "karpathy")
    assert [f.message for f in found("D109", data) if "twice" in f.message] == [
        "imgid 0 is used twice"
    ]
    assert ["spilt" in f.message for f in found("D111", data)] == [True]
    assert found("D101", data) == []


def test_d101_takes_a_file_of_the_karpathy_layout_as_its_folder(
    tmp_path: Path, found: Found
) -> None:
    content = document({}, {})
    for entry in content["images"]:
        del entry["keywords"], entry["category"]

    def formats_of(name: str) -> list[str]:
        (tmp_path / name).write_text(json.dumps(content))
        data = load_dataset(tmp_path / name)
        assert len(data) == 2
        assert len(found("D101", data)) == (0 if data.format == "karpathy" else 2), name
        return [data.format, load_dataset(tmp_path / name, "rsitmd").format]

    assert formats_of("dataset.json") == ["karpathy", "rsitmd"]
    assert formats_of("captions.json") == ["karpathy", "rsitmd"]
    # RSITMD's own file without any keywords is still read, and lacks them.
    assert formats_of("dataset_RSITMD.json") == ["rsitmd", "rsitmd"]
    # A field of RSITMD in any image, or a missing field of Karpathy's layout, makes it RSITMD.
    content["images"][1]["category"] = "port"
    assert formats_of("dataset.json") == ["rsitmd", "rsitmd"]
    del content["images"][1]["category"]
    content["images"][0]["sentences"][0]["raw"] = 'The text says "keywords": it is no field.'
    assert formats_of("dataset.json") == ["karpathy", "rsitmd"]
