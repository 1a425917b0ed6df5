"""``annotate review``: look at what came in, send back, accept, reject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset import load_dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.studio.client import Client
from rsitmd_tools.studio.connection import connection_of
from rsitmd_tools.studio.decisions import Chosen, Found, by_codes, by_file, is_file
from rsitmd_tools.studio.push import send_notes
from rsitmd_tools.studio.states import ACCEPTED, NEW, PULL, REJECTED, SENT_BACK, move
from rsitmd_tools.workspace import Workspace

# Rules about what people write; those about images and splits say nothing of a sentence.
FAMILIES = ("S", "N")
CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reviewer decides.

    Attributes:
        send_back: Codes or a file: these sentences go back to their authors.
        accept: ``clean`` (every new sentence in which no rule finds an error or a
            warning), codes or a file.
        reject: Codes or a file.
        reviewer: Who decides.
        select: Codes or families of the rules that run.
        ignore: Codes or families left out.
    """

    reviewer: str
    send_back: str | None = None
    accept: str | None = None
    reject: str | None = None
    select: Sequence[str] = FAMILIES
    ignore: Sequence[str] = ()


@dataclass(slots=True)
class ReviewReport:
    """What a review found and decided.

    Attributes:
        findings: What the rules found in sentences that are new; with ``annotator``.
        annotators: How many findings each annotator has, by code.
        sent_back: ``{"image", "annotator", "sentence", "note", "link"}`` of each.
        accepted: How many sentences were accepted now.
        rejected: How many were rejected now.
        states: How many sentences are in each state.
        shared: Whether a sentence went back in a project that several people work in.
    """

    findings: list[dict[str, Any]] = field(default_factory=list)
    annotators: dict[str, dict[str, int]] = field(default_factory=dict)
    sent_back: list[dict[str, Any]] = field(default_factory=list)
    accepted: int = 0
    rejected: int = 0
    states: dict[str, int] = field(default_factory=dict)
    shared: bool = False


def review(workspace: Workspace, asked: Asked) -> ReviewReport:
    """Run the rules on new sentences and record a reviewer's decisions about sentences.

    All decisions of one call are one transaction. Notes go to the server after it; where
    it cannot be reached, the next push or review brings them.

    Raises:
        RsitmdError: A file of decisions is wrong (nothing is decided then), or the server
            is unreachable when a note has to go there.
    """
    if not asked.reviewer.strip() or asked.reviewer == PULL:
        raise WrongUsage("the reviewer has no name", mend="give one with --reviewer")
    found = look(workspace, asked.select, asked.ignore)
    sentences = Found(workspace)
    rows = _rows(workspace)
    new = {sentence for sentence, row in rows.items() if row["state"] == NEW}
    places = [(sentences.row(f.image, f.sentence_index, f.message), f) for f in found]
    spots = [(row, finding) for row, finding in places if row in new]
    fresh = [finding for _, finding in spots]
    report = ReviewReport()
    for place, finding in spots:
        author = rows[place]["email"]
        report.findings.append({**finding.as_dict(), "annotator": author})
        count = report.annotators.setdefault(author, {})
        count[finding.code] = count.get(finding.code, 0) + 1

    back = _chosen(workspace, asked.send_back, fresh, sentences)
    rejected = _chosen(workspace, asked.reject, fresh, sentences)
    taken = {chosen.sentence for chosen in (*back, *rejected)}
    if asked.accept == CLEAN:
        spoiled = {row for row, finding in spots if finding.severity != "info"}
        accepted = [Chosen(row) for row in sorted(new - spoiled - sentences.machine - taken)]
    else:
        accepted = _chosen(workspace, asked.accept, fresh, sentences)
        _refuse_machine_text(
            [rows[c.sentence] for c in accepted if c.sentence in sentences.machine]
        )
    both = taken & {chosen.sentence for chosen in accepted}
    if both or len(taken) < len(back) + len(rejected):
        raise WrongUsage(
            "a sentence is named for two decisions", mend="name it for one of them only"
        )
    with workspace.transaction() as db:
        for state, choices in ((SENT_BACK, back), (ACCEPTED, accepted), (REJECTED, rejected)):
            for chosen in choices:
                codes = " ".join(chosen.codes)
                move(db, chosen.sentence, state, asked.reviewer, note=chosen.note, codes=codes)
    report.accepted, report.rejected = len(accepted), len(rejected)
    report.states = states(workspace)
    if back or rejected or accepted:
        client = Client(connection_of(workspace)) if _notes_may_change(workspace) else None
        if client is not None:
            send_notes(workspace, client)
        rows |= _rows(workspace)  # notes may have found tasks under other numbers
        _tell(rows, report, back, "" if client is None else client.connection.page)
    return report


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
        " WHERE project.kind = 'main' AND deleted_at IS NULL GROUP BY state ORDER BY state"
    )
    return dict(rows.fetchall())


def _chosen(
    workspace: Workspace,
    asked: str | None,
    found: Sequence[Finding],
    sentences: Found,
) -> list[Chosen]:
    if asked is None:
        return []
    if is_file(asked):
        chosen = by_file(Path(asked), workspace)
        twice = [row for row, n in Counter(c.sentence for c in chosen).items() if n > 1]
        if twice:
            raise WrongUsage("names a sentence twice", where=asked, mend="one line a sentence")
        return chosen
    return by_codes(asked, found, sentences)


def _refuse_machine_text(rows: Sequence[Any]) -> None:
    if rows:
        raise RsitmdError(
            "a machine's text that nobody changed cannot be accepted",
            where=f"{rows[0]['filename']} by {rows[0]['email']}",
            mend="send it back: --send-back N108",
        )


def _rows(workspace: Workspace) -> dict[int, Any]:
    """Return, by sentence that counts or was sent back, its image, task, author and slot."""
    rows = workspace.db.execute(
        "SELECT sentence.id, slot, state, email, filename, task.server_id AS task,"
        " project.server_id AS project, project.annotator_id AS owner"
        " FROM current_sentence AS sentence"
        " JOIN current_annotation AS annotation ON annotation.id = annotation_id"
        " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
        " JOIN project ON project.id = project_id AND project.kind = 'main'"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
    )
    return {row["id"]: row for row in rows}


def _notes_may_change(workspace: Workspace) -> bool:
    """Say whether some sentence is or was sent back: only then has a task a note."""
    row = workspace.db.execute(
        "SELECT 1 FROM decision WHERE after = ? LIMIT 1", (SENT_BACK,)
    ).fetchone()
    return row is not None


def _tell(rows: Mapping[int, Any], report: ReviewReport, back: Sequence[Chosen], url: str) -> None:
    for chosen in back:
        row = rows[chosen.sentence]
        report.shared |= row["owner"] is None
        report.sent_back.append(
            {
                "image": row["filename"],
                "annotator": row["email"],
                "sentence": row["slot"],
                "note": chosen.note,
                # A task that was deleted gets its link at the next push.
                "link": f"{url}/projects/{row['project']}/data?task={row['task']}"
                if row["task"] > 0
                else "",
            }
        )
