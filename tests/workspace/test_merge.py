"""The rules of merging, on rows written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import is_keyword, merged_images
from tests.builders import add, add_annotation

NOW = "2026-01-01T00:00:00.000000+00:00"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two images, three annotators, one task for each image."""
    with Workspace.create(tmp_path / "w") as made:
        with made.transaction() as db:
            for number, split in ((1, "train"), (2, None)):
                add(db, "image", id=number, number=number, split=split)
            for email in ("z@x", "a@x", "m@x"):
                add(db, "annotator", email=email)
            add(db, "project")
            for number in (1, 2):
                add(db, "task", id=number, image_id=number, server_id=number + 10)
        yield made


def test_the_last_editor_of_a_sentence_moves_with_it(workspace: Workspace) -> None:
    write(workspace, 1, 1, "A ship.")
    write(workspace, 2, 2, "A pier.", state="accepted")
    with workspace.transaction() as db:
        db.execute("UPDATE annotation SET updated_by = 3 WHERE annotator_id = 2")
        db.execute("UPDATE annotation SET updated_by = 1 WHERE annotator_id = 1")
    for only_accepted, expected in ((False, [None, "m@x"]), (True, ["m@x"])):
        [image, _] = merged_images(workspace, only_accepted=only_accepted)
        assert [sentence.changed_by for sentence in image.sentences] == expected


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        # Each revision: who submitted it (1 is the author), and the sentences.
        ([(1, "A", "B"), (3, "A", "Other")], [None, "m@x"]),
        ([(1, "A", "B"), (3, "A", "Other"), (1, "C", "Other")], [None, "m@x"]),
        ([(1, "A", "B"), (3, "A", "Other"), (1, "A", "B")], [None, None]),
        ([(1, "A", "B"), (3, "A", "B")], [None, None]),
        ([(1, "A", "B"), (3, "A", "X"), (2, "Y", "X")], ["a@x", "m@x"]),
        ([(1, "A"), (3, "A", "X")], [None, "m@x"]),
        ([(3, "A", "B")], ["m@x", "m@x"]),  # changed before the first pull
    ],
)
def test_only_the_words_of_somebody_else_have_another_editor(
    workspace: Workspace, revisions: list[tuple[int, str]], expected: list[str | None]
) -> None:
    for second, (editor, *texts) in enumerate(revisions, 1):
        time = f"2026-01-01T00:00:0{second}.000000+00:00"
        with workspace.transaction() as db:
            last = second == len(revisions)
            state = "new" if last else "replaced"
            add_annotation(
                db, texts, server_id=1, annotator_id=1, updated_by=editor, updated_at=time,
                latest=int(last), state=state,
            )  # fmt: skip
            # A correction by `validate --fix` is not a change by somebody else.
            db.execute(
                "INSERT INTO correction (sentence_id, before, after, codes, tool, made_at)"
                " SELECT id, raw, raw || '.', 'S101', 't', ? FROM sentence WHERE slot = 1"
                " AND annotation_id = (SELECT max(id) FROM annotation)",
                (NOW,),
            )
            db.execute("UPDATE sentence SET raw = raw || '.' WHERE slot = 1 AND raw NOT LIKE '%.'")
    [image, _] = merged_images(workspace)
    assert [sentence.changed_by for sentence in image.sentences] == expected


def test_each_annotation_has_its_own_editors(workspace: Workspace) -> None:
    """The same words in two annotations: only one was changed by somebody else."""
    for number, editors in ((1, (1, 3)), (2, (3,))):
        for second, editor in enumerate(editors, 1):
            last = second == len(editors)
            with workspace.transaction() as db:
                add_annotation(
                    db, ["A ship."], server_id=number, annotator_id=number, updated_by=editor,
                    updated_at=f"2026-01-01T00:00:0{second}.000000+00:00", latest=int(last),
                    state="new" if last else "replaced",
                )  # fmt: skip
    [image, _] = merged_images(workspace)
    assert [sentence.changed_by for sentence in image.sentences] == [None, "m@x"]


