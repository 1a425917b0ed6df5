"""What a new revision of an annotation means for the states of its sentences."""

from __future__ import annotations

import sqlite3

from rsitmd_tools.workspace.annotations import (
    revision_time,
    revisions_of_task,
    server_of_annotation,
)
from rsitmd_tools.workspace.clock import on_server
from rsitmd_tools.workspace.corrections import repeat_corrections, written_text
from rsitmd_tools.workspace.states import (
    ACCEPTED,
    NEW,
    PULL,
    REJECTED,
    REPLACED,
    SENT_BACK,
    move,
)
from rsitmd_tools.workspace.texts import (
    Decision,
    SentenceRow,
    copy_origin,
    copy_seen_findings,
    decided_sentences,
    forget_seen_findings,
    last_decision,
    sentence_row,
    sentences_of,
)


def carry_over(db: sqlite3.Connection, before: int, after: int) -> int:
    """Mark the sentences of an old revision as replaced.

    A sentence that the new revision repeats word for word keeps its state: an accepted
    sentence stays accepted, and a sentence that was sent back and not changed stays sent back.
    The words are those that the annotator wrote; corrections by ``validate --fix``, which the
    server does not know, are made again. Such a sentence also keeps its origin: captions that were
    given later are not where it comes from.
    A sentence that was sent back also stays sent back if it is empty in the new revision, or if
    the new revision is older than the decision, see :func:`changed_before_sent_back`.

    Args:
        db: The workspace's database, in a transaction.
        before: Row of the old revision in the table ``annotation``.
        after: Row of the new revision.

    Returns:
        Number of sentences that were sent back and are written again.
    """
    corrected = 0
    unread = changed_before_sent_back(db, before, after)
    by_slot = {sentence.slot: sentence for sentence in sentences_of(db, after)}
    for old in sentences_of(db, before):
        new = by_slot.get(old.slot)
        if new is None and old.state == SENT_BACK:
            # A row for the empty field, to keep the decision about it.
            new = SentenceRow(sentence_row(db, after, old.slot), old.slot, "", NEW)
        written = written_text(db, old.row, old.raw)
        if new is not None and new.raw == written:
            _repeat_history(db, old, new)
        kept = new is not None and new.raw in ("", written)
        kept = kept or old.slot in unread
        if new is not None and kept and old.state != NEW:
            _repeat_decision(db, old, new.row)
        elif old.state == SENT_BACK:
            corrected += 1
        if old.state != REPLACED:
            move(db, old.row, REPLACED, PULL)
    return corrected


def repeat_decisions(db: sqlite3.Connection, annotation: int) -> dict[str, list[int]]:
    """Repeat the decisions about words that their author has submitted for the image before.

    The words are in another annotation: in another project, as after tasks were moved on the
    server, or a second one in the same task. Call it after :func:`carry_over`.

    Args:
        db: The workspace's database, in a transaction.
        annotation: Row of the new revision.

    Returns:
        Numbers on the labeling page of the sentences that got each state.
    """
    new = [sentence for sentence in sentences_of(db, annotation) if sentence.state == NEW]
    if not new:
        return {}
    decided = {_written(db, sentence): sentence for sentence in decided_sentences(db, annotation)}
    found: dict[str, list[int]] = {}
    for sentence in new:
        old = decided.get(sentence.raw)
        if old is not None:
            _repeat_history(db, old, sentence)
            _repeat_decision(db, old, sentence.row)
            found.setdefault(old.state, []).append(sentence.slot)
    return found


def changed_before_sent_back(db: sqlite3.Connection, before: int, after: int) -> list[int]:
    """Return the sentences that a new revision changes and that were sent back after it was made.

    Their author cannot have read the note. The times of both are compared by the clock of the
    server.

    Args:
        db: The workspace's database.
        before: Row of the old revision in the table ``annotation``.
        after: Row of the new revision.

    Returns:
        Numbers of the sentences on the labeling page.
    """
    made_at = revision_time(db, after)
    server = server_of_annotation(db, after)
    new = {sentence.slot: sentence.raw for sentence in sentences_of(db, after)}
    found = []
    for old in sentences_of(db, before):
        last = last_decision(db, old.row) if old.state == SENT_BACK else None
        changed = new.get(old.slot) not in (None, "", _written(db, old))
        if last is not None and changed and made_at <= on_server(db, server, last.decided_at):
            found.append(old.slot)
    return found


