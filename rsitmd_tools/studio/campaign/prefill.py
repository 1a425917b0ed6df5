"""``annotate prefill``: captions that annotators take and change, as predictions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.annotation_templates import sentence_slots
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.identity import look_at_tasks
from rsitmd_tools.studio.sync.results import as_result, one_line
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

BATCH = 500


@dataclass(slots=True)
class PrefillReport:
    """What was given.

    Attributes:
        images: Images of the workspace for which there are captions.
        captions: Captions kept.
        unknown: Images of the file that the workspace has not.
        sent: Predictions made on the server.
        known: Predictions that stood there already.
        replaced: Predictions whose text changed.
    """

    images: int = 0
    captions: int = 0
    unknown: int = 0
    sent: int = 0
    known: int = 0
    replaced: int = 0


def keep_captions(
    workspace: Workspace, path: Path, model: str, input_format: str | None = None
) -> PrefillReport:
    """Read captions and keep them in the workspace; those of the same model are replaced.

    Args:
        workspace: The workspace, open to write.
        path: A dataset in any registered format; images are found by file name without
            its ending.
        model: Name and version of what made them, or a dataset's name.
        input_format: Format of the dataset; recognised when None.

    Raises:
        RsitmdError: It cannot be read, or has no caption for an image of the workspace.
    """
    if not model.strip():
        raise WrongUsage("the captions have no origin", hint="name it with --model")
    report = PrefillReport()
    images = {
        Path(row["filename"]).stem: row["id"]
        for row in workspace.db.execute("SELECT id, filename FROM image")
    }
    rows: list[tuple[int, int, str, str, str]] = []
    for record in load_dataset(path, input_format):
        image = images.get(Path(record.filename).stem)
        texts = [text for text in map(one_line, record.captions) if text]
        if image is None:
            report.unknown += 1
            continue
        report.images += bool(texts)
        rows += [(image, slot, text, model, utc_now()) for slot, text in enumerate(texts, 1)]
    report.captions = len(rows)
    if not rows:
        raise RsitmdError(
            "holds no caption for an image of this workspace",
            where=path,
            hint="let its file names be those of the workspace, whatever the ending",
        )
    given = {row[0] for row in rows}
    with workspace.transaction() as db:
        db.executemany(
            "DELETE FROM prediction WHERE model = ? AND image_id = ?",
            [(model, image) for image in given],
        )
        db.executemany(
            "INSERT INTO prediction (image_id, slot, raw, model, added_at) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
    return report


def send_predictions(workspace: Workspace, client: Client, report: PrefillReport) -> None:
    """Bring the captions to the tasks that are on the server; again sends what is missing.

    A pilot gets none. The project shows the newest model's captions to whoever opens a task.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    asked = workspace.settings.annotation.sentences_asked
    for project in workspace.db.execute(
        "SELECT id, server_id FROM project WHERE server = ? AND kind = 'main'"
        " AND closed_at IS NULL ORDER BY id",
        (client.connection.key,),
    ).fetchall():
        look_at_tasks(workspace, client, project["id"], project["server_id"])
        wanted = _wanted(workspace, project["id"], len(sentence_slots(asked)))
        if not wanted:
            continue
        there = _on_server(client, project["server_id"])
        missing = []
        for (task, model), result in wanted.items():
            number, texts = there.get((task, model), (None, None))
            if texts == _texts(result):
                report.known += 1
                continue
            if number is not None:
                client.call(client.sdk.predictions.delete, id=number)
                report.replaced += 1
            missing.append({"task": task, "result": result, "model_version": model})
        with progress("prefill", len(missing)) as step:
            for first in range(0, len(missing), BATCH):
                _send(client, project["server_id"], missing[first : first + BATCH])
                report.sent += len(missing[first : first + BATCH])
                step(len(missing[first : first + BATCH]))
        newest = list(wanted)[-1][1]
        client.call(
            client.sdk.projects.update,
            id=project["server_id"],
            model_version=newest,
            show_collab_predictions=True,
        )


def _wanted(
    workspace: Workspace, project: int, slots: int
) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Return the prediction's result by task and model, in the order in which they came."""
    if not slots:
        return {}
    rows: Sequence[sqlite3.Row] = workspace.db.execute(
        "SELECT task.server_id, model, raw FROM prediction JOIN task USING (image_id)"
        " WHERE project_id = ? AND task.server_id > 0 ORDER BY"
        " (SELECT max(id) FROM prediction AS other WHERE other.model = prediction.model),"
        " task.id, slot",
        (project,),
    ).fetchall()
    texts: dict[tuple[int, str], list[str]] = {}
    for row in rows:
        texts.setdefault((row["server_id"], row["model"]), []).append(row["raw"])
    return {key: as_result(found[:slots], [])[:-1] for key, found in texts.items()}


def _on_server(client: Client, project: int) -> dict[tuple[int, str], tuple[int, list[str]]]:
    found = client.call(client.sdk.predictions.list, project=project)
    return {
        (int(entry.task), str(entry.model_version)): (int(entry.id), _texts(entry.result or []))
        for entry in found
    }


def _send(client: Client, project: int, batch: list[dict[str, Any]]) -> None:
    client.call(client.sdk.projects.import_predictions, safe=False, id=project, request=batch)


def _texts(result: Sequence[Any]) -> list[str]:
    return [
        "\n".join(part["value"]["text"])
        for part in result
        if isinstance(part, dict) and isinstance(part.get("value", {}).get("text"), list)
    ]
