"""What a pull reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.studio.sync.deletions import Deletion


@dataclass(slots=True)
class PullReport:
    """What a pull brought.

    Attributes:
        new: Annotations seen for the first time.
        changed: Annotations with a new revision.
        corrected: Sentences that were sent back and are written anew.
        reopened: Accepted sentences that were changed, and so have to be accepted anew:
            ``{"image", "annotator", "sentences"}``, the numbers on the page.
        deleted: Annotations that were deleted on the server; their revisions are kept.
        deletions: Each of them; see :class:`~rsitmd_tools.studio.sync.deletions.Deletion`.
        removed_tasks: Images whose task was deleted on the server; a push makes it anew.
        adopted_tasks: Images whose task has another number on the server now.
        skipped: Skips seen for the first time; somebody passed over a task.
        drafts: Tasks in which somebody has begun and not submitted, among those looked at.
        blank: Sentences asked for that the new and changed annotations lack.
        incomplete: These annotations: ``{"image", "annotator", "missing"}``, the numbers of
            the sentences on the page.
        doubled: Annotations, among those looked at, that the server made twice of one request;
            they count once.
        folded: Sentences written on several lines; each is one line now.
        tasks: Tasks looked at.
        accepted: People who have accepted the licence since.
        foreign: New and changed annotations whose last change was made by somebody else
            than their author: ``{"image", "annotator", "changed_by"}``.
        unknown_tasks: Tasks of the project that this workspace did not make.
        unread: Texts in fields that are not read: ``{"image", "annotator", "field", "texts"}``.
        changed_pages: Projects whose page was changed on the server: ``{"project",
            "renamed"}``; the texts in renamed fields are read as those of the old name.
        lost_projects: Numbers of projects that are gone from the server.
        removed: People whose account was removed on the server; the next push gives their
            images to others.
    """

    new: int = 0
    changed: int = 0
    corrected: int = 0
    reopened: list[dict[str, Any]] = field(default_factory=list)
    deleted: int = 0
    deletions: list[Deletion] = field(default_factory=list)
    removed_tasks: list[str] = field(default_factory=list)
    adopted_tasks: list[str] = field(default_factory=list)
    skipped: int = 0
    drafts: int = 0
    blank: int = 0
    incomplete: list[dict[str, Any]] = field(default_factory=list)
    doubled: int = 0
    folded: int = 0
    tasks: int = 0
    accepted: int = 0
    foreign: list[dict[str, str]] = field(default_factory=list)
    unknown_tasks: list[int] = field(default_factory=list)
    unread: list[dict[str, Any]] = field(default_factory=list)
    changed_pages: list[dict[str, Any]] = field(default_factory=list)
    lost_projects: list[int] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
