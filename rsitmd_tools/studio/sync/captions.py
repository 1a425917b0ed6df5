"""Captions that were there before people wrote: what a page shows of them."""

from __future__ import annotations

from collections.abc import Iterable

from rsitmd_tools.annotation_templates import MACHINE
from rsitmd_tools.workspace import Workspace


def task_captions(workspace: Workspace, image: int) -> list[str]:
    """Return the captions kept for an image, the newest model's, in order."""
    return _newest_captions(workspace, image)[1]


def machine_note(model: str) -> str:
    """Return what the page says above fields that hold a model's captions."""
    return (
        f"A model ({model}) suggested this text. No person has checked it: compare every word"
        " with the image and correct it."
    )


def caption_fields(workspace: Workspace, image: int, fields: Iterable[str]) -> dict[str, str]:
    """Return what a page shows of the captions of an image, and which model they come from."""
    model, texts = _newest_captions(workspace, image)
    values = {f"caption{slot}": text for slot, text in enumerate(texts, 1)}
    if texts:
        values[MACHINE] = machine_note(model)
    values |= dict(zip(("left", "right"), texts, strict=False))
    return {name: values[name] for name in fields if name in values}


def _newest_captions(workspace: Workspace, image: int) -> tuple[str, list[str]]:
    """Return the newest model that has captions for an image, and these in order."""
    rows = workspace.db.execute(
        "SELECT raw, model FROM prediction WHERE image_id = ? AND model ="
        " (SELECT model FROM prediction WHERE image_id = ? ORDER BY id DESC LIMIT 1)"
        " ORDER BY slot",
        (image, image),
    ).fetchall()
    return (rows[0]["model"] if rows else ""), [row["raw"] for row in rows]
