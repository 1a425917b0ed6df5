"""A tab of the data manager that shows a person what was sent back to them."""

from __future__ import annotations

import sqlite3
from typing import Any

from rsitmd_tools.studio.client import Client
from rsitmd_tools.studio.notes import SENT_BACK_NOTE
from rsitmd_tools.workspace import Workspace

TITLE = "Sent back"


def ensure_sent_back_tab(workspace: Workspace, client: Client, project: sqlite3.Row) -> int:
    """Return the number of the tab in a project; it is made where there is none."""
    views: list[Any] = client.call(client.sdk.views.list, project=project["server_id"])
    for view in views:
        if _title(view) == TITLE:
            return int(view.id)
    made = client.call(
        client.sdk.views.create,
        safe=False,
        project=project["server_id"],
        data={
            "title": TITLE,
            "type": "list",
            "target": "tasks",
            "filters": {
                "conjunction": "and",
                "items": [
                    {
                        "filter": "filter:tasks:data.note",
                        "operator": "contains",
                        "type": "String",
                        "value": SENT_BACK_NOTE,
                    }
                ],
            },
        },
    )
    return int(made.id)


def _title(view: Any) -> str:
    data = view.data if isinstance(view.data, dict) else vars(view.data or object)
    return str(data.get("title", ""))
