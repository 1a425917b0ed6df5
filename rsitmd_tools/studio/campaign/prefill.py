"""``annotate prefill``: captions for annotators to accept or change, as predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.annotation_templates import CAPTION, CORRECTION, data_fields, sentence_slots
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.captions import RANKED, task_captions
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.studio.sync.identity import projects_there, read_tasks
from rsitmd_tools.studio.sync.results import as_result, one_line
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.imported import imported_of_project
from rsitmd_tools.workspace.predictions import (
    Prediction,
    predictions_of_project,
    replace_predictions,
)
from rsitmd_tools.workspace.projects import PILOT, open_projects
from rsitmd_tools.workspace.tasks import known_tasks, task_images

BATCH = 500
# Model version of all captions on the server, which shows those of one version in a project only.
# The names of the models are in the workspace.
VERSION = "given captions"


@dataclass(slots=True)
class PrefillReport:
    """The number of captions that were stored and sent.

    Attributes:
        images: Images of the workspace with captions.
        captions: Captions that were stored.
        unknown: Images of the file that the workspace does not have.
        sent: Predictions that were created on the server.
        known: Predictions that the server already had.
        replaced: Predictions whose text changed.
        unseen: Whether the labeling page neither shows captions nor has fields for sentences.
        unpaired: Number of images on the server that have fewer than two sentences to rank.
    """

    images: int = 0
    captions: int = 0
    unknown: int = 0
    sent: int = 0
    known: int = 0
    replaced: int = 0
    unseen: bool = False
    unpaired: int = 0


def keep_captions(
    workspace: Workspace, path: Path, model: str, input_format: str | None = None
) -> PrefillReport:
    """Store captions in the workspace, in place of earlier ones of the same model.

    Args:
        workspace: The workspace, open for writing.
        path: A dataset in any registered format; images are matched by file name without
            extension.
        model: Name and version of the model, or the name of the source dataset.
        input_format: Format of the dataset; recognised if None.

    Raises:
        RsitmdError: The dataset cannot be read, or has no captions for images of the workspace.
        WrongUsage: The name of the model is empty.
    """
    if not model.strip():
        raise WrongUsage("the name of the model is empty", hint="pass it with --model")
    report = PrefillReport()
    images = {Path(image.filename).stem: image.id for image in stored_images(workspace)}
    predictions: list[Prediction] = []
    named: dict[int, str] = {}
    for record in load_dataset(path, input_format):
        image = images.get(Path(record.filename).stem)
        texts = [text for text in map(one_line, record.captions) if text]
        if image is None:
            report.unknown += 1
            continue
        if texts and image in named:
            raise RsitmdError(
                f"has captions for one image twice: {named[image]} and {record.location}",
                where=path,
                hint="images are matched by file name without extension; remove one of the two",
            )
        if texts:
            named[image] = record.location
        report.images += bool(texts)
        predictions += [Prediction(image, slot, text) for slot, text in enumerate(texts, 1)]
    report.captions = len(predictions)
    if not predictions:
        raise RsitmdError(
            "contains no captions for images of this workspace",
            where=path,
            hint="use the file names of the workspace; their extension may differ",
        )
    replace_predictions(workspace, model, predictions)
    return report


def send_predictions(workspace: Workspace, client: Client, report: PrefillReport) -> None:
    """Send the captions to the tasks that are on the server; a second call sends what is missing.

    Tasks of a pilot get none. Each other task gets the captions of the newest model that has some
    for its image. On the page ``correction``, the fields without a caption of a model get the
    imported sentences of their places.

    Raises:
        RsitmdError: The server cannot be reached or refuses.
    """
    asked = workspace.settings.annotation.sentences_asked
    known = open_projects(workspace.db, client.connection.key)
    # The command warns of the others when it updates the tasks.
    for project in projects_there(workspace, client, known, warn=False):
        if project.kind == PILOT:
            continue
        read_tasks(workspace, client, project.row, project.number)
        wanted = _wanted(workspace, project.row, len(sentence_slots(asked)))
        if not wanted:
            continue
        there = _on_server(client, project.number)
        missing = []
        for task, result in wanted.items():
            number, texts = there.get(task, (None, None))
            if texts == _texts(result):
                report.known += 1
                continue
            if number is not None:
                client.call(client.sdk.predictions.delete, id=number)
                report.replaced += 1
            missing.append({"task": task, "result": result, "model_version": VERSION})
        with progress("prefill", len(missing)) as step:
            for first in range(0, len(missing), BATCH):
                _send(client, project.number, missing[first : first + BATCH])
                report.sent += len(missing[first : first + BATCH])
                step(len(missing[first : first + BATCH]))
        client.call(
            client.sdk.projects.update,
            id=project.number,
            model_version=VERSION,
            show_collab_predictions=True,
        )


def check_shown(workspace: Workspace, client: Client, report: PrefillReport) -> None:
    """Add to a report whether annotators see the captions.

    Raises:
        RsitmdError: The configured labeling page cannot be read.
    """
    fields = data_fields(page_of(workspace))
    ranked = set(RANKED) <= set(fields)
    report.unseen = not (
        ranked
        or workspace.settings.annotation.sentences_asked
        or any(field.startswith(CAPTION) for field in fields)
    )
    if ranked:
        there = {
            task.image
            for project in open_projects(workspace.db, client.connection.key)
            for task in known_tasks(workspace.db, project.row).values()
        }
        report.unpaired = sum(
            image.row in there
            and sum(bool(text.strip()) for text in task_captions(workspace, image.row)[:2]) < 2
            for image in task_images(workspace.db)
        )


def _wanted(workspace: Workspace, project: int, slots: int) -> dict[int, list[dict[str, Any]]]:
    """Return the result of the prediction of each task."""
    if not slots:
        return {}
    texts: dict[int, list[str]] = {}
    newest: dict[int, str] = {}
    for prediction in predictions_of_project(workspace, project):  # the newest model comes last
        if newest.get(prediction.task) != prediction.model:
            newest[prediction.task] = prediction.model
            texts[prediction.task] = []
        texts[prediction.task].append(prediction.raw)
    if workspace.settings.annotation.works_like == CORRECTION:
        for task, imported in imported_of_project(workspace, project).items():
            given = texts.setdefault(task, [])
            given += imported[len(given) :]
    return {
        # Imported sentences can be blank: their fields are empty.
        task: [
            part for part in as_result(found[:slots], [])[:-1] if part["value"]["text"][0].strip()
        ]
        for task, found in texts.items()
        if any(text.strip() for text in found[:slots])
    }


def _on_server(client: Client, project: int) -> dict[int, tuple[int, list[str]]]:
    """Return the number and texts of the given captions on the server, by task."""
    found = client.call(client.sdk.predictions.list, project=project)
    return {
        int(entry.task): (int(entry.id), _texts(entry.result or []))
        for entry in found
        if entry.model_version == VERSION
    }


def _send(client: Client, project: int, batch: list[dict[str, Any]]) -> None:
    client.call(client.sdk.projects.import_predictions, safe=False, id=project, request=batch)


def _texts(result: Sequence[Any]) -> list[str]:
    """Return the texts of a prediction's result."""
    return [
        "\n".join(part["value"]["text"])
        for part in result
        if isinstance(part, dict) and isinstance(part.get("value", {}).get("text"), list)
    ]
