"""Where a sentence comes from; a machine's untouched text never counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.annotation_templates import labeling_config
from rsitmd_tools.cli.annotate.log import command as log_command
from rsitmd_tools.cli.annotate.prefill import command as prefill_command
from rsitmd_tools.cli.validate import command as validate_command
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.studio.campaign.prefill import PrefillReport, check_shown, keep_captions
from rsitmd_tools.studio.sync.captions import caption_fields, machine_note
from rsitmd_tools.studio.sync.origins import (
    CHANGED,
    HUMAN,
    UNTOUCHED,
    edit_distance,
    mark_origins,
    origin_of,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.predictions import (
    Prediction,
    predictions_of_project,
    replace_predictions,
)
from tests.builders import add, add_annotation, add_team
from tests.studio.sync.memory_server import MemoryServer

GIVEN = "There are two planes in the airport."


@pytest.mark.parametrize(
    ("raw", "origin", "distance"),
    [
        (GIVEN, UNTOUCHED, 0),
        ("there are  two planes in the airport", UNTOUCHED, 3),
        ("There are three planes in the airport.", CHANGED, 4),
        # More than half of the longer text is kept.
        ("There are two planes.", CHANGED, 15),
        # A human's own, though a machine's text was given.
        ("Grey hangars border a long runway with yellow lines.", HUMAN, 39),
    ],
)
def test_origin_compares_a_text_with_the_machine_texts(
    raw: str, origin: str, distance: int
) -> None:
    assert origin_of(raw, ["Another one.", GIVEN]) == (origin, GIVEN, distance)
    assert origin_of(raw, []) == (HUMAN, None, None)


def test_an_annotation_copied_from_a_prediction_is_machine_changed() -> None:
    other = "Grey hangars border a long runway with yellow lines."
    assert origin_of(other, [GIVEN], started_from=True).origin == CHANGED


@given(st.text(max_size=20), st.text(max_size=20))
def test_edit_distance_is_a_metric(left: str, right: str) -> None:
    assert edit_distance(left, right) == edit_distance(right, left)
    assert (edit_distance(left, right) == 0) == (left == right)
    assert abs(len(left) - len(right)) <= edit_distance(left, right) <= max(len(left), len(right))


@given(st.text(min_size=1, max_size=30).filter(str.strip))
def test_changes_of_space_and_case_leave_a_text_untouched(text: str) -> None:
    assert origin_of(f"  {text}  ", [text]).origin == UNTOUCHED


def campaign(folder: Path) -> Path:
    """A workspace with one image in which three people wrote."""
    with Workspace.create(folder) as workspace, workspace.transaction() as db:
        add_team(db)
        add(db, "task", image_id=add(db, "image", category="airport", number=1))
    return folder


def write(workspace: Workspace, person: int, raw: str) -> None:
    with workspace.transaction() as db:
        add(db, "annotator", id=person, email=f"{person}@x.org")
        add_annotation(db, [raw], id=person, annotator_id=person)
        mark_origins(db, person, {})


def captions(tmp_path: Path, name: str = "airport_1.jpg", *texts: str) -> Path:
    file = tmp_path / "dataset_RSITMD.json"
    sentences = [
        {"raw": text, "tokens": [], "imgid": 0, "sentid": number}
        for number, text in enumerate(texts or (GIVEN, "A second one."))
    ]
    image = {"filename": name, "imgid": 0, "split": "test", "sentids": [], "sentences": sentences}
    file.write_text(json.dumps({"dataset": "x", "images": [image]}), encoding="utf-8")
    return file


def test_untouched_machine_text_is_a_finding_and_in_no_release(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    changed, own = "There are three planes in the airport.", "Grey hangars border a long runway."
    with Workspace.open(folder, write=True) as workspace:
        keep_captions(workspace, captions(tmp_path), "model-1")
        for person, raw in enumerate((GIVEN, changed, own), 1):
            write(workspace, person, raw)
        assert merged_images(workspace)[0].captions == (changed, own)
        rows = workspace.db.execute("SELECT origin, machine_raw, edit_distance FROM sentence")
        assert [tuple(row) for row in rows] == [
            (UNTOUCHED, GIVEN, 0),
            (CHANGED, GIVEN, 4),
            (HUMAN, "A second one.", 26),
        ]
        # The dataset says it too: of whom, how far from the machine's text.
        said = [
            (s.origin, s.edit_distance, s.machine_given)
            for s in merged_images(workspace)[0].sentences
        ]
        assert said == [(CHANGED, 4, True), (HUMAN, 26, True)]
    shown = CliRunner().invoke(log_command, [str(folder), "airport_1.tif"]).stdout
    assert (
        f"1. {changed}  [new] (machine changed, edit distance 4 from the machine caption)" in shown
    )
    assert f"1. {own}  [new] (human, edit distance 26 from the machine caption)" in shown
    findings = [f for f in check(load_dataset(folder)) if f.code == "N108"]
    assert [(f.image, f.sentence_index) for f in findings] == [("airport_1.tif", None)]
    assert f"1@x.org submitted a machine's text as sentence 1: {GIVEN!r}" in findings[0].message


def test_a_fix_updates_the_edit_distance(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    with Workspace.open(folder, write=True) as workspace:
        keep_captions(workspace, captions(tmp_path), "model-1")
        write(workspace, 1, "There are  three planes in the  airport.")
        assert merged_images(workspace)[0].sentences[0].edit_distance == 6
    assert CliRunner().invoke(validate_command, [str(folder), "--fix"]).exit_code == 0
    with Workspace.open(folder) as workspace:
        [sentence] = merged_images(workspace)[0].sentences
        assert sentence.raw == "There are three planes in the airport."
        assert (sentence.origin, sentence.edit_distance) == (CHANGED, 4)


def test_captions_are_stored_once_and_replaced_by_the_same_model(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    with Workspace.open(folder, write=True) as workspace:
        for _ in range(2):
            report = keep_captions(workspace, captions(tmp_path), "model-1")
            assert (report.images, report.captions, report.unknown) == (1, 2, 0)
        keep_captions(workspace, captions(tmp_path, "airport_1.tif", "New."), "model-1")
        rows = workspace.db.execute("SELECT raw FROM prediction").fetchall()
        assert [row["raw"] for row in rows] == ["New."]
        fields = ["image", "caption1", "caption2", "left", "right"]
        assert caption_fields(workspace, 1, fields) == {"caption1": "New.", "left": "New."}


def test_replaced_captions_are_still_texts_of_a_machine(tmp_path: Path) -> None:
    """They were on the page, or in annotations that were not pulled, when they were replaced."""
    folder = campaign(tmp_path / "w")
    with Workspace.open(folder, write=True) as workspace:
        keep_captions(workspace, captions(tmp_path), "model-1")
        keep_captions(workspace, captions(tmp_path, "airport_1.tif", "New."), "model-1")
        write(workspace, 1, GIVEN)
        row = workspace.db.execute("SELECT origin, machine_raw FROM sentence").fetchone()
        assert (row["origin"], row["machine_raw"]) == (UNTOUCHED, GIVEN)


def test_tasks_with_captions_show_the_newest_model(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    with Workspace.open(folder, write=True) as workspace:
        assert caption_fields(workspace, 1, ["machine"]) == {}
        for model in ("model-1", "model-2"):
            keep_captions(workspace, captions(tmp_path), model)
        assert caption_fields(workspace, 1, ["machine"]) == {"machine": machine_note("model-2")}
        assert "model-2" in machine_note("model-2")


@pytest.mark.parametrize("option", [("--model", "m"), ("--input-format", "csv")])
def test_options_of_captions_need_captions(tmp_path: Path, option: tuple[str, str]) -> None:
    done = CliRunner().invoke(prefill_command, [str(campaign(tmp_path / "w")), *option])
    assert f"{option[0]} requires --captions" in str(done.exception)


def test_two_records_of_one_image_are_refused(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    file = tmp_path / "c.csv"
    file.write_text("image,caption\na/airport_1.jpg,A plane.\nb/airport_1.jpg,Two planes.\n")
    with (
        Workspace.open(folder, write=True) as workspace,
        pytest.raises(RsitmdError, match=r"twice: a/airport_1\.jpg and b/airport_1\.jpg"),
    ):
        keep_captions(workspace, file, "model-1")


def test_captions_of_other_images_are_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    with Workspace.open(folder, write=True) as workspace:
        with pytest.raises(RsitmdError, match="contains no captions for images of this workspace"):
            keep_captions(workspace, captions(tmp_path, "port_9.tif"), "model-1")
        with pytest.raises(RsitmdError, match="name of the model is empty"):
            keep_captions(workspace, captions(tmp_path), " ")
        assert workspace.db.execute("SELECT count(*) FROM prediction").fetchone()[0] == 0


def test_the_newest_captions_of_each_image_count(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            add(db, "project")
            for number in (1, 2, 3):
                add(db, "image", id=number, number=number)
                add(db, "task", id=number, image_id=number, server_id=10 + number)
        for model, images in (("m-1", (1, 2)), ("m-2", (1, 2)), ("m-1", (3,))):
            replace_predictions(
                workspace, model, [Prediction(image, 1, f"By {model}.") for image in images]
            )
        newest = {found.task: found.model for found in predictions_of_project(workspace, 1)}
    assert newest == {11: "m-2", 12: "m-2", 13: "m-1"}


@pytest.mark.parametrize(
    ("template", "texts", "unseen", "unpaired"),
    [
        ("captioning", ("One.",), False, 0),
        ("correction", ("One.",), False, 0),
        ("keywords", ("One.", "Two."), True, 0),
        ("ranking", ("One.", "Two."), False, 0),
        ("ranking", ("One.",), False, 1),
    ],
)
def test_captions_that_a_page_does_not_show_are_reported(
    tmp_path: Path, template: str, texts: tuple[str, ...], unseen: bool, unpaired: int
) -> None:
    folder = campaign(tmp_path / "w")
    (folder / "rsitmd.toml").write_text(f'[annotation]\ntemplate = "{template}"\n')
    with Workspace.open(folder, write=True) as workspace:
        with workspace.transaction() as db:
            add(db, "image", number=2)  # without a task: nobody ranks it
        report = keep_captions(workspace, captions(tmp_path, "airport_1.tif", *texts), "m")
        check_shown(workspace, MemoryServer(), report)
    assert (report.unseen, report.unpaired) == (unseen, unpaired)


def test_a_page_of_your_own_shows_captions_without_fields_for_sentences(tmp_path: Path) -> None:
    folder = campaign(tmp_path / "w")
    (folder / "rsitmd.toml").write_text('[annotation]\ntemplate = "page.xml"\n')
    page = labeling_config(1, 1, 5, "keywords")
    shown = '<Text name="given" value="$caption1"/></View>'
    for text, unseen in ((page, True), (page.removesuffix("</View>") + shown, False)):
        (folder / "page.xml").write_text(text)
        report = PrefillReport()
        with Workspace.open(folder) as workspace:
            check_shown(workspace, MemoryServer(), report)
        assert report.unseen == unseen
