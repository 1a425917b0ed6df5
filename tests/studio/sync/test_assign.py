"""Assignment: balanced, different annotators for each image, reproducible by the seed."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.studio.sync.assign import (
    Need,
    assign,
    plan,
    reassign_skipped,
    replan,
    skipped_by_all,
    superfluous,
    wanting,
    withdraw,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import REFUSED, decide
from rsitmd_tools.workspace.assignments import open_counts
from rsitmd_tools.workspace.people import join, leave, person_of, taking_part
from tests.builders import add, add_annotation, add_team

NAMES = ("anna", "berta", "clara", "dora", "emil", "fay")


def needs_of(count: int, missing: int) -> list[Need]:
    return [Need(number, f"class{number % 3}", missing) for number in range(count)]


@given(st.integers(0, 60), st.integers(1, 6), st.integers(1, 8), st.integers(0, 9))
def test_each_image_has_different_annotators_and_loads_differ_by_one(
    images: int, missing: int, people: int, seed: int
) -> None:
    planned = plan(needs_of(images, missing), list(range(people)), {}, seed)
    assert len(set(planned)) == len(planned) == images * min(missing, people)
    load = Counter(person for person, _ in planned)
    counts = [load[person] for person in range(people)]
    assert max(counts) - min(counts) <= 1
    assert planned == plan(needs_of(images, missing), list(range(people)), {}, seed)


def test_another_seed_gives_another_plan() -> None:
    plans = {tuple(plan(needs_of(30, 2), [1, 2, 3, 4], {}, seed)) for seed in range(5)}
    assert len(plans) == 5


def test_a_category_is_spread_over_the_annotators() -> None:
    planned = plan(needs_of(60, 1), [1, 2, 3, 4], {}, 0)
    count = Counter((person, image % 3) for person, image in planned)
    assert set(count.values()) <= {4, 5, 6}  # 5 of each would be the mean


@given(st.sets(st.integers(0, 4)), st.integers(1, 5))
def test_an_annotator_does_not_get_an_image_twice(taken: set[int], missing: int) -> None:
    planned = plan([Need(7, "c", missing, frozenset(taken))], list(range(5)), {}, 0)
    assert not taken & {person for person, _ in planned}
    assert len(planned) == min(missing, 5 - len(taken))


def test_annotators_with_fewer_open_images_get_more() -> None:
    planned = plan(needs_of(10, 1), [1, 2], {1: 8}, 0)
    assert Counter(person for person, _ in planned) == {2: 9, 1: 1}


@pytest.fixture
def workspace(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Workspace.create(tmp_path / "w") as made:
        with made.transaction() as db:
            for number in range(1, 13):
                category = f"c{number % 2}"
                add(db, "image", filename=f"c_{number}.tif", category=category, number=number)
        yield made


def people_in(workspace: Workspace, count: int) -> None:
    for name in NAMES[:count]:
        assert join(workspace, f"{name}@example.org")


def by_image(workspace: Workspace) -> dict[int, set[int]]:
    held: dict[int, set[int]] = defaultdict(set)
    for row in workspace.db.execute("SELECT image_id, annotator_id FROM assignment"):
        held[row["image_id"]].add(row["annotator_id"])
    return held


def task_of(db: sqlite3.Connection, person: int, image: int) -> int:
    """Return the task of an image in the project of an annotator; store both if necessary."""
    if db.execute("SELECT 1 FROM project WHERE id = ?", (person,)).fetchone() is None:
        add(db, "project", id=person, annotator_id=person)
    found = db.execute(
        "SELECT id FROM task WHERE project_id = ? AND image_id = ?", (person, image)
    ).fetchone()
    if found is not None:
        return int(found[0])
    return add(db, "task", project_id=person, image_id=image, server_id=1000 * person + image)


def write(workspace: Workspace, person: int, image: int, state: str = "new") -> None:
    """Store an annotation of an annotator, as a pull does."""
    with workspace.transaction() as db:
        task = task_of(db, person, image)
        add_annotation(
            db, ["A ship."], state=state, task_id=task, server_id=task, annotator_id=person
        )


def test_five_of_six_annotators_caption_each_image(workspace: Workspace) -> None:
    people_in(workspace, 6)
    assert assign(workspace, wanting(workspace)) == 60
    assert {len(people) for people in by_image(workspace).values()} == {5}
    assert set(open_counts(workspace.db).values()) == {10}
    assert wanting(workspace) == []
    assert assign(workspace, wanting(workspace)) == 0


def test_images_that_need_more_annotators_come_first(workspace: Workspace) -> None:
    people_in(workspace, 3)
    assert assign(workspace, wanting(workspace)[:4]) == 12
    begun = set(by_image(workspace))
    people_in_now = join(workspace, "late@example.org")
    assert people_in_now
    needs = wanting(workspace, order="random")
    assert {need.image for need in needs[:4]} == begun
    assert [need.missing for need in needs] == [2] * 4 + [5] * 8


def test_open_images_of_an_annotator_who_leaves_are_assigned_to_others(
    workspace: Workspace,
) -> None:
    people_in(workspace, 5)
    assign(workspace, wanting(workspace))
    gone = person_of(workspace, "anna@example.org").row
    write(workspace, gone, 1)
    assert leave(workspace, "anna@example.org") == 11
    assert len(taking_part(workspace)) == 4
    needs = wanting(workspace)
    assert [need.image for need in needs if need.missing] != []
    assert 1 not in {need.image for need in needs}  # written, so nothing is missing
    join(workspace, "fay@example.org")
    assert assign(workspace, wanting(workspace)) == 11
    assert wanting(workspace) == []
    assert join(workspace, "anna@example.org")  # and may come back


def test_an_image_with_a_rejected_text_goes_to_another_annotator(workspace: Workspace) -> None:
    people_in(workspace, 5)
    assign(workspace, wanting(workspace))
    rejected = person_of(workspace, "anna@example.org").row
    write(workspace, rejected, 3, state="rejected")
    (need,) = wanting(workspace)
    assert (need.image, need.missing) == (3, 1)
    assert assign(workspace, [need]) == 0  # everybody had it
    join(workspace, "fay@example.org")
    assert assign(workspace, wanting(workspace)) == 1


@pytest.mark.parametrize("refused", [False, True])
def test_a_text_sent_back_to_somebody_who_left_goes_to_another_annotator(
    workspace: Workspace, refused: bool
) -> None:
    people_in(workspace, 6)
    assign(workspace, wanting(workspace))
    person = person_of(workspace, "anna@example.org").row
    [image, *_] = [image for image, held in by_image(workspace).items() if person in held]
    write(workspace, person, image, state="sent back")
    assert wanting(workspace) == []  # anna can change it
    if refused:
        decide(workspace, "anna@example.org", REFUSED, "B. Lee")
    else:
        leave(workspace, "anna@example.org")
    assert image in {need.image for need in wanting(workspace)}
    assign(workspace, wanting(workspace))
    assert len(by_image(workspace)[image] - {person}) == 5


def practise(workspace: Workspace, person: int, image: int) -> None:
    """Store an annotation of a pilot."""
    with workspace.transaction() as db:
        project = add(db, "project", annotator_id=person, kind="pilot", server_id=700 + image)
        task = add(db, "task", project_id=project, image_id=image, server_id=9000 + image)
        add_annotation(db, ["A ship."], task_id=task, server_id=task, annotator_id=person)


def test_pilot_annotations_do_not_keep_the_images_of_an_annotator_who_leaves(
    workspace: Workspace,
) -> None:
    people_in(workspace, 5)
    assign(workspace, wanting(workspace))
    practise(workspace, person_of(workspace, "anna@example.org").row, 1)
    assert leave(workspace, "anna@example.org") == 12
    assert 1 in {need.image for need in wanting(workspace)}


def test_pilot_annotations_do_not_keep_a_skipped_image(workspace: Workspace) -> None:
    with with_settings(workspace, "annotators_per_image = 1") as workspace:
        people_in(workspace, 2)
        assign(workspace, wanting(workspace))
        (first,) = held(workspace, 1)
        practise(workspace, person_of(workspace, f"{first}@example.org").row, 1)
        skip(workspace, first, 1)
        assert reassign_skipped(workspace) == 1
        assert held(workspace, 1) != {first}


def test_images_of_a_refused_annotator_are_assigned_to_others(workspace: Workspace) -> None:
    people_in(workspace, 5)
    assign(workspace, wanting(workspace))
    refused = person_of(workspace, "anna@example.org").row
    write(workspace, refused, 1)
    assert decide(workspace, "anna@example.org", REFUSED, "B. Lee") == 11
    join(workspace, "fay@example.org")
    assert assign(workspace, wanting(workspace)) == 11
    assert [image for image, held in by_image(workspace).items() if refused in held] == [1]


def test_images_that_somebody_who_left_still_holds_are_assigned_to_others(
    workspace: Workspace,
) -> None:
    """As an earlier version left them, after a pilot."""
    people_in(workspace, 5)
    assign(workspace, wanting(workspace))
    with workspace.transaction() as db:
        db.execute("UPDATE annotator SET left_at = '2026-01-01' WHERE email LIKE 'anna%'")
    join(workspace, "fay@example.org")
    assert assign(workspace, wanting(workspace)) == 12


def test_orders(workspace: Workspace) -> None:
    people_in(workspace, 2)
    one = person_of(workspace, "anna@example.org").row
    write(workspace, one, 5)
    assert [need.image for need in wanting(workspace, "category", "c1")] == [5, 1, 3, 7, 9, 11]
    shuffled = [need.image for need in wanting(workspace, "random")]
    assert shuffled[0] == 5  # begun
    assert sorted(shuffled) == list(range(1, 13))
    assert shuffled[1:] != sorted(shuffled[1:])
    assert wanting(workspace, "random") == wanting(workspace, "random")


def test_replan_moves_open_images_from_annotators_who_fell_behind(workspace: Workspace) -> None:
    (workspace.path / "rsitmd.toml").write_text(
        "[annotation]\nannotators_per_image = 2\n", encoding="utf-8"
    )
    folder = workspace.path
    workspace.close()
    with Workspace.open(folder, write=True) as workspace:
        people_in(workspace, 4)
        assign(workspace, wanting(workspace))
        assert set(open_counts(workspace.db).values()) == {6}
        fast = [person_of(workspace, f"{name}@example.org").row for name in NAMES[:3]]
        for person in fast:
            for image in [i for i, held in by_image(workspace).items() if person in held]:
                write(workspace, person, image)
        slow = person_of(workspace, "dora@example.org").row
        assert open_counts(workspace.db) == {slow: 6}
        assert replan(workspace) == 4
        load = open_counts(workspace.db)
        assert load[slow] == 2
        assert sum(load.values()) == 6
        assert {len(held) for held in by_image(workspace).values()} == {2}
        assert replan(workspace) == 0


def test_open_images_with_too_many_annotators_are_withdrawn(workspace: Workspace) -> None:
    with with_settings(workspace, "annotators_per_image = 3") as workspace:
        people_in(workspace, 3)
        assign(workspace, wanting(workspace))
        assert superfluous(workspace) == []
        people = [person_of(workspace, f"{name}@example.org").row for name in NAMES[:3]]
        for person in people[:2]:
            write(workspace, person, 1)
        for person in people:
            write(workspace, person, 2)
    with with_settings(workspace, "annotators_per_image = 2") as workspace:
        # Two have written image 1, all three image 2; of the ten others one is too many each.
        assert len(superfluous(workspace)) == 11
        assert withdraw(workspace) == 11
        assert people[2] not in by_image(workspace)[1]
        assert len(by_image(workspace)[2]) == 3
        assert {len(by_image(workspace)[image]) for image in range(3, 13)} == {2}
        load = open_counts(workspace.db)
        assert max(load.values()) - min(load.values()) <= 1
        assert (withdraw(workspace), wanting(workspace)) == (0, [])


def begin(workspace: Workspace, person: int, image: int) -> int:
    """Store a draft of an annotator's task, as a pull does; return the task."""
    with workspace.transaction() as db:
        task = task_of(db, person, image)
        db.execute("UPDATE task SET drafts = 1 WHERE id = ?", (task,))
    return task


