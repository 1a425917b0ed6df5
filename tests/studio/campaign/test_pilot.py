"""A pilot: how many images it has, whom it takes for new, how it ends; without a server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.annotate.pilot import command
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.campaign.pilot import pilot_state, start_pilot, stop_pilot
from rsitmd_tools.studio.sync.assign import admitted
from rsitmd_tools.workspace import Workspace, schema
from rsitmd_tools.workspace.admission import (
    ADMITTED,
    REFUSED,
    admit_writers,
    current_pilot,
    decide,
)
from rsitmd_tools.workspace.people import join, taking_part
from tests.builders import add, add_annotation

EARLY = "2020-01-01T00:00:00.000000+00:00"
LATE = "2999-01-01T00:00:00.000000+00:00"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Four images and three people: anna, berta, clara."""
    with Workspace.create(tmp_path / "w") as made:
        with made.transaction() as db:
            for number in range(1, 5):
                add(db, "image", id=number, category="port", number=number)
        for name in ("anna", "berta", "clara"):
            join(made, f"{name}@x.org")
        yield made


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """Sentences for one image of the workspace and for one that it has not."""
    file = tmp_path / "references.csv"
    file.write_text("image,sentence\nport_1.tif ,A ship.\nfarm_1.tif,A field.\n", encoding="utf-8")
    return file


def write(workspace: Workspace, person: int, kind: str = "main", created: str = EARLY) -> None:
    """Put an annotation of image 1 into the workspace, as a pull does."""
    pilot = current_pilot(workspace) if kind == "pilot" else None
    with workspace.transaction() as db:
        number = 1000 + db.execute("SELECT count(*) FROM project").fetchone()[0]
        project = add(
            db, "project", server_id=number, annotator_id=person, kind=kind, pilot_id=pilot
        )
        task = add(db, "task", project_id=project, image_id=1, server_id=number)
        add_annotation(
            db, ["A ship."], task_id=task, server_id=number, annotator_id=person, created_at=created
        )


def in_order(workspace: Workspace) -> list[str]:
    return [person.email.partition("@")[0] for person in admitted(workspace)]


def test_fewer_references_than_requested_images_start_no_pilot(
    workspace: Workspace, references: Path
) -> None:
    with pytest.raises(RsitmdError) as error:
        start_pilot(workspace, 2, references)
    assert str(error.value) == (
        f"{references}: --images is 2, but there are sentences for only 1 image;"
        " add sentences, or use --images 1"
    )
    assert current_pilot(workspace) is None
    with pytest.raises(
        RsitmdError, match="is 5, but the workspace has only 4 images; ingest more images, or use"
    ):
        start_pilot(workspace, 5)
    assert start_pilot(workspace, 1, references) == ["port_1.tif"]


def test_without_images_option_a_pilot_uses_all_references(
    workspace: Workspace, references: Path
) -> None:
    folder = workspace.path
    workspace.close()
    arguments = [str(folder), "--start", "--references", str(references)]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    assert "pilot of 1 image: port_1.tif" in done.output
    assert f"{references}: 1 image not in the workspace: farm_1.tif\n" in done.output
    with Workspace.open(folder, write=True) as workspace:
        stop_pilot(workspace)
        assert len(start_pilot(workspace)) == 4
        assert pilot_state(workspace)["references"] == 0
    shown = CliRunner().invoke(command, [str(folder)]).output
    assert "4 images without reference sentences: no similarity computed" in shown
    alone = CliRunner().invoke(command, [str(folder), "--images", "2"])
    assert str(alone.exception) == "--images requires --start; add --start"


def test_annotators_who_annotated_before_the_pilot_are_admitted(workspace: Workspace) -> None:
    anna, berta, clara = taking_part(workspace)
    write(workspace, anna.row)
    folder = workspace.path
    workspace.close()
    done = CliRunner().invoke(command, [str(folder), "--start", "--reviewer", "B. Lee"])
    assert "admitted, already wrote for the campaign: anna@x.org" in done.output
    with Workspace.open(folder, write=True) as workspace:
        assert in_order(workspace) == ["anna"]
        row = workspace.db.execute("SELECT * FROM annotator WHERE id = ?", (anna.row,)).fetchone()
        assert (row["pilot"], row["pilot_by"]) == (ADMITTED, "pilot --start (B. Lee)")
        assert row["pilot_at"] is not None
        # What was written before the pilot and is pulled after its start counts too.
        write(workspace, berta.row)
        write(workspace, clara.row, created=LATE)
        assert admit_writers(workspace) == ["berta@x.org"]
        assert in_order(workspace) == ["anna", "berta"]


def test_a_refused_annotator_stays_refused_despite_annotations(workspace: Workspace) -> None:
    anna = taking_part(workspace)[0]
    write(workspace, anna.row)
    decide(workspace, anna.email, REFUSED, "B. Lee")
    start_pilot(workspace)
    assert admit_writers(workspace) == []
    assert in_order(workspace) == []


