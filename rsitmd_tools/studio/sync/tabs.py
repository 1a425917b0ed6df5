"""A tab of the data manager with the tasks that were sent back to an annotator."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.notes import SENT_BACK_NOTE
from rsitmd_tools.workspace import Workspace

TITLE = "Sent back"
EVERYTHING = "Default"  # Label Studio creates it only if there is no other tab
HIDDEN = (
    "inner_id", "completed_at", "cancelled_annotations", "total_predictions", "annotators",
    "annotations_results", "annotations_ids", "predictions_score", "predictions_results",
    "predictions_model_versions", "file_upload", "storage_filename", "created_at", "updated_at",
    "updated_by", "avg_lead_time", "draft_exists", "data.sha256",
)  # fmt: skip


def ensure_sent_back_tab(workspace: Workspace, client: Client, project: int) -> int:
    """Return the number of the tab in a project; it is created if it does not exist.

    Args:
        workspace: The workspace; it stores the number.
        client: The server.
        project: Number of the project on the server.
    """
    fact = f"tab.{client.connection.key}.{project}"
    known = workspace.fact(fact)
    if known is not None:
        return int(known)
    views: list[Any] = client.call(client.sdk.views.list, project=project)
    found = next((int(view.id) for view in views if _title(view) == TITLE), None)
    if found is None:
        if not views:
            _create(client, project, {"title": EVERYTHING})
        only = {
            "filter": "filter:tasks:data.note",
            "operator": "contains",
            "type": "String",
            "value": SENT_BACK_NOTE,
        }
        filters = {"conjunction": "and", "items": [only]}
        found = _create(client, project, {"title": TITLE, "filters": filters})
    with workspace.transaction():
        workspace.set_fact(fact, str(found))
    return found


def _create(client: Client, project: int, more: dict[str, Any]) -> int:
    hidden = [f"tasks:{name}" for name in HIDDEN]
    view = client.call(
        client.sdk.views.create,
        safe=False,
        project=project,
        data={
            "type": "list",
            "target": "tasks",
            "hiddenColumns": {"explore": hidden, "labeling": hidden},
            **more,
        },
    )
    return int(view.id)


def _title(view: Any) -> str:
    data = view.data if isinstance(view.data, dict) else vars(view.data or object)
    return str(data.get("title", ""))
