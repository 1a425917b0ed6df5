"""Who captions which image: balanced, each image by different people, seeded."""

from __future__ import annotations

import hashlib
import math
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import current_pilot
from rsitmd_tools.workspace.people import OPEN, Person, taking_part
from rsitmd_tools.workspace.store import utc_now

SHARED = "shared"
ASSIGNED = "assigned"
ORDERS = ("random", "category", "fewest")


@dataclass(frozen=True, slots=True)
class Need:
    """What an image lacks.

    Attributes:
        image: Its row.
        category: Its class; a person's images are spread over the classes.
        missing: How many people it lacks.
        taken: People (rows) who have it already and must not get it again.
        begun: Whether somebody wrote or is to write for it already.
    """

    image: int
    category: str
    missing: int
    taken: frozenset[int] = frozenset()
    begun: bool = False


def plan(
    needs: Sequence[Need], people: Sequence[int], load: Mapping[int, int], seed: int
) -> list[tuple[int, int]]:
    """Give each image to those who have the least to do and have not had it.

    Where everybody may take every image and starts with the same load, loads differ by one
    at most at the end.

    Args:
        needs: Images in the order in which they are given out.
        people: Rows of the people.
        load: How much each has to do already.
        seed: Breaks ties.

    Returns:
        ``(person, image)`` in the order of the images.
    """
    chance = random.Random(seed)
    todo = {person: load.get(person, 0) for person in people}
    of_category: dict[str, Counter[int]] = defaultdict(Counter)
    planned = []
    for need in needs:
        free = [person for person in people if person not in need.taken]
        count = of_category[need.category]
        free.sort(key=lambda person: (todo[person], count[person], chance.random()))
        for person in free[: need.missing]:
            planned.append((person, need.image))
            todo[person] += 1
            count[person] += 1
    return planned


def admitted(workspace: Workspace) -> list[Person]:
    """Return the people who get images: where there is a pilot, those let in."""
    people = taking_part(workspace)
    if current_pilot(workspace) is None:
        return [person for person in people if person.pilot != "refused"]
    return [person for person in people if person.pilot == "admitted"]


def wanting(workspace: Workspace, order: str = "random", category: str | None = None) -> list[Need]:
    """Return the images that lack people, those begun first, then in the order asked.

    An image has enough when as many people as the settings ask have it to do or have
    captioned it; a person whose text was rejected does not count, and does not get it again.
    Nor does a person who skipped it as often as the settings allow.

    Args:
        workspace: The workspace.
        order: ``random`` (by the settings' seed), ``category``, or ``fewest`` (fewest
            annotations first).
        category: Only images of this class.
    """
    asked = workspace.settings.annotation.annotators_per_image
    holders, rejected = _holders(workspace)
    skipped = skippers(workspace)
    written = _written(workspace)
    needs = []
    for row in workspace.db.execute(
        "SELECT id, category FROM image WHERE ? IN ('', category) ORDER BY category, number",
        (category or "",),
    ):
        image = row["id"]
        has = holders[image]
        missing = asked - len(has)
        if missing > 0:
            taken = frozenset(has | rejected[image] | skipped[image])
            needs.append(Need(image, row["category"], missing, taken, bool(has)))
    if order == "random":
        place = _places(workspace)
        needs.sort(key=lambda need: place[need.image])
    elif order == "fewest":
        needs.sort(key=lambda need: written[need.image])
    needs.sort(key=lambda need: not need.begun)
    return needs


def assign(workspace: Workspace, needs: Sequence[Need]) -> int:
    """Plan who captions these images, and keep the plan; return how many were given out."""
    people = [person.row for person in admitted(workspace)]
    planned = plan(needs, people, open_work(workspace), workspace.settings.annotation.seed)
    now = utc_now()
    with workspace.transaction() as db:
        db.executemany(
            "INSERT INTO assignment (annotator_id, image_id, planned_at) VALUES (?, ?, ?)",
            [(person, image, now) for person, image in planned],
        )
    return len(planned)


def replan(workspace: Workspace) -> int:
    """Give some work of those who fell behind to those who have less to do.

    Whoever has more open images than everybody's mean loses what is above it, the images
    given out last first, as far as somebody else can take them.

    Returns:
        How many images changed hands.
    """
    people = [person.row for person in admitted(workspace)]
    load = open_work(workspace)
    if len(people) < 2:
        return 0
    most = math.ceil(sum(load.get(person, 0) for person in people) / len(people))
    holders, rejected = _holders(workspace)
    skipped = skippers(workspace)
    categories = dict(workspace.db.execute("SELECT id, category FROM image").fetchall())
    moved = 0
    with workspace.transaction() as db:
        for person in people:
            rows = db.execute(
                f"SELECT id, image_id FROM ({OPEN}) WHERE annotator_id = ? ORDER BY id DESC",
                (person,),
            ).fetchall()
            for row in rows[: max(0, len(rows) - most)]:
                image = row["image_id"]
                taken = frozenset(holders[image] | rejected[image] | skipped[image])
                light = [p for p in people if load.get(p, 0) < most]
                found = plan(
                    [Need(image, categories[image], 1, taken)], light, load, len(taken) + image
                )
                if found:
                    other = found[0][0]
                    _move(db, row["id"], other)
                    holders[image] = (holders[image] - {person}) | {other}
                    load[person] -= 1
                    load[other] = load.get(other, 0) + 1
                    moved += 1
    return moved


