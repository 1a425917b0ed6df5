"""Who captions which image: balanced over the annotators, several for each image, seeded."""

from __future__ import annotations

import hashlib
import math
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import ADMITTED, REFUSED, current_pilot, gone
from rsitmd_tools.workspace.assignments import (
    Assignment,
    add_assignments,
    annotation_counts,
    assignments,
    begun_assignments,
    captioners,
    open_assignments,
    open_counts,
    reassign,
    remove_assignments,
    repeated_skips,
)
from rsitmd_tools.workspace.people import Person, active_authors, annotator_emails, taking_part
from rsitmd_tools.workspace.projects import has_personal_project
from rsitmd_tools.workspace.tasks import task_images

SHARED = "shared"
ASSIGNED = "assigned"
ORDERS = ("random", "category", "fewest")


@dataclass(frozen=True, slots=True)
class Need:
    """An image that needs annotators.

    Attributes:
        image: Row of the image.
        category: Its category; the images of an annotator are spread over the categories.
        missing: Number of annotators that it needs.
        taken: Annotators (rows) who must not get the image, for example because they have it.
        begun: Whether an annotator has captioned it or is assigned to it.
    """

    image: int
    category: str
    missing: int
    taken: frozenset[int] = frozenset()
    begun: bool = False


def plan(
    needs: Sequence[Need], people: Sequence[int], load: Mapping[int, int], seed: int
) -> list[tuple[int, int]]:
    """Assign each image to the annotators with the fewest open images.

    If every annotator may get every image and all start with the same load, the final loads
    differ by at most one.

    Args:
        needs: Images in the order of assignment.
        people: Rows of the annotators.
        load: Number of open images of each annotator.
        seed: Seed that breaks ties.

    Returns:
        ``(annotator, image)`` in the order of the images.
    """
    chance = random.Random(seed)
    open_images = {person: load.get(person, 0) for person in people}
    by_category: dict[str, Counter[int]] = defaultdict(Counter)
    planned = []
    for need in needs:
        free = [person for person in people if person not in need.taken]
        count = by_category[need.category]
        free.sort(key=lambda person: (open_images[person], count[person], chance.random()))
        for person in free[: need.missing]:
            planned.append((person, need.image))
            open_images[person] += 1
            count[person] += 1
    return planned


def admitted(workspace: Workspace) -> list[Person]:
    """Return the annotators who get images; during a pilot, those who are admitted."""
    people = taking_part(workspace)
    if current_pilot(workspace) is None:
        return [person for person in people if person.pilot != REFUSED]
    return [person for person in people if person.pilot == ADMITTED]


def wanting(workspace: Workspace, order: str = "random", category: str | None = None) -> list[Need]:
    """Return the images that need annotators, those begun first, then in the given order.

    An image is complete if the number of annotators in the settings are assigned to it or have
    captioned it. An annotator whose text was rejected does not count and does not get the image
    again, nor does one who left after a text was sent back, or who skipped it as often as the
    settings allow.

    Args:
        workspace: The workspace.
        order: ``random`` (by the seed of the settings), ``category``, or ``fewest`` (fewest
            annotations first).
        category: Only images of this category.
    """
    per_image = workspace.settings.annotation.annotators_per_image
    images = task_images(workspace.db)
    state = _State.read(workspace)
    needs = []
    for image in images:
        if category and image.category != category:
            continue
        holders = state.holders[image.row]
        missing = per_image - len(holders)
        if missing > 0:
            taken = state.taken(image.row)
            needs.append(Need(image.row, image.category, missing, taken, bool(holders)))
    if order == "random":
        seed = workspace.settings.annotation.seed
        # The place of an image does not change when other images are added.
        place = {
            image.row: hashlib.sha256(f"{seed} {image.sha256}".encode()).digest()
            for image in images
        }
        needs.sort(key=lambda need: place[need.image])
    elif order == "fewest":
        written = annotation_counts(workspace.db)
        needs.sort(key=lambda need: written[need.image])
    needs.sort(key=lambda need: not need.begun)
    return needs


