"""What the table of the formats says is kept is kept, from every format to every other."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
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
    IN_NAME,
    NO,
    REQUIRED,
    SOME,
    WITHIN_SPLIT,
    YES,
    Holds,
    other_fields,
)

HELD = {name: form.holds for name, form in FORMATS.items() if form.holds is not None}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
MARKS = re.compile(r"(<!-- table of formats -->\n)(.*?)(<!-- end -->)", re.DOTALL)

LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters='",;\t[]='),
    max_size=20,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STEM = st.text("abc_ 0123ä", min_size=1, max_size=8).filter(str.strip)
JSON = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab", max_size=3))


@st.composite
def datasets(draw: st.DrawFn, holds: Holds) -> Dataset:
    """A dataset with everything that a format does not refuse."""
    lines = holds.sentences == FIVE
    text = LINE if lines else TEXT
    splits = SPLITS if holds.splits == REQUIRED else (*SPLITS, None)
    counts = st.integers(0 if holds.sentences == ANY else 1, 6)
    images = []
    for stem in draw(st.lists(STEM, min_size=1, max_size=4, unique_by=str.casefold)):
        fields: dict[str, Any] = draw(st.dictionaries(st.sampled_from(["gsd", "by"]), JSON))
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
    extra = draw(st.dictionaries(st.sampled_from(["note", "year"]), JSON))
    return Dataset(draw(TEXT), tuple(images), Path("memory"), "rsitmd", extra=extra)


def _sentence(draw: st.DrawFn, text: st.SearchStrategy[str]) -> Sentence:
    return Sentence(
        draw(text),
        annotator=draw(st.sampled_from([None, "a@b"])),
        tokens=draw(st.sampled_from([None, ("one", "two")])),
        extra=draw(st.sampled_from([{}, {"mood": "calm"}])),
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
        "image_fields": other_fields,
        "annotators": lambda i: [s.annotator for s in i.sentences],
        "origins": lambda i: [(s.origin, s.edit_distance) for s in i.sentences],
        "sentence_fields": lambda i: [s.extra for s in i.sentences],
    }
    for key, value in of_image.items():
        if getattr(holds, key) in (YES, REQUIRED):
            kept[key] = {image.filename: value(image) for image in data}
    if holds.name == YES:
        kept["name"] = data.name
    if holds.dataset_fields == YES:
        kept["dataset_fields"] = data.extra
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
    ranks = (NO, IN_NAME, ANEW, WITHIN_SPLIT, REQUIRED, YES)
    lesser = {
        c.key: min(getattr(one, c.key), getattr(other, c.key), key=ranks.index) for c in CONTENTS
    }
    return Holds(**lesser)


@pytest.mark.parametrize("first", HELD)
@given(drawn=st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=8
)
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
        assert not lost & held
        assert ("keywords" in lost) == (
            holds.keywords == NO and any(image.keywords for image in data)
        )
        assert ("dataset_fields" in lost) == (holds.dataset_fields == NO and bool(data.extra))


def test_losses_are_counted_and_named() -> None:
    sentences = (Sentence("A.", "anna", ("a",), {"mood": 1}, origin=ORIGINS[0]), Sentence("B."))
    images = (
        ImageRecord("a_1.tif", sentences, ("x y", "- x"), "test", "a", {"gsd": 1}),
        ImageRecord("b_1.tif", sentences, (), "train", "a", {"filepath": "b"}),
    )
    data = Dataset("d", images, Path("here"), "rsitmd", extra={"note": 1, "precomp": {}})
    assert [loss.message for loss in lost_in(data, "precomp")] == [
        "1 image with a category that is not in the file name",
        "2 keywords",
        "1 image in a subfolder",
        "1 image with other fields",
        "2 sentences with an annotator",
        "2 sentences with an origin",
        "2 sentences with other fields",
        "the tokens of 2 sentences",
        "the name of the dataset",
        "1 other field of the dataset",
        "the order of images of different splits",
    ]
    assert lost_in(data, "rsitmd") == []
    plain = replace(data, images=(ImageRecord("a_1.tif", split="test", category="a"),), extra={})
    assert [loss.content for loss in lost_in(plain, "coco")] == ["name"]


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
