"""Open work of one user, for the pages of the embedded server.

This runs in the server process and reads the database through Label Studio's models. It answers
for the signed-in user and never shows the text of others.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from rsitmd_tools.studio.page.sent_back import notes_to, unchanged_notes
from rsitmd_tools.studio.page.written import written
from rsitmd_tools.studio.sync.notes import SENT_BACK, SENT_BACK_NOTE

LEAD = "LABEL_STUDIO_USERNAME"
SHARED = "shared"
LICENCE = "licence"
_MARKER = re.compile(
    r"rsitmd-tools campaign (?P<campaign>\S+)(?: (?P<kind>main|pilot|licence) (?P<of>\S+))?"
    r"(?P<closed> \(closed\))?"
)
# One request writes the time of an annotation and, slightly later, that of its task.
_SAME_CHANGE = timedelta(seconds=1)


class CampaignProject(NamedTuple):
    """A project of a campaign in which a user has work.

    Attributes:
        project: Label Studio's project.
        campaign: The campaign's key.
        kind: ``main``, ``pilot``, ``shared`` or ``licence``.
        closed: Closed projects of the campaign. Sentences in them can be sent back.
    """

    project: Any
    campaign: str
    kind: str
    closed: Sequence[Any] = ()


def queue_of(user: Any, project: int | None) -> dict[str, Any]:
    """Return the projects of a user, their progress, and what was sent back to them.

    Args:
        user: The signed-in user.
        project: Limit the answer to the campaign of this project; None for all campaigns.

    Returns:
        ``restricted``, ``project`` (as requested), ``projects`` (``id``, ``title``, ``kind``,
        ``campaign``, ``url``, ``images``, ``done``, ``left``, ``skipped``, ``sent_back``,
        ``unsubmitted``) and ``licences`` (``id``, ``campaign``, ``url``, ``accepted``).
    """
    entries = list(projects_of(user))
    if project is not None:
        campaigns = {entry.campaign for entry in entries if entry.project.id == project}
        entries = [entry for entry in entries if entry.campaign in campaigns]
    return {
        "restricted": is_restricted(user),
        "project": project,
        "projects": [_progress(entry, user) for entry in entries if entry.kind != LICENCE],
        "licences": [_licence(entry, user) for entry in entries if entry.kind == LICENCE],
    }


def projects_of(user: Any) -> Iterator[CampaignProject]:
    """Yield the open projects of the campaigns of a user.

    These are the user's own projects, shared projects, and the newest licence project of each of
    these campaigns.
    """
    from projects.models import Project

    found = [
        (project, marker)
        for project in Project.objects.filter(
            organization=user.active_organization, description__startswith="rsitmd-tools campaign "
        ).order_by("-id")
        if (marker := _MARKER.fullmatch((project.description or "").strip()))
    ]
    closed: dict[str, list[Any]] = defaultdict(list)
    for project, marker in found:
        if marker["closed"] and marker["kind"] not in (LICENCE, "pilot"):
            closed[marker["campaign"]].append(project)
    entries = [
        CampaignProject(project, marker["campaign"], marker["kind"] or SHARED)
        for project, marker in found
        if marker["kind"] != LICENCE
        and not marker["closed"]
        # The lead can have typed an address in another case before the sign-up.
        and (marker["of"] or user.email).lower() == user.email.lower()
    ]
    for entry in sorted(entries, key=lambda entry: (entry.kind == "pilot", -entry.project.id)):
        yield entry._replace(closed=closed.pop(entry.campaign, ()))  # with the first one only
    asked = set()
    for project, marker in found:
        campaign = marker["campaign"]
        part = any(entry.campaign == campaign for entry in entries)
        if marker["kind"] == LICENCE and not marker["closed"] and part and campaign not in asked:
            asked.add(campaign)  # older licence texts need no answer
            yield CampaignProject(project, campaign, LICENCE)


def is_restricted(user: Any) -> bool:
    """Return whether the project lists show a user only their own projects.

    The lead and users who created a project see all projects. The open edition has no roles: this
    keeps the pages simple, but is not access control.
    """
    from projects.models import Project

    if user.email == os.environ.get(LEAD) or user.is_staff:
        return False
    return not Project.objects.filter(created_by=user).exists()


def _progress(entry: CampaignProject, user: Any) -> dict[str, Any]:
    from tasks.models import Annotation, Task

    project = entry.project
    own = Annotation.objects.filter(project=project, completed_by=user, task__isnull=False)
    written = set(own.filter(was_cancelled=False).values_list("task_id", flat=True))
    skipped = set(own.filter(was_cancelled=True).values_list("task_id", flat=True)) - written
    left = (
        Task.objects.filter(project=project, is_labeled=False)
        .exclude(id__in=own.values("task_id"))
        .count()
    )
    return {
        "id": project.id,
        "title": project.title,
        "kind": entry.kind,
        "campaign": entry.campaign,
        "url": f"/projects/{project.id}/data?labeling=1",
        "images": len(written) + len(skipped) + left,
        "done": len(written),
        "left": left,
        "skipped": len(skipped),
        "sent_back": list(_sent_back([project, *entry.closed], user)),
        "unsubmitted": list(_unsubmitted([project, *entry.closed], user)),
    }


def _sent_back(projects: Sequence[Any], user: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks whose note sends a sentence back to a user.

    ``notes`` are those on sentences that the user has not changed yet. ``changed`` is true if
    there are none; the next pull then removes the note.
    """
    from django.db.models.fields.json import KeyTextTransform
    from tasks.models import Annotation, Task

    own = Annotation.objects.filter(project__in=projects, completed_by=user, was_cancelled=False)
    tasks = (
        Task.objects.filter(project__in=projects, id__in=own.values("task_id"))
        .annotate(note_text=KeyTextTransform("note", "data"))
        .filter(note_text__contains=SENT_BACK_NOTE)
        .order_by("id")
    )
    for task in tasks:
        notes = notes_to(str(task.data["note"]), user.email)
        if not notes:
            continue
        annotations = list(own.filter(task=task).order_by("updated_at"))
        if SENT_BACK in task.data:
            results = [annotation.result for annotation in annotations]
            notes = unchanged_notes(notes, task.data[SENT_BACK], user.email, results)
        elif annotations[-1].updated_at >= task.updated_at - _SAME_CHANGE:
            notes = []  # a note of an earlier version: any change counts
        yield {**_link(task), "notes": notes, "changed": not notes}


