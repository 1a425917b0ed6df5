"""``annotate review``: look at what came in, send back, accept, reject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, WrongUsage
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
from rsitmd_tools.studio.campaign.seen import seen
from rsitmd_tools.studio.campaign.sentences import Empty, Entry, row_of, sentences
from rsitmd_tools.studio.sync.task_updates import update_tasks
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.acceptance import Acceptance, acceptance
from rsitmd_tools.workspace.states import ACCEPTED, NEW, PULL, REJECTED, SENT_BACK, move

# Rules about what people write; those about images and splits say nothing of a sentence.
FAMILIES = ("S", "N")
CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """What a reviewer decides.

    Attributes:
        send_back: Codes or a file: these sentences go back to their authors.
        accept: ``clean`` (every new sentence in which no rule finds an error or a
            warning), codes or a file.
        reject: Codes or a file.
        reviewer: Who decides.
        select: Codes or families of the rules that run.
        ignore: Codes or families left out.
        everything: List findings that were listed before too.
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
    """What a review found and decided.

    Attributes:
        summary: ``{"data_sha256"}``: checksum of the sentences that were looked at.
        findings: What the rules found in sentences that are new, without what was listed
            before; with ``annotator`` and ``sentence`` (number from 1).
        seen_before: How many findings were listed before and are left out.
        annotators: How many findings each annotator has, by code, those seen before included.
        empty: ``{"image", "annotator", "sentence", "label"}`` of the sentences that were left
            empty and not sent back.
        sent_back: ``{"image", "annotator", "sentence", "label", "note", "link"}`` of each.
        accepted: How many sentences were accepted now.
        rejected: How many were rejected now.
        nothing: What was asked for by code and found nothing, a line each.
        states: How many sentences are in each state.
        acceptance: How many sentences nobody has accepted, and whether a release takes them.
        shared: Whether a sentence went back in a project that several people work in.
    """

    summary: dict[str, str] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    seen_before: int = 0
    annotators: dict[str, dict[str, int]] = field(default_factory=dict)
    empty: list[dict[str, Any]] = field(default_factory=list)
    sent_back: list[dict[str, Any]] = field(default_factory=list)
    accepted: int = 0
    rejected: int = 0
    nothing: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    acceptance: Acceptance | None = None
    shared: bool = False


Spot = tuple[int, Finding]


def review(workspace: Workspace, asked: ReviewRequest) -> ReviewReport:
    """Run the rules on new sentences and record a reviewer's decisions about sentences.

    All decisions of one call are one transaction. Notes go to the server after it; where
    it cannot be reached, the next push or review brings them. What the report lists counts as
    seen after :func:`~rsitmd_tools.studio.campaign.seen.mark_seen`.

    Raises:
        RsitmdError: A file of decisions is wrong (nothing is decided then), or the server
            is unreachable when a note has to go there.
        WrongUsage: A code is unknown, or the reviewer has no name.
    """
    if not asked.reviewer.strip() or asked.reviewer == PULL:
        raise WrongUsage("the reviewer has no name", hint="give one with --reviewer")
    findings = look(workspace, asked.select, asked.ignore)
    found = Found(workspace)
    new = {
        key
        for key, entry in found.entries.items()
        if isinstance(key, int) and entry.state == NEW and entry.raw
    }
    places = [(found.row(f.image, f.sentence_index, f.message), f) for f in findings]
    spots = [(row, finding) for row, finding in places if row is not None and row in new]
    report = ReviewReport({"data_sha256": load_dataset(workspace.path).checksum()})
    _list(workspace, report, spots, found, everything=asked.everything)

    back, accepted, rejected = _choose(workspace, asked, spots, found, new)
    report.nothing = _without_findings(workspace, asked, spots)
    with workspace.transaction() as db:
        for state, choices in ((SENT_BACK, back), (ACCEPTED, accepted), (REJECTED, rejected)):
            for chosen in choices:
                codes = " ".join(chosen.codes)
                row = row_of(db, chosen.sentence)
                move(db, row, state, asked.reviewer, note=chosen.note, codes=codes)
    report.accepted, report.rejected = len(accepted), len(rejected)
    report.states = states(workspace)
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
    if back or rejected or accepted:
        client = Client(connection_of(workspace)) if _notes_may_change(workspace) else None
        if client is not None:
            update_tasks(workspace, client)
        # Notes may have found tasks under other numbers.
        now = {e.label: e for e in sentences(workspace).values()}
        _tell(report, back, found, now, "" if client is None else client.connection.page)
    return report


