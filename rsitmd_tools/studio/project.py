"""The project of a campaign on the server: found again or made, never twice."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.annotation_templates import guide, labeling_config
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.client import Client
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

TEMPLATE = "captioning"


def ensure_project(workspace: Workspace, client: Client) -> tuple[int, int]:
    """Return ``(row, number on the server)`` of the shared project, made when absent.

    The workspace's key stands in the project's description. A run that was killed after
    the server had made the project finds it there again.
    """
    row = workspace.db.execute(
        "SELECT id, server_id FROM project WHERE server = ? AND annotator_id IS NULL",
        (client.connection.key,),
    ).fetchone()
    if row is not None:
        client.call(client.sdk.projects.get, id=row["server_id"])
        _ensure_storage(workspace, client, row["server_id"])
        return int(row["id"]), int(row["server_id"])
    marker = f"rsitmd-tools campaign {_campaign_key(workspace)}"
    number = _find(client, marker)
    if number is None:
        number = _make(workspace, client, marker)
    _ensure_storage(workspace, client, number)
    with workspace.transaction() as db:
        cursor = db.execute(
            "INSERT INTO project (server, server_id, template, created_at) VALUES (?, ?, ?, ?)",
            (client.connection.key, number, TEMPLATE, utc_now()),
        )
    assert cursor.lastrowid is not None
    return cursor.lastrowid, number


def _campaign_key(workspace: Workspace) -> str:
    import uuid

    key = workspace.fact("campaign")
    if key is None:
        key = str(uuid.uuid4())
        with workspace.transaction():
            workspace.set_fact("campaign", key)
    return key


def _find(client: Client, marker: str) -> int | None:
    for project in client.call(client.sdk.projects.list):
        if project.description == marker:
            return int(project.id)
    return None


def _make(workspace: Workspace, client: Client, marker: str) -> int:
    settings = workspace.settings.annotation
    title = workspace.settings.dataset.name[:45]
    project: Any = client.call(
        client.sdk.projects.create,
        safe=False,
        title=title if len(title) >= 3 else f"{title} dataset",
        description=marker,
        label_config=labeling_config(settings.sentences_per_annotator, settings.keywords_max),
        maximum_annotations=settings.annotators_per_image,
        expert_instruction=_as_html(guide()),
        show_instruction=True,
        show_skip_button=True,
        enable_empty_annotation=False,
    )
    return int(project.id)


def _ensure_storage(workspace: Workspace, client: Client, number: int) -> None:
    """Connect the folder of renditions, from which the server shows the images."""
    if client.connection.images != "local":
        return
    path = str((workspace.renditions / "images").resolve())
    storages = client.call(client.sdk.import_storage.local.list, project=number)
    if any(storage.path == path for storage in storages):
        return
    try:
        client.call(
            client.sdk.import_storage.local.create,
            safe=False,
            project=number,
            path=path,
            use_blob_urls=True,
            title="images",
        )
    except RsitmdError as error:
        raise RsitmdError(
            "the server cannot read the images from this folder",
            where=path,
            mend="set LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT on the server to its parent "
            f"({error.what})",
        ) from error


def _as_html(markdown: str) -> str:
    """Turn the guide's few Markdown marks into HTML; the server shows nothing else."""
    import html
    import re

    lines = []
    for block in markdown.strip().split("\n\n"):
        text = html.escape(" ".join(line.strip() for line in block.splitlines()), quote=False)
        text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
        text = re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)
        text = re.sub(r"(?<= )(\d)\. (?=<b>)", r"<br>\1. ", text)
        heading = text.startswith("# ")
        lines.append(f"<h3>{text[2:]}</h3>" if heading else f"<p>{text}</p>")
    return "\n".join(lines)
