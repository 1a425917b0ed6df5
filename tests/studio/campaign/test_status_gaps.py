"""What status says is missing: images of one author, short annotations, rejected texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.annotate.status import command
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.campaign.status_page import status_page
from rsitmd_tools.workspace import Workspace
from tests.builders import WHEN, add, add_annotation

ANNA, BERTA, CLARA = 1, 2, 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with one image, which two annotators are to caption."""
    made = tmp_path / "w"
    with Workspace.create(made) as workspace, workspace.transaction() as db:
        add(db, "image")
        for person in (ANNA, BERTA, CLARA):
            add(db, "annotator", email=f"person{person}@x.org", joined_at=WHEN)
            add(db, "project", annotator_id=person, server_id=person)
            add(db, "task", project_id=person, image_id=1, server_id=person)
    ask(made, sentences=1)
    return made


def ask(folder: Path, sentences: int) -> None:
    settings = f"[annotation]\nannotators_per_image = 2\nsentences_per_annotator = {sentences}\n"
    (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")


def write(folder: Path, person: int, *texts: str, task: int = 0, state: str = "new") -> None:
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        number = 10 * person + task
        add_annotation(
            db, texts, state=state, task_id=task or person, annotator_id=person, server_id=number
        )


def counts(folder: Path) -> list[int]:
    """Return what is complete and missing: images, annotations, sentences; short annotations."""
    with Workspace.open(folder) as workspace:
        state = status(workspace)
        page = status_page(workspace)
    assert f"{state['complete']} of 1 image" in page
    return [state[name] for name in ("complete", "missing", "missing_sentences", "short")]


def test_two_texts_by_one_annotator_do_not_complete_an_image(folder: Path) -> None:
    write(folder, BERTA, "A ship.", task=ANNA)
    write(folder, BERTA, "A white ship.")
    assert counts(folder) == [0, 1, 1, 0]
    write(folder, ANNA, "A long pier.")
    assert counts(folder) == [1, 0, 0, 0]


def test_a_third_annotation_does_not_hide_short_ones(folder: Path) -> None:
    write(folder, ANNA, "A ship.")
    write(folder, BERTA, "A pier.")
    assert counts(folder) == [1, 0, 0, 0]
    ask(folder, sentences=2)
    write(folder, CLARA, "A crane.", "A quay.")
    assert counts(folder) == [0, 1, 1, 2]
    done = CliRunner().invoke(command, [str(folder)])
    assert "2 annotations have fewer sentences than asked. To list them, run: " in done.stderr
    assert "review" in done.stderr and "--send-back FILE" in done.stderr
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        add(db, "sentence", annotation_id=1, slot=2, raw="", state="sent back")
    assert counts(folder) == [0, 1, 1, 1], "the author was asked"


def test_superfluous_open_tasks_are_named_with_the_command(folder: Path) -> None:
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        for person in (ANNA, BERTA, CLARA):
            add(db, "assignment", annotator_id=person, image_id=1)
    done = CliRunner().invoke(command, [str(folder)])
    expected = "1 open task more than annotators_per_image asks for. To withdraw them, run: "
    assert expected in done.stderr
    assert "push" in done.stderr and "--replan" in done.stderr


def test_status_promises_no_end_if_nobody_is_left(folder: Path) -> None:
    for person in (ANNA, BERTA, CLARA):
        write(folder, person, "A ship.", state="new" if person == CLARA else "rejected")
    done = CliRunner().invoke(command, [str(folder)])
    assert "estimated end: unknown, 1 image without an annotator left" in done.stdout
    assert "port_1.tif: a text was rejected, and every annotator has had the image" in done.stderr
    assert "users" in done.stderr
    with Workspace.open(folder) as workspace:
        assert status(workspace)["estimate"]["ends"] is None
        shown = "Estimated end: unknown, 1 image without an annotator left."
        assert shown in status_page(workspace)


def test_images_with_too_many_sentences_are_counted(folder: Path) -> None:
    for person in (ANNA, BERTA):
        write(folder, person, f"A ship of {person}.")
    with Workspace.open(folder) as workspace:
        assert status(workspace)["overfull"] == 0
    write(folder, CLARA, "A crane.")
    done = CliRunner().invoke(command, [str(folder)])
    assert "1 image has more sentences than asked. To list it, run: " in done.stderr
    assert "--select D102" in done.stderr
    with Workspace.open(folder) as workspace:
        assert status(workspace)["overfull"] == 1
        assert "1 image has more sentences than asked" in status_page(workspace)
