"""``annotate pilot``: every new person captions the same images first; the lead lets them in."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.studio.agreement import similarities
from rsitmd_tools.studio.people import person_of, taking_part
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.store import utc_now

IMAGES = 10
ADMITTED = "admitted"
REFUSED = "refused"


def start_pilot(
    workspace: Workspace, count: int = IMAGES, references: Path | None = None
) -> list[str]:
    """Choose the images of the pilot; the next push gives them to every new person.

    With references, these are their images. Else they are drawn by the settings' seed from
    all categories in turn, finished images first: what stands there is their reference.
    What people write in a pilot is practice and gets into no dataset.

    Args:
        workspace: The workspace.
        count: How many images.
        references: A dataset in any format with sentences for some of the workspace's
            images, or a CSV with the columns ``image`` and ``sentence``.

    Returns:
        The images' names.

    Raises:
        RsitmdError: There is a pilot already, the references are of no image here, or the
            workspace is empty.
    """
    db = workspace.db
    if db.execute("SELECT 1 FROM pilot_image").fetchone() is not None:
        raise RsitmdError(
            "has a pilot already", where=workspace.path, mend="see it: rsitmd annotate pilot DIR"
        )
    rows = {row["filename"]: row["id"] for row in db.execute("SELECT id, filename FROM image")}
    if references is None:
        wanted = workspace.settings.annotation.sentences_per_image
        known = {
            image.filename: [s.raw for s in image.sentences]
            for image in merged_images(workspace)
            if len(image.sentences) >= wanted > 0
        }
        chosen = _draw(workspace, known, count)
    else:
        known = {n: said for n, said in _read(references).items() if n in rows and said}
        chosen = sorted(known)[:count]
    if not chosen:
        raise RsitmdError(
            "has no image for a pilot" if references is None else "is about no image here",
            where=references or workspace.path,
            mend="ingest images first, and name them as the folder images/ does",
        )
    with workspace.transaction():
        for position, name in enumerate(chosen):
            db.execute("INSERT INTO pilot_image VALUES (?, ?)", (rows[name], position))
            db.executemany(
                "INSERT INTO pilot_reference VALUES (?, ?, ?)",
                [(rows[name], slot, raw) for slot, raw in enumerate(known.get(name, []), 1)],
            )
    return chosen


def decide(workspace: Workspace, email: str, decision: str, decided_by: str) -> None:
    """Let somebody in after the pilot, or not; who decided it is recorded with the time.

    Raises:
        RsitmdError: Nobody of that address takes part.
    """
    person = person_of(workspace, email)
    with workspace.transaction() as db:
        db.execute(
            "UPDATE annotator SET pilot = ?, pilot_by = ?, pilot_at = ? WHERE id = ?",
            (decision, decided_by, utc_now(), person.row),
        )


def pilot_state(workspace: Workspace) -> dict[str, Any]:
    """Return how everybody did in the pilot.

    Keys: ``images`` and ``people``, each with ``email``, ``done``, ``findings`` (of the
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
    return {"images": [row["filename"] for row in images], "people": people}


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

        from rsitmd_tools.dataset.formats.registry import read_text

        rows = csv.DictReader(io.StringIO(read_text(file)))
        if rows.fieldnames is None or not {"image", "sentence"} <= set(rows.fieldnames):
            raise RsitmdError(
                "lacks the columns image and sentence", where=file, mend="one line a sentence"
            )
        found: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if (row["sentence"] or "").strip():
                found[row["image"]].append(row["sentence"].strip())
        return found
    from rsitmd_tools.dataset import load_dataset

    return {
        image.filename: [raw for raw in image.captions if raw.strip()]
        for image in load_dataset(file)
    }


def _written(workspace: Workspace, person: int) -> dict[int, list[str]]:
    """Return what a person wrote in the pilot, by image."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT task.image_id, raw FROM sentence"
        " JOIN annotation ON annotation.id = annotation_id JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id AND project.kind = 'pilot'"
        " WHERE annotation.annotator_id = ? AND latest AND deleted_at IS NULL"
        " ORDER BY task.image_id, slot",
        (person,),
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