def test_an_image_that_is_begun_stays_with_its_annotator(workspace: Workspace) -> None:
    with with_settings(workspace, "annotators_per_image = 2") as workspace:
        people_in(workspace, 2)
        assign(workspace, wanting(workspace))
        anna, berta = (person_of(workspace, f"{name}@example.org").row for name in NAMES[:2])
        images = sorted(by_image(workspace))
        for image in images:
            begin(workspace, anna, image)
    with with_settings(workspace, "annotators_per_image = 1") as workspace:
        with workspace.transaction() as db:
            unread = task_of(db, berta, images[0])
        assert withdraw(workspace, [unread]) == 11
        assert (superfluous(workspace, [unread]), withdraw(workspace, [unread])) == ([], 0)
        held = by_image(workspace)
        assert set(held[images[0]]) == {anna, berta}
        assert all(set(held[image]) == {anna} for image in images[1:])
        assert open_counts(workspace.db) == {anna: 12, berta: 1}
        assert replan(workspace) == 0, "Anna has begun everything"


def skip(workspace: Workspace, name: str, image: int, times: int = 1) -> None:
    """Store skips of an annotator's task, as a pull does."""
    person = person_of(workspace, f"{name}@example.org").row
    with workspace.transaction() as db:
        task = task_of(db, person, image)
        first = db.execute("SELECT count(*) FROM skip").fetchone()[0]
        for number in range(first, first + times):
            add(db, "skip", task_id=task, server_id=number, annotator_id=person)


