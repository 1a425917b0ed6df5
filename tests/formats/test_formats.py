"""Formats: what is written is read back; malformed input is one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.cli.options import FORMATS as NAMED
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import FORMATS, load_dataset, precomp, rsitmd, save_dataset

ONE_LINE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(
    lambda text: len(text.splitlines()) < 2 and not text.endswith("\r")
)
NAME = st.text("abcäß_ 0123", min_size=1, max_size=12).map(lambda stem: f"{stem}.tif")


def dataset(images: list[ImageRecord], **fields: Any) -> Dataset:
    return Dataset("test", tuple(images), Path("memory"), "rsitmd", **fields)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    names = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    return dataset(
        [
            ImageRecord(
                name,
                tuple(Sentence(draw(ONE_LINE), annotator="a@b") for _ in range(5)),
                tuple(draw(st.lists(ONE_LINE, max_size=3))),
                split=draw(st.sampled_from(["train", "val", "test"])),
                category="port",
            )
            for name in names
        ]
    )


def test_the_options_name_every_format() -> None:
    assert set(NAMED) == set(FORMATS)


@given(data=datasets())
def test_rsitmd_round_trip(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rsitmd")
    save_dataset(data, folder, "rsitmd")
    again = load_dataset(folder)
    assert again.format == "rsitmd"
    assert again.name == data.name
    assert [replace(s, tokens=None) for i in again for s in i.sentences] == [
        s for i in data for s in i.sentences
    ]
    assert [(i.filename, i.keywords, i.split, i.category) for i in again] == [
        (i.filename, i.keywords, i.split, i.category) for i in data
    ]
    assert again.checksum() == data.checksum()


def test_the_origin_of_a_sentence_survives_a_round_trip(tmp_path: Path) -> None:
    sentences = (
        Sentence("A.", origin="human", machine_given=False),
        Sentence("B.", origin="machine changed", edit_distance=4, machine_given=True),
        Sentence("C."),
        # Another tool's fields of the same names stay foreign fields.
        Sentence("D.", extra={"origin": "flickr", "edit_distance": -1, "machine_given": "no"}),
    )
    save_dataset(dataset([ImageRecord("port_1.tif", sentences)]), tmp_path, "rsitmd")
    again = load_dataset(tmp_path).images[0].sentences
    assert tuple(replace(sentence, tokens=None) for sentence in again) == sentences
    written = json.loads((tmp_path / "dataset_RSITMD.json").read_text(encoding="utf-8"))
    assert "origin" not in written["images"][0]["sentences"][2]


@given(data=datasets())
def test_precomp_round_trip(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("precomp")
    breaks = any(raw.splitlines() not in ([], [raw]) for raw in data.captions())
    if breaks or any(raw.startswith("\ufeff") for raw in data.captions()):
        with pytest.raises(RsitmdError, match=r"has a text (with a line break|that begins with)"):
            save_dataset(data, folder, "precomp")
        return
    save_dataset(data, folder, "precomp")
    again = load_dataset(folder)
    assert {i.filename: (i.captions, i.split) for i in again} == {
        i.filename: (i.captions, i.split) for i in data
    }


def test_file_names_per_caption_are_detected_by_count(tmp_path: Path) -> None:
    (tmp_path / "test_caps.txt").write_text("".join(f"caption {n}\n" for n in range(10)))
    (tmp_path / "test_filename.txt").write_text("a_1.tif\n" * 5 + "b_2.tif\n" * 5)
    images = load_dataset(tmp_path).images
    assert [i.filename for i in images] == ["a_1.tif", "b_2.tif"]
    assert images[1].captions[0] == "caption 5"


def test_a_count_mismatch_in_precomp_reports_both_counts(tmp_path: Path) -> None:
    (tmp_path / "train_caps.txt").write_text("x\n" * 9)
    (tmp_path / "train_filename.txt").write_text("a_1.tif\nb_2.tif\n")
    with pytest.raises(RsitmdError, match="9 captions and 2 file names do not match"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("captions", "names", "line"),
    [
        (
            "x\n" * 10 + "\n\n",
            "a_1.tif\nb_2.tif\n",
            "train_caps.txt: 12 captions and 2 file names do not match: train_caps.txt ends in 2"
            " blank lines; remove the blank lines at the end",
        ),
        (
            "x\n" * 10,
            "a_1.tif\nb_2.tif\n \n",
            "train_filename.txt: 10 captions and 3 file names do not match: train_filename.txt ends"
            " in 1 blank line; remove the blank lines at the end",
        ),
        (
            "x\n" * 10 + "\n",
            "a_1.tif\n" * 5 + "b_2.tif\n" * 5 + "\n\n",
            "train_caps.txt: 11 captions and 12 file names do not match: train_caps.txt ends in 1"
            " blank line and train_filename.txt ends in 2 blank lines; remove",
        ),
        # Blank lines are not the cause, or not of all of it.
        ("x\n" * 9 + "\n\n", "a_1.tif\nb_2.tif\n", "; write 5 lines per image"),
        ("x\n" * 8 + "\n", "a_1.tif\nb_2.tif\n", "; write 5 lines per image"),
        ("\n" * 6, "a_1.tif\n", "; write 5 lines per image"),
    ],
)
def test_blank_lines_at_the_end_are_named_as_the_cause(
    tmp_path: Path, captions: str, names: str, line: str
) -> None:
    (tmp_path / "train_caps.txt").write_text(captions)
    (tmp_path / "train_filename.txt").write_text(names)
    with pytest.raises(RsitmdError) as caught:
        load_dataset(tmp_path)
    assert line in str(caught.value)


def test_blank_captions_at_the_end_that_fit_are_captions(tmp_path: Path) -> None:
    (tmp_path / "train_caps.txt").write_text("x\n" * 8 + "\n\n")
    (tmp_path / "train_filename.txt").write_text("a_1.tif\nb_2.tif\n")
    assert load_dataset(tmp_path).images[1].captions == ("x", "x", "x", "", "")


def test_ignored_verify_files_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "train_verify"):
        (tmp_path / f"{part}_caps.txt").write_text("x\n" * 5)
    (tmp_path / "train_filename.txt").write_text("a_1.tif\n")
    (tmp_path / "train_filename_verify.txt").write_text("a_1.tif\n")
    assert len(load_dataset(tmp_path)) == 1
    assert capsys.readouterr() == (
        "",
        f"{tmp_path}: ignored: train_filename_verify.txt, train_verify_caps.txt; "
        "the splits are train, val, test\n",
    )


def karpathy(folder: Path, *entries: dict[str, str]) -> Dataset:
    images = [{"sentences": [{"raw": "A port."}], "split": "test", **entry} for entry in entries]
    folder.mkdir(exist_ok=True)
    (folder / "dataset_coco.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    return load_dataset(folder / "dataset_coco.json")


def test_the_folder_in_karpathys_json_is_followed(tmp_path: Path) -> None:
    for part in ("val2014", "train2014", "."):
        (tmp_path / "images" / part).mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / part / "1.png").write_text(part)
    (tmp_path / "images" / "2.png").write_text("2")
    data = karpathy(
        tmp_path,
        {"filepath": "val2014", "filename": "1.png"},
        {"filepath": "train2014", "filename": "1.png"},
        {"filename": "1.png"},
        {"filepath": "", "filename": "1.png"},
        {"filepath": "test2014", "filename": "2.png"},
    )
    found = [data.image_path(image).read_text() for image in data]
    # There is no folder test2014: its images lie beside the folders.
    assert found == ["val2014", "train2014", ".", ".", "2"]
    (tmp_path / "images" / "val2014" / "1.png").unlink()
    with pytest.raises(RsitmdError, match=r"val2014/1\.png: image file does not exist"):
        data.image_path(data.images[0])
    # It is written with the same paths.
    save_dataset(data, tmp_path / "again", "rsitmd")
    again = load_dataset(tmp_path / "again")
    assert [image.location for image in again] == [image.location for image in data]
    assert again.images[-1].extra["filepath"] == "test2014"


def test_one_file_is_not_that_of_images_in_several_folders(tmp_path: Path) -> None:
    """The image folder can be that of one class: the others have no file in it."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.png").write_text("")
    data = karpathy(
        tmp_path,
        {"filepath": "airport", "filename": "1.png", "split": "train"},
        {"filepath": "port", "filename": "1.png", "split": "val"},
    )
    for images in (data, data.select("val")):
        for image in images:
            with pytest.raises(RsitmdError, match="image file does not exist"):
                images.image_path(image)


