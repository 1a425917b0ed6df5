"""Imported sentences beside those of annotators: merged, corrected, released, counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.annotation_templates import labeling_config
from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.release.bundle import make_release
from rsitmd_tools.studio.campaign.payment import payment
from rsitmd_tools.studio.campaign.prefill import _wanted
from rsitmd_tools.studio.campaign.ranking import ranking
from rsitmd_tools.studio.campaign.review import ReviewRequest, look, review
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.captions import caption_fields, machine_note, mixed_note
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.annotations import revisions
from rsitmd_tools.workspace.imported import images_with_sentences
from rsitmd_tools.workspace.merge import (
    Typed,
    imported_places,
    merged_images,
    sentence_ids,
    typed_sentences,
)
from rsitmd_tools.workspace.payment import delivered_annotations
from tests.builders import add, add_annotation
from tests.pictures import save_noise

OLD = tuple(f"Old sentence number {n} tells what is there." for n in range(1, 6))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two images with five imported sentences and one without a file; a task for each file."""
    for number in (1, 2):
        save_noise(tmp_path / "old" / f"port_{number}.png", number)
    records = tuple(
        ImageRecord(
            f"port_{number}.png",
            tuple(map(Sentence, OLD)),
            ("pier",),
            split=("train", "test", "train")[number - 1],
        )
        for number in (1, 2, 3)
    )
    data = Dataset("Old", records, tmp_path, "rsitmd", tmp_path / "old")
    with Workspace.create(tmp_path / "w", text_licence="CC0-1.0", image_licence="CC0-1.0") as made:
        import_dataset(made, data, workers=1)
        with made.transaction() as db:
            add(db, "annotator", email="a@x", joined_at="2026-01-01T00:00:00.000000+00:00")
            add(db, "project", template="correction")
            add(db, "project", id=2, template="captioning")
            for number in (1, 2):
                add(db, "task", image_id=number, server_id=number)
        yield made


def write(
    workspace: Workspace, *sentences: str | None, project: int = 1, state: str = "new"
) -> int:
    """Write about the first image in a project."""
    with workspace.transaction() as db:
        task = 1
        if project != 1:
            task = add(db, "task", image_id=1, project_id=project, server_id=99)
        return add_annotation(
            db, sentences, ["white boat"], state=state, task_id=task, lead_time=60.0
        )


def test_images_with_sentences_are_those_of_annotators_and_of_imports(
    workspace: Workspace,
) -> None:
    assert images_with_sentences(workspace) == {1, 2}
    with workspace.transaction() as db:
        db.execute("UPDATE imported_sentence SET raw = ' '")
    assert images_with_sentences(workspace) == set()
    write(workspace, None, " ")
    assert images_with_sentences(workspace) == set()
    write(workspace, "One boat.", project=2)
    assert images_with_sentences(workspace) == {1}


def captions(workspace: Workspace) -> list[tuple[str | None, str]]:
    return [(s.annotator, s.raw) for s in merged_images(workspace)[0].sentences]


def test_a_correction_takes_the_place_of_the_imported_sentence(workspace: Workspace) -> None:
    assert captions(workspace) == [(None, text) for text in OLD]
    write(workspace, None, "A new second sentence.")
    expected = [(None, text) for text in (OLD[0], *OLD[2:])]
    assert captions(workspace) == [*expected, ("a@x", "A new second sentence.")]
    first = merged_images(workspace)[0]
    assert [dict(s.extra) for s in first.sentences] == [
        *[{"imported_from": "Old"}] * 4,
        {"corrected_from": "Old"},
    ]
    assert first.keywords == ("pier", "white boat")


