"""``annotate status``: the progress of the campaign."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median
from typing import Any

from rsitmd_tools.annotation_templates import CORRECTION
from rsitmd_tools.dataset.naming import sentence_names
from rsitmd_tools.dataset.records import ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.running import running_server
from rsitmd_tools.studio.campaign.ranking import ranking
from rsitmd_tools.studio.campaign.sentences import Empty, sentences
from rsitmd_tools.studio.sync.assign import had_by_all, skipped_by_all, superfluous
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.acceptance import acceptance
from rsitmd_tools.workspace.imported import names_without_file
from rsitmd_tools.workspace.licence import licence_state
from rsitmd_tools.workspace.merge import merged_images, uncorrected_images, untouched_sentences
from rsitmd_tools.workspace.people import annotator_emails, members
from rsitmd_tools.workspace.projects import open_main_projects
from rsitmd_tools.workspace.review import state_counts
from rsitmd_tools.workspace.settings import AnnotationSettings
from rsitmd_tools.workspace.status import (
    CountedAnnotation,
    annotation_counts,
    annotators_of_images,
    count_drafts,
    count_tasks,
    counted_annotations,
    skip_counts,
    texts_by_annotator,
)

WINDOW = timedelta(days=14)  # the estimate extrapolates the pace of these days
NO_ESTIMATE = {"per_day": 0.0, "days": None, "ends": None}

# The measure of ``agreement``, see findings_of_people.
PERSON_MEASURE = (
    "mean similarity S of an annotator's sentences to those of the other annotators of the same"
    " image, by the prior's definition; not corrected for chance"
)


def status(workspace: Workspace) -> dict[str, Any]:
    """Return the state of the campaign as of the last pull.

    Keys: ``url`` (None while no server runs), ``projects``, ``images``, ``tasks``,
    ``annotations``, ``annotators`` (annotations by email), ``complete`` (images with all their
    sentences, see :func:`counted_sentences`, or with all their annotations if the labeling page
    has no sentences: ``sentences_asked``), ``incomplete`` (the other images), ``sentences``,
    ``keywords``, ``missing`` (annotations that incomplete images lack; an annotation without one
    of its sentences counts as missing), ``missing_sentences``, ``drafts``, ``skips``,
    ``skipped_by_all`` (see :func:`~rsitmd_tools.studio.sync.assign.skipped_by_all`),
    ``had_by_all`` (see :func:`~rsitmd_tools.studio.sync.assign.had_by_all`),
    ``superfluous`` (open assignments, see
    :func:`~rsitmd_tools.studio.sync.assign.superfluous`), ``overfull`` (images with more
    sentences than the settings ask for, which rule D102 reports), ``short``
    (annotations with a sentence that is empty and not sent back),
    ``states`` (sentences by state), ``categories``, ``people``, ``ranking`` (see
    :func:`~rsitmd_tools.studio.campaign.ranking.ranking`), ``estimate``,
    ``licence`` (None if the settings ask for none), ``acceptance`` (see
    :class:`~rsitmd_tools.workspace.acceptance.Acceptance`), ``imported_sentences`` (those of
    other datasets that nobody has corrected) and ``without_file`` (imported images without an
    image file; no other count contains them).

    Raises:
        RsitmdError: The labeling page or the licence in the settings cannot be read.
    """
    page_of(workspace)  # a push would refuse an invalid page: report it now
    images = merged_images(workspace)
    asked = workspace.settings.annotation
    annotators = annotators_of_images(workspace, asked.sentences_asked)
    imported = sum(s.annotator is None for image in images for s in image.sentences)
    uncorrected = uncorrected_images(workspace) if asked.works_like == CORRECTION else set()
    complete = {
        image.filename
        for image in images
        if counted_sentences(image, asked) >= asked.sentences_per_image
        # On the page that shows imported sentences, each has to be corrected.
        and image.filename not in uncorrected
        # Without sentences on the page, the annotations count.
        and (asked.sentences_asked or annotators[image.filename] >= asked.annotators_per_image)
    }
    emails = annotator_emails(workspace.db)
    nobody_left = had_by_all(workspace)
    by_email = annotation_counts(workspace)
    skips = skip_counts(workspace)
    missing = _missing(
        annotators, [i.filename for i in images if i.filename not in complete], asked
    )
    return {
        "url": _url(workspace),
        "projects": [
            {
                "id": project.number,
                "annotator": None if project.owner is None else emails[project.owner],
            }
            for project in open_main_projects(workspace.db)
        ],
        "images": len(images),
        "tasks": count_tasks(workspace),
        "annotations": by_email.total(),
        "annotators": dict(by_email),
        "complete": len(complete),
        "sentences_asked": asked.sentences_asked,
        "sentences": sum(len(image.sentences) for image in images),
        "keywords": sum(len(image.keywords) for image in images),
        "incomplete": len(images) - len(complete),
        "missing": missing,
        "missing_sentences": sum(
            max(0, asked.sentences_per_image - counted_sentences(image, asked)) for image in images
        ),
        "drafts": count_drafts(workspace),
        "skips": skips.total(),
        "skipped_by_all": skipped_by_all(workspace),
        "had_by_all": nobody_left,
        "superfluous": len(superfluous(workspace)),
        "overfull": sum(len(image.sentences) > asked.sentences_per_image > 0 for image in images),
        "short": len({k.annotation for k in sentences(workspace) if isinstance(k, Empty)}),
        "states": state_counts(workspace),
        "categories": _categories(images, complete),
        "people": _people(workspace, by_email, skips),
        "ranking": ranking(workspace),
        "estimate": estimate(_days(workspace), missing, datetime.now(UTC).date())
        if images and not nobody_left
        else dict(NO_ESTIMATE),
        "licence": licence_state(workspace),
        "acceptance": asdict(acceptance(workspace)),
        "imported_sentences": imported,
        "without_file": [
            {"dataset": dataset, "image": name} for dataset, name in names_without_file(workspace)
        ],
    }


def counted_sentences(image: ImageRecord, asked: AnnotationSettings) -> int:
    """Return how many of the sentences that an image needs it has.

    Each annotator counts with at most the sentences that the labeling page asks for, and as many
    annotators count as the settings ask for. Imported sentences count too.
    """
    texts = [sentence for sentence in image.sentences if sentence.raw.strip()]
    by_person = Counter(s.annotator for s in texts if s.annotator is not None)
    counts = [min(count, asked.sentences_asked) for _, count in by_person.most_common()]
    imported = sum(sentence.annotator is None for sentence in texts)
    return imported + sum(counts[: asked.annotators_per_image])


def estimate(days: dict[date, int], missing: int, today: date) -> dict[str, Any]:
    """Estimate when the campaign ends at the pace of the last two weeks.

    Args:
        days: Number of annotations made on each day.
        missing: Number of annotations that images lack.
        today: The date of today.

    Returns:
        ``per_day`` (mean number of annotations, including days without any), ``days`` and
        ``ends`` (ISO date). ``days`` and ``ends`` are None if there was no annotation in the
        last two weeks, and 0 and today if nothing is missing.
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
    """Run the rules and compare annotators; it takes seconds for thousands of sentences.

    Returns:
        ``findings``: number of findings by email and code; ``agreement``: by email
        ``{"mean", "sentences"}``, defined in ``agreement_measure``; ``reliability``: agreement of
        all annotators, see :func:`~rsitmd_tools.studio.campaign.reliability.reliability`;
        ``copied`` and ``doubtful``: sentences that are nearly the same as, or very different
        from, those of the other annotators, ``{"image", "annotator", "sentence" (number from
        1), "label", "value"}``.
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
    for row in untouched_sentences(workspace):  # merged images contain none of them
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


def _missing(annotators: Counter[str], incomplete: Sequence[str], asked: AnnotationSettings) -> int:
    """Return how many annotations incomplete images lack, at least one for each image."""
    return sum(max(1, asked.annotators_per_image - annotators[name]) for name in incomplete)


def _categories(
    images: Sequence[ImageRecord], complete: Collection[str]
) -> dict[str, dict[str, int]]:
    """Return the number of images, complete images and sentences of each category."""
    found: dict[str, dict[str, int]] = {}
    for image in images:
        entry = found.setdefault(str(image.category), {"images": 0, "complete": 0, "sentences": 0})
        entry["images"] += 1
        entry["complete"] += image.filename in complete
        entry["sentences"] += len(image.sentences)
    return found


def _people(
    workspace: Workspace, counts: Mapping[str, int], skips: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return the work of each annotator: written, open, skipped, and how fast.

    Args:
        workspace: The workspace.
        counts: Number of current annotations by address.
        skips: Number of skips by address.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    last: dict[str, str] = {}
    for annotation in counted_annotations(workspace):
        last[annotation.email] = annotation.created_at
        if annotation.seconds is not None:
            seconds[annotation.email].append(annotation.seconds)
    words = {
        email: [len(text.split()) for text in texts]
        for email, texts in texts_by_annotator(workspace).items()
    }
    known = {member.email: asdict(member) for member in members(workspace)}
    for email in last:  # authors who were never added, as in a shared project
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
    return [
        {
            **person,
            "written": counts.get(email, 0),
            "skips": skips.get(email, 0),
            "seconds": round(median(seconds[email]), 1) if seconds[email] else None,
            "words": round(mean(words[email]), 1) if email in words else None,
            "last": last.get(email),
        }
        for email, person in known.items()
    ]


def _days(workspace: Workspace) -> dict[date, int]:
    """Return how many annotations were made on each day (UTC)."""
    return Counter(_day(annotation) for annotation in counted_annotations(workspace))


def days(workspace: Workspace) -> dict[str, dict[date, int]]:
    """Return how many annotations each annotator made on each day (UTC), by email."""
    found: dict[str, Counter[date]] = defaultdict(Counter)
    for annotation in counted_annotations(workspace):
        found[annotation.email][_day(annotation)] += 1
    return {email: dict(count) for email, count in found.items()}


def _day(annotation: CountedAnnotation) -> date:
    return datetime.fromisoformat(annotation.created_at).date()


def _url(workspace: Workspace) -> str | None:
    """Return the address of the server; None if none runs."""
    try:
        return connection_of(workspace).url
    except (RsitmdError, OSError):  # only the owner may be able to read the folder
        pass
    try:  # the server may run although its secrets are lost
        running = running_server(workspace.studio)
    except OSError:
        return None
    return None if running is None else running.url
