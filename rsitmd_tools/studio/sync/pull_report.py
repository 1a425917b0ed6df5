"""The report of a pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from rsitmd_tools.studio.sync.deletions import Deletion
from rsitmd_tools.studio.sync.pictures import ChangedPicture


class TaskCopy(TypedDict):
    """A second task of an image that has annotations, which are not stored.

    Attributes:
        image: File name of the image.
        task: Number of the task that the workspace created.
        copy: Number of the second task.
        annotators: Addresses of the authors of its annotations.
    """

    image: str
    task: int
    copy: int
    annotators: list[str]


@dataclass(slots=True)
class PullReport:
    """The result of a pull.

    Attributes:
        new: Number of annotations that are new.
        changed: Number of annotations with a new revision.
        corrected: Number of sentences that were sent back and are written again.
        reopened: Accepted sentences that were changed and have to be accepted again:
            ``{"image", "annotator", "sentences"}``, with the numbers on the labeling page.
        still_sent_back: Sentences of changed annotations that stay sent back, because their text
            is older than the decision; like ``reopened``.
        repeated: Sentences with words that their author has submitted for the image before, and
            about which a decision was made, by their state; like ``reopened``.
        deleted: Number of annotations that were deleted on the server; their revisions stay.
        deletions: These annotations, see
            :class:`~rsitmd_tools.studio.sync.deletions.Deletion`.
        removed_tasks: Images whose task was deleted on the server; a push creates it again.
        adopted_tasks: Images whose task has another number on the server now.
        skipped: Number of skips that are new.
        drafts: Number of tasks with a draft that was not submitted.
        blank: Number of sentences missing in the new and changed annotations.
        incomplete: These annotations: ``{"image", "annotator", "missing"}``, with the numbers
            of the missing sentences on the labeling page.
        doubled: Number of annotations, among the tasks that were read, that the server stored
            twice; they count once.
        folded: Number of sentences written on several lines; they are stored on one line.
        tasks: Number of tasks that were read.
        accepted: Number of annotators who have accepted the licence since the last pull.
        foreign: New and changed annotations that another account than the author's changed
            last: ``{"image", "annotator", "changed_by"}``.
        new_authors: Annotations whose author was changed on the server: ``{"image", "annotator",
            "before"}``, with the new author and the one before.
        authorless: New and changed annotations whose author the server does not know any more,
            with the annotator that they count for: ``{"image", "annotator"}``.
        strangers: New annotations in the project of another annotator: ``{"image", "annotator",
            "owner"}``.
        copies: Second tasks of an image with annotations, which are not stored.
        unknown_tasks: Numbers of other tasks in the project that the workspace did not create.
        unread: Texts in fields that are not read: ``{"image", "annotator", "field", "texts"}``.
        changed_pages: Projects whose labeling page was changed on the server: ``{"project",
            "renamed"}``. Texts in renamed fields are read.
        changed_pictures: Tasks that show another picture than the one that was sent, see
            :class:`~rsitmd_tools.studio.sync.pictures.ChangedPicture`.
        lost_projects: Numbers of open projects that were deleted on the server.
        removed: Annotators whose account was removed on the server; the next push assigns
            their open images to others.
    """

    new: int = 0
    changed: int = 0
    corrected: int = 0
    reopened: list[dict[str, Any]] = field(default_factory=list)
    still_sent_back: list[dict[str, Any]] = field(default_factory=list)
    repeated: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
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
    new_authors: list[dict[str, str]] = field(default_factory=list)
    authorless: list[dict[str, str]] = field(default_factory=list)
    strangers: list[dict[str, str]] = field(default_factory=list)
    copies: list[TaskCopy] = field(default_factory=list)
    unknown_tasks: list[int] = field(default_factory=list)
    unread: list[dict[str, Any]] = field(default_factory=list)
    changed_pages: list[dict[str, Any]] = field(default_factory=list)
    changed_pictures: list[ChangedPicture] = field(default_factory=list)
    lost_projects: list[int] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def add_deletions(self, deletions: Sequence[Deletion]) -> None:
        """Add annotations that were deleted on the server."""
        self.deletions += deletions
        self.deleted += len(deletions)