def assign(workspace: Workspace, needs: Sequence[Need]) -> int:
    """Plan who captions the images and store the plan; return the number of assignments."""
    people = [person.row for person in admitted(workspace)]
    planned = plan(needs, people, open_counts(workspace.db), workspace.settings.annotation.seed)
    with workspace.transaction() as db:
        add_assignments(db, planned)
    return len(planned)


def superfluous(workspace: Workspace, unread: Collection[int] = ()) -> list[Assignment]:
    """Return the open assignments of images that have more annotators than the settings ask for.

    This is so after ``annotators_per_image`` was lowered. Of each image, the annotators with the
    most open images come first. Annotators who have begun to write keep the image.

    Args:
        workspace: The workspace.
        unread: Tasks (rows) with a text that is not pulled.
    """
    per_image = workspace.settings.annotation.annotators_per_image
    state = _State.read(workspace)
    load = open_counts(workspace.db)
    begun = begun_assignments(workspace.db, unread)
    by_image: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in open_assignments(workspace.db):
        held = assignment.annotator in state.holders[assignment.image]
        if held and assignment.row not in begun:
            by_image[assignment.image].append(assignment)
    found = []
    for image, waiting in by_image.items():
        for _ in range(min(len(waiting), len(state.holders[image]) - per_image)):
            most = max(waiting, key=lambda one: (load[one.annotator], one.row))
            waiting.remove(most)
            load[most.annotator] -= 1
            found.append(most)
    return found


def withdraw(workspace: Workspace, unread: Collection[int] = ()) -> int:
    """Remove the assignments of :func:`superfluous`; return their number."""
    found = superfluous(workspace, unread)
    with workspace.transaction() as db:
        remove_assignments(db, [assignment.row for assignment in found])
    return len(found)


def replan(workspace: Workspace, unread: Collection[int] = ()) -> int:
    """Move open images from annotators who fell behind to those with fewer open images.

    An annotator with more open images than the mean gives away the surplus, the images
    assigned last first, as far as other annotators can take them. An image that the annotator
    has begun to write about stays.

    Args:
        workspace: The workspace.
        unread: Tasks (rows) with a text that is not pulled.

    Returns:
        The number of images that were moved.
    """
    people = [person.row for person in admitted(workspace)]
    load = open_counts(workspace.db)
    if len(people) < 2:
        return 0
    most = math.ceil(sum(load[person] for person in people) / len(people))
    state = _State.read(workspace)
    categories = {image.row: image.category for image in task_images(workspace.db)}
    moved = 0
    with workspace.transaction() as db:
        by_person: dict[int, list[Assignment]] = defaultdict(list)
        begun = begun_assignments(db, unread)
        for assignment in reversed(open_assignments(db)):
            if assignment.row not in begun:
                by_person[assignment.annotator].append(assignment)
        # Reading before moving is enough: nobody in the loop gets more than the mean.
        for person in people:
            surplus = max(0, load[person] - most)
            for assignment in by_person[person][:surplus]:
                image = assignment.image
                light = [p for p in people if load[p] < most]
                taken = state.taken(image)
                need = Need(image, categories[image], 1, taken)
                found = plan([need], light, load, len(taken) + image)
                if found:
                    _give(db, assignment, found[0][0], state, load)
                    moved += 1
    return moved


def reassign_skipped(workspace: Workspace) -> int:
    """Move images that were skipped to annotators who have neither had nor skipped them.

    An image that nobody else can take stays where it is, see :func:`skipped_by_all`.

    Returns:
        The number of images that were moved.
    """
    people = [person.row for person in admitted(workspace)]
    load = open_counts(workspace.db)
    state = _State.read(workspace)
    moved = 0
    with workspace.transaction() as db:
        for assignment in open_assignments(db):
            person, image = assignment.annotator, assignment.image
            if person not in state.skipped[image]:
                continue
            found = plan([Need(image, "", 1, state.taken(image))], people, load, image)
            if found:
                _give(db, assignment, found[0][0], state, load)
                moved += 1
    return moved


