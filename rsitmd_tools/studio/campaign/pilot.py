"""``annotate pilot``: every new person captions the same images first; the lead lets them in."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.studio.campaign.agreement import similarities
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import current_pilot
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import taking_part
from rsitmd_tools.workspace.store import utc_now

IMAGES = 10


def start_pilot(
    workspace: Workspace,
    count: int | None = None,
    references: Path | None = None,
    started_by: str = "",
) -> list[str]:
    """Choose the images of the pilot; the next push gives them to every new person.

    With references, these are their images. Else they are drawn by the settings' seed from
    all categories in turn, finished images first: what stands there is their reference.
    What people write in a pilot is practice and gets into no dataset. Whoever has written for
    the campaign already is let in, see
    :func:`~rsitmd_tools.workspace.admission.admit_writers`.

    Args:
        workspace: The workspace.
        count: How many images; by default :data:`IMAGES`, or all there are where they are fewer.
        references: A dataset in any format with sentences for some of the workspace's
            images, or a CSV with the columns ``image`` and ``sentence``.
        started_by: Who starts it.

    Returns:
        The images' names.

    Raises:
        RsitmdError: There is a pilot already, there are fewer images or references than
            ``count``, people work in one shared project, or the workspace is empty.
    """
    db = workspace.db
    if current_pilot(workspace) is not None:
        raise RsitmdError(
            "has a pilot already",
            where=workspace.path,
            hint="see it with: rsitmd annotate pilot DIR, or end it with --stop",
        )
    _refuse_shared(workspace)
    rows = {row["filename"]: row["id"] for row in db.execute("SELECT id, filename FROM image")}
    known, chosen = _choose(workspace, set(rows), count or IMAGES, references)
    if not chosen:
        raise RsitmdError(
            "has no image for a pilot" if references is None else "is about no image here",
            where=references or workspace.path,
            hint="ingest images first, and name them as the folder images/ does",
        )
    if count is not None and len(chosen) < count:
        number = len(chosen)
        images = f"{number} image{'' if number == 1 else 's'}"
        had = f"has {images}" if references is None else f"has sentences for {images} here"
        raise RsitmdError(
            f"{had}, {count} were asked for",
            where=references or workspace.path,
            hint=f"{'ingest more' if references is None else 'add sentences'}, or use"
            f" --images {number}",
        )
    with workspace.transaction():
        db.execute(
            "INSERT INTO pilot (started_at, started_by) VALUES (?, ?)", (utc_now(), started_by)
        )
        for position, name in enumerate(chosen):
            db.execute("INSERT INTO pilot_image VALUES (?, ?)", (rows[name], position))
            db.executemany(
                "INSERT INTO pilot_reference VALUES (?, ?, ?)",
                [(rows[name], slot, raw) for slot, raw in enumerate(known.get(name, []), 1)],
            )
    return chosen


def stop_pilot(workspace: Workspace, stopped_by: str = "") -> list[str]:
    """End the pilot: everybody who takes part and was not refused gets a share of the campaign.

    What people wrote in it stays practice. The next push closes its projects. Another pilot
    may be started after it.

    Returns:
        Who was waiting for a decision and is let in by this.

    Raises:
        RsitmdError: There is no pilot.
    """
    pilot = current_pilot(workspace)
    if pilot is None:
        raise RsitmdError("has no pilot", where=workspace.path, hint="start one with --start")
    with workspace.transaction() as db:
        db.execute(
            "UPDATE pilot SET stopped_at = ?, stopped_by = ? WHERE id = ?",
            (utc_now(), stopped_by, pilot),
        )
        db.execute("DELETE FROM pilot_reference")
        db.execute("DELETE FROM pilot_image")
    return [person.email for person in taking_part(workspace) if person.pilot is None]


def pilot_state(workspace: Workspace) -> dict[str, Any]:
    """Return how everybody did in the pilot.

    Keys: ``images`` (empty where no pilot runs), ``references`` (how many of them have reference
    sentences) and ``people``, each with ``email``, ``done``, ``findings`` (of the
    rules about sentences, by code), ``similarity`` (mean similarity to the reference
    sentences by the prior's definition, None without any), ``decision``, ``decided_by``.
    """
    db = workspace.db
    references: dict[int, list[str]] = defaultdict(list)
    for row in db.execute("SELECT * FROM pilot_reference ORDER BY image_id, slot"):
        references[row["image_id"]].append(row["raw"])
    images = db.execute(
        "SELECT image.* FROM pilot_image JOIN image ON image.id = image_id ORDER BY position"
    ).fetchall()
    people = []
    for person in taking_part(workspace):
        written = _written(workspace, person.row)
        decided = db.execute("SELECT * FROM annotator WHERE id = ?", (person.row,)).fetchone()
        people.append(
            {
                "email": person.email,
                "done": len(written),
                "findings": _findings(workspace, images, written),
                "similarity": _similarity(references, written),
                "decision": person.pilot,
                "decided_by": decided["pilot_by"],
            }
        )
    return {
        "images": [row["filename"] for row in images],
        "references": len(references),
        "people": people,
    }


def _refuse_shared(workspace: Workspace) -> None:
    """Raise where people work in one shared project: a push would send no pilot."""
    db = workspace.db
    own = db.execute("SELECT 1 FROM project WHERE annotator_id IS NOT NULL").fetchone()
    wrote = db.execute(
        "SELECT 1 FROM annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id"
        " WHERE project.annotator_id IS NULL AND closed_at IS NULL"
    ).fetchone()
    setting = workspace.settings.annotation.assignment
    if setting == "shared" or (setting == "auto" and own is None and wrote is not None):
        raise RsitmdError(
            "people work in one shared project, a pilot needs a project for each person",
            where=workspace.path / "rsitmd.toml",
            hint='set assignment = "assigned" under [annotation]',
        )


def _choose(
    workspace: Workspace, names: Set[str], count: int, references: Path | None
) -> tuple[dict[str, list[str]], list[str]]:
    """Return reference sentences by image, and the images of the pilot."""
    if references is not None:
        known = {n: said for n, said in _read(references).items() if n in names and said}
        return known, sorted(known)[:count]
    wanted = workspace.settings.annotation.sentences_per_image
    known = {
        image.filename: [s.raw for s in image.sentences]
        for image in merged_images(workspace)
        if len(image.sentences) >= wanted > 0
    }
    return known, _draw(workspace, known, count)


def _draw(workspace: Workspace, known: Mapping[str, Any], count: int) -> list[str]:
    """Draw images from the categories in turn, those with references first."""
    seed = workspace.settings.annotation.seed
    queues: dict[str, list[str]] = defaultdict(list)
    for row in workspace.db.execute("SELECT filename, category FROM image"):
        queues[row["category"]].append(row["filename"])
    for names in queues.values():
        names.sort(
            key=lambda n: (n not in known, hashlib.sha256(f"{seed} {n}".encode()).hexdigest())
        )
    ranked = [
        (name not in known, place, category, name)
        for category, names in queues.items()
        for place, name in enumerate(names)
    ]
    return [name for *_, name in sorted(ranked)[:count]]


def _read(file: Path) -> dict[str, list[str]]:
    if file.suffix.lower() == ".csv":
        import csv
        import io

        from rsitmd_tools.formats.registry import read_text

        rows = csv.DictReader(io.StringIO(read_text(file)))
        if rows.fieldnames is None or not {"image", "sentence"} <= set(rows.fieldnames):
            raise RsitmdError(
                "lacks the columns image and sentence", where=file, hint="one line a sentence"
            )
        found: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if (row["sentence"] or "").strip():
                found[row["image"]].append(row["sentence"].strip())
        return found
    from rsitmd_tools.formats import load_dataset

    return {
        image.filename: [raw for raw in image.captions if raw.strip()]
        for image in load_dataset(file)
    }


def _written(workspace: Workspace, person: int) -> dict[int, list[str]]:
    """Return what a person wrote in the pilot that runs, by image; not in earlier ones."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT task.image_id, raw FROM sentence"
        " JOIN annotation ON annotation.id = annotation_id JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id AND project.kind = 'pilot'"
        " WHERE annotation.annotator_id = ? AND project.pilot_id = ?"
        " AND latest AND deleted_at IS NULL ORDER BY task.image_id, slot",
        (person, current_pilot(workspace)),
    ):
        found[row["image_id"]].append(row["raw"])
    return found


def _findings(
    workspace: Workspace, images: Sequence[Any], written: Mapping[int, Sequence[str]]
) -> dict[str, int]:
    records = tuple(
        ImageRecord(
            row["filename"],
            tuple(Sentence(raw) for raw in written[row["id"]]),
            category=row["category"],
        )
        for row in images
        if row["id"] in written
    )
    settings = workspace.settings
    rules = replace(settings, validate=replace(settings.validate, select=("S",), baseline=None))
    dataset = Dataset("pilot", records, workspace.path, "pilot")
    found = check_subject(subject_of(dataset, rules)).findings
    return dict(sorted(Counter(finding.code for finding in found).items()))


def _similarity(
    references: Mapping[int, Sequence[str]], written: Mapping[int, Sequence[str]]
) -> float | None:
    pairs = [
        (references[image], raw)
        for image, texts in written.items()
        if references.get(image)
        for raw in texts
    ]
    if not pairs:
        return None
    values = similarities([group for group, _ in pairs], [raw for _, raw in pairs])
    return round(sum(values) / len(values), 3)