@pytest.mark.parametrize("part", ["..", "/etc", "val2014/../..", "link"])
def test_a_folder_in_karpathys_json_cannot_leave_the_image_folder(
    tmp_path: Path, part: str
) -> None:
    (tmp_path / "images" / "val2014").mkdir(parents=True)
    (tmp_path / "images" / "link").symlink_to("/etc")
    (tmp_path / "hostname").write_text("secret")
    data = karpathy(tmp_path, {"filepath": part, "filename": "hostname"})
    with pytest.raises(RsitmdError, match="is outside the image folder"):
        data.image_path(data.images[0])


def test_misaligned_names_are_found(tmp_path: Path) -> None:
    (tmp_path / "train_caps.txt").write_text("x\n" * 10)
    (tmp_path / "train_filename.txt").write_text("a_1.tif\n" * 4 + "b_2.tif\n" * 6)
    with pytest.raises(RsitmdError, match="lines 1 to 5 name different images"):
        load_dataset(tmp_path)


def test_blank_captions_are_kept(shared_data: Path) -> None:
    data = load_dataset(shared_data / "rsitmd_precomp")
    assert len(data) == 4743
    assert len(data.captions()) == 23715
    blank = [i for i in data if not any(c.strip() for c in i.captions)]
    assert len(blank) == 4
    assert all(len(i.sentences) == 5 for i in data)
    assert len({i.category for i in data}) == 33