def test_a_correction_stays_with_its_sentence_when_earlier_texts_get_the_file(
    tmp_path: Path,
) -> None:
    """Their dataset was imported first, but without files."""
    save_noise(tmp_path / "files" / "port_1.png", 1)
    texts = {
        name: tuple(f"{name} sentence number {n} tells what is there." for n in range(1, 6))
        for name in ("First", "Second")
    }
    first, second = (
        Dataset(
            name,
            (ImageRecord("port_1.png", tuple(map(Sentence, texts[name])), (f"- {name}",)),),
            tmp_path,
            "rsitmd",
            tmp_path / "files",
        )
        for name in texts
    )
    with Workspace.create(tmp_path / "w") as workspace:
        import_dataset(workspace, replace(first, image_folder=None), workers=1)
        import_dataset(workspace, second, workers=1)
        with workspace.transaction() as db:
            add(db, "annotator", email="a@x", joined_at="2026-01-01T00:00:00.000000+00:00")
            add(db, "project", template="correction")
            add(db, "task", image_id=1, server_id=1)
        write(workspace, "A new first sentence of Second.")
        import_dataset(workspace, first, workers=1)
        [image] = merged_images(workspace)
        assert image.captions == (
            *texts["Second"][1:],
            *texts["First"],
            "A new first sentence of Second.",
        )
        assert dict(image.sentences[-1].extra) == {"corrected_from": "Second"}
        assert image.keywords == ("- Second", "- First", "white boat")
        assert import_dataset(workspace, first, workers=1).known == 1
        assert not workspace.db.execute("PRAGMA foreign_key_check").fetchall()


