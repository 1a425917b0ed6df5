"""Captions that the labeling page shows to annotators: those of a model, or imported ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from rsitmd_tools.annotation_templates import CAPTION, CORRECTION, MACHINE
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.imported import imported_captions
from rsitmd_tools.workspace.texts import newest_captions

RANKED = ("left", "right")  # fields of the two sentences of a ranking


class _Caption(NamedTuple):
    raw: str
    dataset: str  # empty: a model wrote it


def task_captions(workspace: Workspace, image: int) -> list[str]:
    """Return the captions of an image (row) that the labeling page shows, in order."""
    return [caption.raw for caption in _captions(workspace, image)[1]]


def machine_note(model: str) -> str:
    """Return the note above fields that hold a model's captions."""
    return (
        f"A model ({model}) suggested this text. No person has checked it: compare every word"
        " with the image and correct it."
    )


def imported_note(datasets: Iterable[str]) -> str:
    """Return the note above fields that hold the sentences of other datasets."""
    return (
        f"These sentences come from the dataset {' and '.join(datasets)}: compare every word with"
        " the image and correct it."
    )


def mixed_note(model: str, count: int, datasets: Iterable[str]) -> str:
    """Return the note above fields that hold a model's captions, then imported sentences.

    Args:
        model: Name and version of the model.
        count: Number of the model's captions.
        datasets: Names of the datasets of the other sentences.
    """
    first = "sentence 1" if count == 1 else f"sentences 1 to {count}"
    return (
        f"A model ({model}) suggested {first}. No person has checked this text. The other"
        f" sentences come from the dataset {' and '.join(datasets)}. Compare every word with the"
        " image and correct it."
    )


def caption_fields(workspace: Workspace, image: int, fields: Collection[str]) -> dict[str, str]:
    """Return the values of those fields of a labeling page that show captions.

    They are those of the newest model. If no model has captions for the image, they are its
    imported sentences. On the page ``correction``, imported sentences follow the captions of a
    model that has fewer. The note names imported sentences only if the page shows them.

    Args:
        workspace: The workspace.
        image: Row of the image.
        fields: Names of all fields that the page takes from the data of its task.
    """
    model, captions = _captions(workspace, image)
    values: dict[str, str] = {}
    datasets: dict[str, None] = {}
    for slot, caption in enumerate(captions, 1):
        names = {f"{CAPTION}{slot}", *RANKED[slot - 1 : slot]} & set(fields)
        values |= dict.fromkeys(names, caption.raw)
        if names and caption.dataset and caption.raw.strip():
            datasets[caption.dataset] = None
    if MACHINE in fields and (model or datasets):
        count = sum(not caption.dataset for caption in captions)
        if not datasets:
            values[MACHINE] = machine_note(model)
        else:
            values[MACHINE] = (
                mixed_note(model, count, datasets) if model else imported_note(datasets)
            )
    return values


def _captions(workspace: Workspace, image: int) -> tuple[str, list[_Caption]]:
    """Return the newest model, and the captions of an image that the labeling page shows."""
    model, texts = newest_captions(workspace.db, image)
    found = [_Caption(raw, "") for raw in texts]
    # A sentence that is submitted takes the place of the imported one, so that one is shown.
    if not found or workspace.settings.annotation.works_like == CORRECTION:
        imported = imported_captions(workspace.db, image)
        found += [_Caption(*caption) for caption in imported[len(found) :]]
    return model, found
