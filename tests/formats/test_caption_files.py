"""The layouts of published caption files: read, written and refused."""

from __future__ import annotations

import io
import json
import random
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.formats.parts import part_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAME = st.text("abc_ 0123ä", min_size=1, max_size=12).filter(str.strip).map(lambda s: f"{s}.tif")
FORMATS = ("karpathy", "albef", "open-clip-csv", "coco", "csv", "jsonl")
# What a format cannot store.
NO_KEYWORDS = ("open-clip-csv", "coco")
NO_CATEGORY = ("open-clip-csv", "coco")


@pytest.mark.parametrize(
    ("path", "layout", "name", "images", "sentences", "splits"),
    [
        ("karpathy", "karpathy", "UCM", 2100, 10500, {"train": 1680, "val": 210, "test": 210}),
        (
            "karpathy/dataset_ucm.json",
            "karpathy",
            "UCM",
            2100,
            10500,
            {"train": 1680, "val": 210, "test": 210},
        ),
        ("albef", "albef", "rsitmd", 4743, 23715, {"train": 3435, "val": 856, "test": 452}),
        ("albef/rsitmd_val.json", "albef", "rsitmd", 856, 4280, {"val": 856}),
        ("open_clip/rsicd_test.csv", "open-clip-csv", "rsicd", 1093, 5465, {"test": 1093}),
        ("open_clip/rsitmd_test.csv", "open-clip-csv", "rsitmd", 452, 2260, {"test": 452}),
        ("coco", "coco", "rsicd_captions", 1092, 5460, {"val": 1092}),
        ("csv", "csv", "RSITMD", 4743, 23715, {"train": 3432, "val": 859, "test": 452}),
        ("jsonl", "jsonl", "textaug_rsicd", 1094, 5470, {"val": 1094}),
    ],
)
def test_published_files_are_recognised_and_read(
    shared_data: Path,
    path: str,
    layout: str,
    name: str,
    images: int,
    sentences: int,
    splits: dict[str, int],
) -> None:
    data = load_dataset(shared_data / "captions" / path)
    assert (data.format, data.name) == (layout, name)
    assert (len(data), len(data.captions())) == (images, sentences)
    assert {split: len(data.select(split)) for split in data.splits} == splits
    assert not any("/" in image.filename or "\r" in "".join(image.captions) for image in data)


def test_curly_quotes_and_categories_are_kept(shared_data: Path) -> None:
    coco = load_dataset(shared_data / "captions" / "coco")
    assert any("’" in caption for caption in coco.captions())
    assert coco.images[0].extra == {"width": 224, "height": 224, "license": 1, "date_captured": ""}
    assert coco.extra["info"]["url"] == "https://github.com/201528014227051/RSICD_optimal"
    assert [entry["name"] for entry in coco.extra["licenses"]] == ["Unknown License"]
    albef = load_dataset(shared_data / "captions" / "albef")
    assert albef.images[0].category == "bridge"
    assert albef.images[0].location == "train/bridge_942.tif"
    table = load_dataset(shared_data / "captions" / "csv" / "RSITMD.csv")
    assert table.images[0].extra["img_id"] == "4225"
    assert table.images[0].extra["sent_id"] == "[21125, 21126, 21127, 21128, 21129]"


def test_one_dataset_in_four_layouts_has_the_same_images(shared_data: Path) -> None:
    captions = shared_data / "captions"
    paths = ("csv", "albef", "open_clip/rsitmd_test.csv", "../rsitmd_precomp")
    names = [{i.filename for i in load_dataset(captions / path).select("test")} for path in paths]
    assert names[0] == names[1] == names[2] == names[3]


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    names = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    images = [
        ImageRecord(
            name,
            tuple(Sentence(draw(TEXT)) for _ in range(draw(st.integers(1, 6)))),
            tuple(draw(st.lists(TEXT.filter(str.strip), max_size=3))),
            split=draw(st.sampled_from(["train", "val", "test"])),
            category=draw(st.sampled_from(["port", "rail way"])),
            extra=draw(st.sampled_from([{}, {"filepath": "val/a"}])),
        )
        for name in names
    ]
    return Dataset(draw(TEXT), tuple(images), Path("memory"), "rsitmd")


