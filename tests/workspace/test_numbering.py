"""Numbers of the sentences of an annotator about one image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.numbering import numbers_before
from tests.builders import add, add_annotation


@pytest.fixture(params=[1, 2], ids=["one asked", "two asked"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """Two annotators, two images with a task in a shared project, and a pilot."""
    Workspace.create(tmp_path / "w").close()
    settings = f"[annotation]\nsentences_per_annotator = {request.param}\n"
    (tmp_path / "w" / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with Workspace.open(tmp_path / "w", write=True) as made:
        with made.transaction() as db:
            for email in ("anna@x.org", "berta@x.org"):
                add(db, "annotator", email=email)
            add(db, "project")
            add(db, "project", id=2, kind="pilot")
            for number in (1, 2):
                add(db, "image", id=number, number=number)
                add(db, "task", id=number, image_id=number)
            add(db, "task", id=3, project_id=2, image_id=1)
        yield made


def test_numbers_continue_only_in_further_annotations_of_one_person_and_image(
    workspace: Workspace,
) -> None:
    asked = workspace.settings.annotation.sentences_asked
    with workspace.transaction() as db:
        third = add_annotation(db, ["E."], server_id=9)
        second = add_annotation(db, [], server_id=8)  # nothing was written
        first = add_annotation(db, ["A.", "B.", "C."], server_id=7)
        others = [
            add_annotation(db, ["D."], server_id=5, annotator_id=2),
            add_annotation(db, ["D."], server_id=6, task_id=2),
            add_annotation(db, ["D."], server_id=4, task_id=3),
        ]
    found = numbers_before(workspace)
    assert found == {first: 0, second: 3, third: 3 + asked, **dict.fromkeys(others, 0)}
    sentences = [s for s in merged_images(workspace)[0].sentences if s.annotator == "anna@x.org"]
    # A single sentence that is asked for has no number, unless there are more.
    numbers = [None if asked == 1 else 1, 2, 3, 4 + asked]
    assert [(s.raw, s.number) for s in sentences] == [
        *zip(["A.", "B.", "C.", "E."], numbers, strict=True)
    ]
