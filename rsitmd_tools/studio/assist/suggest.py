"""Keywords that the page offers to tick: those of the scene's class, a few tasks ahead.

A prediction would stand in the field as if the annotator had written it, and be submitted
untouched. So the words stand in the task's data, and the page offers them unticked.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rsitmd_tools.annotation_templates import SUGGESTED
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.assist.adviser import Adviser
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.studio.sync.task_data import OtherTask, change_data

AHEAD = 20  # open tasks of a project that are kept ready; as many people can work at once


def suggest_ahead(client: Client, studio: Path, project: int, adviser: Adviser) -> int:
    """Offer keywords in the next open tasks of a project.

    Args:
        client: The server.
        studio: The workspace's folder ``studio/``.
        project: The project's number on the server.
        adviser: Knows what others gave to scenes of the same class.

    Returns:
        How many tasks got other keywords than they had.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    query = {
        "ordering": ["tasks:id"],
        "filters": {
            "conjunction": "and",
            "items": [
                {
                    "filter": "filter:tasks:completed_at",
                    "operator": "empty",
                    "type": "Datetime",
                    "value": "true",
                }
            ],
        },
    }
    page = client.call(
        client.sdk.tasks.list,
        project=project,
        fields="task_only",
        query=json.dumps(query),
        page=1,
        page_size=AHEAD,
        resolve_uri=False,
    )
    changed = 0
    for task in page.items or []:
        # Somebody may have ticked one of those that are there.
        used = bool(task.total_annotations or task.draft_exists)
        if _offer(task.data or {}, adviser, (), used) == (task.data or {}).get(SUGGESTED):
            continue

        def offered(data: Mapping[str, Any], used: bool = used) -> dict[str, Any] | None:
            there = SUGGESTED in data
            return {**data, SUGGESTED: _offer(data, adviser, (), used)} if there else None

        with contextlib.suppress(OtherTask):  # deleted since the list was made
            changed += change_data(client, studio, int(task.id), key_of(task), offered)
    return changed


def offer_more(
    data: Mapping[str, Any], adviser: Adviser, sentences: Sequence[str]
) -> dict[str, Any]:
    """Return a task's data with keywords added that fit what was written for it.

    Its annotator sees them when the task comes back.
    """
    if SUGGESTED not in data:  # a page that offers none
        return dict(data)
    return {**data, SUGGESTED: _offer(data, adviser, sentences, used=True)}


def _offer(
    data: Mapping[str, Any], adviser: Adviser, sentences: Sequence[str], used: bool
) -> list[dict[str, str]] | None:
    """Return what the page offers; None where it offers nothing."""
    if SUGGESTED not in data:
        return None
    words = adviser.keywords(str(data.get("category", "")), sentences)
    if not used:
        return [{"value": word} for word in words]
    old = data[SUGGESTED] if isinstance(data[SUGGESTED], list) else []
    there = [str(entry["value"]) for entry in old if isinstance(entry, dict) and "value" in entry]
    most = max(len(there), 2 * adviser.keywords_max)
    return [{"value": word} for word in list(dict.fromkeys([*there, *words]))[:most]]
