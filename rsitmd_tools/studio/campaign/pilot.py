"""``annotate pilot``: new annotators caption the same images first; the lead admits them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError, command_line, count_of
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.studio.campaign.agreement import similarities
from rsitmd_tools.text_files import read_rows
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import current_pilot
from rsitmd_tools.workspace.empty import no_images
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import taking_part
from rsitmd_tools.workspace.pilot import (
    PilotImage,
    pilot_images,
    pilot_references,
    pilot_sentences,
    record_start,
    record_stop,
    shared_project_in_use,
)
from rsitmd_tools.workspace.projects import has_personal_project

IMAGES = 10


def start_pilot(
    workspace: Workspace,
    count: int | None = None,
    references: Path | None = None,
    started_by: str = "",
) -> list[str]:
    """Start a pilot: choose its images; the next push sends them to every new annotator.

    With references, the images are those of the references. Otherwise they are drawn by the
    seed in the settings from all categories in turn, complete images first; the sentences of
    complete images are the references. No dataset contains sentences that were written in a
    pilot. Annotators who have annotated for the campaign already are admitted, see
    :func:`~rsitmd_tools.workspace.admission.admit_writers`.

    Args:
        workspace: The workspace.
        count: Number of images; by default :data:`IMAGES`, or all if there are fewer.
        references: A dataset in any format with sentences for some of the workspace's
            images, or a CSV with the columns ``image`` and ``sentence``.
        started_by: Name of the lead.

    Returns:
        The file names of the images.

    Raises:
        RsitmdError: There is a pilot already, there are fewer images or references than
            ``count``, the annotators share one project, or the workspace is empty.
    """
    if current_pilot(workspace) is not None:
        raise RsitmdError(
            "the workspace already has a pilot",
            where=workspace.path,
            hint="to show it, run: "
            + command_line("annotate", "pilot", workspace.path)
            + "; stop it with --stop",
        )
    chosen, known = plan_pilot(workspace, count, references)
    record_start(workspace, chosen, known, started_by)
    return chosen


def plan_pilot(
    workspace: Workspace, count: int | None = None, references: Path | None = None
) -> tuple[list[str], dict[str, list[str]]]:
    """Choose the images of a pilot, and record nothing; see :func:`start_pilot`.

    Returns:
        The file names of the images, and the reference sentences.
    """
    _refuse_shared(workspace)
    categories = {image.filename: image.category for image in stored_images(workspace)}
    known, chosen = _choose(workspace, categories, count or IMAGES, references)
    if not chosen:
        if references is None:
            raise no_images(workspace)
        raise RsitmdError(
            "has no sentences for images of this workspace",
            where=references,
            hint="use the file names of the folder images/",
        )
    if count is not None and len(chosen) < count:
        number = len(chosen)
        images = count_of(number, "image")
        raise RsitmdError(
            f"--images is {count}, but the workspace has only {images}"
            if references is None
            else f"--images is {count}, but there are sentences for only {images}",
            where=references or workspace.path,
            hint=f"{'ingest more images' if references is None else 'add sentences'}, or use"
            f" --images {number}",
        )
    return chosen, known


def unknown_images(workspace: Workspace, references: Path) -> list[str]:
    """Return the images of a file of references that the workspace does not have.

    Raises:
        RsitmdError: The file cannot be read.
    """
    known = {image.filename for image in stored_images(workspace)}
    return sorted(name for name in _read(references) if name not in known)


def stop_pilot(workspace: Workspace, stopped_by: str = "") -> list[str]:
    """Stop the pilot: every active annotator who was not refused gets a share of the campaign.

    No dataset contains what was written in the pilot. The next push closes its projects.
    Another pilot can be started afterwards.

    Returns:
        The addresses of annotators without a decision: stopping the pilot admits them.

    Raises:
        RsitmdError: There is no pilot.
    """
    pilot = current_pilot(workspace)
    if pilot is None:
        raise RsitmdError(
            "the workspace has no pilot", where=workspace.path, hint="start one with --start"
        )
    record_stop(workspace, pilot, stopped_by)
    return [person.email for person in taking_part(workspace) if person.pilot is None]


def pilot_state(workspace: Workspace) -> dict[str, Any]:
    """Return the results of every active annotator in the current pilot.

    Keys: ``images`` (empty if there is no pilot), ``references`` (number of images with
    reference sentences) and ``people``, each with ``email``, ``done`` (number of images),
    ``findings`` (of the rules about sentences, by code), ``similarity`` (mean similarity to the
    reference sentences by the prior's definition; None without references), ``decision``,
    ``decided_by``.
    """
    references = pilot_references(workspace)
    images = pilot_images(workspace)
    pilot = current_pilot(workspace)
    people = []
    for person in taking_part(workspace):
        written = pilot_sentences(workspace, pilot, person.row)
        people.append(
            {
                "email": person.email,
                "done": len(written),
                "findings": _findings(workspace, images, written),
                "similarity": _similarity(references, written),
                "decision": person.pilot,
                "decided_by": person.pilot_by,
            }
        )
    return {
        "images": [image.filename for image in images],
        "references": len(references),
        "people": people,
    }


def _refuse_shared(workspace: Workspace) -> None:
    """Raise an error if annotators share one project: a push would not send the pilot."""
    setting = workspace.settings.annotation.assignment
    if setting == "shared" or (
        setting == "auto"
        and not has_personal_project(workspace.db)
        and shared_project_in_use(workspace)
    ):
        raise RsitmdError(
            "the annotators share one project, but a pilot needs one project per annotator",
            where=workspace.path / "rsitmd.toml",
            hint='set assignment = "assigned" under [annotation]',
        )


def _choose(
    workspace: Workspace, categories: Mapping[str, str], count: int, references: Path | None
) -> tuple[dict[str, list[str]], list[str]]:
    """Return reference sentences by file name, and the file names of the pilot's images.

    Args:
        workspace: The workspace.
        categories: Category of every image, by file name.
        count: Maximum number of images.
        references: File of reference sentences; None to use complete images.
    """
    if references is not None:
        known = {
            name: sentences
            for name, sentences in _read(references).items()
            if name in categories and sentences
        }
        return known, sorted(known)[:count]
    wanted = workspace.settings.annotation.sentences_per_image
    known = {
        image.filename: [s.raw for s in image.sentences]
        for image in merged_images(workspace)
        if len(image.sentences) >= wanted > 0
    }
    seed = workspace.settings.annotation.seed
    return known, _draw(categories, known, count, seed)


def _draw(
    categories: Mapping[str, str], known: Collection[str], count: int, seed: int
) -> list[str]:
    """Draw images from the categories in turn, those with references first."""
    queues: dict[str, list[str]] = defaultdict(list)
    for filename, category in categories.items():
        queues[category].append(filename)
    for names in queues.values():
        names.sort(
            key=lambda n: (n not in known, hashlib.sha256(f"{seed} {n}".encode()).hexdigest())
        )
    ranked = [
        (name not in known, position, category, name)
        for category, names in queues.items()
        for position, name in enumerate(names)
    ]
    return [name for *_, name in sorted(ranked)[:count]]


def _read(file: Path) -> dict[str, list[str]]:
    """Return the sentences of a CSV or a dataset, by file name."""
    if file.suffix.lower() == ".csv":
        hint = "write one sentence per line under the header: image,sentence"
        found: dict[str, list[str]] = defaultdict(list)
        for _, row in read_rows(file, ("image", "sentence"), hint):
            if row["sentence"].strip():
                found[row["image"].strip()].append(row["sentence"].strip())
        return found
    from rsitmd_tools.formats import load_dataset

    return {
        image.filename: [raw for raw in image.captions if raw.strip()]
        for image in load_dataset(file)
    }


def _findings(
    workspace: Workspace, images: Sequence[PilotImage], written: Mapping[int, Sequence[str]]
) -> dict[str, int]:
    """Return the number of findings in an annotator's sentences, by code."""
    records = tuple(
        ImageRecord(
            image.filename,
            tuple(Sentence(raw) for raw in written[image.row]),
            category=image.category,
        )
        for image in images
        if image.row in written
    )
    settings = workspace.settings
    rules = replace(settings, validate=replace(settings.validate, select=("S",), baseline=None))
    dataset = Dataset("pilot", records, workspace.path, "pilot")
    found = check_subject(subject_of(dataset, rules)).findings
    return dict(sorted(Counter(finding.code for finding in found).items()))


def _similarity(
    references: Mapping[int, Sequence[str]], written: Mapping[int, Sequence[str]]
) -> float | None:
    """Return the mean similarity of sentences to the references of their images."""
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