def _unsubmitted(projects: Sequence[Any], user: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks in which a user has changes that are saved only as a draft."""
    from tasks.models import AnnotationDraft

    drafts = (
        AnnotationDraft.objects.filter(
            task__project__in=projects, user=user, annotation__completed_by=user
        )
        .select_related("task", "annotation")
        .order_by("task_id", "id")
    )
    # Label Studio opens the latest draft of an annotation.
    latest = {draft.annotation_id: draft for draft in drafts}
    changed = {
        draft.task_id: draft.task
        for draft in latest.values()
        if written(draft.result) != written(draft.annotation.result)
    }
    yield from map(_link, changed.values())


def _link(task: Any) -> dict[str, Any]:
    return {
        "task": task.id,
        "image": str(task.data.get("filename") or f"task {task.id}"),
        "url": f"/projects/{task.project_id}/data?task={task.id}",
    }


def _licence(entry: CampaignProject, user: Any) -> dict[str, Any]:
    from tasks.models import Annotation

    accepted = Annotation.objects.filter(
        project=entry.project, completed_by=user, was_cancelled=False, result_count__gt=0
    )
    return {
        "id": entry.project.id,
        "campaign": entry.campaign,
        "url": f"/projects/{entry.project.id}/data?labeling=1",
        "accepted": accepted.exists(),
    }
