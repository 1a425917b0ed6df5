"""What one person has still to do, for the pages of the embedded server.

This runs in the server's process and reads its database through the server's own models. It
answers for the person who is signed in and shows nothing of what others wrote.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from rsitmd_tools.studio.page.sent_back import notes_to
from rsitmd_tools.studio.page.written import written
from rsitmd_tools.studio.sync.notes import SENT_BACK_NOTE

LEAD = "LABEL_STUDIO_USERNAME"
SHARED = "shared"
LICENCE = "licence"
# A closed project's description ends with "(closed)", so it does not match.
_MARKER = re.compile(
    r"rsitmd-tools campaign (?P<campaign>\S+)(?: (?P<kind>main|pilot|licence) (?P<of>\S+))?"
)
# The server writes the time of an annotation and then that of its task, in one request.
_SAME_CHANGE = timedelta(seconds=1)


class Violation(NamedTuple):
    """A project of a campaign in which a person has something to do.

    Attributes:
        project: The server's project.
        campaign: The campaign's key.
        kind: ``main``, ``pilot``, ``shared`` or ``licence``.
    """

    project: Any
    campaign: str
    kind: str


def queue_of(user: Any, project: int | None = None) -> dict[str, Any]:
    """Return the projects of a person, how far they are, and what was sent back to them.

    Args:
        user: The signed-in user of the server.
        project: Only the campaign that this project belongs to; all campaigns when None.

    Returns:
        ``restricted``, ``project`` (as asked), ``projects`` (``id``, ``title``, ``kind``,
        ``campaign``, ``url``, ``images``, ``done``, ``left``, ``skipped``, ``sent_back``,
        ``unsubmitted``) and ``licences`` (``id``, ``campaign``, ``url``, ``accepted``).
    """
    places = list(places_of(user))
    if project is not None:
        campaigns = {place.campaign for place in places if place.project.id == project}
        places = [place for place in places if place.campaign in campaigns]
    return {
        "restricted": is_restricted(user),
        "project": project,
        "projects": [_progress(place, user) for place in places if place.kind != LICENCE],
        "licences": [_licence(place, user) for place in places if place.kind == LICENCE],
    }


def places_of(user: Any) -> Iterator[Violation]:
    """Yield the open projects of the campaigns in which a person takes part.

    These are their own projects, projects that everybody shares, and the newest page of the
    licence of each of these campaigns.
    """
    from projects.models import Project

    found = [
        (project, marker)
        for project in Project.objects.filter(
            organization=user.active_organization, description__startswith="rsitmd-tools campaign "
        ).order_by("-id")
        if (marker := _MARKER.fullmatch((project.description or "").strip()))
    ]
    places = [
        Violation(project, marker["campaign"], marker["kind"] or SHARED)
        for project, marker in found
        if marker["kind"] != LICENCE and marker["of"] in (None, user.email)
    ]
    yield from sorted(places, key=lambda place: (place.kind == "pilot", -place.project.id))
    asked = set()
    for project, marker in found:
        campaign = marker["campaign"]
        part = any(place.campaign == campaign for place in places)
        if marker["kind"] == LICENCE and part and campaign not in asked:
            asked.add(campaign)  # an older text is not asked for any more
            yield Violation(project, campaign, LICENCE)


def is_restricted(user: Any) -> bool:
    """Say whether the lists of projects show a person their own projects alone.

    The lead sees everything, and so does whoever created a project. The open edition has no
    roles: this keeps the pages simple and protects nothing.
    """
    from projects.models import Project

    if user.email == os.environ.get(LEAD) or user.is_staff:
        return False
    return not Project.objects.filter(created_by=user).exists()


def _progress(place: Violation, user: Any) -> dict[str, Any]:
    from tasks.models import Annotation, Task

    project = place.project
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
        "kind": place.kind,
        "campaign": place.campaign,
        "url": f"/projects/{project.id}/data?labeling=1",
        "images": len(written) + len(skipped) + left,
        "done": len(written),
        "left": left,
        "skipped": len(skipped),
        "sent_back": list(_sent_back(project, user)),
        "unsubmitted": list(_unsubmitted(project, user)),
    }


def _sent_back(project: Any, user: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks whose note sends a sentence back to a person.

    A pull takes the note away after the person changed the sentence. Until then ``changed``
    says that it waits for that pull.
    """
    from django.db.models.fields.json import KeyTextTransform
    from tasks.models import Annotation, Task

    own = Annotation.objects.filter(project=project, completed_by=user, was_cancelled=False)
    changes = dict(own.order_by("updated_at").values_list("task_id", "updated_at"))
    tasks = (
        Task.objects.filter(project=project, id__in=own.values("task_id"))
        .annotate(note_text=KeyTextTransform("note", "data"))
        .filter(note_text__contains=SENT_BACK_NOTE)
        .order_by("id")
    )
    for task in tasks:
        notes = notes_to(str(task.data["note"]), user.email)
        if notes:
            yield {
                **_link(task),
                "notes": notes,
                "changed": changes[task.id] >= task.updated_at - _SAME_CHANGE,
            }


def _unsubmitted(project: Any, user: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks whose annotation by a person has changes that are saved as a draft alone."""
    from tasks.models import AnnotationDraft

    drafts = (
        AnnotationDraft.objects.filter(
            task__project=project, user=user, annotation__completed_by=user
        )
        .select_related("task", "annotation")
        .order_by("task_id", "id")
    )
    # The page opens the latest draft of an annotation.
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


def _licence(place: Violation, user: Any) -> dict[str, Any]:
    from tasks.models import Annotation

    accepted = Annotation.objects.filter(
        project=place.project, completed_by=user, was_cancelled=False, result_count__gt=0
    )
    return {
        "id": place.project.id,
        "campaign": place.campaign,
        "url": f"/projects/{place.project.id}/data?labeling=1",
        "accepted": accepted.exists(),
    }