@pytest.mark.parametrize("layout", FORMATS)
@given(data=datasets())
@example(
    data=Dataset(
        "my_test",
        (ImageRecord("a.tif", (Sentence("[brackets]\r\n"), Sentence("['x')")), split="train"),),
        Path("memory"),
        "rsitmd",
    )
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
def test_what_is_written_is_read_back(
    layout: str, data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round")
    save_dataset(data, folder, layout)
    again = load_dataset(folder)
    assert again.format == layout
    keep = layout not in NO_KEYWORDS

    def seen(dataset: Dataset) -> dict[str | None, list[tuple[object, ...]]]:
        return {
            split: [
                (i.location, i.captions, i.keywords if keep else (), *(
                    [] if layout in NO_CATEGORY else [i.category]
                ))
                for i in dataset
                if i.split == split
            ]
            for split in ("train", "val", "test")
        }  # fmt: skip

    assert seen(again) == seen(data)


@pytest.mark.parametrize("layout", FORMATS)
def test_published_texts_survive_a_round_trip(
    shared_data: Path, tmp_path: Path, layout: str
) -> None:
    data = load_dataset(shared_data / "captions" / "csv" / "RSITMD.csv")
    save_dataset(data, tmp_path, layout)
    again = load_dataset(tmp_path)
    for split in data.splits:
        mine, theirs = data.select(split), again.select(split)
        assert [(i.filename, i.captions) for i in mine] == [
            (i.filename, i.captions) for i in theirs
        ]


@pytest.mark.parametrize("layout", ["karpathy", "albef", "open-clip-csv", "coco"])
def test_an_image_without_split_is_refused(tmp_path: Path, layout: str) -> None:
    data = Dataset("x", (ImageRecord("a.tif", (Sentence("A."),)),), Path("here"), "rsitmd")
    with pytest.raises(RsitmdError, match=r"here: a\.tif: has no split; .* build split"):
        save_dataset(data, tmp_path, layout)
    bad = data.with_images([replace(data.images[0], split="train", sentences=())])
    if layout in ("albef", "open-clip-csv"):
        with pytest.raises(RsitmdError, match=r"a\.tif: has no sentence"):
            save_dataset(bad, tmp_path, layout)
    assert not list(tmp_path.iterdir()) or layout in ("karpathy", "coco")


def test_half_a_character_is_one_line(tmp_path: Path) -> None:
    data = Dataset("x", (ImageRecord("a.tif", (Sentence("\ud800"),)),), Path("here"), "rsitmd")
    with pytest.raises(RsitmdError, match="here: contains an unpaired surrogate"):
        save_dataset(data, tmp_path, "jsonl")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rsitmd_train.json", ("rsitmd", "train")),
        ("coco_val2017.json", ("coco", "val")),
        ("rsicd_captions_val2017.json", ("rsicd_captions", "val")),
        ("textaug_valid_rsicd.jsonl", ("textaug_rsicd", "val")),
        ("testing-grounds.csv", ("grounds", "test")),
        ("äü_test.json", ("äü", "test")),
        ("latest.csv", ("latest", None)),
        ("trains_of_spain.csv", ("trains_of_spain", None)),
    ],
)
def test_the_split_in_a_file_name(name: str, expected: tuple[str, str | None]) -> None:
    part = part_of(Path(name))
    assert part.split == expected[1]
    assert part.name.strip("-_") == expected[0]


@pytest.mark.parametrize(
    "name",
    ["captions.jsonl", "captions.csv", "captions_train2017.json", "annotations/captions_val.json"],
)
def test_a_name_that_every_dataset_has_is_no_name(tmp_path: Path, name: str) -> None:
    """Two datasets of one name cannot be imported into one workspace."""
    assert part_of(tmp_path / "harbours" / name).name == "harbours"


@pytest.mark.parametrize("layout", ["csv", "jsonl"])
def test_a_converted_dataset_is_named_after_its_folder(tmp_path: Path, layout: str) -> None:
    data = Dataset("x", (ImageRecord("a.tif", (Sentence("A."),)),), tmp_path, layout)
    save_dataset(data, tmp_path / "harbours", layout)
    assert load_dataset(tmp_path / "harbours").name == "harbours"


def test_files_of_equal_names_in_class_folders_keep_their_folders(tmp_path: Path) -> None:
    file = tmp_path / "x_train.csv"
    file.write_text("filename,title\nport/1.jpg,A.\nbeach/1.jpg,B.\nport/2.jpg,C.\n")
    found = [(i.filename, i.location) for i in load_dataset(file)]
    assert found == [
        ("port/1.jpg", "port/1.jpg"),
        ("beach/1.jpg", "beach/1.jpg"),
        ("2.jpg", "port/2.jpg"),
    ]


def test_tabs_and_the_columns_of_openclip(tmp_path: Path) -> None:
    (tmp_path / "x_val.csv").write_text("filepath\ttitle\nC:\\data\\1.jpg\tA, b.\n")
    [image] = load_dataset(tmp_path)
    assert (image.location, image.captions, image.split) == ("1.jpg", ("A, b.",), "val")


