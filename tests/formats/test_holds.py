"""What the table of the formats says is kept is kept, from every format to every other."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.dataset.records import ORIGINS, SPLITS
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import (
    FORMATS,
    load_dataset,
    lost_in,
    precomp,
    save_dataset,
    table_of_formats,
)
from rsitmd_tools.formats.holds import (
    ANEW,
    ANY,
    CONTENTS,
    FIVE,
    IDS,
    IN_NAME,
    NO,
    REQUIRED,
    SOME,
    WITHIN_SPLIT,
    YES,
    Holds,
    other_fields,
    own_sentence_fields,
    without,
)

HELD = {
    name: form.holds
    for name, form in FORMATS.items()
    if form.holds is not None and form.write is not None
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
MARKS = re.compile(r"(<!-- table of formats -->\n)(.*?)(<!-- end -->)", re.DOTALL)

LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters='",;\t[]='),
    max_size=20,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STEM = st.text("abc_ 0123ä", min_size=1, max_size=8).filter(str.strip)
JSON = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab", max_size=3))
OWN_OF_IMAGES = frozenset[str]().union(*(holds.own_image_fields for holds in HELD.values()))
IMAGE_FIELDS = st.sampled_from(["gsd", "by", "filepath", *sorted(OWN_OF_IMAGES)])
DATASET_FIELDS = st.sampled_from(["note", "year", "info", "dataset", "images"])
OTHER_FIELDS = {"image_fields", "sentence_fields", "dataset_fields"}
# Another tool's origin is an unknown field, beside which there may be a known one.
SENTENCE_FIELDS = st.sampled_from(
    ["mood", "raw", "tokens", "sentid", "caption", "annotator", "origin"]
)


@st.composite
def datasets(draw: st.DrawFn, holds: Holds) -> Dataset:
    """A dataset with everything that a format does not refuse."""
    lines = holds.sentences == FIVE
    text = LINE if lines else TEXT
    splits = SPLITS if holds.splits == REQUIRED else (*SPLITS, None)
    counts = st.integers(0 if holds.sentences == ANY else 1, 6)
    images = []
    for stem in draw(st.lists(STEM, min_size=1, max_size=4, unique_by=str.casefold)):
        fields: dict[str, Any] = draw(st.dictionaries(IMAGE_FIELDS, JSON, max_size=3))
        folder = draw(st.sampled_from([None, "val/a", "port"]))
        images.append(
            ImageRecord(
                f"{stem}.tif",
                tuple(_sentence(draw, text) for _ in range(5 if lines else draw(counts))),
                tuple(draw(st.lists(TEXT.filter(str.strip), max_size=3))),
                split=draw(st.sampled_from(splits)),
                category=draw(st.sampled_from(["port", "rail way", "a"])),
                extra=fields if folder is None else {**fields, "filepath": folder},
            )
        )
    extra = draw(st.dictionaries(DATASET_FIELDS, JSON, max_size=2))
    return Dataset(draw(TEXT), tuple(images), Path("memory"), "rsitmd", extra=extra)


def _sentence(draw: st.DrawFn, text: st.SearchStrategy[str]) -> Sentence:
    return Sentence(
        draw(text),
        annotator=draw(st.sampled_from([None, "a@b"])),
        tokens=draw(st.sampled_from([None, ("one", "two")])),
        extra=draw(st.dictionaries(SENTENCE_FIELDS, JSON, max_size=2)),
        origin=draw(st.sampled_from([None, ORIGINS[0]])),
        edit_distance=draw(st.sampled_from([None, 3])),
    )


def content(data: Dataset, holds: Holds) -> dict[str, Any]:
    """What the formats between must have kept, in a form that can be compared."""
    kept: dict[str, Any] = {"sentences": {i.filename: i.captions for i in data}}
    of_image: dict[str, Callable[[ImageRecord], Any]] = {
        "splits": lambda i: i.split,
        "categories": lambda i: i.category,
        "keywords": lambda i: i.keywords,
        # imagefolder puts the folder of the split before that of the image.
        "folders": lambda i: i.location.removeprefix(f"{i.split}/"),
        "image_fields": lambda i: without(other_fields(i), holds.own_image_fields),
        "annotators": lambda i: [s.annotator for s in i.sentences],
        "origins": lambda i: [(s.origin, s.edit_distance) for s in i.sentences],
        "sentence_fields": lambda i: [
            without(s.extra, own_sentence_fields(s, holds)) for s in i.sentences
        ],
    }
    for key, value in of_image.items():
        if getattr(holds, key) in (YES, REQUIRED):
            kept[key] = {image.filename: value(image) for image in data}
    if holds.name == YES:
        kept["name"] = data.name
    if holds.dataset_fields == YES:
        kept["dataset_fields"] = without(data.extra, holds.own_dataset_fields)
    if holds.order == YES:
        kept["order"] = [image.filename for image in data]
    else:
        kept["order"] = [
            [i.filename for i in data if i.split == split] for split in (*SPLITS, None)
        ]
    return kept


def refused(data: Dataset, holds: Holds) -> bool:
    """Return whether the table says that a dataset cannot be written at all."""
    counts = {len(image.sentences) for image in data}
    return (
        (holds.splits == REQUIRED and any(image.split is None for image in data))
        or (holds.sentences == SOME and 0 in counts)
        or (holds.sentences == FIVE and counts != {5})
        or (holds.sentences == FIVE and any(map(precomp.has_line_break, data.captions())))
    )


def both(one: Holds, other: Holds) -> Holds:
    """Return what two formats hold: the lesser of each."""
    ranks = (NO, IDS, IN_NAME, ANEW, WITHIN_SPLIT, REQUIRED, YES)
    lesser = {
        c.key: min(getattr(one, c.key), getattr(other, c.key), key=ranks.index) for c in CONTENTS
    }
    own = {
        key: getattr(one, key) | getattr(other, key)
        for key in ("own_image_fields", "own_sentence_fields", "own_dataset_fields")
    }
    return Holds(**lesser, **own)


def kept_or_not(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the name of each field and whether it was kept."""
    return ((name, name in after and after[name] == before[name]) for name in before)