def test_an_unknown_split_lists_those_that_exist(shared_data: Path) -> None:
    with pytest.raises(RsitmdError, match=r"in split 'valid'; available splits: train, test"):
        load_dataset(shared_data / "rsitmd_precomp").select("valid")


LENIENT = {
    "dataset": "old",
    "note": "kept",
    "images": [
        {
            "filename": "port_1.tif",
            "split": "train",
            "sentences": [{"raw": "A port.", "sentid": 7, "mood": "calm"}, "A second port."],
            "keywords": [{"raw": "blue sea"}, "- port"],
            "gsd": 0.5,
        },
        {"filename": "bridge_2.tif", "keywords": "long bridge, - river"},
    ],
}


def test_the_json_is_read_leniently(tmp_path: Path) -> None:
    (tmp_path / rsitmd.FILENAME).write_text(json.dumps(LENIENT), encoding="utf-8-sig")
    data = load_dataset(tmp_path)
    port, bridge = data.images
    assert port.captions == ("A port.", "A second port.")
    assert port.keywords == ("blue sea", "- port")
    assert bridge.keywords == ("long bridge", "- river")
    assert bridge.category == "bridge"
    assert data.extra == {"note": "kept"}
    assert port.extra == {"gsd": 0.5}
    document = rsitmd.document_of(data)
    assert document["note"] == "kept"
    assert document["images"][0]["gsd"] == 0.5
    assert document["images"][0]["sentences"][0]["mood"] == "calm"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "is not JSON"),
        ('{"images": [', "is not JSON .line 1"),
        ("[" * 100_000, "is not (readable )?JSON"),
        ("[]", "document is not an object"),
        ("{}", "images is not a list"),
        ('{"images": [3]}', r"images\[0\] is not an object"),
        ('{"images": [{}]}', r"images\[0\].filename is missing"),
        ('{"images": [{"filename": "a", "sentences": [{}]}]}', r"sentences\[0\].raw is missing"),
        ('{"images": [{"filename": "a", "sentences": 5}]}', r"images\[0\].sentences is not a list"),
        ('{"images": [{"filename": "a", "keywords": [1]}]}', r"keywords\[0\] is neither"),
        ('{"images": [{"filename": "a", "split": 1}]}', r"images\[0\].split is not a string"),
    ],
)
def test_an_error_in_json_names_the_key(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / rsitmd.FILENAME
    file.write_text(text)
    with pytest.raises(RsitmdError, match=line) as caught:
        load_dataset(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    (tmp_path / rsitmd.FILENAME).write_text('{"images": [], "dataset": "ä"}', encoding=encoding)
    with pytest.raises(RsitmdError, match="UTF-"):
        load_dataset(tmp_path)


def test_equal_tokens_take_memory_once(tmp_path: Path) -> None:
    file = tmp_path / "dataset_RSITMD.json"
    tokens = ["anchored", "tugboats", 7]
    sentences = [{"raw": "Anchored tugboats", "tokens": tokens[:2]} for _ in range(2)]
    odd = {"raw": "Anchored tugboats 7", "tokens": tokens}
    images = [{"filename": "a_1.tif", "sentences": [*sentences, odd]}]
    file.write_text(json.dumps({"images": images}), encoding="utf-8")
    one, other, third = load_dataset(file).images[0].sentences
    assert one.tokens == other.tokens == ("anchored", "tugboats")
    assert all(a is b for a, b in zip(one.tokens or (), other.tokens or (), strict=True))
    assert third.tokens is None


def test_an_unknown_layout_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        RsitmdError, match="has no known format; pass a dataset in one of the formats: "
    ):
        load_dataset(tmp_path)
    with pytest.raises(RsitmdError, match="does not exist"):
        load_dataset(tmp_path / "absent")


def test_a_part_of_a_dataset_and_a_folder_of_images_have_a_hint(tmp_path: Path) -> None:
    precomp = tmp_path / "precomp"
    precomp.mkdir()
    (precomp / "test_caps.txt").write_text("A port.\n")
    (precomp / "test_filename.txt").write_text("port_1.tif\n")
    with pytest.raises(RsitmdError, match=f"is one file of a dataset; pass its folder: {precomp}"):
        load_dataset(precomp / "test_caps.txt")
    (tmp_path / "photos" / "port").mkdir(parents=True)
    (tmp_path / "photos" / "port" / "1.JPG").write_bytes(b"")
    with pytest.raises(RsitmdError, match=r"has images, but no captions .*`rsitmd build ingest`"):
        load_dataset(tmp_path / "photos")


@pytest.mark.parametrize("name", ["../outside.tif", "/etc/hostname", "link/outside.tif"])
def test_an_image_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (tmp_path / "outside.tif").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path)
    data = dataset([ImageRecord(name)], image_folder=folder)
    with pytest.raises(RsitmdError, match="is outside the image folder"):
        data.image_path(data.images[0])