def held(workspace: Workspace, image: int) -> set[str]:
    """Return who is assigned to an image, by the part of the address before the @."""
    rows = workspace.db.execute(
        "SELECT email FROM assignment JOIN annotator ON annotator.id = annotator_id"
        " WHERE image_id = ?",
        (image,),
    )
    return {row["email"].partition("@")[0] for row in rows}


def with_settings(workspace: Workspace, annotation: str) -> Workspace:
    folder = workspace.path
    workspace.close()
    (folder / "rsitmd.toml").write_text(f"[annotation]\n{annotation}\n", encoding="utf-8")
    return Workspace.open(folder, write=True)


def test_a_skipped_image_goes_from_one_annotator_to_the_next(workspace: Workspace) -> None:
    with with_settings(workspace, "annotators_per_image = 1") as workspace:
        people_in(workspace, 3)
        assign(workspace, wanting(workspace))
        (first,) = held(workspace, 1)
        skip(workspace, first, 1)
        assert skipped_by_all(workspace) == []
        assert reassign_skipped(workspace) == 1
        (second,) = held(workspace, 1)
        assert second != first
        assert reassign_skipped(workspace) == 0  # the second one has not skipped it
        skip(workspace, second, 1)
        assert reassign_skipped(workspace) == 1
        (third,) = held(workspace, 1)
        assert third == ({"anna", "berta", "clara"} - {first, second}).pop()
        skip(workspace, third, 1)
        assert reassign_skipped(workspace) == 0
        everybody = [f"{name}@example.org" for name in ("anna", "berta", "clara")]
        assert skipped_by_all(workspace) == [{"image": "c_1.tif", "skipped_by": everybody}]
        # Whoever skipped it does not get it by another way either.
        leave(workspace, f"{third}@example.org")
        assign(workspace, wanting(workspace))
        assert held(workspace, 1) == set()
        people_in_now = join(workspace, "fay@example.org")
        assert people_in_now
        assert skipped_by_all(workspace) == []
        assign(workspace, wanting(workspace))
        assert held(workspace, 1) == {"fay"}


