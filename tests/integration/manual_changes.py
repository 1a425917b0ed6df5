"""Changes that a person makes on the server by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    pass


def project_of(workspace: Workspace) -> int:
    return int(workspace.db.execute("SELECT server_id FROM project").fetchone()[0])


def tasks_of(workspace: Workspace, client: Client) -> list[Any]:
    return [task for page in client.pages(project_of(workspace)) for task in page]


def import_practice(workspace: Workspace, client: Client) -> int:
    """Import a picture that is not ours by hand; return its task's number."""
    first = tasks_of(workspace, client)[0].data
    data = dict.fromkeys(first, "") | {"image": first["image"], "filename": "practice.png"}
    made = client.sdk.projects.import_tasks(
        id=project_of(workspace), request=[{"data": data}], return_task_ids=True
    )
    return int(made.task_ids[0])


def api(client: Client, method: str, path: str, **options: Any) -> Any:
    answer = client.sdk._client_wrapper.httpx_client.request(path, method=method, **options)
    assert answer.status_code < 300, answer.text
    return answer


def export_delete_import(workspace: Workspace, client: Client) -> None:
    """Move a project as the server's maintainers advise: export, delete all, import."""
    number = project_of(workspace)
    exported = api(client, "GET", f"api/projects/{number}/export", params={"exportType": "JSON"})
    api(
        client,
        "POST",
        "api/dm/actions",
        params={"id": "delete_tasks", "project": number},
        json={"project": number, "selectedItems": {"all": True, "excluded": []}},
    )
    api(client, "POST", f"api/projects/{number}/import", json=exported.json())
