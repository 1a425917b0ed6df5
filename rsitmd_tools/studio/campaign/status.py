"""``annotate status``: how far the campaign is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from rsitmd_tools.dataset.naming import sentence_names
from rsitmd_tools.dataset.records import ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.running import running_server
from rsitmd_tools.studio.campaign.people import overview
from rsitmd_tools.studio.campaign.ranking import ranking
from rsitmd_tools.studio.sync.assign import skipped_by_all
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.acceptance import acceptance
from rsitmd_tools.workspace.licence import licence_state
from rsitmd_tools.workspace.merge import merged_images, untouched_sentences
from rsitmd_tools.workspace.settings import AnnotationSettings

WINDOW = timedelta(days=14)  # the pace of these days tells when it ends
NO_ESTIMATE = {"per_day": 0.0, "days": None, "ends": None}

# Annotations that count, with the project they are in.
_CURRENT = " FROM current_annotation AS annotation"
COUNTED = (
    f"{_CURRENT} JOIN task ON task.id = task_id"
    " JOIN project ON project.id = project_id AND project.kind = 'main'"
    " JOIN annotator ON annotator.id = annotation.annotator_id"
    " WHERE whole"
)


# How ``agreement`` of a person is measured, see findings_of_people.
PERSON_MEASURE = (
    "mean similarity S of a person's sentences to those of the others about the same image, by"
    " the prior's definition; not corrected for chance"
)


def status(workspace: Workspace) -> dict[str, Any]:
    """Return the state of the campaign as of the last pull.

    Keys: ``url`` (None while no server runs), ``projects``, ``images``, ``tasks``,
    ``annotations``, ``annotators`` (annotations by email), ``complete`` (images that have
    all their sentences, or annotations where the page asks for no sentence:
    ``sentences_asked``), ``incomplete`` (the other images), ``sentences``, ``keywords``,
    ``missing`` (annotations that incomplete images lack; one that lacks a sentence is missing
    too), ``missing_sentences``, ``drafts``, ``skips``, ``skipped_by_all`` (see
    :func:`~rsitmd_tools.studio.sync.assign.skipped_by_all`), ``states`` (sentences by state),
    ``categories``, ``people``, ``ranking`` (see
    :func:`~rsitmd_tools.studio.campaign.ranking.ranking`), ``estimate``,
    ``licence`` (None where none is asked for) and ``acceptance`` (see
    :class:`~rsitmd_tools.workspace.acceptance.Acceptance`).

    Raises:
        RsitmdError: The settings name a page or a licence that cannot be read.
    """
    page_of(workspace)  # a push would refuse it: say so now
    db = workspace.db
    images = merged_images(workspace)
    asked = workspace.settings.annotation
    counted = _counted(workspace)
    complete = {
        image.filename
        for image in images
        if len(image.sentences) >= asked.sentences_per_image
        # A page without sentences: who was asked has answered.
        and (asked.sentences_asked or counted[image.filename] >= asked.annotators_per_image)
    }
    by_email = db.execute(
        f"SELECT annotator.email, count(*) AS n {COUNTED} GROUP BY annotator.id"
        " ORDER BY annotator.id"
    ).fetchall()
    projects = db.execute(
        "SELECT project.server_id, annotator.email FROM project"
        " LEFT JOIN annotator ON annotator.id = project.annotator_id"
        " WHERE project.kind = 'main' AND closed_at IS NULL ORDER BY project.id"
    ).fetchall()
    missing = _missing(counted, [i.filename for i in images if i.filename not in complete], asked)
    return {
        "url": _url(workspace),
        "projects": [{"id": row["server_id"], "annotator": row["email"]} for row in projects],
        "images": len(images),
        "tasks": db.execute(
            "SELECT count(*) FROM task JOIN project ON project.id = project_id"
            " WHERE project.kind = 'main' AND closed_at IS NULL AND task.server_id > 0"
        ).fetchone()[0],
        "annotations": sum(row["n"] for row in by_email),
        "annotators": {row["email"]: row["n"] for row in by_email},
        "complete": len(complete),
        "sentences_asked": asked.sentences_asked,
        "sentences": sum(len(image.sentences) for image in images),
        "keywords": sum(len(image.keywords) for image in images),
        "incomplete": len(images) - len(complete),
        "missing": missing,
        "missing_sentences": sum(
            max(0, asked.sentences_per_image - len(image.sentences)) for image in images
        ),
        "drafts": db.execute("SELECT coalesce(sum(drafts), 0) FROM task").fetchone()[0],
        "skips": db.execute("SELECT count(*) FROM skip").fetchone()[0],
        "skipped_by_all": skipped_by_all(workspace),
        "states": _states(workspace),
        "categories": _categories(images, complete),
        "people": _people(workspace),
        "ranking": ranking(workspace),
        "estimate": estimate(_days(workspace), missing, datetime.now(UTC).date())
        if images
        else dict(NO_ESTIMATE),
        "licence": licence_state(workspace),
        "acceptance": asdict(acceptance(workspace)),
    }


def estimate(days: dict[date, int], missing: int, today: date) -> dict[str, Any]:
    """Say when a campaign ends if it goes on as in the last two weeks.

    Args:
        days: Annotations made on each day.
        missing: Annotations that images lack.
        today: The day.

    Returns:
        ``per_day`` (annotations, days without any counted too), ``days`` and ``ends`` (ISO
        date); the last two are None where nobody wrote lately, or 0 and today when nothing
        is missing.
    """
    recent = {day: count for day, count in days.items() if today - WINDOW < day <= today}
    span = (today - min(recent, default=today)).days + 1
    pace = sum(recent.values()) / span
    if missing == 0:
        return {"per_day": round(pace, 1), "days": 0, "ends": today.isoformat()}
    if pace == 0:
        return dict(NO_ESTIMATE)
    left = -(-missing // pace)
    ends = today + timedelta(days=min(int(left), 36500))
    return {"per_day": round(pace, 1), "days": int(left), "ends": ends.isoformat()}


def findings_of_people(workspace: Workspace) -> dict[str, Any]:
    """Run the rules and compare people; it takes seconds for thousands of sentences.

    Returns:
        ``findings``: by email, how many findings a person has of each code; ``agreement``:
        by email ``{"mean", "sentences"}``, measured as ``agreement_measure`` says;
        ``reliability``: how far all agree, see
        :func:`~rsitmd_tools.studio.campaign.reliability.reliability`; ``copied`` and ``doubtful``:
        sentences too like, or too unlike, those of the others, ``{"image", "annotator",
        "sentence" (number from 1), "label", "value"}``.
    """
    from rsitmd_tools.studio.campaign.agreement import agreements
    from rsitmd_tools.studio.campaign.reliability import reliability
    from rsitmd_tools.studio.campaign.review import look

    images = merged_images(workspace)
    writers = {
        (image.filename, index): sentence.annotator
        for image in images
        for index, sentence in enumerate(image.sentences)
    }
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in look(workspace):
        if finding.image is not None and finding.sentence_index is not None:
            writer = writers.get((finding.image, finding.sentence_index))
            found[str(writer)][finding.code] += 1
    for row in untouched_sentences(workspace):  # of no image, so without an index above
        found[row["email"]]["N108"] += 1
    compared = agreements(images)
    names = {image.filename: sentence_names(image) for image in images}
    values: dict[str, list[float]] = defaultdict(list)
    for entry in compared:
        values[entry.annotator].append(entry.value)
    return {
        "findings": {who: dict(sorted(count.items())) for who, count in sorted(found.items())},
        "agreement": {
            who: {"mean": round(sum(v) / len(v), 3), "sentences": len(v)}
            for who, v in sorted(values.items())
        },
        "agreement_measure": PERSON_MEASURE,
        "reliability": reliability(workspace),
        **{
            verdict: [
                {
                    "image": e.image,
                    "annotator": e.annotator,
                    "sentence": names[e.image][e.index].number,
                    "label": f"{e.image}, {names[e.image][e.index].label}",
                    "value": round(e.value, 3),
                }
                for e in compared
                if e.verdict == verdict
            ]
            for verdict in ("copied", "doubtful")
        },
    }


def _missing(counted: Counter[str], incomplete: Sequence[str], asked: AnnotationSettings) -> int:
    """Return how many annotations the incomplete images lack, given out or not: one at least."""
    return sum(max(1, asked.annotators_per_image - counted[name]) for name in incomplete)


def _counted(workspace: Workspace) -> Counter[str]:
    """Return by file name how many people have an annotation that counts.

    One that lacks a sentence does not: the person has to write it.
    """
    rows = workspace.db.execute(
        "SELECT image.filename, count(DISTINCT annotation.annotator_id) AS n"
        f" {COUNTED.replace(' WHERE', ' JOIN image ON image.id = image_id WHERE')}"
        " AND NOT EXISTS (SELECT 1 FROM sentence WHERE annotation_id = annotation.id"
        "  AND (state IN ('rejected', 'sent back') OR origin = 'machine untouched'))"
        " AND (SELECT count(*) FROM sentence WHERE annotation_id = annotation.id AND raw <> '')"
        "  >= ? GROUP BY image.id",
        (workspace.settings.annotation.sentences_asked,),
    )
    return Counter({row["filename"]: row["n"] for row in rows})


def _states(workspace: Workspace) -> dict[str, int]:
    from rsitmd_tools.studio.campaign.review import states

    return states(workspace)


def _categories(
    images: Sequence[ImageRecord], complete: Collection[str]
) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for image in images:
        entry = found.setdefault(str(image.category), {"images": 0, "complete": 0, "sentences": 0})
        entry["images"] += 1
        entry["complete"] += image.filename in complete
        entry["sentences"] += len(image.sentences)
    return found


def _people(workspace: Workspace) -> list[dict[str, Any]]:
    """Return what each person has to do, wrote, and how fast."""
    seconds: dict[str, list[float]] = defaultdict(list)
    last: dict[str, str] = {}
    for row in workspace.db.execute(
        f"SELECT email, lead_time, annotation.created_at {COUNTED} ORDER BY annotation.created_at"
    ):
        last[row["email"]] = row["created_at"]
        if row["lead_time"] is not None:
            seconds[row["email"]].append(row["lead_time"])
    words: dict[str, list[int]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT annotator.email, raw FROM sentence"
        " JOIN current_annotation AS annotation ON annotation.id = annotation_id"
        f" {COUNTED.replace(_CURRENT, '', 1)} AND raw <> ''"
    ):
        words[row["email"]].append(len(row["raw"].split()))
    skips = dict(
        workspace.db.execute(
            "SELECT email, count(*) FROM skip JOIN annotator ON annotator.id = annotator_id"
            " GROUP BY email"
        ).fetchall()
    )
    known = {person["email"]: person for person in overview(workspace)}
    for email in last:  # who wrote without taking part, as in a shared project
        known.setdefault(
            email,
            {
                "email": email,
                "name": "",
                "active": True,
                "left_reason": "",
                "account": True,
                "pilot": None,
                "open": 0,
            },
        )
    counts = Counter(row["email"] for row in workspace.db.execute(f"SELECT email {COUNTED}"))
    return [
        {
            **person,
            "written": counts[email],
            "skips": skips.get(email, 0),
            "seconds": round(median(seconds[email]), 1) if seconds[email] else None,
            "words": round(sum(words[email]) / len(words[email]), 1) if words[email] else None,
            "last": last.get(email),
        }
        for email, person in known.items()
    ]


def _days(workspace: Workspace) -> dict[date, int]:
    """Return how many annotations were made on each day (UTC)."""
    return Counter(
        datetime.fromisoformat(row["created_at"]).date()
        for row in workspace.db.execute(f"SELECT annotation.created_at {COUNTED}")
    )


def days(workspace: Workspace) -> dict[str, dict[date, int]]:
    """Return how many annotations each person made on each day (UTC), by email."""
    found: dict[str, dict[date, int]] = defaultdict(Counter)
    for row in workspace.db.execute(f"SELECT email, annotation.created_at {COUNTED}"):
        day = datetime.fromisoformat(row["created_at"]).date()
        found[row["email"]][day] = found[row["email"]].get(day, 0) + 1
    return found


def _url(workspace: Workspace) -> str | None:
    try:
        return connection_of(workspace).url
    except (RsitmdError, OSError):  # the folder may be readable by its owner only
        pass
    try:  # it runs, though its secrets are lost
        running = running_server(workspace.studio)
    except OSError:
        return None
    return None if running is None else running.url
