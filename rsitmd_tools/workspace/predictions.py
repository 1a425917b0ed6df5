"""Captions that annotators are shown to accept or change: the table ``prediction``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rsitmd_tools.workspace.store import Workspace, utc_now


@dataclass(frozen=True, slots=True)
class Prediction:
    """A caption to show.

    Attributes:
        image: Row in table ``image``.
        slot: Number of the text area on the labeling page, from 1.
        raw: The text.
    """

    image: int
    slot: int
    raw: str


@dataclass(frozen=True, slots=True)
class TaskPrediction:
    """A caption to show in a task that is on the server.

    Attributes:
        task: Number of the task on the server.
        model: Name and version of the model, or the name of the source dataset.
        raw: The text.
    """

    task: int
    model: str
    raw: str


def replace_predictions(
    workspace: Workspace, model: str, predictions: Iterable[Prediction]
) -> None:
    """Store captions, in place of those of the same model for the same images.

    Args:
        workspace: The workspace, open for writing.
        model: Name and version of the model, or the name of the source dataset.
        predictions: The captions.
    """
    rows = [(p.image, p.slot, p.raw, model, utc_now()) for p in predictions]
    images = [(model, image) for image in {row[0] for row in rows}]
    with workspace.transaction() as db:
        # They may be on a page that is open, or in annotations that were not pulled yet.
        db.executemany(
            "INSERT INTO replaced_prediction (image_id, raw, model) SELECT image_id, raw, model"
            " FROM prediction WHERE model = ? AND image_id = ? ORDER BY slot",
            images,
        )
        db.executemany(
            "DELETE FROM prediction WHERE model = ? AND image_id = ?",
            images,
        )
        db.executemany(
            "INSERT INTO prediction (image_id, slot, raw, model, added_at) VALUES (?, ?, ?, ?, ?)",
            rows,
        )


def predictions_of_project(workspace: Workspace, project: int) -> list[TaskPrediction]:
    """Return the captions for the tasks of a project that are on the server.

    Args:
        workspace: The workspace.
        project: Row in table ``project``.

    Returns:
        The captions of each task by model, the model with the newest ones last, then by slot.
    """
    rows = workspace.db.execute(
        "SELECT task.server_id, model, raw FROM prediction JOIN task USING (image_id)"
        " WHERE project_id = ? AND task.server_id > 0 ORDER BY"
        " (SELECT max(id) FROM prediction AS other WHERE other.model = prediction.model"
        "  AND other.image_id = prediction.image_id),"
        " task.id, slot",
        (project,),
    )
    return [TaskPrediction(row["server_id"], row["model"], row["raw"]) for row in rows]
