"""What counts of annotations that were deleted on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import authors_by_image
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import members
from rsitmd_tools.workspace.review import state_counts
from tests.builders import WHEN, add, add_annotation


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """One image that one person captions; the task is on the server."""
    with Workspace.create(tmp_path / "workspace") as made:
        with made.transaction() as db:
            add(db, "annotator", email="anna@x.org", joined_at=WHEN)
            add(db, "project")
            add(db, "image")
            add(db, "task", image_id=1)
            add(db, "assignment", annotator_id=1, image_id=1)
        yield made


def write(workspace: Workspace, number: int, *states_of: str, deleted: bool = False) -> None:
    """Store an annotation with a keyword and a sentence of each state."""
    with workspace.transaction() as db:
        deleted_at = WHEN if deleted else None
        row = add_annotation(
            db, keywords=[f"red ship{number}"], server_id=number, deleted_at=deleted_at
        )
        for slot, state in enumerate(states_of, 1):
            add(db, "sentence", annotation_id=row, slot=slot, raw=f"{number} {slot}", state=state)


def seen(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...], int, int]:
    """Return sentences, keywords, annotations of the person, and how many images are open."""
    [image] = merged_images(workspace)
    [person] = members(workspace)
    return image.captions, image.keywords, person.written, person.open


def test_an_annotation_on_the_server_counts(workspace: Workspace) -> None:
    assert seen(workspace) == ((), (), 0, 1)
    write(workspace, 1, "new")
    assert seen(workspace) == (("1 1",), ("red ship1",), 1, 0)


def test_one_that_was_deleted_does_not(workspace: Workspace) -> None:
    write(workspace, 1, "new", deleted=True)
    assert seen(workspace) == ((), (), 0, 1)
    assert authors_by_image(workspace) == set()
    assert state_counts(workspace) == {}


def test_one_that_was_accepted_counts_all_the_same(workspace: Workspace) -> None:
    write(workspace, 1, "accepted", deleted=True)
    assert seen(workspace) == (("1 1",), ("red ship1",), 1, 0)
    assert authors_by_image(workspace) == {("port_1.tif", "anna@x.org")}
    assert state_counts(workspace) == {"accepted": 1}
    assert status(workspace)["annotations"] == 1


def test_of_one_that_was_accepted_in_part_the_accepted_sentences_count(
    workspace: Workspace,
) -> None:
    write(workspace, 1, "accepted", "new", deleted=True)
    assert seen(workspace) == (("1 1",), ("red ship1",), 0, 1)  # the person writes anew
    assert state_counts(workspace) == {"accepted": 1}


def test_a_new_text_of_the_same_annotator_replaces_it(workspace: Workspace) -> None:
    write(workspace, 1, "accepted", deleted=True)
    write(workspace, 2, "new")
    assert seen(workspace) == (("2 1",), ("red ship2",), 1, 0)
    assert state_counts(workspace) == {"new": 1}


def test_what_others_write_and_what_is_written_elsewhere_does_not_change_it(
    workspace: Workspace,
) -> None:
    write(workspace, 1, "accepted", deleted=True)
    with workspace.transaction() as db:
        add(db, "annotator", email="berta@x.org", joined_at=WHEN)
        add(db, "image", number=2)
        add(db, "task", image_id=2)
        add_annotation(db, ["A pier."], annotator_id=2, server_id=2)
        add_annotation(db, ["A crane."], task_id=2, server_id=3)
        # Nothing of this one was accepted.
        gone = {"server_id": 4, "deleted_at": WHEN}
        add_annotation(db, ["A road."], ["grey road"], task_id=2, annotator_id=2, **gone)
    first, second = merged_images(workspace)
    assert (first.captions, second.captions) == (("1 1", "A pier."), ("A crane.",))
    assert (first.keywords, second.keywords) == (("red ship1",), ())
    assert [(one.written, one.open) for one in members(workspace)] == [(2, 0), (1, 0)]