def fields_kept(data: Dataset, again: Dataset) -> dict[str, set[tuple[str, bool]]]:
    """Return by content which other fields were kept; a name is there twice if only some were."""
    found = {image.filename: image for image in again}
    pairs = [(image, found[image.filename]) for image in data]
    texts = [pair for one, two in pairs for pair in zip(one.sentences, two.sentences, strict=True)]
    return {
        "image_fields": {
            each for one, two in pairs for each in kept_or_not(other_fields(one), other_fields(two))
        },
        "sentence_fields": {
            each for one, two in texts for each in kept_or_not(one.extra, two.extra)
        },
        "dataset_fields": set(kept_or_not(data.extra, again.extra)),
    }


quick = partial(
    settings, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.mark.parametrize("name", HELD)
@given(drawn=st.data())
@quick(max_examples=15)
def test_every_field_is_kept_or_reported(
    name: str, drawn: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A field with a name that the format uses itself is named, any other field is kept."""
    folder = tmp_path_factory.mktemp("fields")
    data = drawn.draw(datasets(HELD[name]))
    save_dataset(data, folder, name)
    lost = {loss.content: loss.message for loss in lost_in(data, name)}
    for key, fields in fields_kept(data, load_dataset(folder)).items():
        if getattr(HELD[name], key) in (NO, IDS):  # the drawn fields are no ids
            assert (key in lost) == bool(fields)
            continue
        named = re.findall(r"\w+", lost.get(key, "").partition(" of ")[0])[2:]
        assert {field for field, kept in fields if not kept} == set(named) - {"and"}


@pytest.mark.parametrize("first", HELD)
@given(drawn=st.data())
@quick(max_examples=8)
def test_what_the_table_says_is_kept_is_kept(
    first: str, drawn: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    data = drawn.draw(datasets(HELD[first]))
    (folder / "a").mkdir()
    save_dataset(data, folder / "a", first)
    between = load_dataset(folder / "a")
    assert between.format == first
    assert content(between, HELD[first]) == content(data, HELD[first])
    for second in HELD:
        (folder / second).mkdir()
        if refused(between, HELD[second]):
            with pytest.raises(RsitmdError):
                save_dataset(between, folder / second, second)
            continue
        save_dataset(between, folder / second, second)
        again = load_dataset(folder / second)
        assert again.format == second
        common = both(HELD[first], HELD[second])
        assert content(again, common) == content(data, common), second


@given(data=datasets(Holds()))
@settings(deadline=None, max_examples=30)
def test_what_is_counted_as_lost_is_what_differs(data: Dataset) -> None:
    """A format that loses nothing gives the same content, and one that loses something says so."""
    for name, holds in HELD.items():
        lost = {loss.content for loss in lost_in(data, name)}
        held = {content.key for content in CONTENTS if getattr(holds, content.key) == YES}
        assert not lost & (held - OTHER_FIELDS)
        assert ("keywords" in lost) == (
            holds.keywords == NO and any(image.keywords for image in data)
        )
        assert ("dataset_fields" in lost) == (
            bool(data.extra)
            if holds.dataset_fields == NO
            else bool(data.extra.keys() & holds.own_dataset_fields)
        )


def test_losses_are_counted_and_named() -> None:
    sentences = (Sentence("A.", "anna", ("a",), {"mood": 1}, origin=ORIGINS[0]), Sentence("B."))
    images = (
        ImageRecord("a_1.tif", sentences, ("x y", "- x"), "test", "a", {"gsd": 1}),
        ImageRecord("b_1.tif", sentences, (), "train", "a", {"filepath": "b"}),
    )
    data = Dataset("d", images, Path("here"), "rsitmd", extra={"note": 1, "precomp": {}})
    assert [loss.message for loss in lost_in(data, "precomp")] == [
        "the categories of 1 image, which are not in the file names",
        "2 keywords",
        "the subfolders of 1 image",
        "other fields of 1 image",
        "the annotators of 2 sentences",
        "the origins of 2 sentences",
        "other fields of 2 sentences",
        "the tokens of 2 sentences",
        "the name of the dataset",
        "1 other field of the dataset",
        "the order of images of different splits",
    ]
    assert lost_in(data, "rsitmd") == []
    plain = replace(data, images=(ImageRecord("a_1.tif", split="test", category="a"),), extra={})
    assert [loss.content for loss in lost_in(plain, "jsonl")] == ["name"]
    assert lost_in(plain, "coco") == []


@pytest.mark.parametrize(
    ("layout", "fields", "message"),
    [
        ("rsitmd", {"imgid": 77, "sentids": [1]}, "the fields imgid and sentids of 1 image, "),
        ("karpathy", {"imgid": 77}, "the field imgid of 1 image, "),
        (
            "jsonl",
            {"text": 1, "image": 2, "caption": 3},
            "the fields caption, image and text of 1 image, ",
        ),
        ("imagefolder", {"file_name": 1, "captions": 2}, "the fields captions and file_name of "),
        ("webdataset", {"text": 1, "image": 2}, "the fields image and text of 1 image, "),
        ("albef", {"image_id": 1, "caption": 2}, "the fields caption and image_id of 1 image, "),
        ("albef", {"filepath": 5}, "the field filepath of 1 image, "),
        ("coco", {"id": 1, "file_name": 2}, "the fields file_name and id of 1 image, "),
        ("csv", {"sent_id": 1, "label": 2}, "other fields of 1 image"),
        ("open-clip-csv", {"title": 1}, "other fields of 1 image"),
        ("precomp", {"filepath": 5}, "other fields of 1 image"),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_fields_of_own_names_are_reported_and_change_nothing(
    layout: str, fields: dict[str, Any], message: str, split: str, tmp_path: Path
) -> None:
    sentences = tuple(Sentence(f"Boat {number}.") for number in range(5))
    plain = ImageRecord("port_1.tif", sentences, (), split, "port")
    both = [replace(plain, extra=extra) for extra in ({}, fields)]
    for folder, image in zip(("plain", "extra"), both, strict=True):
        (tmp_path / folder).mkdir()
        data = Dataset("d", (image,), Path("here"), "rsitmd")
        save_dataset(data, tmp_path / folder, layout)
    [lost] = [loss for loss in lost_in(data, layout) if loss.content == "image_fields"]
    assert lost.count == 1
    assert lost.message.startswith(message)
    if "because" in lost.message:
        why = "these names" if len(fields) > 1 else "this name"
        assert lost.message.endswith(f"1 image, because it uses {why} itself")
        assert load_dataset(tmp_path / "extra").images == load_dataset(tmp_path / "plain").images


@pytest.mark.parametrize("layout", ["jsonl", "imagefolder", "webdataset"])
def test_a_second_name_of_the_file_or_the_captions_is_a_field(layout: str, tmp_path: Path) -> None:
    image = ImageRecord("port_1.tif", (Sentence("Boat."),), split="train")
    save_dataset(Dataset("d", (image,), Path("here"), "rsitmd"), tmp_path, layout)
    second = {"image": "https://example.org/1", "caption": "A port", "text": ["x"]}
    if layout == "imagefolder":  # its file is always `file_name`
        second["filename"] = "2.tif"
    if layout == "webdataset":
        [shard] = (file for file in tmp_path.rglob("*.tar"))
        with tarfile.open(shard) as tar:
            [name] = (name for name in tar.getnames() if name.endswith(".json"))
            entry = json.load(tar.extractfile(name) or io.BytesIO())
        content = json.dumps({**entry, **second}).encode()
        with tarfile.open(shard, "w") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    else:
        [lines] = tmp_path.rglob("*.jsonl")
        lines.write_text(json.dumps({**json.loads(lines.read_text()), **second}))
    data = load_dataset(tmp_path)
    assert (data.images[0].filename, data.captions()) == ("port_1.tif", ["Boat."])
    assert dict(other_fields(data.images[0])) == second
    again = load_and_save(data, tmp_path / "rsitmd", "rsitmd").images[0]
    assert dict(other_fields(again)) == without(second, HELD["rsitmd"].own_image_fields)
    [lost] = [loss for loss in lost_in(data, "jsonl") if loss.content == "image_fields"]
    names = re.findall(r"\w+", lost.message.partition(" of 1 image, because ")[0])
    assert set(names) - {"the", "fields", "and"} == set(second)


def test_objects_of_sentences_keep_their_fields(tmp_path: Path) -> None:
    known = Sentence("A pier.", "anna", ("pier",), {"mood": 1}, origin=ORIGINS[0], edit_distance=2)
    fields = {"raw": "A pier.", "annotator": "anna", "tokens": ["pier"], "mood": 1}
    fields |= {"origin": ORIGINS[0], "edit_distance": 2, "imgid": 1, "sentid": 2}
    entry = {"filename": "a_1.tif", "captions": [fields, "A boat."]}
    (tmp_path / "captions.jsonl").write_text(json.dumps(entry))
    assert load_dataset(tmp_path).images[0].sentences == (known, Sentence("A boat."))


def load_and_save(data: Dataset, folder: Path, layout: str) -> Dataset:
    folder.mkdir()
    save_dataset(data, folder, layout)
    return load_dataset(folder, layout)


def test_a_table_keeps_the_ids_of_a_table(tmp_path: Path) -> None:
    ids = {"img_id": "4225", "sent_id": "[21125]"}
    image = ImageRecord("port_1.tif", (Sentence("Boat."),), split="train", extra=ids)
    data = Dataset("d", (image,), Path("here"), "csv")
    assert load_and_save(data, tmp_path / "csv", "csv").images[0].extra == ids
    assert "image_fields" not in {loss.content for loss in lost_in(data, "csv")}
    for extra in ({**ids, "gsd": "1"}, {"img_id": 4225}):
        other = replace(data, images=(replace(image, extra=extra),))
        [lost] = [loss for loss in lost_in(other, "csv") if loss.content == "image_fields"]
        assert lost.message == "other fields of 1 image"


def test_a_sentence_keeps_its_own_values_beside_fields_of_their_names(tmp_path: Path) -> None:
    extra = {"raw": "x", "annotator": "y", "origin": "web", "mood": 1}
    known = Sentence("A pier.", "anna", extra=extra, origin=ORIGINS[0])
    unknown = Sentence("A boat.", extra=extra)
    images = (ImageRecord("a_1.tif", (known, unknown), split="train", category="a"),)
    data = Dataset("d", images, Path("here"), "rsitmd", extra={"images": 1})
    save_dataset(data, tmp_path, "rsitmd")
    first, second = load_dataset(tmp_path).images[0].sentences
    assert (first.raw, first.annotator, first.origin) == ("A pier.", "anna", ORIGINS[0])
    assert (second.raw, second.annotator, second.origin) == ("A boat.", None, None)
    assert (first.extra, second.extra) == ({"mood": 1}, {"mood": 1, "origin": "web"})
    assert [loss.message for loss in lost_in(data, "rsitmd")] == [
        "the fields annotator, origin and raw of 2 sentences, because it uses these names itself",
        "the field images of the dataset, because it uses this name itself",
    ]


def test_the_page_has_the_table_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = table_of_formats()
    if os.environ.get("RSITMD_UPDATE_DOCS") == "1":
        PAGE.write_text(MARKS.sub(lambda m: m[1] + table + m[3], page), encoding="utf-8")
        return
    found = MARKS.search(page)
    assert found is not None
    assert found[2] == table, "RSITMD_UPDATE_DOCS=1 updates the table"


def test_every_writable_format_declares_what_it_holds() -> None:
    assert {n for n, f in FORMATS.items() if f.write is not None} == set(HELD)
