"""The licence on the server: a project with one task that every annotator answers once.

The sign-up page of the open-source edition cannot show a licence, and the instructions of a
project do not record who has read them. An annotation records who accepted, and when.
"""

from __future__ import annotations

import importlib.resources
import logging
from collections.abc import Iterator
from typing import Any

from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.sync.accounts import ServerAccounts
from rsitmd_tools.studio.sync.projects import campaign_key, project_title
from rsitmd_tools.studio.sync.results import annotations_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.licence import Licence, licence_of, record

CHOICE = "licence"  # the field in annotation_templates/licence.xml
ACCEPTED = "I accept"
MOST_ANNOTATORS = 10_000  # maximum number of answers to the task
log = logging.getLogger(__name__)


def ask(workspace: Workspace, client: Client) -> str | None:
    """Create the page on which annotators accept the licence, unless it exists.

    Returns:
        The path of the page on the server; None if the settings require no licence.

    Raises:
        RsitmdError: The server refuses or is unreachable, or the licence cannot be read.
    """
    licence = licence_of(workspace)
    if licence is None:
        return None
    project = _find(workspace, client, licence)
    if project is None:
        project = client.call(
            client.sdk.projects.create,
            safe=False,
            title=project_title(f"Licence: {workspace.settings.dataset.name}"),
            description=_marker(workspace, licence),
            label_config=_page(),
            maximum_annotations=MOST_ANNOTATORS,
            show_skip_button=False,
            enable_empty_annotation=False,
        )
    if not project.task_number:  # an interrupted run may have created the project only
        client.call(
            client.sdk.projects.import_tasks,
            safe=False,
            id=project.id,
            request=[{"data": {"text": licence.text}}],
        )
    return f"/projects/{project.id}/data?labeling=1"


def greeting(path: str | None) -> str:
    """Return the text before the guide in the instructions of a project, Markdown.

    Args:
        path: Path of the licence page on the server; None if no licence is required.
    """
    if path is None:
        return ""
    # Without the fragment, Label Studio changes the address and does not load the page.
    link = f"[read and accept the licence of what you write]({path}#licence)"
    return f"**If you have not done so yet: {link}.**\n\n"


def collect(workspace: Workspace, client: Client, accounts: ServerAccounts) -> int:
    """Record who has accepted the licence since the last pull.

    An answer does not count if another account changed it, or if the text of the licence was
    changed on the server.

    Returns:
        The number of annotators who are recorded for the first time.

    Raises:
        RsitmdError: The server refuses or is unreachable, or the licence cannot be read.
    """
    licence = licence_of(workspace)
    project = None if licence is None else _find(workspace, client, licence)
    if licence is None or project is None:
        return 0
    new = 0
    for page in client.pages(int(project.id)):
        for task in page:
            if (task.data or {}).get("text") != licence.text:
                log.warning(
                    "task %s shows another text than the licence: answers to it are not recorded",
                    task.id,
                )
                continue
            with workspace.transaction():
                for author, when in _acceptances(task):
                    new += record(workspace, licence, accounts.row(author), when)
    return new


def _page() -> str:
    folder = importlib.resources.files("rsitmd_tools.annotation_templates")
    return (folder / "licence.xml").read_text(encoding="utf-8")


def _acceptances(task: Any) -> Iterator[tuple[Any, str]]:
    """Yield the accounts that accepted in a task themselves, and when."""
    for entry in annotations_of(task):
        author, last = entry.get("completed_by"), entry.get("updated_by")
        # Without author: the account was deleted.
        own = bool(author) and (last is None or _number(last) == _number(author))
        if own and not entry.get("was_cancelled") and _accepts(entry.get("result") or []):
            yield author, server_time(entry["created_at"])


def _accepts(result: list[Any]) -> bool:
    return any(
        isinstance(part, dict)
        and part.get("from_name") == CHOICE
        and (part.get("value") or {}).get("choices") == [ACCEPTED]
        for part in result
    )


def _number(user: Any) -> Any:
    return user.get("id") if isinstance(user, dict) else user


def _find(workspace: Workspace, client: Client, licence: Licence) -> Any | None:
    marker = _marker(workspace, licence)
    listed = client.call(lambda: list(client.sdk.projects.list()))
    return next((project for project in listed if project.description == marker), None)


def _marker(workspace: Workspace, licence: Licence) -> str:
    """Return the description of the licence project; each text of a licence has its own."""
    return f"rsitmd-tools campaign {campaign_key(workspace)} licence {licence.sha256}"
