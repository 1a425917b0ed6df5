"""The licence on the server: a project of one task that everybody answers once.

The open edition's sign-up page takes no text of ours and no tick, and its instructions record
nothing. An annotation does: who, and when.
"""

from __future__ import annotations

import importlib.resources
import logging
from collections.abc import Iterator
from typing import Any

from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.sync.accounts import People
from rsitmd_tools.studio.sync.projects import campaign_key, project_title
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.licence import Licence, licence_of, record

CHOICE = "licence"  # the page's field, annotation_templates/licence.xml
ACCEPTED = "I accept"
MOST_PEOPLE = 10_000  # who can answer the one task
log = logging.getLogger(__name__)


def ask(workspace: Workspace, client: Client) -> str | None:
    """Make the page on which people accept, where it is not there yet.

    Returns:
        Its path on the server; None where the settings ask for no licence.

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
            maximum_annotations=MOST_PEOPLE,
            show_skip_button=False,
            enable_empty_annotation=False,
        )
    if not project.task_number:  # a run that was killed may have made the project alone
        client.call(
            client.sdk.projects.import_tasks,
            safe=False,
            id=project.id,
            request=[{"data": {"text": licence.text}}],
        )
    return f"/projects/{project.id}/data?labeling=1"


def greeting(path: str | None) -> str:
    """Return what stands before the guide in the instructions of a project, Markdown."""
    if path is None:
        return ""
    # With a # in it the server's page follows the link; else it changes the address alone.
    link = f"[read and accept the licence of what you write]({path}#licence)"
    return f"**First, once: {link}.**\n\n"


def collect(workspace: Workspace, client: Client, people: People) -> int:
    """Record who has accepted since.

    What somebody else than its author made or changed is no acceptance; nor is one of a text
    that was changed on the server.

    Returns:
        How many are new.

    Raises:
        RsitmdError: As in :func:`ask`.
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
                    "task %s shows another text than the licence: who accepts there is not"
                    " recorded",
                    task.id,
                )
                continue
            with workspace.transaction():
                for author, when in _acceptances(task):
                    new += record(workspace, licence, people.row(author), when)
    return new


def _page() -> str:
    folder = importlib.resources.files("rsitmd_tools.annotation_templates")
    return (folder / "licence.xml").read_text(encoding="utf-8")


def _acceptances(task: Any) -> Iterator[tuple[Any, str]]:
    """Yield who accepted in a task by their own hand, and when."""
    for annotation in task.annotations or []:
        entry = annotation if isinstance(annotation, dict) else annotation.model_dump()
        author, last = entry.get("completed_by"), entry.get("updated_by")
        own = last is None or _number(last) == _number(author)
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
    there = client.call(lambda: list(client.sdk.projects.list()))
    return next((project for project in there if project.description == marker), None)


def _marker(workspace: Workspace, licence: Licence) -> str:
    """Return what tells the project of one text: another text is asked for anew."""
    return f"rsitmd-tools campaign {campaign_key(workspace)} licence {licence.sha256}"
