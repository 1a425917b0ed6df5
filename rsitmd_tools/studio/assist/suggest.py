"""Keyword suggestions that annotators can tick on the labeling page, prepared a few tasks ahead.

A prediction would prefill the field as if the annotator had written it, and could be submitted
unchanged. So suggestions are stored in the task data, and the page shows them unticked.
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
from rsitmd_tools.text.fold import folded

AHEAD = 20  # open tasks of a project prepared in advance; at least the number of active annotators


def suggest_ahead(client: Client, studio: Path, project: int, adviser: Adviser) -> int:
    """Suggest keywords in the next open tasks of a project.

    Args:
        client: The server.
        studio: The workspace's folder ``studio/``.
        project: The project's number on the server.
        adviser: Source of the keywords.

    Returns:
        Number of tasks whose suggestions changed.

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
        # An annotator may already have ticked an existing suggestion.
        used = bool(task.total_annotations or task.draft_exists)
        if _offer(task.data or {}, adviser, (), used) == (task.data or {}).get(SUGGESTED):
            continue

        def offered(data: Mapping[str, Any], used: bool = used) -> dict[str, Any] | None:
            there = SUGGESTED in data
            return {**data, SUGGESTED: _offer(data, adviser, (), used)} if there else None

        with contextlib.suppress(OtherTask):  # deleted after the list was read
            key = key_of(task)
            changed += change_data(client, studio, int(task.id), key, offered) is not None
    return changed


def offer_more(
    data: Mapping[str, Any], adviser: Adviser, sentences: Sequence[str]
) -> dict[str, Any]:
    """Return the data of a task with added suggestions that fit its sentences.

    The annotator sees them when the task is opened again.
    """
    if SUGGESTED not in data:  # the page has no suggestions
        return dict(data)
    return {**data, SUGGESTED: _offer(data, adviser, sentences, used=True)}


def _offer(
    data: Mapping[str, Any], adviser: Adviser, sentences: Sequence[str], used: bool
) -> list[dict[str, str]] | None:
    """Return the suggestions in the server's form; None if the page has none."""
    if SUGGESTED not in data:
        return None
    words = adviser.keywords(str(data.get("category", "")), sentences)
    if not used:
        return [{"value": word} for word in words]
    old = data[SUGGESTED] if isinstance(data[SUGGESTED], list) else []
    there = [str(entry["value"]) for entry in old if isinstance(entry, dict) and "value" in entry]
    limit = max(len(there), 2 * adviser.keywords_max)
    known = set(map(folded, there))
    new = [word for word in words if folded(word) not in known]
    return [{"value": word} for word in list(dict.fromkeys([*there, *new]))[:limit]]