def test_the_settings_set_how_many_skips_move_an_image(workspace: Workspace) -> None:
    settings = "annotators_per_image = 1\nskips_before_reassign = 2"
    with with_settings(workspace, settings) as workspace:
        people_in(workspace, 2)
        assign(workspace, wanting(workspace))
        (first,) = held(workspace, 1)
        skip(workspace, first, 1)
        assert reassign_skipped(workspace) == 0
        skip(workspace, first, 1)
        assert reassign_skipped(workspace) == 1
    with with_settings(workspace, settings.replace("= 2", "= 0")) as workspace:
        (second,) = held(workspace, 1)
        skip(workspace, second, 1, times=9)
        assert reassign_skipped(workspace) == 0
        assert skipped_by_all(workspace) == []


def test_a_skipped_image_that_is_captioned_later_is_not_reported(workspace: Workspace) -> None:
    with with_settings(workspace, "annotators_per_image = 2") as workspace:
        people_in(workspace, 2)
        assign(workspace, wanting(workspace))
        skip(workspace, "anna", 3)
        # Berta has it already: nobody is left.
        (entry,) = skipped_by_all(workspace)
        assert entry == {"image": "c_3.tif", "skipped_by": ["anna@example.org"]}
        assert reassign_skipped(workspace) == 0
        with workspace.transaction() as db:
            (skipped,) = db.execute("SELECT task_id, annotator_id FROM skip").fetchall()
            add_annotation(db, **skipped, server_id=77)
        assert skipped_by_all(workspace) == []


def test_skips_in_a_pilot_are_ignored(workspace: Workspace) -> None:
    with with_settings(workspace, "annotators_per_image = 1") as workspace:
        people_in(workspace, 2)
        assign(workspace, wanting(workspace))
        (first,) = held(workspace, 1)
        skip(workspace, first, 1)
        with workspace.transaction() as db:
            db.execute("UPDATE project SET kind = 'pilot'")
        assert reassign_skipped(workspace) == 0


def test_every_author_in_a_shared_project_can_take_a_skipped_image(
    workspace: Workspace,
) -> None:
    """On a connected server, annotators do not join the campaign by annotating."""
    with workspace.transaction() as db:
        add_team(db, "a", "b")
        for image in (1, 2):
            add(db, "task", id=image, image_id=image)
        add_annotation(db, task_id=2, annotator_id=2)
        add(db, "skip", task_id=1, server_id=8, annotator_id=1)
    assert skipped_by_all(workspace) == []
    with workspace.transaction() as db:
        add(db, "skip", task_id=1, server_id=9, annotator_id=2)
    assert skipped_by_all(workspace) == [{"image": "c_1.tif", "skipped_by": ["a", "b"]}]
