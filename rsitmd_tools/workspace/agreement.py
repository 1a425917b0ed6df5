"""The answers of several annotators to the same image: keywords and rankings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from rsitmd_tools.workspace.annotations import REJECTED_ANNOTATIONS
from rsitmd_tools.workspace.states import REJECTED
from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The result of one annotation of an image.

    Attributes:
        image: Row in table ``image``.
        filename: File name of the image.
        email: Address of the annotator.
        project: Row of its project.
        result: The server's result as JSON text.
    """

    image: int
    filename: str
    email: str
    project: int
    result: str


def keywords_by_annotator(workspace: Workspace) -> list[list[list[str]]]:
    """Return the keywords of each annotator of each image.

    Annotations whose sentences are all rejected are left out, as in the dataset.

    Returns:
        For each image of the dataset with a current annotation, one list per annotator; it is empty
        if the annotator entered no keywords.
    """
    found: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in workspace.db.execute(
        "SELECT task.image_id, annotation.annotator_id, keyword.raw"
        " FROM current_annotation AS annotation"
        " JOIN main_task AS task ON task.id = annotation.task_id"
        " JOIN kept_image ON kept_image.id = task.image_id"
        " LEFT JOIN keyword ON keyword.annotation_id = annotation.id"
        f" WHERE annotation.id NOT IN ({REJECTED_ANNOTATIONS})"
        " ORDER BY task.image_id",
        (REJECTED,),
    ):
        keywords = found[row["image_id"]][row["annotator_id"]]
        if row["raw"] is not None:
            keywords.append(row["raw"])
    return [list(annotators.values()) for annotators in found.values()]


def results_by_image(workspace: Workspace) -> list[ImageResult]:
    """Return the results of the annotations on the server, by image, oldest first."""
    rows = workspace.db.execute(
        "SELECT image.id, filename, email, task.project_id, result"
        " FROM live_annotation AS annotation"
        " JOIN main_task AS task ON task.id = task_id"
        " JOIN kept_image AS image ON image.id = image_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " ORDER BY category, number, annotation.updated_at"
    )
    return [ImageResult(*row) for row in rows]
