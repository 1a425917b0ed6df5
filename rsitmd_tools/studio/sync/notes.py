"""The note on a task: why a sentence was sent back, or why the image is to be skipped.

The open-source edition of Label Studio has no comments. So a note is a field of the task's
data; the labeling page shows it, and it names the annotator.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

from rsitmd_tools.dataset.naming import SentenceName
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.numbering import numbers_before
from rsitmd_tools.workspace.tasks import (
    reassigned_tasks,
    sent_back_sentences,
    tasks_captioned_before,
    tasks_of_removed,
)

SENT_BACK = "sent_back"  # field of a task's data; see sent_back_texts()
SENT_BACK_NOTE = "Sent back to "
REMOVED_NOTE = "This image was removed from the dataset. Skip it."
CAPTIONED_BEFORE = "You have already captioned this image. Skip it."
GIVEN_AWAY = "This image is now assigned to another annotator. Skip it."


def notes(workspace: Workspace, project: int) -> dict[int, str]:
    """Return the notes of a project's tasks.

    Args:
        workspace: The workspace.
        project: Row of the project.

    Returns:
        Notes by row of the task; tasks without a note are left out.
    """
    lines: dict[int, list[str]] = defaultdict(list)
    before = numbers_before(workspace)
    per_task = workspace.settings.annotation.sentences_asked
    for sentence in sent_back_sentences(workspace.db, project):
        author = f"{sentence.name} ({sentence.email})" if sentence.name else sentence.email
        number = before.get(sentence.annotation, 0) + sentence.slot
        name = SentenceName(author, number, several=per_task > 1 or number > 1)
        default = "please write it again" if sentence.raw else "please write it: it was left empty"
        lines[sentence.task].append(f"{SENT_BACK_NOTE}{name.label}: {sentence.note or default}")
    for task in reassigned_tasks(workspace.db, project):
        lines[task].append(GIVEN_AWAY)
    for task in tasks_captioned_before(workspace.db, project):
        lines[task].append(CAPTIONED_BEFORE)
    # What was sent back does not have to be written again.
    lines.update((task.row, [REMOVED_NOTE]) for task in tasks_of_removed(workspace.db, project))
    return {task: " / ".join(parts) for task, parts in lines.items()}


def sent_back_texts(workspace: Workspace, project: int) -> dict[int, list[list[str | int]]]:
    """Return what was sent back in a project's tasks, for the pages of the server.

    The pages compare it with the annotation, to see which sentences were changed. Only a hash of
    each text is sent, because others can read the data of a task.

    Args:
        workspace: The workspace.
        project: Row of the project.

    Returns:
        ``[address of the author, number of the field, hash of the text]`` of each sentence, by row
        of the task; tasks without sentences are left out.
    """
    found: dict[int, list[list[str | int]]] = defaultdict(list)
    for sentence in sent_back_sentences(workspace.db, project):
        found[sentence.task].append([sentence.email, sentence.slot, text_hash(sentence.written)])
    return found


def text_hash(text: str) -> str:
    """Return the hash of a sentence in the field :data:`SENT_BACK`; empty for an empty text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""
