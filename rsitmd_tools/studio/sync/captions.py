"""Captions of a model that the labeling page shows to annotators."""

from __future__ import annotations

from collections.abc import Iterable

from rsitmd_tools.annotation_templates import MACHINE
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.imported import imported_captions
from rsitmd_tools.workspace.texts import newest_captions


def task_captions(workspace: Workspace, image: int) -> list[str]:
    """Return the captions of an image (row) that the labeling page shows, in order."""
    return _shown_captions(workspace, image)[0]


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


def caption_fields(workspace: Workspace, image: int, fields: Iterable[str]) -> dict[str, str]:
    """Return the values of those fields of a labeling page that show captions.

    They are those of the newest model. If no model has captions for the image, they are its
    imported sentences.

    Args:
        workspace: The workspace.
        image: Row of the image.
        fields: Names of all fields that the page takes from the data of its task.
    """
    texts, note = _shown_captions(workspace, image)
    values = {f"caption{slot}": text for slot, text in enumerate(texts, 1)}
    if texts:
        values[MACHINE] = note
    values |= dict(zip(("left", "right"), texts, strict=False))
    return {name: values[name] for name in fields if name in values}


def _shown_captions(workspace: Workspace, image: int) -> tuple[list[str], str]:
    """Return the captions that the labeling page shows for an image, and the note above them."""
    model, texts = newest_captions(workspace.db, image)
    if texts:
        return texts, machine_note(model)
    imported = imported_captions(workspace.db, image)
    datasets = dict.fromkeys(dataset for _, dataset in imported)
    return [text for text, _ in imported], imported_note(datasets)