def test_words_that_count_for_somebody_else_name_who_wrote_them(workspace: Workspace) -> None:
    """Every member can change the author of an annotation on the server."""
    write(workspace, 1, 1, "A ship.", state="replaced", latest=0)
    write(workspace, 1, 2, "A ship.", created="2026-01-02T00:00:00.000000+00:00")
    [image, _] = merged_images(workspace)
    [sentence] = image.sentences
    assert (sentence.annotator, sentence.changed_by) == ("a@x", "z@x")


def write(
    workspace: Workspace,
    number: int,
    annotator: int,
    *sentences: str,
    keywords: tuple[str, ...] = (),
    state: str = "new",
    latest: int = 1,
    deleted: str | None = None,
    created: str = NOW,
) -> None:
    with workspace.transaction() as db:
        add_annotation(
            db,
            sentences,
            keywords,
            state=state,
            server_id=number,
            created_at=created,
            annotator_id=annotator,
            latest=latest,
            deleted_at=deleted,
        )


def test_every_image_is_merged_with_its_fields(workspace: Workspace) -> None:
    images = merged_images(workspace)
    assert [(i.filename, i.category, i.split, i.captions, i.keywords) for i in images] == [
        ("port_1.tif", "port", "train", (), ()),
        ("port_2.tif", "port", None, (), ()),
    ]


def test_sentences_are_ordered_by_annotator_then_number_then_area(workspace: Workspace) -> None:
    write(workspace, 5, 2, "second, later")
    write(workspace, 4, 2, "second, earlier 1", "second, earlier 2")
    write(workspace, 9, 1, "first")
    image = merged_images(workspace)[0]
    assert [(s.annotator, s.raw) for s in image.sentences] == [
        ("z@x", "first"),
        ("a@x", "second, earlier 1"),
        ("a@x", "second, earlier 2"),
        ("a@x", "second, later"),
    ]


def test_rejected_replaced_and_deleted_sentences_are_left_out(workspace: Workspace) -> None:
    write(workspace, 1, 1, "sent back", state="sent back")
    write(workspace, 2, 1, "rejected", state="rejected")
    write(workspace, 3, 1, "replaced", state="replaced")
    write(workspace, 4, 1, "deleted", keywords=("red ship",), deleted=NOW)
    write(workspace, 5, 1, "old", keywords=("old ship",), latest=0)
    write(workspace, 6, 1, "accepted", state="accepted")
    image = merged_images(workspace)[0]
    assert image.captions == ("accepted",)
    assert image.keywords == ()


def test_keywords_are_ordered_by_votes_then_time_at_most_five(workspace: Workspace) -> None:
    later = "2026-01-02T00:00:00.000000+00:00"
    write(workspace, 1, 2, "s", keywords=("late ship", "- port", "red ship"), created=later)
    write(workspace, 2, 1, "s", keywords=("blue sea", "red ship", "ship", "-port"))
    write(workspace, 3, 3, "s", keywords=("a b", "c d", "e f"), created=later)
    assert merged_images(workspace)[0].keywords == (
        *("red ship",),
        *("blue sea", "late ship", "- port", "a b"),
    )


def test_keywords_of_a_rejected_annotation_are_left_out(workspace: Workspace) -> None:
    write(workspace, 1, 1, "s", "t", keywords=("wrong ship",), state="rejected")
    write(workspace, 2, 2, "u", keywords=("red ship",))
    write(workspace, 3, 3, keywords=("blue sea",))  # without a sentence
    with workspace.transaction() as db:
        assert merged_images(workspace)[0].keywords == ("red ship", "blue sea")
        db.execute("UPDATE sentence SET state = 'accepted' WHERE raw = 't'")
        assert merged_images(workspace)[0].keywords == ("wrong ship", "red ship", "blue sea")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("blue sea", True), ("- port", True), ("dark green grassland", True), ("ship", False),
     ("-port", False), ("-", False), ("", False)],
)  # fmt: skip
def test_the_form_of_a_keyword(text: str, is_one: bool) -> None:
    assert is_keyword(text) == is_one
