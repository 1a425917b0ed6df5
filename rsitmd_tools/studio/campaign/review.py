"""``annotate review``: check new sentences; send back, accept or reject sentences."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.registry import selected_rules
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.campaign.decisions import (
    Chosen,
    Found,
    by_codes,
    by_file,
    codes_of,
    is_file,
)
from rsitmd_tools.studio.campaign.sentences import Empty, Entry, row_of, sentences
from rsitmd_tools.studio.sync.task_updates import update_tasks
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.acceptance import Acceptance, acceptance
from rsitmd_tools.workspace.admission import REFUSED
from rsitmd_tools.workspace.people import members
from rsitmd_tools.workspace.review import seen_findings, state_counts, was_ever_sent_back
from rsitmd_tools.workspace.states import ACCEPTED, NEW, PULL, REJECTED, SENT_BACK, move
from rsitmd_tools.workspace.texts import Decision, last_decision

# Rules about texts; rules about images and splits do not concern single sentences.
FAMILIES = ("S", "N")
CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """The options of a review.

    Attributes:
        reviewer: Name of the reviewer.
        send_back: Codes or a file: these sentences go back to their authors.
        accept: ``clean`` (every new sentence without an error or a warning), codes or a file.
        reject: Codes or a file.
        select: Codes or families of the rules that run.
        ignore: Codes or families of rules that do not run.
        everything: Also list findings that were listed before.
    """

    reviewer: str
    send_back: str | None = None
    accept: str | None = None
    reject: str | None = None
    select: Sequence[str] = FAMILIES
    ignore: Sequence[str] = ()
    everything: bool = False


@dataclass(slots=True)
class ReviewReport:
    """The findings and decisions of a review.

    Attributes:
        summary: ``{"data_sha256"}``: checksum of the sentences that were checked.
        findings: Findings in new sentences that were not listed before; with ``annotator`` and
            ``sentence`` (number from 1).
        seen_before: Number of findings that were listed before and are left out.
        annotators: Number of findings per annotator and code, including those listed before.
        empty: ``{"image", "annotator", "sentence", "label"}`` of the sentences that were left
            empty and not sent back.
        sent_back: ``{"image", "annotator", "sentence", "label", "note", "link", "left"}`` of each;
            ``left`` is whether the annotator has left or was refused, so that nobody will change
            the sentence.
        accepted: Number of sentences that this review accepted.
        rejected: Number of sentences that this review rejected.
        overruled: Decisions of other reviewers that this review replaces: ``{"label", "before",
            "decided_by", "note", "after"}``, with the states before and after.
        nothing: One line for each requested code without a finding.
        states: Number of sentences in each state.
        acceptance: Number of sentences that are not accepted yet, and whether a release
            contains them.
        shared: Whether a sentence went back in a project that several annotators share.
        sentences_asked: Number of sentences that the labeling page asks for.
    """

    summary: dict[str, str] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    seen_before: int = 0
    annotators: dict[str, dict[str, int]] = field(default_factory=dict)
    empty: list[dict[str, Any]] = field(default_factory=list)
    sent_back: list[dict[str, Any]] = field(default_factory=list)
    accepted: int = 0
    rejected: int = 0
    overruled: list[dict[str, str]] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    acceptance: Acceptance | None = None
    shared: bool = False
    sentences_asked: int = 0


Located = tuple[int, Finding]  # the row of a sentence and a finding about it


def review(workspace: Workspace, request: ReviewRequest) -> ReviewReport:
    """Run the rules on new sentences and record a reviewer's decisions about sentences.

    All decisions of one call are one transaction. Notes are sent to the server after it; if the
    server cannot be reached, the next push or review sends them. The findings in the report
    count as listed after :func:`~rsitmd_tools.studio.campaign.seen.mark_seen`.

    Raises:
        RsitmdError: A file of decisions is invalid (no decision is recorded then), or the
            server cannot be reached to send a note.
        WrongUsage: A code is unknown, the reviewer's name is empty, or sentences without
            findings are accepted under a selection of rules.
    """
    if not request.reviewer.strip() or request.reviewer == PULL:
        raise WrongUsage("the reviewer's name is missing", hint="pass it with --reviewer NAME")
    if request.accept == CLEAN and tuple(request.select) != FAMILIES:
        raise WrongUsage(
            "--accept without a value takes the sentences that all rules find clean, so it cannot"
            " be combined with --select",
            hint="leave out one of the two",
        )
    findings = look(workspace, request.select, request.ignore)
    found = Found(workspace)
    new = {
        key
        for key, entry in found.entries.items()
        if isinstance(key, int) and entry.state == NEW and entry.raw
    }
    rows = [(found.row(f.image, f.sentence_index, f.message), f) for f in findings]
    located = [(row, finding) for row, finding in rows if row is not None and row in new]
    report = ReviewReport(
        {"data_sha256": load_dataset(workspace.path).checksum()},
        sentences_asked=workspace.settings.annotation.sentences_asked,
    )
    _list(workspace, report, located, found, everything=request.everything)

    back, accepted, rejected = _choose(workspace, request, located, found, new)
    report.nothing = [
        *_empty_files(request, back, accepted, rejected),
        *_without_findings(workspace, request, located),
    ]
    with workspace.transaction() as db:
        for state, choices in ((SENT_BACK, back), (ACCEPTED, accepted), (REJECTED, rejected)):
            for chosen in choices:
                codes = " ".join(chosen.codes)
                row = row_of(db, chosen.sentence)
                made = Decision(request.reviewer, chosen.note, codes, state, "")
                _add_overruled(db, report, found.entries[chosen.sentence].label, made, row)
                move(db, row, state, request.reviewer, note=chosen.note, codes=codes)
    report.accepted, report.rejected = len(accepted), len(rejected)
    report.states = state_counts(workspace)
    report.acceptance = acceptance(workspace)
    report.empty = [
        {
            "image": e.image,
            "annotator": e.annotator,
            "sentence": e.name.number,
            "label": e.label,
        }
        for e in sentences(workspace).values()
        if not e.raw and e.state == NEW
    ]
    decided = len(back) + len(rejected) + len(accepted)
    if decided:
        # Only a task of a sentence that is or was sent back has a note.
        page = _send_notes(workspace, decided) if was_ever_sent_back(workspace) else ""
        # The update may have changed the numbers of tasks.
        now = {e.label: e for e in sentences(workspace).values()}
        _list_sent_back(workspace, report, back, found, now, page)
    return report


def _add_overruled(
    db: sqlite3.Connection, report: ReviewReport, label: str, made: Decision, row: int
) -> None:
    """Add the decision of another reviewer about a sentence, if a new one replaces it."""
    last = last_decision(db, row)
    if last is None or last.state == NEW or last.decided_by in (PULL, made.decided_by):
        return
    if last.state != made.state or (made.state == SENT_BACK and last.note != made.note):
        report.overruled.append(
            {
                "label": label,
                "before": last.state,
                "decided_by": last.decided_by,
                "note": last.note,
                "after": made.state,
            }
        )


def _send_notes(workspace: Workspace, decided: int) -> str:
    """Update the notes of the tasks on the server; return the base URL of its links.

    Args:
        workspace: The workspace.
        decided: Number of decisions that were recorded before.

    Raises:
        RsitmdError: The server cannot be reached. The message says that the decisions are kept.
    """
    try:
        client = Client(connection_of(workspace))
        update_tasks(workspace, client)
    except RsitmdError as error:
        raise RsitmdError(
            f"{error.what} ({count_of(decided, 'decision')} recorded; the next push or review"
            " sends the notes for annotators)",
            where=error.where,
            hint=error.hint,
        ) from error
    return client.connection.page


def _list(
    workspace: Workspace,
    report: ReviewReport,
    located: Sequence[Located],
    found: Found,
    *,
    everything: bool,
) -> None:
    """Add the findings that were not listed before to a report, and the counts of all."""
    known = seen_findings(workspace)
    for row, finding in located:
        name = found.entries[row].name
        author = found.entries[row].annotator
        count = report.annotators.setdefault(author, {})
        count[finding.code] = count.get(finding.code, 0) + 1
        if not everything and (row, finding.code, finding.message) in known:
            report.seen_before += 1
            continue
        report.findings.append(
            {
                **finding.as_dict(),
                "annotator": author,
                "sentence": name.number,
                "label": found.entries[row].label,
                "row": row,
            }
        )


def _choose(
    workspace: Workspace,
    request: ReviewRequest,
    located: Sequence[Located],
    found: Found,
    new: set[int],
) -> tuple[list[Chosen], list[Chosen], list[Chosen]]:
    """Return the sentences to send back, to accept and to reject.

    Raises:
        RsitmdError: A sentence cannot be accepted.
        WrongUsage: A sentence is selected for two decisions.
    """
    fresh = [finding for _, finding in located]
    back = _chosen(workspace, request.send_back, fresh, found)
    rejected = _chosen(workspace, request.reject, fresh, found)
    taken = {chosen.sentence for chosen in (*back, *rejected)}
    if request.accept == CLEAN:
        flagged = {row for row, finding in located if finding.severity != "info"}
        accepted = [Chosen(row) for row in sorted(new - flagged - found.machine - taken)]
    else:
        accepted = _chosen(workspace, request.accept, fresh, found)
        _check_acceptable([chosen.sentence for chosen in accepted], found)
    both = taken & {chosen.sentence for chosen in accepted}
    if both or len(taken) < len(back) + len(rejected):
        raise WrongUsage(
            "a sentence is selected for two decisions",
            hint="list it for only one of --send-back, --accept and --reject",
        )
    return back, accepted, rejected


def _empty_files(
    request: ReviewRequest,
    back: Sequence[Chosen],
    accepted: Sequence[Chosen],
    rejected: Sequence[Chosen],
) -> list[str]:
    """Return one line for each file of a decision that lists no sentence."""
    chosen = ((request.send_back, back), (request.accept, accepted), (request.reject, rejected))
    return [
        f"{value} lists no sentences"
        for value, sentences in chosen
        if value is not None and value != CLEAN and is_file(value) and not sentences
    ]


def _without_findings(
    workspace: Workspace, request: ReviewRequest, located: Sequence[Located]
) -> list[str]:
    """Return one line for each requested code without a finding in a new sentence."""
    codes: dict[str, None] = {}
    for value in (request.send_back, request.reject, request.accept):
        if value is not None and value != CLEAN and not is_file(value):
            codes |= dict.fromkeys(codes_of(value))
    ignored = (*workspace.settings.validate.ignore, *request.ignore)
    running = [rule.code for rule in selected_rules(tuple(request.select), ignored)]
    lines = []
    for code in codes:
        if any(finding.code.startswith(code) for _, finding in located):
            continue
        ran = any(rule.startswith(code) for rule in running)
        why = "" if ran else f"; the rule did not run, use --select {code}"
        lines.append(f"no new sentence has a finding of {code}{why}")
    return lines


def look(
    workspace: Workspace, select: Sequence[str] = FAMILIES, ignore: Sequence[str] = ()
) -> list[Finding]:
    """Run rules on the sentences that a release would contain now."""
    dataset = load_dataset(workspace.path)
    settings = workspace.settings
    chosen = replace(
        settings.validate,
        select=tuple(select),
        ignore=(*settings.validate.ignore, *ignore),
    )
    subject = subject_of(dataset, replace(settings, validate=chosen))
    return list(check_subject(subject).findings)


def _chosen(
    workspace: Workspace,
    value: str | None,
    findings: Sequence[Finding],
    found: Found,
) -> list[Chosen]:
    """Return the sentences selected by the value of an option."""
    if value is None:
        return []
    if is_file(value):
        chosen = by_file(Path(value), workspace, found)
        twice = [row for row, n in Counter(c.sentence for c in chosen).items() if n > 1]
        if twice:
            raise WrongUsage(
                f"contains {found.entries[twice[0]].label} twice",
                where=value,
                hint="write one line per sentence",
            )
        return chosen
    return by_codes(value, findings, found)


def _check_acceptable(keys: Sequence[int | Empty], found: Found) -> None:
    """Raise an error for an unchanged machine text or a sentence that was left empty."""
    for key in keys:
        entry = found.entries[key]
        if key in found.machine:
            raise RsitmdError(
                "an unchanged machine text cannot be accepted",
                where=entry.label,
                hint="send it back with --send-back N108",
            )
        if not entry.raw:
            raise RsitmdError(
                "a sentence that was left empty cannot be accepted",
                where=entry.label,
                hint="send it back with --send-back FILE",
            )


def _list_sent_back(
    workspace: Workspace,
    report: ReviewReport,
    back: Sequence[Chosen],
    found: Found,
    now: Mapping[str, Entry],
    url: str,
) -> None:
    """Add the sentences that were sent back to a report, with links to their tasks."""
    left = {m.email for m in members(workspace) if not m.active or m.pilot == REFUSED}
    for chosen in back:
        entry = found.entries[chosen.sentence]
        entry = now.get(entry.label, entry)
        report.shared |= entry.shared
        report.sent_back.append(
            {
                "image": entry.image,
                "annotator": entry.annotator,
                "sentence": entry.name.number,
                "label": entry.label,
                "note": chosen.note,
                # The next push creates a deleted task again; until then it has no link.
                "link": f"{url}/projects/{entry.project}/data?task={entry.task}"
                if entry.task > 0
                else "",
                "left": entry.annotator in left,
            }
        )
