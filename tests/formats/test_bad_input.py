"""Odd texts, names and files, in every format: kept, or refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import FORMATS, load_dataset, save_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.workspace import Settings

WRITABLE = [name for name, layout in FORMATS.items() if layout.write is not None]
VARIANTS = [(name, variant) for name in WRITABLE for variant in FORMATS[name].variants or (None,)]
ONE_LINE = {
    "tab": "two\tships",
    "quotes": 'a "grey" pier, "long"',
    "one quote": 'a 12" pier',
    "comma": "two, three; four",
    "curly quotes": "the harbour’s “old” pier",
    "no-break space": "two\u00a0ships",
    "zero-width spaces": "two\u200bships\u200c\u2060",
    "mark inside": "two\ufeffships",
    "formula": "=cmd|' /C calc'!A0",
    "brackets": "['a', 'b']",
    "backslash": "a\\nb\\",
    "spaces around": "  two ships  ",
    "null": "null",
    "blank": "",
    "emoji": "a ship 🚢",
}
LINES = {"newline": "two\nships", "carriage return": "two\r\nships\r", "separator": "a\u2028b\x85c"}


def dataset(*texts: str, name: str = "port_1.tif", **fields: Any) -> Dataset:
    sentences = tuple(map(Sentence, texts))
    image = ImageRecord(name, sentences, split="train", category="port", **fields)
    return Dataset("small", (image,), Path("here"), "rsitmd")


def found(data: Dataset, *codes: str) -> list[Finding]:
    settings = Settings()
    return check(data, replace(settings, validate=replace(settings.validate, select=codes)))


@pytest.mark.parametrize("kind", [*ONE_LINE, *LINES])
@pytest.mark.parametrize(("layout", "variant"), VARIANTS)
def test_odd_texts_are_kept(tmp_path: Path, layout: str, variant: str | None, kind: str) -> None:
    text = {**ONE_LINE, **LINES}[kind]
    data = dataset(text, "A pier.", text, "A ship.", text)
    if layout == "precomp" and kind in LINES:
        with pytest.raises(RsitmdError, match=r"port_1\.tif: has a text with a line break"):
            save_dataset(data, tmp_path, layout)
        assert not list(tmp_path.iterdir())
        return
    save_dataset(data, tmp_path, layout, variant=variant)
    again = load_dataset(tmp_path)
    assert again.format == layout
    assert again.images[0].captions == data.images[0].captions


@pytest.mark.parametrize("layout", WRITABLE)
def test_a_mark_at_the_beginning_of_a_text_is_not_lost(tmp_path: Path, layout: str) -> None:
    data = dataset("\ufeffA pier.", *"abcd")
    if layout == "precomp":
        with pytest.raises(RsitmdError, match="begins with a byte order mark"):
            save_dataset(data, tmp_path, layout)
        return
    save_dataset(data, tmp_path, layout)
    assert load_dataset(tmp_path).captions()[0] == "\ufeffA pier."


@pytest.mark.parametrize("layout", [name for name in WRITABLE if name != "webdataset"])
def test_a_byte_order_mark_and_crlf_in_the_files_change_nothing(
    tmp_path: Path, layout: str
) -> None:
    save_dataset(dataset("A pier.", "Two ships.", *"abc"), tmp_path, layout)
    expected = load_dataset(tmp_path).images
    for file in tmp_path.rglob("*.*"):
        text = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + text)
    again = load_dataset(tmp_path)
    assert again.format == layout
    assert again.images == expected


@pytest.mark.parametrize("layout", WRITABLE)
def test_images_without_keywords_and_with_three_sentences(tmp_path: Path, layout: str) -> None:
    data = dataset("A pier.", "Two ships.", "A quay.")
    if layout == "precomp":
        with pytest.raises(RsitmdError, match=r"port_1\.tif: precomp requires 5 .* has 3"):
            save_dataset(data, tmp_path, layout)
        return
    save_dataset(data, tmp_path, layout)
    again = load_dataset(tmp_path)
    assert (again.images[0].keywords, len(again.images[0].sentences)) == ((), 3)
    assert [finding.code for finding in found(again, "D102")] == ["D102"]


@pytest.mark.parametrize("layout", WRITABLE)
def test_names_that_differ_in_case_are_two_images(tmp_path: Path, layout: str) -> None:
    one = dataset(*"abcde").images[0]
    data = dataset().with_images([one, replace(one, filename="Port_1.TIF")])
    save_dataset(data, tmp_path, layout)
    assert [image.filename for image in load_dataset(tmp_path)] == ["port_1.tif", "Port_1.TIF"]


KEYS = {
    "dataset_RSITMD.json": '{"images": [{"filename": "a", "filename": "b"}]}',
    "dataset.json": '{"images": [{"filename": "a", "split": "val", "split": "test"}]}',
    "x_train.json": '[{"image": "a.jpg", "caption": "A.", "caption": "B."}]',
    "captions_val.json": '{"images": [{"id": 1, "file_name": "a"}], "annotations": '
    '[{"image_id": 1, "caption": "A.", "caption": "B."}]}',
    "x.jsonl": '{"filename": "a.jpg", "captions": ["A."], "captions": ["B."]}',
    "metadata.jsonl": '{"file_name": "a.jpg", "text": "A.", "text": "B."}',
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_given_twice_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(KEYS[name])
    assert root._run(["validate", str(tmp_path / name)], False) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "duplicate key" in line
    assert name in line


def test_contradictions_in_the_files_are_findings(tmp_path: Path) -> None:
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}],
        "annotations": [
            {"id": 7, "image_id": 1, "caption": "A."},
            {"id": 7, "image_id": 2, "caption": "B."},
        ],
    }
    (tmp_path / "captions_val.json").write_text(json.dumps(coco))
    data = load_dataset(tmp_path)
    assert data.captions() == ["A.", "B."]
    assert [finding.message for finding in found(data, "D114")] == [
        "captions_val.json: two images have the file 'a.jpg'",
        "captions_val.json: two annotations have the id 7",
    ]
    table = tmp_path / "x.csv"
    table.write_text(
        "image,caption,category,keywords\na.jpg,A.,port,pier\na.jpg,B.,river,boat\na.jpg,C.,,\n"
    )
    assert [finding.message for finding in found(load_dataset(table), "D114")] == [
        "a.jpg has the category 'port', in a later entry 'river'",
        "a.jpg has the keywords pier, in a later entry boat",
    ]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("image,caption,caption\na.jpg,A.,B.\n")
    with pytest.raises(RsitmdError, match="has two columns 'caption'"):
        load_dataset(file)


def test_fields_of_coco_that_mean_something_else_are_kept_as_they_are(tmp_path: Path) -> None:
    """In files of other tools, a category or an annotator can be a number."""
    image = {"id": 1, "file_name": "port_1.jpg", "category": 3, "keywords": "a, b"}
    sentence = {"id": 7, "image_id": 1, "caption": "A.", "annotator": 12, "raw": "a", "tokens": 1}
    document = {"images": [image], "annotations": [sentence], "dataset": ["x"], "info": 2}
    (tmp_path / "captions_val.json").write_text(json.dumps(document))
    data = load_dataset(tmp_path)
    assert data.name == tmp_path.name
    assert data.extra == {"dataset": ["x"], "info": 2}
    [record] = data.images
    assert (record.category, record.keywords) == ("port", ())
    assert record.extra == {"category": 3, "keywords": "a, b"}
    [read] = record.sentences
    assert (read.raw, read.annotator) == ("A.", None)
    assert read.extra == {"annotator": 12, "raw": "a", "tokens": 1}


def test_images_and_ids_that_are_given_twice_are_findings(tmp_path: Path) -> None:
    entry = {
        "filename": "a.jpg",
        "imgid": 0,
        "split": "test",
        "sentids": [0],
        "sentences": [{"raw": "A.", "tokens": ["a"], "imgid": 0, "sentid": 0}],
        "keywords": [],
    }
    document = {"dataset": "x", "images": [entry, entry]}
    (tmp_path / "dataset_RSITMD.json").write_text(json.dumps(document))
    data = load_dataset(tmp_path)
    assert {finding.code for finding in found(data, "D106", "D109")} == {"D106", "D109"}
    # The conversion that the rule recommends gives new ids.
    save_dataset(data, tmp_path / "new", "rsitmd")
    assert {finding.code for finding in found(load_dataset(tmp_path / "new"), "D1")} >= {"D106"}
    assert found(load_dataset(tmp_path / "new"), "D109") == []


@pytest.mark.parametrize(
    "layout", ["albef", "coco", "csv", "imagefolder", "jsonl", "open-clip-csv", "webdataset"]
)
@pytest.mark.parametrize("names", [("a.tif", "a.tif"), ("sub/a.tif", "sub\\a.tif")])
def test_two_images_of_one_name_in_a_split_are_refused(
    tmp_path: Path, layout: str, names: tuple[str, str]
) -> None:
    """They would be read as one image."""
    texts = (Sentence("A pier."),)
    train = [ImageRecord(name, texts, split="train") for name in names]
    data = Dataset("x", tuple(train), tmp_path, "rsitmd")
    with pytest.raises(RsitmdError, match=r"a\.tif: two images have this file; rename one"):
        save_dataset(data, tmp_path / "one", layout)
    apart = data.with_images([train[0], ImageRecord(names[1], texts, split="test")])
    save_dataset(apart, tmp_path / "two", layout)
    assert len(load_dataset(tmp_path / "two")) == 2


@pytest.mark.parametrize("layout", ["csv", "jsonl"])
def test_two_spellings_of_a_split_are_one_split(tmp_path: Path, layout: str) -> None:
    images = [ImageRecord("a.tif", split=split) for split in ("val", "valid")]
    data = Dataset("x", tuple(images), tmp_path, "rsitmd")
    with pytest.raises(RsitmdError, match=r"a\.tif: two images have this file"):
        save_dataset(data, tmp_path, layout)


def test_an_imagefolder_of_other_tools_is_read(tmp_path: Path) -> None:
    for split, text in (("train", "A pier."), ("validation", "Two ships.")):
        (tmp_path / split / "port").mkdir(parents=True)
        (tmp_path / split / "port" / "1.jpg").touch()
        (tmp_path / split / "metadata.jsonl").write_text(
            json.dumps({"file_name": "port/1.jpg", "text": text, "label": 3}) + "\n"
        )
    data = load_dataset(tmp_path)
    assert [(i.location, i.captions, i.split, i.extra["label"]) for i in data] == [
        ("train/port/1.jpg", ("A pier.",), "train", 3),
        ("validation/port/1.jpg", ("Two ships.",), "val", 3),
    ]
    assert all(data.image_path(image).is_file() for image in data)
    [image] = load_dataset(tmp_path / "train" / "metadata.jsonl")
    assert (image.location, image.split) == ("port/1.jpg", "train")
    (tmp_path / "train" / "metadata.jsonl").write_text('{"file_name": "a.jpg"}\n')
    with pytest.raises(RsitmdError, match=r"metadata\.jsonl: line 1: captions is neither"):
        load_dataset(tmp_path)


def test_precomp_of_rsitmd_comes_back_byte_for_byte(shared_data: Path, tmp_path: Path) -> None:
    for name in ("rsitmd_precomp", "ucm_precomp"):
        source = shared_data / name
        save_dataset(load_dataset(source), tmp_path / name / "json", "rsitmd")
        between = load_dataset(tmp_path / name / "json")
        save_dataset(between, tmp_path / name / "again", "precomp")
        files = sorted(file.name for file in source.iterdir())
        assert sorted(file.name for file in (tmp_path / name / "again").iterdir()) == files
        for file in files:
            again = tmp_path / name / "again" / file
            assert again.read_bytes() == (source / file).read_bytes(), file
        assert found(between, "D101", "D111") == []


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("karpathy", {"D113": 138, "S113": 13}),
        ("open_clip/rsicd_test.csv", {"S113": 348}),
        ("open_clip/rsitmd_test.csv", {"S113": 296}),
        ("albef", {"S113": 3431}),
        ("coco", {"S113": 94}),
        ("csv", {"S113": 8}),
        ("jsonl", {"S113": 15}),
    ],
)
def test_defects_of_published_files_are_findings(
    shared_data: Path, path: str, codes: dict[str, int]
) -> None:
    data = load_dataset(shared_data / "captions" / path)
    findings = [finding.code for finding in found(data, "D1", "S101", "S113")]
    assert {code: findings.count(code) for code in sorted(set(findings))} == codes


def test_sentences_that_are_blank_in_precomp_are_whole_in_the_table(shared_data: Path) -> None:
    captions = shared_data / "captions"
    blank = [
        image.filename
        for image in load_dataset(shared_data / "rsitmd_precomp")
        if not any(text.strip() for text in image.captions)
    ]
    table = {i.filename: i for i in load_dataset(captions / "csv" / "RSITMD.csv")}
    assert len(blank) == 4
    assert all(text.strip() for name in blank for text in table[name].captions)


@pytest.mark.soak
@pytest.mark.parametrize("layout", WRITABLE)
def test_400_000_records(tmp_path: Path, layout: str) -> None:
    each = 5 if layout == "precomp" else 1  # precomp requires five sentences of an image
    images = tuple(
        ImageRecord(f"port_{n}.tif", (Sentence(f"Ship {n}, pier."),) * each, (), "train", "port")
        for n in range(400_000 // each)
    )
    save_dataset(Dataset("many", images, tmp_path, "rsitmd"), tmp_path, layout)
    again = load_dataset(tmp_path)
    assert (again.format, len(again.captions())) == (layout, 400_000)
    assert again.images[-1].captions == (f"Ship {len(images) - 1}, pier.",) * each