def test_one_caption_a_line_in_a_table(tmp_path: Path) -> None:
    file = tmp_path / "captions.csv"
    file.write_text(
        "image,caption,category,split,keywords\n"
        'a.jpg,First.,port,valid,"white boat, - pier"\na.jpg,Second.,port,valid,\n'
    )
    [image] = load_dataset(file)
    assert image.captions == ("First.", "Second.")
    assert (image.category, image.split) == ("port", "val")
    assert image.keywords == ("white boat", "- pier")


def test_columns_that_differ_between_the_captions_of_an_image_are_kept(tmp_path: Path) -> None:
    """A column that is the same in all lines is one of the image, any other of the sentences."""
    file = tmp_path / "captions.csv"
    file.write_text(
        "image,caption,keywords,class,annotator,sensor,seconds\n"
        "a.jpg,First.,,,ann,S2,12\n"
        "a.jpg,Second.,pier,port,,S2,30\n"
        "b.jpg,Third.,,,bob,S2,\n"
    )
    one, other = load_dataset(file)
    assert (one.category, one.keywords, one.extra) == ("port", ("pier",), {"sensor": "S2"})
    assert [(s.annotator, s.extra) for s in one.sentences] == [
        ("ann", {"seconds": "12"}),
        (None, {"seconds": "30"}),
    ]
    assert other.extra == {"sensor": "S2", "seconds": ""}
    assert other.sentences[0].annotator == "bob"
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "x_val.csv").write_text("filename,title,n,\na.jpg,A.,1,0\na.jpg,B.,2,1\n")
    [image] = load_dataset(tmp_path / "pairs")
    assert [sentence.extra for sentence in image.sentences] == [{"n": "1"}, {"n": "2"}]


def test_fields_of_captions_in_the_layout_of_albef_are_kept(tmp_path: Path) -> None:
    entries = [
        {"image": "a.jpg", "caption": "A.", "image_id": 1, "gsd": 2, "score": 0.5},
        {"image": "a.jpg", "caption": "B.", "image_id": 1, "gsd": 2},
        {"image": "b.jpg", "caption": ["C.", "D."], "image_id": 2, "gsd": 2},
    ]
    (tmp_path / "x_train.json").write_text(json.dumps(entries))
    one, other = load_dataset(tmp_path)
    assert (one.extra, other.extra) == ({"gsd": 2}, {"gsd": 2})
    assert [sentence.extra for sentence in one.sentences] == [{"score": 0.5}, {}]