def _give(
    db: sqlite3.Connection, assignment: Assignment, other: int, state: _State, load: Counter[int]
) -> None:
    """Give an open image to another annotator; update the state and the loads."""
    reassign(db, assignment.row, other)
    state.move(assignment.image, assignment.annotator, other)
    load[assignment.annotator] -= 1
    load[other] += 1


def skipped_by_all(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the images that need captions and that no annotator is left for.

    At least one annotator skipped each of them. All others have captioned it, are assigned to
    it, skipped it too, or wrote a text that was rejected.

    Returns:
        ``image`` and ``skipped_by`` (addresses) of each.
    """
    per_image = workspace.settings.annotation.annotators_per_image
    people = _available(workspace)
    emails = annotator_emails(workspace.db)
    state = _State.read(workspace)
    found = []
    for image in task_images(workspace.db):
        skipped = state.skipped[image.row]
        # Somebody who is assigned to an image and skipped it will not caption it.
        holders = state.holders[image.row] - skipped
        if skipped and len(holders) < per_image and people <= state.taken(image.row):
            by = [emails[person] for person in sorted(skipped)]
            found.append({"image": image.filename, "skipped_by": by})
    return found


def had_by_all(workspace: Workspace) -> list[str]:
    """Return the images with a rejected text that need captions and that everybody has had.

    Nobody skipped them; those that somebody skipped are in :func:`skipped_by_all`.
    """
    per_image = workspace.settings.annotation.annotators_per_image
    people = _available(workspace)
    state = _State.read(workspace)
    return [
        image.filename
        for image in task_images(workspace.db)
        if state.rejected[image.row]
        and not state.skipped[image.row]
        and len(state.holders[image.row]) < per_image
        and people <= state.taken(image.row)
    ]


def _available(workspace: Workspace) -> set[int]:
    """Return the annotators (rows) who can get images."""
    people = {person.row for person in admitted(workspace)}
    if not has_personal_project(workspace.db):
        # A shared project has annotators who were not added to the campaign.
        people |= active_authors(workspace.db)
    return people


def skippers(workspace: Workspace) -> dict[int, set[int]]:
    """Return who skipped an image as often as the settings allow and did not caption it.

    Returns:
        Rows of the annotators by row of the image.
    """
    most = workspace.settings.annotation.skips_before_reassign
    found: dict[int, set[int]] = defaultdict(set)
    if most > 0:
        for skip in repeated_skips(workspace.db, most):
            found[skip.image].add(skip.annotator)
    return found


@dataclass(frozen=True, slots=True)
class _State:
    """Who has what to do with each image; all sets are rows of annotators by row of the image.

    Attributes:
        holders: Annotators who are assigned to the image or have captioned it.
        rejected: Annotators whose text was rejected, or who left after it was sent back; they are
            no holders.
        skipped: Annotators who skipped the image, see :func:`skippers`.
    """

    holders: dict[int, set[int]]
    rejected: dict[int, set[int]]
    skipped: dict[int, set[int]]

    @classmethod
    def read(cls, workspace: Workspace) -> _State:
        """Read the state from the workspace."""
        holders: dict[int, set[int]] = defaultdict(set)
        rejected: dict[int, set[int]] = defaultdict(set)
        left = gone(workspace)
        for assignment in assignments(workspace.db):
            if assignment.annotator not in left:
                holders[assignment.image].add(assignment.annotator)
        for captioner in captioners(workspace.db):
            group = rejected if captioner.rejected else holders
            group[captioner.image].add(captioner.annotator)
        for image, people in rejected.items():
            holders[image] -= people
        return cls(holders, rejected, skippers(workspace))

    def taken(self, image: int) -> frozenset[int]:
        """Return the annotators who must not get an image."""
        return frozenset(self.holders[image] | self.rejected[image] | self.skipped[image])

    def move(self, image: int, person: int, other: int) -> None:
        """Record that an image moved from one annotator to another."""
        self.holders[image] = (self.holders[image] - {person}) | {other}
