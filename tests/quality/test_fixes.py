"""Fixes: safe ones keep the meaning of a sentence; the history keeps the original text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.quality import subject_of
from rsitmd_tools.quality.correct import apply
from rsitmd_tools.quality.fixes import Change, changes, diff
from rsitmd_tools.quality.texts import split_words
from rsitmd_tools.workspace import Settings, Workspace
from rsitmd_tools.workspace.settings import ImageIgnore
from tests.builders import add_team
from tests.quality.conftest import FIVE, dataset, record
from tests.release.conftest import add_image

FAULTY = [
    ("Two boats  lie at the pier .", "Two boats lie at the pier.", {"S113"}),
    ("Two boats lie lie at the pier", "Two boats lie at the pier.", {"S112", "S114"}),
    ("The cafÃ© has a red roof. .", "The café has a red roof.", {"S114", "S115"}),
    (" Two boats,one red,lie here.", "Two boats, one red, lie here.", {"S113"}),
]


def fixes_of(raw: str, *, unsafe: bool = False) -> list[Change]:
    return changes(subject_of(dataset(record(sentences=[raw]))), unsafe=unsafe)


@pytest.mark.parametrize(("before", "after", "codes"), FAULTY)
def test_each_safe_fix(before: str, after: str, codes: set[str]) -> None:
    [change] = fixes_of(before)
    assert (change.after, set(change.codes)) == (after, codes)
    assert fixes_of(after) == []


@pytest.mark.parametrize(
    "raw",
    [
        "Two boats lie at the caf\ufffd.",  # what is lost stays marked, and a finding
        "The name www.Google.com is on the roof.",
        "See port.JPG and https://x.Org/a.Bc for the roof.",
        "Two boats lie at the pier…",
        "Two boats lie at the pier！",
        "The ratio of the sides is 2 : 3 here.",
    ],
)
def test_what_a_fix_would_damage_is_left(raw: str) -> None:
    assert fixes_of(raw) == []


def test_typos_and_counts_are_fixed_only_on_request() -> None:
    raw = "The termial of the airport has 3 long runways."
    assert fixes_of(raw) == []
    [change] = fixes_of(raw, unsafe=True)
    assert change.after == "The terminal of the airport has three long runways."
    assert set(change.codes) == {"S111", "S120"}


def test_an_unsafe_fix_that_a_safe_one_makes_possible_is_in_the_same_run() -> None:
    raw, after = "There are  3  planes  planes here.", "There are three planes here."
    [change] = fixes_of(raw, unsafe=True)
    assert (change.after, set(change.codes)) == (after, {"S112", "S113", "S120"})
    assert fixes_of(after, unsafe=True) == []


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("\u00a0Ã© , here", "é, here.", ("S113", "S114", "S115")),
        ("the.\u00a0Ã©\n;- ", "the. é;-.", ("S113", "S114", "S115")),
    ],
)
def test_a_fix_that_another_one_makes_possible_is_in_the_same_change(
    before: str, after: str, codes: tuple[str, ...]
) -> None:
    """The white space at the ends hides the wrong encoding; the right one has to be spaced anew."""
    [change] = fixes_of(before)
    assert (change.after, change.codes) == (after, codes)
    assert fixes_of(after) == []


@pytest.mark.parametrize("raw", [" \t ", "Â\u00a0"])
def test_no_fix_makes_or_keeps_a_blank_sentence(raw: str) -> None:
    assert fixes_of(raw) == []


TEXT = st.lists(
    st.sampled_from(
        ["two", "boats", "boats", "Red", " ", "  ", ",", ".", "..", "?", "\t", "é", "Ã©"]
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_safe_fixes_keep_the_words_and_are_done_at_once(raw: str) -> None:
    for change in fixes_of(raw):
        said = split_words(change.before.replace("Ã©", "é"))
        assert len(split_words(change.after)) <= len(said)
        assert set(split_words(change.after)) == set(said)
        assert fixes_of(change.after) == []


def test_the_diff_escapes_control_characters() -> None:
    [change] = fixes_of("Two boats  \x1b[31m lie here.")
    lines = list(diff([change]))
    assert lines[0].startswith("@@ port_1.tif, sentence 1 (")
    assert lines[1].startswith("-Two boats  \\x1b")
    assert all(line.isprintable() for line in lines)


def test_excused_images_are_left_alone() -> None:
    data = dataset(record(sentences=["Two  boats lie here."]))
    ignore = ImageIgnore("port_1.tif", ("S11",), "as it was published")
    validate = replace(Settings().validate, image_ignores=(ignore,))
    assert changes(subject_of(data, replace(Settings(), validate=validate))) == []


@pytest.fixture(params=["rsitmd", "precomp"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    raws = [before for before, _, _ in FAULTY]
    images = [
        record("a_1.tif", FIVE, split="train"),
        record("b_2.tif", [*raws, FIVE[0]], split="train"),
        record("c_3.tif", ["", *raws], split="test"),
    ]
    save_dataset(dataset(*images), tmp_path, request.param)
    return load_dataset(tmp_path, request.param)


def test_applied_in_place_with_a_history(stored: Dataset, tmp_path: Path) -> None:
    found = changes(subject_of(stored))
    assert len(found) == 8
    kept = apply(stored, found)
    again = load_dataset(tmp_path, stored.format)
    after = [after for _, after, _ in FAULTY]
    assert again.images[0].captions == FIVE
    assert again.images[1].captions == (*after, FIVE[0])
    assert again.images[2].captions == ("", *after)
    assert changes(subject_of(again)) == []
    history = [json.loads(line) for line in Path(kept).read_text("utf-8").splitlines()]
    assert [entry["before"] for entry in history] == [before for before, _, _ in FAULTY] * 2
    if stored.format == "rsitmd":
        assert again.images[1].sentences[0].tokens == (
            "two",
            "boats",
            "lie",
            "at",
            "the",
            "pier",
            ".",
        )


def test_a_file_that_changed_meanwhile_is_refused(stored: Dataset, tmp_path: Path) -> None:
    found = changes(subject_of(stored))
    [*_, last] = found
    other = [
        replace(change, before="something else") if change is last else change for change in found
    ]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RsitmdError, match="has changed since it was read"):
        apply(stored, other)
    after = {path: path.read_bytes() for path in before}
    assert {p for p in before if before[p] != after[p]} <= {tmp_path / "train_caps.txt"}


def test_a_workspace_is_fixed_in_one_transaction(tmp_path: Path) -> None:
    with Workspace.create(tmp_path) as workspace:
        with workspace.transaction() as db:
            add_team(db, *map(str, range(5)))
        add_image(workspace, 0, 5, "train")
        with workspace.transaction() as db:
            db.execute("UPDATE sentence SET raw = 'Two  boats lie here .' WHERE id = 2")
    data = load_dataset(tmp_path)
    apply(data, changes(subject_of(data)))
    assert load_dataset(tmp_path).images[0].captions[1] == "Two boats lie here."
    with Workspace.open(tmp_path) as workspace:
        [row] = workspace.db.execute("SELECT * FROM correction").fetchall()
    assert (row["before"], row["after"]) == ("Two  boats lie here .", "Two boats lie here.")


def test_a_format_that_cannot_be_fixed_is_an_error() -> None:
    with pytest.raises(WrongUsage, match="cannot be fixed in place"):
        apply(dataset(record()), [])


def test_unsafe_fixes_change_only_what_the_rules_report() -> None:
    texts = [
        "The boats lie at Tegel and near Zwinger palace.",
        "Die Schiffe liegen am grauen Pier neben dem Hafen.",
        "The termial at Tegel is beside the pier.",
    ]
    data = dataset(record(sentences=[*texts, *FIVE[3:]]))
    [change] = changes(subject_of(data), unsafe=True)
    assert change.after == "The terminal at Tegel is beside the pier."
    # In a dataset whose counts are mostly in digits, they are not changed.
    digits = [f"There are {n % 9 + 2} boats at the {n % 7 + 2} piers." for n in range(30)]
    many = dataset(*(record(f"port_{n}.tif", digits[5 * n : 5 * n + 5]) for n in range(6)))
    assert [c for c in changes(subject_of(many), unsafe=True) if "S120" in c.codes] == []


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["There", "is", "a", "pier"], ["Two", "boats", "lie", "here"]),
        (["there", "is", "a", "pier"], ["two", "boats", "lie", "here"]),
        (["there", "is", "a", "pier", "."], ["two", "boats", "lie", "here", "."]),
        (["There", "."], ["Two", "boats", "lie", "here", "."]),
        (["A", "well-kept", "pier"], ["Two", "boats", "lie", "here"]),
    ],
)
def test_new_tokens_have_the_style_of_the_old_ones(
    tmp_path: Path, tokens: list[str], expected: list[str]
) -> None:
    save_dataset(dataset(record(sentences=["Two boats  lie here.", *FIVE[1:]])), tmp_path, "rsitmd")
    file = tmp_path / "dataset_RSITMD.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["images"][0]["sentences"][0]["tokens"] = tokens
    file.write_text(json.dumps(document), encoding="utf-8")
    data = load_dataset(tmp_path)
    apply(data, changes(subject_of(data)))
    assert load_dataset(tmp_path).images[0].sentences[0].tokens == tuple(expected)


def test_the_history_has_no_change_that_was_not_made(tmp_path: Path) -> None:
    save_dataset(dataset(record(sentences=["Two boats  lie here.", *FIVE[1:]])), tmp_path, "rsitmd")
    file = tmp_path / "dataset_RSITMD.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["images"][0]["sentences"][1]["raw"] = "A \ud800 boat."
    file.write_text(json.dumps(document), encoding="utf-8")
    before = file.read_bytes()
    data = load_dataset(tmp_path)
    with pytest.raises(RsitmdError, match="unpaired surrogate"):
        apply(data, changes(subject_of(data)))
    assert file.read_bytes() == before
    assert not (tmp_path / "corrections.jsonl").exists()


def test_nothing_changes_without_a_history(stored: Dataset, tmp_path: Path) -> None:
    (tmp_path / "corrections.jsonl").mkdir()
    before = [file.read_bytes() for file in sorted(tmp_path.iterdir()) if file.is_file()]
    with pytest.raises(RsitmdError, match=r"corrections\.jsonl: cannot be written"):
        apply(stored, changes(subject_of(stored)))
    assert before
    assert before == [file.read_bytes() for file in sorted(tmp_path.iterdir()) if file.is_file()]