def test_what_was_written_before_an_import_corrects_none_of_its_sentences(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The page for correction also takes sentences about images without imported ones."""
    save_noise(tmp_path / "new" / "port_9.png", 9)
    ingest(workspace, [tmp_path / "new"], workers=1)
    with workspace.transaction() as db:
        task = add(db, "task", image_id=3, server_id=9)
        first = add_annotation(db, ["My own.", "Another."], task_id=task, lead_time=60.0)
    record = ImageRecord("9.png", tuple(map(Sentence, OLD[:3])), split="train")
    (tmp_path / "other").mkdir()
    (tmp_path / "new" / "port_9.png").rename(tmp_path / "other" / "9.png")
    data = Dataset("Other", (record,), tmp_path, "rsitmd", tmp_path / "other")
    assert import_dataset(workspace, data, workers=1).files.linked == 1
    image = merged_images(workspace)[-1]
    assert image.captions == (*OLD[:3], "My own.", "Another.")
    assert [dict(s.extra) for s in image.sentences[3:]] == [{}, {}]
    assert typed_sentences(workspace)[image.filename, 3].words == 2
    # A later revision was written beside the imported sentences.
    with workspace.transaction() as db:
        db.execute("UPDATE annotation SET latest = 0 WHERE id = ?", (first,))
        add_annotation(
            db, ["My own.", "A better one."], task_id=task, updated_at="2026-02-01T00:00:00+00:00"
        )
    image = merged_images(workspace)[-1]
    assert image.captions == (OLD[2], "My own.", "A better one.")


@pytest.mark.parametrize("state", ["sent back", "rejected"])
def test_a_correction_that_does_not_count_leaves_the_imported_one(
    workspace: Workspace, state: str
) -> None:
    write(workspace, "Wrong.", state=state)
    assert captions(workspace) == [(None, text) for text in OLD]


def test_sentences_of_another_page_are_added(workspace: Workspace) -> None:
    write(workspace, "A sixth sentence.", project=2)
    assert captions(workspace) == [*((None, text) for text in OLD), ("a@x", "A sixth sentence.")]


def test_indices_are_those_of_the_merged_sentences(workspace: Workspace) -> None:
    row = write(workspace, None, "Two.", "Three.")
    assert {place[1] for place in sentence_ids(workspace)} == {3, 4}
    texts = [raw for _, raw in captions(workspace)]
    for (filename, index), sentence in sentence_ids(workspace).items():
        assert filename == "port_1.tif"
        [found] = workspace.db.execute("SELECT raw FROM sentence WHERE id = ?", (sentence,))
        assert found["raw"] == texts[index]
    for (filename, index), sentence in imported_places(workspace).items():
        [found] = workspace.db.execute(
            "SELECT raw FROM imported_sentence WHERE id = ?", (sentence,)
        )
        image = next(i for i in load_dataset(workspace.path) if i.filename == filename)
        assert image.captions[index] == found["raw"]
    assert len(imported_places(workspace)) == 3 + 5 + 5
    assert sorted(typed_sentences(workspace)) == [("port_1.tif", 3), ("port_1.tif", 4)]
    assert revisions(workspace.db, 1, row)


def test_words_of_imported_sentences_were_not_typed(workspace: Workspace) -> None:
    write(workspace, OLD[0], OLD[1].replace("there", "here now"))
    assert typed_sentences(workspace) == {("port_1.tif", 4): Typed(2, 60.0, 30.0, True)}


def test_only_accepted_sentences_are_annotators(workspace: Workspace) -> None:
    write(workspace, "One.", state="accepted")
    [image, other] = merged_images(workspace, only_accepted=True)
    assert (image.captions, other.captions) == (("One.",), ())


def test_a_ranking_of_imported_sentences_shows_them(workspace: Workspace) -> None:
    choice = [{"type": "choices", "from_name": "better", "value": {"choices": ["equal"]}}]
    with workspace.transaction() as db:
        add_annotation(db, task_id=1, result=json.dumps(choice))
    found = ranking(workspace)
    assert found is not None
    assert [entry["sentences"] for entry in found["images"]] == [list(OLD[:2])]


@pytest.mark.parametrize("template", ["correction", "my-page.xml"])
def test_nobody_is_counted_or_paid_for_imported_sentences(
    workspace: Workspace, template: str
) -> None:
    settings = workspace.path / "rsitmd.toml"
    settings.write_text(
        f'[annotation]\ntemplate = "{template}"\nannotators_per_image = 1\n'
        "sentences_per_annotator = 5\n"
    )
    own = workspace.path / "my-page.xml"
    own.write_text(labeling_config(5, 1, 5, "correction"), encoding="utf-8")
    with Workspace.open(workspace.path) as opened:
        found = status(opened)
    assert (found["images"], found["annotations"], found["states"]) == (2, 0, {})
    assert (found["complete"], found["missing"], found["imported_sentences"]) == (0, 2, 10)
    assert found["without_file"] == [{"dataset": "Old", "image": "port_3.png"}]
    assert payment(workspace) == []
    write(workspace, "A new first sentence.", *OLD[1:])
    [row] = payment(workspace)
    assert (row["annotations"], row["sentences"], row["imported_unchanged"]) == (1, 1, 4)
    with Workspace.open(workspace.path) as opened:
        found = status(opened)
    assert (found["annotations"], found["complete"], found["missing"]) == (1, 1, 1)
    assert (found["states"], found["imported_sentences"]) == ({"new": 5}, 5)


def test_a_fix_makes_no_imported_sentence_a_written_one(workspace: Workspace) -> None:
    folder, wrong = workspace.path, "A  white boat lies at the the pier."
    with workspace.transaction() as db:
        db.execute("UPDATE imported_sentence SET raw = ? WHERE slot = 2", (wrong,))
    write(workspace, "A new first sentence.", wrong, *OLD[2:])
    workspace.close()
    assert root._run(["validate", str(folder), "--select", "S112,S113", "--fix"], False) == 0
    with Workspace.open(folder) as opened:
        [row] = payment(opened)
        texts = [sentence.raw for sentence in delivered_annotations(opened)[0].sentences]
    assert (row["sentences"], row["imported_unchanged"]) == (1, 4)
    assert texts[1] == "A white boat lies at the pier."


def test_an_imported_sentence_that_was_fixed_after_it_was_shown_is_no_written_one(
    workspace: Workspace,
) -> None:
    folder, shown = workspace.path, "A  white boat lies at the the pier."
    with workspace.transaction() as db:
        db.execute("UPDATE imported_sentence SET raw = ? WHERE slot = 2", (shown,))
    workspace.close()
    assert root._run(["validate", str(folder), "--select", "S112,S113", "--fix"], False) == 0
    with Workspace.open(folder, write=True) as opened:
        write(opened, "A new first sentence.", shown, *OLD[2:])
        [row] = payment(opened)
    assert (row["sentences"], row["imported_unchanged"]) == (1, 4)


def test_a_sentence_that_a_fix_makes_equal_to_an_imported_one_was_written(
    workspace: Workspace,
) -> None:
    folder = workspace.path
    repeated = OLD[1].replace("sentence", "sentence sentence")
    write(workspace, "A new first sentence.", repeated, *OLD[2:])
    workspace.close()
    assert root._run(["validate", str(folder), "--select", "S112,S113", "--fix"], False) == 0
    with Workspace.open(folder) as opened:
        [row] = payment(opened)
    assert (row["sentences"], row["imported_unchanged"]) == (2, 3)


def test_the_page_shows_the_imported_sentences(workspace: Workspace) -> None:
    fields = caption_fields(workspace, 1, [*(f"caption{n}" for n in range(1, 7)), "machine"])
    assert [fields[f"caption{n}"] for n in range(1, 6)] == list(OLD)
    assert fields["machine"].startswith("These sentences come from the dataset Old:")
    assert "caption6" not in fields
    # Captions of a model, given by prefill, come first.
    with workspace.transaction() as db:
        add(db, "prediction", image_id=1, slot=1, raw="Mine.", model="m", added_at="now")
    assert caption_fields(workspace, 1, ["caption1", "caption2"]) == {"caption1": "Mine."}


def test_a_page_without_imported_sentences_has_no_note_about_them(workspace: Workspace) -> None:
    """The page ``captioning``: its fields are empty, and annotators write new sentences."""
    assert caption_fields(workspace, 1, ["image", "machine"]) == {}
    assert caption_fields(workspace, 1, ["left", "machine"])["machine"].startswith("These")


def test_the_page_for_correction_shows_the_imported_sentences_that_a_model_leaves(
    workspace: Workspace,
) -> None:
    """A sentence that is submitted in one of these fields takes the place of an imported one."""
    (workspace.path / "rsitmd.toml").write_text('[annotation]\ntemplate = "correction"\n')
    with workspace.transaction() as db:
        add(db, "prediction", image_id=1, slot=1, raw="Mine.", model="m", added_at="now")
    names = [f"caption{number}" for number in range(1, 6)]
    with Workspace.open(workspace.path) as opened:
        fields = caption_fields(opened, 1, [*names, "machine"])
        alone = caption_fields(opened, 1, ["caption1", "machine"])
    assert [fields[name] for name in names] == ["Mine.", *OLD[1:]]
    assert fields["machine"] == mixed_note("m", 1, ["Old"])
    assert "suggested sentence 1." in fields["machine"]
    assert alone == {"caption1": "Mine.", "machine": machine_note("m")}


@pytest.mark.parametrize("template", ["correction", "my-page.xml"])
def test_fields_start_with_the_captions_of_a_model_or_the_imported_sentences(
    workspace: Workspace, template: str
) -> None:
    settings = f'[annotation]\ntemplate = "{template}"\n'
    own = workspace.path / "my-page.xml"
    own.write_text(labeling_config(5, 1, 5, "correction"), encoding="utf-8")
    (workspace.path / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with workspace.transaction() as db:
        add(db, "prediction", image_id=1, slot=1, raw="Mine.", model="m", added_at="now")
    with Workspace.open(workspace.path) as opened:
        wanted = _wanted(opened, 1, 5)
    texts = {
        task: [text for part in parts for text in part["value"]["text"]]
        for task, parts in wanted.items()
    }
    assert texts == {1: ["Mine.", *OLD[1:]], 2: [*OLD]}


def test_a_review_passes_over_findings_about_imported_sentences(
    workspace: Workspace, tmp_path: Path
) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE imported_sentence SET raw = 'many trees.'")
    write(workspace, "many trees.")
    found = [f for f in look(workspace) if f.code == "S105"]
    assert len(found) > 1
    assert review(workspace, ReviewRequest("B. Lee", accept="S105")).states == {"accepted": 1}
    # The findings of a file, too: those of the whole dataset.
    file = tmp_path / "found.json"
    options = ("--select", "S105", "--format", "json", "-o", str(file))
    assert root._run(["validate", str(workspace.path), *options], False) == 1
    assert len(json.loads(file.read_text())["findings"]) == 15
    decided = review(workspace, ReviewRequest("B. Lee", reject=str(file)))
    assert decided.states == {"rejected": 1}


def test_a_release_names_the_dataset(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE imported_sentence SET raw = '' WHERE imported_image_id = 1 AND slot = 2")
    write(workspace, "A new first sentence.")
    write(workspace, "Another one.", project=2)
    make_release(workspace, "1.0.0", tmp_path / "r")
    manifest = json.loads((tmp_path / "r" / "release.json").read_text())
    assert manifest["sources"] == {"imported": {"Old": 8}, "corrected": {"Old": 1}}
    assert manifest["left_out"]["reasons"] == [
        {"filename": "port_3.tif", "reason": "no image file"}
    ]
    document = json.loads((tmp_path / "r" / "dataset_RSITMD.json").read_text())
    first, second = document["images"]
    assert [s.get("imported_from") for s in second["sentences"]] == ["Old"] * 5
    assert {"annotator", "origin"}.isdisjoint(second["sentences"][0])
    [corrected] = [s for s in first["sentences"] if "corrected_from" in s]
    assert (corrected["raw"], corrected["origin"]) == ("A new first sentence.", "human")
    assert root._run(["validate", str(tmp_path / "r"), "--select", "D101,D111,S101"], False) == 0


def test_a_release_of_a_keyword_campaign_counts_the_imported_sentences(
    workspace: Workspace, tmp_path: Path
) -> None:
    settings = workspace.path / "rsitmd.toml"
    text = settings.read_text(encoding="utf-8")
    keywords = text.replace('template = "captioning"', 'template = "keywords"')
    settings.write_text(keywords, encoding="utf-8")
    with Workspace.open(workspace.path) as opened:
        make_release(opened, "1.0.0", tmp_path / "r")
    metadata = json.loads((tmp_path / "r" / "croissant.json").read_text(encoding="utf-8"))
    assert metadata["rai:annotationsPerItem"] == "5"


def test_an_image_with_blank_imported_sentences_is_not_finished(
    workspace: Workspace, tmp_path: Path
) -> None:
    with workspace.transaction() as db:
        db.execute(
            "UPDATE imported_sentence SET raw = ' ' WHERE slot = 1 AND imported_image_id = 1"
        )
        db.execute("UPDATE imported_image SET split = 'train' WHERE id = 2")
        db.execute("UPDATE image SET split = 'train'")
    assert status(workspace)["complete"] == 1
    with pytest.raises(Exception, match="has no finished image in test"):
        make_release(workspace, "1.0.0", tmp_path / "r")


def test_a_fix_changes_imported_sentences_and_keeps_what_was_there(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace.path
    wrong = "A  white boat lies at the the pier."
    with workspace.transaction() as db:
        db.execute("UPDATE imported_sentence SET raw = ? WHERE slot = 3", (wrong,))
    workspace.close()
    assert root._run(["validate", str(folder), "--select", "S112,S113", "--fix"], False) == 0
    assert capsys.readouterr().out.startswith("3 sentences fixed")
    with Workspace.open(folder, write=True) as opened:
        data = load_dataset(folder)
        assert {image.captions[2] for image in data} == {"A white boat lies at the pier."}
        [rows] = opened.db.execute("SELECT count(*), max(before) FROM imported_correction")
        assert tuple(rows) == (3, wrong)
        # The dataset still has the text from before: the corrected one stays.
        texts = (*OLD[:2], wrong, *OLD[3:])
        records = tuple(
            ImageRecord(f"port_{n}.png", tuple(map(Sentence, texts))) for n in (1, 2, 3)
        )
        report = import_dataset(opened, Dataset("Old", records, tmp_path, "rsitmd"), workers=1)
        assert (report.added, report.changed) == (0, [])
        assert {i.captions[2] for i in load_dataset(folder)} == {"A white boat lies at the pier."}
    assert root._run(["annotate", "log", str(folder), "port_1.tif"], False) == 0
    out = capsys.readouterr().out
    assert "  3. A white boat lies at the pier.  [from Old]" in out
    assert f"was: {wrong} (S112, S113)" in out


def test_a_removed_image_takes_its_imported_sentences_with_it(workspace: Workspace) -> None:
    write(workspace, "A new first sentence.", *OLD[1:])
    paid = payment(workspace)
    assert status(workspace)["acceptance"]["not_accepted"] == 10
    with workspace.transaction() as db:
        add(db, "removed_image", image_id=1)
        add(db, "removed_image", image_id=2)
    assert [i.filename for i in load_dataset(workspace.path)] == ["port_3.tif"]
    assert status(workspace)["acceptance"]["not_accepted"] == 0
    assert {place[0] for place in imported_places(workspace)} == {"port_3.tif"}
    assert payment(workspace) == paid  # what was delivered was delivered