def reassign_skipped(workspace: Workspace) -> int:
    """Give images that were skipped to somebody who has neither had nor skipped them.

    An image that nobody else can take stays where it is, see :func:`skipped_by_all`.

    Returns:
        How many images changed hands.
    """
    people = [person.row for person in admitted(workspace)]
    load = open_work(workspace)
    holders, rejected = _holders(workspace)
    skipped = skippers(workspace)
    moved = 0
    with workspace.transaction() as db:
        for row in db.execute(f"SELECT * FROM ({OPEN}) ORDER BY id").fetchall():
            person, image = row["annotator_id"], row["image_id"]
            if person not in skipped[image]:
                continue
            taken = frozenset(holders[image] | rejected[image] | skipped[image])
            found = plan([Need(image, "", 1, taken)], people, load, image)
            if found:
                other = found[0][0]
                _move(db, row["id"], other)
                holders[image] = (holders[image] - {person}) | {other}
                load[person] = load.get(person, 0) - 1
                load[other] = load.get(other, 0) + 1
                moved += 1
    return moved


def skipped_by_all(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the images that lack a caption and that nobody is left for.

    Somebody skipped them, and everybody else has captioned them, has them to do, skipped them
    too, or wrote a text that was rejected.

    Returns:
        ``image`` and ``skipped_by`` (addresses) of each.
    """
    asked = workspace.settings.annotation.annotators_per_image
    people = {person.row for person in admitted(workspace)} | _shared_authors(workspace)
    emails = dict(workspace.db.execute("SELECT id, email FROM annotator").fetchall())
    holders, rejected = _holders(workspace)
    skipped = skippers(workspace)
    found = []
    for row in workspace.db.execute("SELECT id, filename FROM image ORDER BY category, number"):
        image = row["id"]
        # Who skipped an image and captioned it all the same is no skipper.
        has = holders[image] - skipped[image]
        if skipped[image] and len(has) < asked and people <= has | rejected[image] | skipped[image]:
            by = [emails[person] for person in sorted(skipped[image])]
            found.append({"image": row["filename"], "skipped_by": by})
    return found


def _shared_authors(workspace: Workspace) -> set[int]:
    """Return who works in a shared project, whether they were added to the campaign or not."""
    db = workspace.db
    if db.execute("SELECT 1 FROM project WHERE annotator_id IS NOT NULL").fetchone() is not None:
        return set()
    rows = db.execute(
        "SELECT id FROM annotator WHERE left_at IS NULL AND (id IN (SELECT annotator_id FROM skip)"
        " OR id IN (SELECT annotator_id FROM annotation))"
    )
    return {row["id"] for row in rows}


def skippers(workspace: Workspace) -> dict[int, set[int]]:
    """Return, by image, who skipped it as often as the settings allow and did not caption it."""
    most = workspace.settings.annotation.skips_before_reassign
    found: dict[int, set[int]] = defaultdict(set)
    if most == 0:
        return found
    for row in workspace.db.execute(
        "SELECT task.image_id, skip.annotator_id FROM skip JOIN task ON task.id = skip.task_id"
        " JOIN project ON project.id = task.project_id AND project.kind = 'main'"
        " WHERE NOT EXISTS (SELECT 1 FROM annotation JOIN task AS other"
        "  ON other.id = annotation.task_id WHERE other.image_id = task.image_id"
        "  AND annotation.annotator_id = skip.annotator_id AND latest AND deleted_at IS NULL)"
        " GROUP BY task.image_id, skip.annotator_id HAVING count(*) >= ?",
        (most,),
    ):
        found[row["image_id"]].add(row["annotator_id"])
    return found


def open_work(workspace: Workspace) -> dict[int, int]:
    """Return how many images each person (by row) has to do yet."""
    rows = workspace.db.execute(
        f"SELECT annotator_id, count(*) AS n FROM ({OPEN}) GROUP BY annotator_id"
    )
    return {row["annotator_id"]: row["n"] for row in rows}


def _move(db: sqlite3.Connection, assignment: int, person: int) -> None:
    """Give an image to somebody else; call it inside a transaction."""
    db.execute(
        "UPDATE assignment SET annotator_id = ?, planned_at = ? WHERE id = ?",
        (person, utc_now(), assignment),
    )


def _holders(workspace: Workspace) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return, by image, the people who count for it, and those whose text was rejected."""
    holders: dict[int, set[int]] = defaultdict(set)
    rejected: dict[int, set[int]] = defaultdict(set)
    for row in workspace.db.execute("SELECT annotator_id, image_id FROM assignment"):
        holders[row["image_id"]].add(row["annotator_id"])
    for row in workspace.db.execute(
        "SELECT annotation.annotator_id, task.image_id, EXISTS ("
        "  SELECT 1 FROM sentence WHERE annotation_id = annotation.id AND state = 'rejected'"
        ") AS rejected FROM current_annotation AS annotation"
        " JOIN task ON task.id = annotation.task_id"
        " JOIN project ON project.id = task.project_id"
        " WHERE whole AND project.kind = 'main'"
    ):
        side = rejected if row["rejected"] else holders
        side[row["image_id"]].add(row["annotator_id"])
    for image, people in rejected.items():
        holders[image] -= people
    return holders, rejected


def _written(workspace: Workspace) -> Counter[int]:
    return Counter(
        row["image_id"]
        for row in workspace.db.execute(
            "SELECT task.image_id FROM annotation JOIN task ON task.id = annotation.task_id"
            " JOIN project ON project.id = task.project_id"
            " WHERE latest AND deleted_at IS NULL AND project.kind = 'main'"
        )
    )


def _places(workspace: Workspace) -> dict[int, bytes]:
    """Return a place for each image that does not change when others come."""
    seed = workspace.settings.annotation.seed
    return {
        row["id"]: hashlib.sha256(f"{seed} {row['sha256']}".encode()).digest()
        for row in workspace.db.execute("SELECT id, sha256 FROM image")
    }