def changed_accepted(db: sqlite3.Connection, before: int, after: int) -> list[int]:
    """Return the accepted sentences of an old revision that the new revision changes.

    Args:
        db: The workspace's database.
        before: Row of the old revision in the table ``annotation``.
        after: Row of the new revision.

    Returns:
        Numbers of the sentences on the labeling page.
    """
    new = {sentence.slot: _written(db, sentence) for sentence in sentences_of(db, after)}
    return [
        old.slot
        for old in sentences_of(db, before)
        if old.state == ACCEPTED and new.get(old.slot) != _written(db, old)
    ]


def restore(db: sqlite3.Connection, before: int | None, after: int) -> list[int]:
    """Make an old revision current again after the server has restored it.

    A sentence with the words of the revision that was current keeps its state. Another one is
    sent back or rejected again if that was the last decision about it. Otherwise it is new: it
    has to be reviewed once more, and the next review lists its findings again.

    Args:
        db: The workspace's database, in a transaction.
        before: Row of the revision that was current, or None.
        after: Row of the restored revision.

    Returns:
        Numbers on the labeling page of the sentences that are sent back again.
    """
    sent_back = []
    current = {} if before is None else {old.slot: old for old in sentences_of(db, before)}
    for sentence in sentences_of(db, after):
        if sentence.state != REPLACED:
            continue
        old = current.get(sentence.slot)
        words = _written(db, sentence)
        if old is not None and old.state != REPLACED and _written(db, old) == words:
            if old.raw != sentence.raw:
                repeat_corrections(db, old.row, sentence.row)
            _repeat_decision(db, old, sentence.row)
            continue
        forget_seen_findings(db, sentence.row)
        last = last_decision(db, sentence.row)
        if last is not None and last.state in (SENT_BACK, REJECTED):
            _repeat(db, last, sentence.row)
            sent_back += [sentence.slot] if last.state == SENT_BACK else []
        else:
            move(db, sentence.row, NEW, PULL)
    for old in current.values():
        if old.state != REPLACED:
            move(db, old.row, REPLACED, PULL)
    return sent_back


def _written(db: sqlite3.Connection, sentence: SentenceRow) -> str:
    return written_text(db, sentence.row, sentence.raw)


def _repeat_history(db: sqlite3.Connection, old: SentenceRow, new: SentenceRow) -> None:
    """Give a sentence the findings, origin and corrections of another one with the same words."""
    copy_seen_findings(db, old.row, new.row)
    copy_origin(db, old.row, new.row)
    if new.raw != old.raw:
        repeat_corrections(db, old.row, new.row)


def _repeat_decision(db: sqlite3.Connection, old: SentenceRow, new: int) -> None:
    """Give a sentence the state of another one with the same words, and its last decision."""
    last = last_decision(db, old.row) or Decision(PULL, "", "", old.state, "")
    _repeat(db, last._replace(state=old.state), new)


def _repeat(db: sqlite3.Connection, decision: Decision, sentence: int) -> None:
    """Make a decision about another sentence too, as of the time when it was made."""
    move(
        db,
        sentence,
        decision.state,
        decision.decided_by,
        note=decision.note,
        codes=decision.codes,
        decided_at=decision.decided_at,
    )


def is_double(
    db: sqlite3.Connection,
    task: int,
    author: int | None,
    number: int,
    result: str,
    present: set[int],
) -> bool:
    """Return whether an unknown annotation is a copy of an earlier one by the same author.

    On SQLite, the server repeats a request if its database was locked. If the first request
    had stored the annotation, it exists twice, with the same result. The copy is compared
    with all revisions of the earlier annotation, which may have been changed since. If the
    earlier annotation was deleted, the copy takes its place.

    Args:
        db: The workspace's database.
        task: Row of the task.
        author: Row of the author, or None.
        number: Number of the annotation on the server.
        result: Its result in JSON, as the workspace stores it.
        present: Numbers of the task's annotations on the server.
    """
    known = revisions_of_task(db, task)
    if any(revision.number == number for revision in known):
        return False
    return any(
        revision.number < number
        and revision.number in present
        and (revision.author, revision.result) == (author, result)
        for revision in known
    )