LIST = '[{"image": "a.jpg", "caption": "A."}'
MALFORMED = [
    ("x_train.json", LIST, "is not JSON (line 1"),
    ("x_train.json", LIST + ', {"image": 3, "caption": "b"}]', "[1].image is missing, empty or"),
    ("x_train.json", LIST + ', {"image": "b"}]', "[1].caption is neither a string nor a list"),
    ("x_train.json", LIST + ', {"image": "b", "caption": [1]}]', "[1].caption[0] is not a string"),
    ("x_train.json", LIST + ", 5]", "[1] is not an object"),
    (
        "x_val.json",
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 2}]}',
        "annotations[0].image_id is 2, which no image has",
    ),
    (
        "x_val.json",
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1}]}',
        "annotations[0].caption is missing or not a string",
    ),
    (
        "x_val.json",
        '{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}],'
        ' "annotations": [], "image_id": 0}',
        "images[1].id is 1 again",
    ),
    (
        "x_val.json",
        '{"images": [{"id": [], "file_name": "a"}], "annotations": [], "image_id": 0}',
        "images[0].id is neither a number nor a string",
    ),
    ("x_test.csv", "filename,title\na.jpg\n", "line 2 has 1 cell, the header has 2"),
    ("x_test.csv", "filename,title\n,A.\n", "line 2 has no file name"),
    ("x_test.csv", 'filename,title\na.jpg,"A.\n', "is not CSV (line 2"),
    ("x_test.csv", "filename,title\na.jpg," + "x" * 200_000, "is not CSV (line 2"),
    ("x.csv", "filename,sentence\na.jpg,\"['a', ]]\"\n", "line 2, column sentence: not a list ("),
    ("x.csv", "filename,sentence\na.jpg,\"[exit(3)]\"\n", "column sentence: not a list (malformed"),
    ("x.csv", "filename,sentence\na.jpg,[1]\n", "column sentence: not a list of texts"),
    ("x.csv", f"filename,sentence\na.jpg,{'[' * 5000}{']' * 5000}\n", "sentence: not a list"),
    ("x.jsonl", '{"filename": "a.jpg", "captions": ["A."]}\n{', "line 2 is not JSON"),
    ("x.jsonl", '{"filename": "a.jpg", "captions": ["A."]}\n3', "line 2 is not an object"),
    ("x.jsonl", '{"filename": "a.jpg", "captions": 4}', "line 1: captions is neither a string"),
    ("x.jsonl", '{"filename": "a.jpg", "sentences": [{"raw": 1}]}', "sentences[0].raw is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), MALFORMED)
def test_a_malformed_file_is_one_line(
    tmp_path: Path, name: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert root._run(["validate", str(tmp_path / name)], False) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert name in errors


def test_several_datasets_in_a_folder_are_not_mixed(tmp_path: Path) -> None:
    for name in ("a_train.csv", "b_train.csv"):
        (tmp_path / name).write_text("filename,title\na.jpg,A.\n")
    with pytest.raises(RsitmdError, match=r"several datasets \(a_train.csv, b_train.csv\); pass"):
        load_dataset(tmp_path)


SEEDS = {
    "x_train.json": LIST + ', {"image": "b/c.jpg", "caption": ["b", "c"], "label_name": "port"}]',
    "captions_val.json": '{"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "b"}],'
    ' "annotations": [{"image_id": 1, "caption": "A.", "id": 0}]}',
    "x_test.csv": 'filename,title\r\na.jpg,"A, b."\r\nc.jpg,C.\r\n',
    "x.csv": "filename,split,label,sentence\na.jpg,train,port,\"['a', 'b']\"\n",
    "x.jsonl": '{"filename": "a.jpg", "captions": ["A."], "split": "val"}\n',
    "dataset.json": '{"images": [{"filename": "a.jpg", "sentences": [{"raw": "A."}]}]}',
    "metadata.jsonl": '{"file_name": "a.jpg", "captions": ["A."], "category": "port"}\n',
    "x-train-0.tar": "",
}


def seed_of(name: str) -> bytearray:
    if not name.endswith(".tar"):
        return bytearray(SEEDS[name].encode())
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, data in (
            ("0.json", b'{"filename": "a.tif", "captions": ["A."]}'),
            ("0.txt", b"A."),
        ):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return bytearray(stream.getvalue()[:2048])


@pytest.mark.parametrize("header", ['filename,"title', '"filename,title', 'filename,"title" x'])
def test_a_quote_in_the_header_that_is_not_closed(tmp_path: Path, header: str) -> None:
    (tmp_path / "x_test.csv").write_text(f'{header}\r\na.jpg,A."\r\nc.jpg,C.\r\n')
    with pytest.raises(RsitmdError, match="has no columns filename and title"):
        load_dataset(tmp_path / "x_test.csv", "open-clip-csv")
    with pytest.raises(RsitmdError, match=r"has no \.csv file of this format"):
        load_dataset(tmp_path, "open-clip-csv")


@pytest.mark.parametrize("name", SEEDS)
@given(seed=st.integers(0, 2**32))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_mutated_files_are_read_or_refused_in_one_line(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(seed)
    data = seed_of(name)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        data[at : at + chance.randrange(4)] = chance.choice(
            [b"", b"[", b"]", b'"', b"\x00", b"\xff", b"'", b"{", b"null", b"-", b"\n", b"\\"]
        )
    folder = tmp_path_factory.mktemp("mutated")
    (folder / name).write_bytes(data)
    for path in (folder, folder / name):
        try:
            found = load_dataset(path)
        except RsitmdError as error:
            assert "\n" not in str(error)
        else:
            json.dumps([list(image.captions) for image in found])
            assert all(isinstance(image.filename, str) and image.filename for image in found)


@pytest.mark.parametrize("path", ["{0}", "{0}/1.png", "/data/{0}/1.png"])
@pytest.mark.parametrize(
    "name", ["x.csv", "x_val.csv", "x.jsonl", "x_val.json", "captions_val.json"]
)
def test_a_folder_beside_the_file_name_keeps_images_apart(
    tmp_path: Path, name: str, path: str
) -> None:
    """Two class folders have a file of the same name: each keeps its caption."""
    of = {place: path.format(place) for place in ("airport", "port")}
    texts = {place: f"An {place}." for place in of}
    image = {place: {"filename": "1.png", "filepath": of[place]} for place in of}
    coco = {
        "images": [{"id": n, "file_name": "1.png", "filepath": of[p]} for n, p in enumerate(of)],
        "annotations": [{"image_id": n, "caption": texts[p]} for n, p in enumerate(of)],
    }
    albef = [{"image": "1.png", "filepath": of[p], "caption": texts[p]} for p in of]
    column = "title" if name == "x_val.csv" else "sentence"
    content = {
        ".csv": f"filename,filepath,{column}\n"
        + "".join(f"1.png,{of[p]},{texts[p]}\n" for p in of),
        ".jsonl": "".join(json.dumps({**image[p], "captions": [texts[p]]}) + "\n" for p in of),
        ".json": json.dumps(coco if name.startswith("captions") else albef),
    }
    (tmp_path / name).write_text(content[Path(name).suffix])
    data = load_dataset(tmp_path / name)
    assert [image.captions for image in data] == [("An airport.",), ("An port.",)]
    assert [Path(image.location).parent.name for image in data] == list(of)


def test_splits_that_are_not_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "dev", "testall"):
        (tmp_path / f"{split}_caps.txt").write_text("A.\n" * 5)
        (tmp_path / f"{split}_filename.txt").write_text("a.jpg\n")
    assert len(load_dataset(tmp_path)) == 1
    assert "ignored: dev_caps.txt, testall_caps.txt; the splits are" in capsys.readouterr().err
    folder = tmp_path / "imagefolder"
    for name in ("train/metadata.jsonl", "test/metadata.csv", "holdout/metadata.jsonl"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text('{"file_name": "a.jpg", "text": "A."}\n')
    assert len(load_dataset(folder)) == 1
    said = capsys.readouterr().err
    assert "ignored: holdout/metadata.jsonl, test/metadata.csv; metadata.jsonl is read" in said


@pytest.mark.parametrize("layout", ["albef", "imagefolder", "jsonl"])
def test_a_large_field_of_the_first_image_does_not_hide_the_format(
    tmp_path: Path, layout: str
) -> None:
    """A folder is recognised by the first 64 kB of its file."""
    image = ImageRecord(
        "a.tif", (Sentence("A."),), ("k" * 70_000,), "val", "c" * 70_000, {"x": "x" * 70_000}
    )
    save_dataset(Dataset("x", (image,), tmp_path, layout), tmp_path / "new", layout)
    [found] = load_dataset(tmp_path / "new")
    assert (found.captions, found.keywords, found.extra["x"]) == (
        image.captions,
        image.keywords,
        image.extra["x"],
    )


@pytest.mark.parametrize("layout", ["csv", "open-clip-csv"])
def test_a_cell_that_is_too_long_to_be_read_is_refused(tmp_path: Path, layout: str) -> None:
    def saved(length: int, where: str) -> Path:
        image = ImageRecord("a.tif", (Sentence("x" * length),), split="test")
        save_dataset(Dataset("x", (image,), tmp_path, "rsitmd"), tmp_path / where, layout)
        return tmp_path / where

    [image] = load_dataset(saved(99_990, "good"))
    assert len(image.captions[0]) == 99_990
    line = r"csv: a\.tif: the cell would have 1\d+ characters, at most 100000 are read; use a"
    with pytest.raises(RsitmdError, match=line):
        saved(100_001, "bad")


@pytest.mark.parametrize("name", ["val", "valid", "test", "other"])
def test_the_name_of_the_output_folder_gives_no_split(tmp_path: Path, name: str) -> None:
    images = (ImageRecord("a.tif"), ImageRecord("b.tif", split="train"))
    save_dataset(Dataset("x", images, tmp_path, "rsitmd"), tmp_path / name, "imagefolder")
    read = load_dataset(tmp_path / name)
    assert {image.filename: image.split for image in read} == {"a.tif": None, "b.tif": "train"}
    (tmp_path / name / "metadata.jsonl").write_text('{"file_name": "a.tif", "text": "A."}')
    expected = {"val": "val", "valid": "val", "test": "test", "other": None}
    splits = {image.filename: image.split for image in load_dataset(tmp_path / name)}
    assert splits["a.tif"] == expected[name]


def test_a_conversion_says_that_a_split_is_read_by_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("train", "Test", "valid", "restval")
    images = tuple(ImageRecord(f"{name}.tif", split=name) for name in names)
    save_dataset(Dataset("x", images, tmp_path, "rsitmd"), tmp_path / "in", "rsitmd")
    for layout in ("csv", "jsonl", "rsitmd"):
        target = tmp_path / layout
        assert (
            root._run(["build", "convert", f"{tmp_path}/in", f"{target}", "--to", layout], False)
            == 0
        )
        said = "a split is read by its usual name: 'Test' as 'test', 'valid' as 'val'\n"
        assert (said in capsys.readouterr().err) == (layout != "rsitmd")