def test_stopping_a_pilot_admits_all_and_the_next_pilot_starts_empty(
    workspace: Workspace, references: Path
) -> None:
    anna, berta, clara = taking_part(workspace)
    start_pilot(workspace, 1, references)
    write(workspace, anna.row, "pilot")
    decide(workspace, berta.email, REFUSED, "B. Lee")
    assert pilot_state(workspace)["people"][0]["done"] == 1
    assert stop_pilot(workspace, "B. Lee") == [anna.email, clara.email]
    assert in_order(workspace) == ["anna", "clara"]
    assert pilot_state(workspace)["images"] == []
    with pytest.raises(RsitmdError, match="has no pilot; start one with --start"):
        stop_pilot(workspace)
    assert start_pilot(workspace, 1, references) == ["port_1.tif"]
    assert in_order(workspace) == []  # nobody wrote for the campaign, nobody was let in
    (first, *_) = pilot_state(workspace)["people"]
    assert (first["email"], first["done"], first["similarity"]) == (anna.email, 0, None)
    kept = workspace.db.execute("SELECT raw FROM sentence").fetchall()
    assert [row["raw"] for row in kept] == ["A ship."]
    rows = workspace.db.execute("SELECT stopped_by, stopped_at FROM pilot ORDER BY id").fetchall()
    assert [row["stopped_by"] for row in rows] == ["B. Lee", None]
    assert rows[0]["stopped_at"] is not None


def test_stop_and_start_in_one_command(workspace: Workspace) -> None:
    folder = workspace.path
    workspace.close()
    CliRunner().invoke(command, [str(folder), "--start", "--images", "1"])
    again = CliRunner().invoke(command, [str(folder), "--start"])
    assert again.exit_code != 0
    assert "stop it with --stop" in str(again.exception)
    done = CliRunner().invoke(command, [str(folder), "--stop", "--start", "--images", "2"])
    assert done.exit_code == 0, done.output
    assert "pilot of 2 images" in done.output
    done = CliRunner().invoke(command, [str(folder), "--stop"])
    assert (
        "pilot stopped; admitted: anna@x.org, berta@x.org, clara@x.org; run: rsitmd annotate push "
        in done.output
    )
    assert "no pilot is running; use --start to start one" in done.output


def test_a_pilot_is_not_stopped_if_the_next_one_cannot_start(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = workspace.path
    workspace.close()
    CliRunner().invoke(command, [str(folder), "--start", "--images", "1"])
    bad = tmp_path / "new.csv"
    bad.write_text("picture,text\n")
    for arguments in (
        ["--stop", "--start", "--references", str(bad)],
        ["--admit", "anna@x.org", "--refuse", "nobody@x.org"],
    ):
        assert CliRunner().invoke(command, [str(folder), *arguments]).exit_code != 0
        with Workspace.open(folder) as opened:
            state = pilot_state(opened)
        assert len(state["images"]) == 1
        assert {person["decision"] for person in state["people"]} == {None}


def test_nobody_is_admitted_without_a_pilot(workspace: Workspace) -> None:
    folder = workspace.path
    workspace.close()
    done = CliRunner().invoke(command, [str(folder), "--admit", "anna@x.org"])
    assert done.exit_code != 0
    assert "--admit requires a pilot, and none is running; add --start" in str(done.exception)


def test_a_pilot_needs_one_project_per_annotator(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        add(db, "project")
        add(db, "task", image_id=1)
        add(db, "annotation")
    with pytest.raises(RsitmdError, match="needs one project per annotator"):
        start_pilot(workspace)


def test_a_pilot_of_an_older_workspace_continues(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    Workspace.create(folder).close()
    (folder / "workspace.db").unlink()
    db = sqlite3.connect(folder / "workspace.db")
    number = next(n for n, step in enumerate(schema.MIGRATIONS) if "CREATE TABLE pilot (" in step)
    for step in schema.MIGRATIONS[:number]:
        db.executescript(step)
    db.executescript(f"""
        PRAGMA user_version = {number};
        INSERT INTO image (id, sha256, filename, category, number, source, width, height,
            pixel_sha256, phash, ingested_at)
            VALUES (1, 'k', 'port_1.tif', 'port', 1, 's', 1, 1, 'p', 'h', 'n');
        INSERT INTO pilot_image VALUES (1, 0);
        INSERT INTO annotator (id, email, joined_at) VALUES (1, 'anna@x.org', 'n');
        INSERT INTO project (id, server, server_id, annotator_id, template, config, created_at,
            kind) VALUES (1, 's', 1, 1, 't', 'c', 'n', 'pilot');
        INSERT INTO task (id, project_id, image_id, server_id, pushed_at)
            VALUES (1, 1, 1, 1, 'n');
        INSERT INTO annotation (id, task_id, server_id, updated_at, created_at, annotator_id,
            result, pulled_at) VALUES (1, 1, 1, 'n', 'n', 1, '[]', 'n');
        INSERT INTO sentence (annotation_id, slot, raw) VALUES (1, 1, 'A ship.');
    """)
    db.close()
    with Workspace.open(folder, write=True) as workspace:
        assert current_pilot(workspace) == 1
        assert pilot_state(workspace)["people"][0]["done"] == 1
        stop_pilot(workspace)
        assert current_pilot(workspace) is None