def test_precomp_refuses_unsupported_datasets(tmp_path: Path) -> None:
    four = ImageRecord("a_1.tif", tuple(Sentence("x") for _ in range(4)), split="train")
    broken = ImageRecord("a_1.tif", tuple(Sentence("x\ny") for _ in range(5)), split="train")
    for image, line in (
        (four, "this one has 4"),
        (broken, "line break"),
        (replace(broken, split=None), "has no split"),
    ):
        with pytest.raises(RsitmdError, match=line):
            precomp.write(dataset([image]), tmp_path)
    assert not list(tmp_path.iterdir())


SEVERAL_FILES = ("albef", "coco", "imagefolder", "open-clip-csv", "precomp", "webdataset")


@pytest.mark.parametrize("layout", SEVERAL_FILES)
def test_files_of_an_earlier_call_are_not_read_with_the_new_ones(
    tmp_path: Path, layout: str
) -> None:
    images = [
        ImageRecord(f"{split}.tif", (Sentence("A pier."),) * 5, split=split)
        for split in ("train", "val", "test")
    ]
    save_dataset(dataset(images), tmp_path, layout)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(RsitmdError, match=f"has files in the format {layout}, which could be read"):
        save_dataset(dataset(images[:1]), tmp_path, layout)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("layout", [n for n, f in FORMATS.items() if f.write])
def test_a_dataset_is_written_beside_other_files(tmp_path: Path, layout: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "README.md").write_text("A port.")
    image = ImageRecord("a.tif", (Sentence("A pier."),) * 5, split="test")
    save_dataset(dataset([image]), tmp_path, layout)
    if layout not in SEVERAL_FILES:
        save_dataset(dataset([image, replace(image, filename="b.tif")]), tmp_path, layout)
        assert len(load_dataset(tmp_path)) == 2


NESTED: list[Any] = []
for _ in range(2000):
    NESTED = [NESTED]


@pytest.mark.parametrize("layout", ["rsitmd", "karpathy", "albef", "coco", "jsonl", "webdataset"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), NESTED], ids=["inf", "nan", "deep"])
def test_a_field_that_json_cannot_express_is_refused(
    tmp_path: Path, layout: str, value: object
) -> None:
    image = ImageRecord("a.tif", (Sentence("A pier."),), split="train", extra={"gsd": value})
    with pytest.raises(RsitmdError, match=r"memory: has a field that cannot be written \("):
        save_dataset(dataset([image]), tmp_path, layout)


@pytest.mark.parametrize("name", ["dataset_RSITMD.json", "captions.jsonl"])
@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, name: str, number: str) -> None:
    image = f'{{"filename": "a.tif", "captions": ["A."], "gsd": {number}}}'
    text = image if name.endswith("jsonl") else f'{{"images": [{image}]}}'
    (tmp_path / name).write_text(text)
    with pytest.raises(RsitmdError, match=number):
        load_dataset(tmp_path)
    (tmp_path / name).write_text(text.replace(number, "1e300"))
    assert load_dataset(tmp_path).images[0].extra["gsd"] == 1e300