def _list(
    workspace: Workspace,
    report: ReviewReport,
    spots: Sequence[Spot],
    found: Found,
    *,
    everything: bool,
) -> None:
    """Put the findings into a report: those not listed before, and counts of all."""
    known = seen(workspace)
    for row, finding in spots:
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
    workspace: Workspace, asked: ReviewRequest, spots: Sequence[Spot], found: Found, new: set[int]
) -> tuple[list[Chosen], list[Chosen], list[Chosen]]:
    """Return what goes back, what is accepted and what is rejected.

    Raises:
        RsitmdError: A sentence is named twice, or cannot be accepted.
    """
    fresh = [finding for _, finding in spots]
    back = _chosen(workspace, asked.send_back, fresh, found)
    rejected = _chosen(workspace, asked.reject, fresh, found)
    taken = {chosen.sentence for chosen in (*back, *rejected)}
    if asked.accept == CLEAN:
        spoiled = {row for row, finding in spots if finding.severity != "info"}
        accepted = [Chosen(row) for row in sorted(new - spoiled - found.machine - taken)]
    else:
        accepted = _chosen(workspace, asked.accept, fresh, found)
        _refuse_what_nobody_wrote([chosen.sentence for chosen in accepted], found)
    both = taken & {chosen.sentence for chosen in accepted}
    if both or len(taken) < len(back) + len(rejected):
        raise WrongUsage(
            "a sentence is named for two decisions", hint="name it for one of them only"
        )
    return back, accepted, rejected


def _without_findings(
    workspace: Workspace, asked: ReviewRequest, spots: Sequence[Spot]
) -> list[str]:
    """Say which of the codes that were asked for are found in no new sentence."""
    codes: dict[str, None] = {}
    for what in (asked.send_back, asked.reject, asked.accept):
        if what is not None and what != CLEAN and not is_file(what):
            codes |= dict.fromkeys(codes_of(what))
    ignored = (*workspace.settings.validate.ignore, *asked.ignore)
    running = [rule.code for rule in selected_rules(tuple(asked.select), ignored)]
    lines = []
    for code in codes:
        if any(finding.code.startswith(code) for _, finding in spots):
            continue
        ran = any(rule.startswith(code) for rule in running)
        why = "" if ran else f"; the rule did not run: select it with --select {code}"
        lines.append(f"no sentence has a finding of {code}{why}")
    return lines


def look(
    workspace: Workspace, select: Sequence[str] = FAMILIES, ignore: Sequence[str] = ()
) -> list[Finding]:
    """Run rules over what a release would hold now."""
    dataset = load_dataset(workspace.path)
    settings = workspace.settings
    chosen = replace(
        settings.validate,
        select=tuple(select),
        ignore=(*settings.validate.ignore, *ignore),
    )
    subject = subject_of(dataset, replace(settings, validate=chosen))
    return list(check_subject(subject).findings)


def states(workspace: Workspace) -> dict[str, int]:
    """Return how many sentences are in each state; replaced ones are of old revisions."""
    rows = workspace.db.execute(
        "SELECT state, count(*) FROM sentence JOIN annotation ON annotation.id = annotation_id"
        " JOIN task ON task.id = task_id JOIN project ON project.id = project_id"
        " WHERE project.kind = 'main' AND (deleted_at IS NULL"
        "  OR sentence.id IN (SELECT id FROM current_sentence)) GROUP BY state ORDER BY state"
    )
    return dict(rows.fetchall())


def _chosen(
    workspace: Workspace,
    asked: str | None,
    findings: Sequence[Finding],
    found: Found,
) -> list[Chosen]:
    if asked is None:
        return []
    if is_file(asked):
        chosen = by_file(Path(asked), workspace, found)
        twice = [row for row, n in Counter(c.sentence for c in chosen).items() if n > 1]
        if twice:
            raise WrongUsage(
                f"names {found.entries[twice[0]].label} twice",
                where=asked,
                hint="give one line a sentence",
            )
        return chosen
    return by_codes(asked, findings, found)


def _refuse_what_nobody_wrote(keys: Sequence[int | Empty], found: Found) -> None:
    for key in keys:
        entry = found.entries[key]
        if key in found.machine:
            raise RsitmdError(
                "a machine's text that nobody changed cannot be accepted",
                where=entry.label,
                hint="send it back: --send-back N108",
            )
        if not entry.raw:
            raise RsitmdError(
                "a sentence that was left empty cannot be accepted",
                where=entry.label,
                hint="send it back with --send-back FILE",
            )


def _notes_may_change(workspace: Workspace) -> bool:
    """Say whether some sentence is or was sent back: only then has a task a note."""
    row = workspace.db.execute(
        "SELECT 1 FROM decision WHERE after = ? LIMIT 1", (SENT_BACK,)
    ).fetchone()
    return row is not None


def _tell(
    report: ReviewReport,
    back: Sequence[Chosen],
    found: Found,
    now: Mapping[str, Entry],
    url: str,
) -> None:
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
                # A task that was deleted gets its link at the next push.
                "link": f"{url}/projects/{entry.project}/data?task={entry.task}"
                if entry.task > 0
                else "",
            }
        )
