"""Store what the server has of one task: revisions of annotations and skips."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rsitmd_tools.studio.api.client import server_time
from rsitmd_tools.studio.sync.accounts import ServerAccounts
from rsitmd_tools.studio.sync.deletions import mark_deleted
from rsitmd_tools.studio.sync.numbers import adopt_number, free_number
from rsitmd_tools.studio.sync.origins import mark_origins
from rsitmd_tools.studio.sync.pull_report import PullReport
from rsitmd_tools.studio.sync.results import (
    ParsedResult,
    annotations_of,
    parse_result,
    stored_result,
)
from rsitmd_tools.studio.sync.revisions import (
    carry_over,
    changed_accepted,
    changed_before_sent_back,
    is_double,
    repeat_decisions,
    restore,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.annotations import (
    NewRevision,
    add_revision,
    author_email,
    author_of_number,
    clear_latest,
    revisions,
    set_latest,
    vanished_annotation,
)
from rsitmd_tools.workspace.people import add_annotator, annotator_email
from rsitmd_tools.workspace.tasks import Skip, Task, add_skip, mark_task_pulled, owner_of_task
from rsitmd_tools.workspace.texts import add_texts


class TaskStore:
    """Stores tasks of the server in the workspace and adds what happened to the report.

    Attributes:
        renamed: New names of fields on the labeling page of the current project, by old name.
    """

    def __init__(self, workspace: Workspace, accounts: ServerAccounts, report: PullReport) -> None:
        self.renamed: Mapping[str, str] = {}
        self._db = workspace.db
        self._per_task = workspace.settings.annotation.sentences_asked
        self._accounts = accounts
        self._report = report

    def store(self, task: Task, found: Any) -> None:
        """Store the annotations and skips of a task.

        Call it inside a transaction.

        Args:
            task: The task in the workspace.
            found: The task as the server returned it, with its annotations.
        """
        time = server_time(found.updated_at)
        changed = task.updated_at != time  # a task that is read again is counted once
        self._report.tasks += changed
        entries = annotations_of(found)
        present = {int(entry["id"]) for entry in entries if not entry.get("was_cancelled")}
        self._update_numbers(task.row, entries, present)
        for entry in sorted(entries, key=lambda entry: int(entry["id"])):
            if entry.get("was_cancelled"):
                self._skip(task.row, entry)
            elif self._is_double(task.row, entry, present):
                self._report.doubled += changed
            else:
                self._annotation(task, entry, present)
        self._report.add_deletions(mark_deleted(self._db, task.row, present))
        mark_task_pulled(self._db, task.row, time)

    def authors(self, owner: int | None, found: Any) -> list[str]:
        """Return the addresses of the authors of a task that is not stored.

        Args:
            owner: The annotator (row) whose project it is in; None in a shared project.
            found: The task as the server returned it, with its annotations.
        """
        users = [
            entry.get("completed_by")
            for entry in annotations_of(found)
            if not entry.get("was_cancelled")
        ]
        rows = dict.fromkeys(self._accounts.row(user) if user else owner for user in users)
        return [
            "an unknown annotator" if row is None else annotator_email(self._db, row)
            for row in rows
        ]

    def _skip(self, task: int, entry: dict[str, Any]) -> None:
        author = self._author(task, entry)
        skip = Skip(task, entry["id"], author, server_time(entry["updated_at"]))
        self._report.skipped += add_skip(self._db, skip)

    def _update_numbers(
        self, task: int, entries: Sequence[dict[str, Any]], present: Collection[int]
    ) -> None:
        """Update the numbers of a task's annotations."""
        for entry in entries:
            if not entry.get("was_cancelled"):
                free_number(self._db, task, entry)
                author = self._known_author(task, entry)
                adopt_number(self._db, task, entry, author, present)

    def _is_double(self, task: int, entry: dict[str, Any], present: set[int]) -> bool:
        """Return whether the server stored the same request twice, this being the copy."""
        author = self._known_author(task, entry)
        result = stored_result(entry.get("result"))
        return is_double(self._db, task, author, int(entry["id"]), result, present)

    def _known_author(self, task: int, entry: dict[str, Any]) -> int | None:
        """Return the author of an annotation, or None if nobody knows them.

        The server forgets an author whose account was deleted. The annotation then keeps the
        author that it had, and a new one belongs to the owner of its project.
        """
        if entry.get("completed_by"):
            return self._accounts.row(entry["completed_by"])
        known = author_of_number(self._db, task, int(entry["id"]))
        return owner_of_task(self._db, task) if known is None else known

    def _author(self, task: int, entry: dict[str, Any]) -> int:
        """Return the author of an annotation; an unknown one is a person of their own."""
        known = self._known_author(task, entry)
        if known is None:
            return add_annotator(self._db, f"unknown-{entry['id']}@removed.invalid", "")
        return known

    def _annotation(self, task: Task, entry: dict[str, Any], present: Collection[int]) -> None:
        """Store a revision of an annotation, unless it is stored already.

        A new annotation takes the place of one that its author deleted before, as by Skip.
        """
        db = self._db
        updated = server_time(entry["updated_at"])
        known = revisions(db, task.row, entry["id"])
        same = next((revision for revision in known if revision.updated_at == updated), None)
        if same is not None and same.latest and not same.deleted:
            return
        if known:
            self._report.changed += 1
        else:
            self._report.new += 1
            self._add_stranger(task, entry)
        before = next((revision.row for revision in known if revision.latest), None)
        clear_latest(db, task.row, entry["id"])
        if before is None or (same is not None and same.row == before):
            author = self._author(task.row, entry)
            before = vanished_annotation(db, task.row, author, present)
        if same is not None:  # restored, as from a backup of the server
            set_latest(db, same.row)
            self._restore(task, before, same.row)
            return
        added = self._insert(task, entry, updated)
        if before is not None:
            self._add_new_author(task, before, added)
            changed = changed_accepted(db, before, added)
            self._name(self._report.reopened, task, added, changed)
            unread = changed_before_sent_back(db, before, added)
            self._name(self._report.still_sent_back, task, added, unread)
            self._report.corrected += carry_over(db, before, added)
        for state, sentences in repeat_decisions(db, added).items():
            self._name(self._report.repeated.setdefault(state, []), task, added, sentences)

    def _restore(self, task: Task, before: int | None, row: int) -> None:
        """Make a revision (row) current again, in place of the one that was current."""
        changed = [] if before is None else changed_accepted(self._db, before, row)
        self._name(self._report.reopened, task, row, changed)
        restored = restore(self._db, before, row)
        self._name(self._report.still_sent_back, task, row, restored)

    def _add_stranger(self, task: Task, entry: dict[str, Any]) -> None:
        """Report an annotation by somebody else in the project of an annotator."""
        owner, author = owner_of_task(self._db, task.row), self._author(task.row, entry)
        if owner not in (None, author):
            self._report.strangers.append(
                {
                    "image": task.filename,
                    "annotator": annotator_email(self._db, author),
                    "owner": annotator_email(self._db, owner),
                }
            )

    def _add_new_author(self, task: Task, before: int, after: int) -> None:
        """Report an annotation whose new revision has another author."""
        old, new = author_email(self._db, before), author_email(self._db, after)
        if old != new:
            self._report.new_authors.append(
                {"image": task.filename, "annotator": new, "before": old}
            )

    def _name(
        self, found: list[dict[str, Any]], task: Task, annotation: int, sentences: list[int]
    ) -> None:
        """Add sentences of a revision to a list of the report, unless there are none."""
        if sentences:
            email = author_email(self._db, annotation)
            found.append({"image": task.filename, "annotator": email, "sentences": sentences})

    def _add_gaps(self, image: str, author: int, written: ParsedResult) -> None:
        """Report missing sentences, and texts in fields that are not read."""
        email = annotator_email(self._db, author)
        slots = {slot for slot, _ in written.sentences}
        missing = [slot for slot in range(1, self._per_task + 1) if slot not in slots]
        if missing:
            self._report.blank += len(missing)
            self._report.incomplete.append({"image": image, "annotator": email, "missing": missing})
        self._report.unread += [
            {"image": image, "annotator": email, "field": name, "texts": count}
            for name, count in written.unread
        ]
        self._report.folded += written.folded

    def _insert(self, task: Task, entry: dict[str, Any], updated: str) -> int:
        """Store a new revision with its texts; return its row."""
        db = self._db
        author = self._author(task.row, entry)
        changed_by = self._accounts.row(entry["updated_by"]) if entry.get("updated_by") else None
        row = add_revision(
            db,
            NewRevision(
                task=task.row,
                number=entry["id"],
                updated_at=updated,
                created_at=server_time(entry["created_at"]),
                author=author,
                updated_by=changed_by,
                lead_time=entry.get("lead_time"),
                result=stored_result(entry.get("result")),
            ),
        )
        if not entry.get("completed_by"):
            self._report.authorless.append(
                {"image": task.filename, "annotator": annotator_email(db, author)}
            )
        if changed_by is not None and changed_by != author:
            self._report.foreign.append(
                {
                    "image": task.filename,
                    "annotator": annotator_email(db, author),
                    "changed_by": annotator_email(db, changed_by),
                }
            )
        written = parse_result(entry.get("result") or [], self.renamed)
        self._add_gaps(task.filename, author, written)
        add_texts(db, row, written.sentences, enumerate(written.keywords, 1))
        mark_origins(db, row, entry)
        return row
