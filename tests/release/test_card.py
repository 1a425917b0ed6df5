"""The dataset card: front matter for the Hub, and a datasheet that answers from the data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml

from rsitmd_tools.formats.rsitmd import FILENAME
from rsitmd_tools.release import ReleaseOptions, make_release
from rsitmd_tools.release.card import card
from rsitmd_tools.release.contents import contents_of
from rsitmd_tools.release.croissant import croissant
from rsitmd_tools.release.sheet import SheetFacts, sheet_facts_of
from rsitmd_tools.splitting.recorded import Assigned
from rsitmd_tools.workspace import Workspace
from tests.release.conftest import MakeFacts
from tests.release.placed import with_scenes
from tests.release.releases import change

MakeWorkspace = Callable[..., Path]

# Number of questions of "Datasheets for Datasets" under each heading, in the paper's order.
QUESTIONS = {
    "Motivation": 4,
    "Composition": 16,
    "Collection process": 12,
    "Preprocessing/cleaning/labeling": 4,
    "Uses": 6,
    "Distribution": 7,
    "Maintenance": 8,
}
TO_ANSWER = "**To answer:**"
FIRST = Assigned(shares={"train": 0.9, "test": 0.1}, seed=7)
LATER = Assigned(
    shares={"train": 0.5, "test": 0.5}, seed=8, images=1, keep_data_sha256="1", exclude_sha256="2"
)


def front_matter(text: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return found


def datasheet(text: str) -> dict[str, dict[str, str]]:
    """Return the answers by heading and question; every line of the datasheet is one of them."""
    _, *parts = text.split("## Datasheet\n")[1].split("\n### ")
    sheet: dict[str, dict[str, str]] = {}
    for part in parts:
        heading, empty, *lines = part.rstrip("\n").split("\n")
        assert empty == ""
        found = [re.fullmatch(r"- \*\*([^*]+\?)\*\* (\S.*)", line) for line in lines]
        assert all(found), lines
        sheet[heading] = {m[1]: m[2] for m in found if m}
        assert len(sheet[heading]) == len(lines)
    return sheet


def answer(text: str, question: str) -> str:
    (found,) = [answers[question] for answers in datasheet(text).values() if question in answers]
    return found


def with_changes(make_facts: MakeFacts, changes: dict[str, Any]) -> str:
    """Return the card of facts with changes: those of the datasheet, and those of the metadata."""
    changes = {"checksum": "0" * 64, **changes}
    own = {field.name for field in fields(SheetFacts)} & changes.keys()
    return card(
        make_facts(
            imported="imported" in own,
            **{name: value for name, value in changes.items() if name not in own},
        ),
        SheetFacts(**{name: changes[name] for name in own}),
    )


@pytest.mark.parametrize("title", ['Häfen: "ships"', "- # {{ facts }}", "</script>"])
def test_the_front_matter_is_yaml_with_any_title(make_facts: MakeFacts, title: str) -> None:
    text = card(make_facts(title=title), SheetFacts())
    assert front_matter(text)["pretty_name"] == title
    shown = title.replace("<", "\\<")
    assert f"# {shown}, version 1.0.0\n" in text


@pytest.mark.parametrize("images", [True, False])
def test_the_card_says_how_the_library_of_the_hub_reads_the_data(
    make_facts: MakeFacts, images: bool
) -> None:
    text = card(make_facts(with_images=images), SheetFacts())
    assert front_matter(text)["viewer"] is False
    assert ("build convert . FOLDER --to imagefolder` writes" in text) == images
    assert ("build convert . FOLDER --to csv` and" in text) != images


def test_names_are_shown_as_they_are(make_facts: MakeFacts) -> None:
    markdown = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    title, author = "Scenes of <RSITMD> [v2](x) *new* _a_ a_b `c` &amp; \\d", "Lee <b>, B."
    source, url = "<ports>", "https://example.org/a_b/_c"
    facts = make_facts(title=title, authors=(author,), url=url, imported=True)
    html = markdown.render(card(facts, SheetFacts(imported={source: 40})).split("---\n", 2)[2])
    shown = unescape(re.sub(r"<[^>]+>", "", html))
    assert f"{title}, version 1.0.0\n" in shown
    assert f"{author}: {title}, version 1.0.0. {url}\n" in shown
    assert f"from other datasets: {source} 40." in shown


@pytest.mark.parametrize(
    ("texts", "images", "expected"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", "cc-by-4.0"),
        ("terms.txt", "terms.txt", "other"),
        ("CC-BY-4.0", "", None),
        ("", "", None),
    ],
)
def test_the_hub_is_told_a_licence_that_holds_for_all(
    make_facts: MakeFacts, texts: str, images: str, expected: str | None
) -> None:
    text = card(make_facts(text_licence=texts, image_licence=images), SheetFacts())
    assert front_matter(text).get("license") == expected
    assert (f"Texts: {texts}." in text) == bool(texts)


@pytest.mark.libraries
@pytest.mark.parametrize("title", ['Häfen: "ships"', "- # {{ facts }}"])
def test_the_hub_reads_the_card(make_facts: MakeFacts, tmp_path: Path, title: str) -> None:
    hub = pytest.importorskip("huggingface_hub")
    file = tmp_path / "README.md"
    facts = make_facts(title=title, text_licence="CC-BY-4.0", image_licence="CC-BY-4.0")
    file.write_text(card(facts, SheetFacts()), encoding="utf-8")
    loaded = hub.DatasetCard.load(file)
    assert (loaded.data.pretty_name, loaded.data.license) == (title, "cc-by-4.0")
    assert loaded.data.size_categories == ["n<1K"]
    assert loaded.text.lstrip().startswith(f"# {title}, version 1.0.0\n")


@pytest.mark.parametrize(
    ("images", "expected"), [(8, "n<1K"), (1000, "1K<n<10K"), (2_000_000, "1M<n<10M")]
)
def test_the_class_of_size(make_facts: MakeFacts, images: int, expected: str) -> None:
    text = card(make_facts(images={"train": images, "val": 0, "test": 0}), SheetFacts())
    assert front_matter(text)["size_categories"] == [expected]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"annotators": 0, "keywords": 0, "imported": {"ports": 40}},
        {
            "box": (8.0, 50.0, 9.0, 51.0), "period": "2020-05-06/2021-01-02", "with_images": False,
            "url": "https://example.org", "doi": "10.1/2", "crossing": 2, "named": True,
            "machine_given": 3, "places_searched": False, "image_licence": "A (1 image)",
            "image_licences": ("A", "B"), "left_out": 1, "removed": 1, "blanks": 1, "folds": 5,
            "without_keywords": 1, "without_annotator": 1, "corrected": {"ports": 1}, "pairs": 2,
            "placed": 3, "licence": "CC-BY-4.0", "without_licence": 1, "assignments": (LATER,),
            "earlier": ("0.1.0",), "precomp": False, "imported": {"a": 1, "b": 2}, "common": 1,
        },
    ],
    ids=["written", "imported", "everything"],
)  # fmt: skip
def test_all_questions_are_there_in_the_order_of_the_paper(
    make_facts: MakeFacts, changes: dict[str, Any]
) -> None:
    text = with_changes(make_facts, changes)
    assert "\n\n\n" not in text
    sheet = datasheet(text)
    assert {heading: len(answers) for heading, answers in sheet.items()} == QUESTIONS
    assert list(sheet) == list(QUESTIONS)
    for answers in sheet.values():
        for question, said in answers.items():
            assert said.endswith("."), (question, said)
            assert not re.search(r"  | [.,]|\.\.|: \.|\(\)|Undefined|None(?! of )", said), said


@pytest.mark.parametrize(
    ("question", "changes", "expected"),
    [
        ("Who created it, and on whose behalf?", {"authors": ("Kim, A.", "Lab")}, "Kim, A.; Lab."),
        ("What do the instances represent?", {"keywords": 0}, "sentences about it."),
        ("How many instances are there?", {"sentences": 41}, "8 images, 41 sentences"),
        ("How many instances are there?", {"categories": {"a": 1, "b": 7}}, "category: a 1, b 7."),
        ("How many instances are there?", {"categories": {"a": 8}}, "are in one category, a."),
        ("Is it complete, or a sample of a larger set?", {"left_out": 3}, "3 more images are"),
        (
            "Is it complete, or a sample of a larger set?",
            {"box": (8.0, 50.0, 9.0, 51.00004)},
            "between 8.0 and 9.0 degrees of longitude and between 50.0 and 51.0 degrees",
        ),
        (
            "Is it complete, or a sample of a larger set?",
            {"box": (179.5, 50.0, -179.5, 51.0)},
            "between 179.5 and -179.5 degrees of longitude, across 180 degrees, and between 50.0",
        ),
        ("What does each instance consist of?", {"image_size": 128}, "128 x 128 pixels"),
        ("What does each instance consist of?", {"sentences_per_image": (5, 7)}, "5 to 7 sent"),
        ("What does each instance consist of?", {"keywords_per_image": (1, 2)}, "1 to 2 keyw"),
        ("What does each instance consist of?", {"with_images": False}, "not part of this rel"),
        ("Does each instance have a label or target?", {"categories": {"a": 8}}, "no label"),
        ("Does each instance have a label or target?", {"categories": {"a": 1, "b": 2, "c": 5}},
         "one of 3."),
        ("Is any information missing?", {"keywords": 0}, "have no keywords"),
        ("Is any information missing?", {"without_keywords": 2}, "2 images of 8 without keywords"),
        ("Is any information missing?", {"without_annotator": 1}, "for 1 of 40 sentences"),
        ("Is any information missing?", {"blanks": 5}, "5 blank sentences of the source were"),
        ("Is any information missing?", {"placed": 6}, "The place of 2 images of 8"),
        ("Are relations between instances explicit?", {"pairs": 2}, "2 pairs of images show one"),
        ("Are relations between instances explicit?", {"pairs": 2, "crossing": 1},
         "lists those in different"),
        ("Are there recommended splits?", {"images": {"train": 7, "val": 0, "test": 1}},
         "train 7, val 0, test 1"),
        ("Are there recommended splits?", {"assignments": (FIRST,)},
         "assigned images without a split with the shares train 0.9, test 0.1 and seed 7. **To"),
        ("Are there recommended splits?", {"assignments": (FIRST, LATER)},
         "and seed 7. `build split` assigned 1 image with the shares train 0.5, test 0.5 and seed"
         " 8; the test images of an earlier release went into test; the images of an exclusion list"
         " went into test."),
        ("Are there recommended splits?", {"assignments": (FIRST, replace(LATER, images=8))},
         "went into test. **To"),
        ("Are there recommended splits?", {"assignments": (FIRST, replace(LATER, images=9))},
         "went into test. These numbers also count images that are not in this release. **To"),
        ("Are there recommended splits?", {"crossing": 1},
         "1 pair of images of one picture or place is in different splits."),
        ("Are there recommended splits?", {"crossing": 3},
         "3 pairs of images of one picture or place are in different splits."),
        ("Are there recommended splits?", {"places_searched": False},
         "The images were not searched for views of one place."),
        ("Are there recommended splits?", {"shared": 1}, "1 sentence occurs in several splits."),
        ("Are there recommended splits?", {"folds": 5}, "`folds.csv` has 5 folds."),
        ("Are there errors, noise or redundancies?", {"repeated": 9}, "9 of 40 sentences repeat"),
        ("Is it self-contained?", {"with_images": False}, "No: the image files are missing."),
        ("Can individuals be identified?", {"named": True}, "Annotators are named."),
        ("Does it contain sensitive data?", {"box": (8.0, 50.0, 9.0, 51.0)}, "has the place"),
        ("How was the data acquired?", {"annotators": 1}, "1 annotator wrote the sentences"),
        ("How was the data acquired?", {"imported": {"ucm": 9, "x": 1}}, ": ucm 9, x 1."),
        ("How was the data acquired?", {"corrected": {"ucm": 4}}, "corrected: ucm 4."),
        ("How was the data acquired?", {"imported": {"ucm": 9}}, "who wrote the imported"),
        ("By which instruments or procedures?", {"corrected": {"ucm": 4}}, "apart from those"),
        ("By which instruments or procedures?", {"imported": {"ucm": 9}}, "the imported sent"),
        ("By which instruments or procedures?", {"machine_given": 3}, "3 sentences were written"),
        ("By which instruments or procedures?", {"machine_given": 1, "machine_untouched": 2},
         "unchanged machine texts are left out (2)"),
        ("By which instruments or procedures?", {"not_accepted": 6}, "6 of 40 sentences were not"),
        ("Who collected the data, and how were they paid?", {"annotators": 6}, "6 annotators."),
        ("Over what period?", {"period": "2020-05-06/2021-01-02"}, "from 2020-05-06 to 2021-01-02"),
        ("Over what period?", {"period": "2020/2021", "imported": {"ucm": 9}},
         "**To answer:** when the imported"),
        ("Over what period?", {"annotated": ("2026-01-02", "2026-02-03")},
         "wrote from 2026-01-02 to 2026-02-03"),
        ("Did these people consent?", {"licence": "CC-BY-4.0"}, "CC-BY-4.0 for their texts; all"),
        ("Did these people consent?", {"licence": "a.txt", "without_licence": 2}, "2 of those who"),
        ("What was done?", {"image_size": 128}, "resized to 128 x 128 pixels."),
        ("What was done?", {"sides": (224, 224)}, "side of the square has 224 pixels in"),
        ("What was done?", {"sides": (224, 600)}, "side of the square has 224 to 600 pixels in"),
        ("What was done?", {"removed": 2}, "2 images were removed by hand."),
        ("What else could it be used for?", {"categories": {"a": 8}}, "captioning."),
        ("Could its composition or collection affect future uses?", {"common": 2},
         "2 sentences belong to several images"),
        ("How is it distributed, and does it have a DOI?", {"doi": "10.1/2"}, "DOI: 10.1/2."),
        ("How is it distributed, and does it have a DOI?", {"checksum": "abc"}, ": abc."),
        ("Under which licence or terms of use?", {"text_licence": "CC0-1.0"}, "Texts: CC0-1.0."),
        ("Under which licence or terms of use?", {"image_licence": "CC0-1.0"}, "Images: CC0-1.0."),
        ("Under which licence or terms of use?", {"image_licences": ("A", "B")}, "of each image"),
        ("Who hosts and maintains it?", {"url": "https://example.org"}, "page: https://example.org."),
        ("Will it be updated?", {"version": "2.0.0"}, "Version 2.0.0 is the first version."),
        ("Will it be updated?", {"earlier": ("1.1.0", "1.0.0")}, "the successor of version 1.1.0."),
        ("Will older versions stay available?", {"earlier": ("0.9.0",)}, "versions: 0.9.0."),
    ],
)  # fmt: skip
def test_an_answer_follows_the_data(
    make_facts: MakeFacts, question: str, changes: dict[str, Any], expected: str
) -> None:
    assert expected in answer(with_changes(make_facts, changes), question)
    assert expected not in answer(with_changes(make_facts, {}), question)


@pytest.mark.parametrize(
    ("question", "changes", "open_part"),
    [
        ("How is it distributed, and does it have a DOI?", {}, "where, and the DOI"),
        ("How is it distributed, and does it have a DOI?", {"url": "https://a.org"},
         "the DOI, if there is one"),
        ("How is it distributed, and does it have a DOI?", {"doi": "10.1/2"}, None),
        ("Under which licence or terms of use?", {}, "the licences of texts and images"),
        ("Under which licence or terms of use?", {"text_licence": "A"},
         "the licence of the images"),
        ("Under which licence or terms of use?", {"image_licence": "A"},
         "the licence of the texts"),
        ("Under which licence or terms of use?",
         {"text_licence": "A", "image_licence": "B"}, None),
        ("Over what period?", {}, "when the images were taken"),
        ("Over what period?", {"period": "2020/2021"}, None),
    ],
)  # fmt: skip
def test_what_is_known_is_not_asked(
    make_facts: MakeFacts, question: str, changes: dict[str, Any], open_part: str | None
) -> None:
    _, marker, rest = answer(with_changes(make_facts, changes), question).partition(TO_ANSWER)
    assert (rest.strip() if marker else None) == (open_part and f"{open_part}.")


def test_the_card_lists_the_files_that_the_release_has(make_facts: MakeFacts) -> None:
    full = card(make_facts(box=(8.0, 50.0, 9.0, 51.0)), SheetFacts(folds=5))
    bare = card(make_facts(with_images=False), SheetFacts(precomp=False))
    for name in ("`images/`", "`precomp/`", "`folds.csv`", "`footprints.parquet`"):
        assert f"\n| {name}" in full
        assert f"\n| {name}" not in bare


def test_nothing_is_claimed_about_imported_sentences(make_facts: MakeFacts) -> None:
    facts = make_facts(annotators=0, imported=True, keywords=0, authors=("The authors of ports",))
    text = card(facts, SheetFacts(imported={"ports": 40}, not_accepted=40, without_annotator=40))
    assert answer(text, "How was the data acquired?").startswith(
        "Sentences that were imported from other datasets: ports 40. `images.csv`"
    )
    assert "fine-grained" not in text
    assert "keyword" not in text.replace("have no keywords", "")
    for claim in (
        "annotator", "Annotators", "Label Studio", "machine text", "The authors of ports",
        "reviewer",
    ):  # fmt: skip
        assert claim not in text
    for question in (
        "By which instruments or procedures?",
        "Who collected the data, and how were they paid?",
        "Over what period?",
        "Did these people consent?",
        "Can individuals be identified?",
    ):
        assert answer(text, question).startswith(TO_ANSWER)
    assert "rai:dataAnnotationPlatform" not in croissant(facts, {FILENAME: "0" * 64})


def sheet_of(workspace: Path) -> SheetFacts:
    with Workspace.open(workspace) as opened:
        return sheet_facts_of(opened, contents_of(opened), None, precomp=True)


def test_the_datasheet_is_counted_from_the_workspace(make_workspace: MakeWorkspace) -> None:
    found = sheet_of(make_workspace())
    assert found == SheetFacts(
        checksum=found.checksum,
        keywords_per_image=(5, 5),
        sides=(16, 16),
        annotated=("2026-01-02", "2026-01-02"),
        not_accepted=40,
    )


IMPORT = (
    "INSERT INTO imported_image (id, dataset, name, category, number, split, image_id, imported_at)"
    " VALUES (1, 'ucm', '1.jpg', 'harbour', 1, 'train', 1, '2026-01-01')"
)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE sentence SET raw = 'One ship.' WHERE annotation_id IN (1, 2)"],
         {"repeated": 1}),
        (["UPDATE sentence SET raw = 'One  ship.' WHERE annotation_id = 1",
          "UPDATE sentence SET raw = 'one ship.' WHERE annotation_id = 6"],
         {"repeated": 1, "common": 1, "shared": 0}),
        (["UPDATE sentence SET raw = 'One ship.' WHERE annotation_id IN (1, 36)"],
         {"repeated": 1, "common": 1, "shared": 1}),
        (["DELETE FROM keyword WHERE annotation_id BETWEEN 1 AND 5"],
         {"without_keywords": 1, "keywords_per_image": (0, 5)}),
        (["DELETE FROM sentence WHERE annotation_id = 1"], {"left_out": 1, "not_accepted": 35}),
        (["INSERT INTO removed_image VALUES (1, 'clouds', '2026')"],
         {"removed": 1, "left_out": 0}),
        ([IMPORT, "INSERT INTO imported_sentence (imported_image_id, slot, raw) VALUES"
          " (1, 1, 'A pier.'), (1, 2, ' ')"],
         {"imported": {"ucm": 1}, "blanks": 1, "without_annotator": 1, "not_accepted": 41,
          "sentences_per_image": (5, 6)}),
        (["UPDATE annotation SET created_at = '2025-12-31' WHERE id = 3",
          "UPDATE annotation SET updated_at = '2026-03-04' WHERE id = 4"],
         {"annotated": ("2025-12-31", "2026-03-04")}),
        (["UPDATE annotation SET created_at = '2025-12-31', updated_at = '2026-03-04' WHERE id = 1",
          "INSERT INTO removed_image SELECT image_id, 'clouds', '2026' FROM task WHERE id ="
          " (SELECT task_id FROM annotation WHERE id = 1)"],
         {"removed": 1, "annotated": ("2026-01-02", "2026-01-02")}),
        (["INSERT INTO project (id, server, server_id, template, config, created_at, kind) VALUES"
          " (99, 'here', 99, 't', 'c', '2025', 'pilot')",
          "INSERT INTO task (id, project_id, image_id, server_id, pushed_at)"
          " VALUES (99, 99, 1, 99, '2025')",
          "UPDATE annotation SET created_at = '2025-12-31', task_id = 99 WHERE id = 1"],
         {"annotated": ("2026-01-02", "2026-01-02")}),
        (["UPDATE image SET width = 300, height = 200 WHERE id = 2"], {"sides": (16, 200)}),
        (["UPDATE sentence SET state = 'accepted' WHERE annotation_id < 11"], {"not_accepted": 30}),
    ],
)  # fmt: skip
def test_a_change_of_the_workspace_changes_the_datasheet(
    make_workspace: MakeWorkspace, statements: list[str], expected: dict[str, Any]
) -> None:
    workspace = make_workspace()
    for sql in statements:
        change(workspace, sql)
    found = sheet_of(workspace)
    assert {name: getattr(found, name) for name in expected} == expected


def test_the_side_of_a_tile_is_that_of_its_window(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace()
    with_scenes(workspace, 8)
    change(workspace, "UPDATE image SET width = 900, height = 900")  # the scene
    change(workspace, "UPDATE place SET width = 8, height = 16 WHERE image_id = 1")
    found = sheet_of(workspace)
    assert (found.sides, found.placed) == ((8, 12), 8)


def test_a_card_names_the_earlier_versions(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace()
    with Workspace.open(workspace) as opened:
        for version, before in (("1.0.0", None), ("1.1.0", "1.0.0"), ("1.2.0", "1.1.0")):
            previous = None if before is None else tmp_path / before
            make_release(opened, version, tmp_path / version, ReleaseOptions(previous=previous))
    text = (tmp_path / "1.2.0" / "README.md").read_text(encoding="utf-8")
    assert answer(text, "Will it be updated?").startswith(
        "Version 1.2.0 is the successor of version 1.1.0."
    )
