"""Merging: from the annotations of all annotators to the records of a dataset."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rsitmd_tools.annotation_templates import CORRECTION
from rsitmd_tools.dataset.records import HUMAN, UNTOUCHED, ImageRecord, Sentence
from rsitmd_tools.workspace.annotations import REJECTED_ANNOTATIONS
from rsitmd_tools.workspace.corrections import written_texts
from rsitmd_tools.workspace.imported import (
    CORRECTED_FROM,
    ImportedSentence,
    as_sentence,
    imported_keywords,
    imported_sentences,
    records_without_file,
    remaining,
)
from rsitmd_tools.workspace.numbering import numbers_before
from rsitmd_tools.workspace.states import ACCEPTED, REJECTED
from rsitmd_tools.workspace.store import Workspace


def merged_images(workspace: Workspace, *, only_accepted: bool = False) -> list[ImageRecord]:
    """Return every image that has a file, with its sentences and keywords.

    Removed images are left out.

    Imported sentences come first, without those that an annotator has corrected. The others are
    in the order of the annotators (as they joined), then of the annotation's number on the
    server, then of the labeling page. Sentences that were sent back, replaced or
    rejected, pilot texts and unchanged machine texts are left out. The keywords of all
    annotators are merged: distinct ones, ordered by votes, then by time, at most
    ``keywords_max``. Those of an annotation whose sentences are all rejected are left out.

    Args:
        workspace: The workspace.
        only_accepted: Leave out the sentences that no reviewer accepted. Keywords are not
            reviewed, so all of them are included.
    """
    sentences = _sentences(workspace, only_accepted)
    keywords = _keywords(workspace)
    rows = workspace.db.execute("SELECT * FROM kept_image ORDER BY category, number")
    return [
        ImageRecord(
            filename=row["filename"],
            sentences=tuple(sentences[row["id"]]),
            keywords=tuple(keywords.get(row["id"], ())),
            split=row["split"],
            category=row["category"],
        )
        for row in rows
    ]


def is_keyword(text: str) -> bool:
    """Return whether a text has the form of a keyword: ``attribute object`` or ``- object``.

    That is at least two parts separated by white space, and at least one letter.
    """
    return len(text.split()) >= 2 and any(map(str.isalpha, text))


class Typed(NamedTuple):
    """How fast a sentence was typed.

    Attributes:
        words: Number of its words, without those of the text that the labeling page showed.
        seconds: The share of the annotation's time, in proportion to the words of all of its
            sentences.
        pace: Seconds per word of the annotation.
        given: Whether the labeling page showed a text that the sentence keeps words of.
    """

    words: int
    seconds: float
    pace: float
    given: bool


def typed_sentences(workspace: Workspace) -> dict[tuple[str, int], Typed]:
    """Return how fast each merged sentence was typed, if the server measured it.

    All sentences of an annotation share its time, also those that were sent back or rejected.
    Words of an imported sentence or of a machine's text that the labeling page showed were not
    typed. Sentences without a typed word are left out.

    Returns:
        The time by file name and index of the sentence in :func:`merged_images`.
    """
    rows = _rows(workspace)
    imported = imported_sentences(workspace)
    by_place = _by_place(imported)
    words: dict[int, tuple[int, bool]] = {}
    total: dict[int, int] = defaultdict(int)
    for row in workspace.db.execute(
        "SELECT sentence.*, image_id, template FROM current_annotation AS annotation"
        " JOIN sentence ON annotation_id = annotation.id JOIN main_task ON main_task.id = task_id"
    ):
        given = row["machine_raw"] if row["origin"] != HUMAN else None
        source = _corrected_by(row, by_place)
        if source is not None:
            given = source.raw
        shown = Counter(_words(given or ""))
        own = Counter(_words(row["raw"]))
        words[row["id"]] = (own - shown).total(), bool(own & shown)
        total[row["annotation_id"]] += words[row["id"]][0]
    found: dict[tuple[str, int], Typed] = {}
    for key, row in _with_keys(workspace, rows):
        typed, kept = words[row["id"]]
        if row["lead_time"] is not None and typed:
            pace = row["lead_time"] / total[row["annotation_id"]]
            found[key] = Typed(typed, pace * typed, pace, kept)
    return found


def sentence_ids(workspace: Workspace) -> dict[tuple[str, int], int]:
    """Return the row of each merged sentence of an annotator.

    Returns:
        Ids in the table ``sentence`` by file name and index in :func:`merged_images`.
    """
    return {key: row["id"] for key, row in _with_keys(workspace, _rows(workspace))}


def imported_places(workspace: Workspace) -> dict[tuple[str, int], int]:
    """Return the row of each merged sentence that was imported.

    Returns:
        Ids in the table ``imported_sentence`` by file name and index in :func:`merged_images`, and
        of the images without a file.
    """
    names = _filenames(workspace)
    all_of_them = imported_sentences(workspace)
    left = remaining(all_of_them, _corrected(_rows(workspace), all_of_them))
    places = {
        (names[image], index): sentence.row
        for image, sentences in left.items()
        for index, sentence in enumerate(sentences)
    }
    waiting = [sentence for sentence in all_of_them if sentence.image is None]
    here = {
        row["id"]: f"{row['category']}_{row['number']}.tif"
        for row in workspace.db.execute("SELECT * FROM imported_image WHERE image_id IS NULL")
    }
    return places | {(here[s.imported], s.place - 1): s.row for s in waiting}


def dataset_images(workspace: Workspace) -> list[ImageRecord]:
    """Return every image of a workspace, also the imported ones without a file.

    The images are those of :func:`merged_images`, then those of
    :func:`~rsitmd_tools.workspace.imported.records_without_file`.
    """
    return [*merged_images(workspace), *records_without_file(workspace)]


def uncorrected_images(workspace: Workspace) -> set[str]:
    """Return the file names of the images with imported sentences that nobody has corrected."""
    names = _filenames(workspace)
    imported = imported_sentences(workspace)
    left = remaining(imported, _corrected(_rows(workspace), imported))
    return {names[image] for image in left}


def untouched_sentences(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the machine-generated sentences that an annotator submitted unchanged.

    Sentences that were sent back, replaced or rejected are left out.

    Returns:
        Rows with ``id``, ``filename``, ``email``, ``number`` (on the page, from 1) and ``raw``.
    """
    before = numbers_before(workspace)
    rows = workspace.db.execute(
        "SELECT sentence.id, filename, email, annotation_id, slot, raw"
        " FROM usable_sentence AS sentence"
        " JOIN live_annotation AS annotation ON annotation.id = annotation_id"
        " JOIN image ON image.id = image_id"
        " JOIN annotator ON annotator.id = sentence.annotator_id"
        " WHERE sentence.origin = ?"
        " ORDER BY image.id, annotator.id, sentence.server_id, slot",
        (UNTOUCHED,),
    )
    return [{**dict(row), "number": before[row["annotation_id"]] + row["slot"]} for row in rows]


def count_not_accepted(workspace: Workspace) -> Counter[str]:
    """Return the number of merged sentences that no reviewer accepted, by file name.

    Blank imported sentences do not count: no release contains them.
    """
    names = _filenames(workspace)
    rows = _rows(workspace)
    imported = imported_sentences(workspace)
    left = remaining(imported, _corrected(rows, imported))
    counts = Counter(
        {image: sum(bool(s.raw.strip()) for s in found) for image, found in left.items()}
    )
    counts.update(row["image_id"] for row in rows if row["state"] != ACCEPTED)
    return Counter({names[image]: count for image, count in counts.items()})


def _sentences(workspace: Workspace, only_accepted: bool) -> dict[int, list[Sentence]]:
    found: dict[int, list[Sentence]] = defaultdict(list)
    before = numbers_before(workspace)
    requested = workspace.settings.annotation.sentences_asked
    rows = _rows(workspace)
    imported = imported_sentences(workspace)
    if not only_accepted:
        for image, sentences in remaining(imported, _corrected(rows, imported)).items():
            found[image] += map(as_sentence, sentences)
    by_place = _by_place(imported)
    changed = _changed_by_others(workspace)
    for row in rows:
        if only_accepted and row["state"] != ACCEPTED:
            continue
        number = before[row["annotation_id"]] + row["slot"]
        source = _corrected_by(row, by_place)
        found[row["image_id"]].append(
            Sentence(
                row["raw"],
                annotator=row["email"],
                extra={} if source is None else {CORRECTED_FROM: source.dataset},
                number=number if requested > 1 or number > 1 else None,
                origin=row["origin"],
                edit_distance=row["edit_distance"],
                machine_given=row["machine_raw"] is not None,
                changed_by=changed.get(row["id"]),
            )
        )
    return found


def _changed_by_others(workspace: Workspace) -> dict[int, str]:
    """Return who wrote the words of each sentence that is not its annotator, by row.

    The server only knows who changed an annotation last. So each revision is compared with the
    one before it: a sentence with the same words keeps the one who wrote them.
    """
    corrected = written_texts(workspace.db)
    found: dict[int, str] = {}
    before: dict[int, tuple[str, str]] = {}
    key, current = None, False
    for revision in workspace.db.execute(
        "SELECT annotation.id, task_id, server_id, latest, author.email AS author,"
        " coalesce(other.email, author.email) AS editor FROM annotation"
        " JOIN annotator AS author ON author.id = annotator_id"
        " LEFT JOIN annotator AS other ON other.id = updated_by"
        " WHERE (task_id, server_id) IN (SELECT task_id, server_id FROM annotation"
        "  GROUP BY task_id, server_id"
        "  HAVING max(updated_by <> annotator_id) OR count(DISTINCT annotator_id) > 1)"
        " ORDER BY task_id, server_id, updated_at, annotation.id"
    ).fetchall():
        if key != (revision["task_id"], revision["server_id"]):
            key, current, before = (revision["task_id"], revision["server_id"]), False, {}
        if current:  # a later revision that a restored server does not have
            continue
        current = bool(revision["latest"])
        now: dict[int, tuple[str, str]] = {}
        for sentence in workspace.db.execute(
            "SELECT id, slot, raw FROM sentence WHERE annotation_id = ?", (revision["id"],)
        ):
            raw = corrected.get(sentence["id"], sentence["raw"])
            old = before.get(sentence["slot"])
            writer = revision["editor"] if old is None or raw != old[0] else old[1]
            now[sentence["slot"]] = raw, writer
            if writer != revision["author"]:
                found[sentence["id"]] = writer
        before = now
    return found


def _words(text: str) -> list[str]:
    """Return the words of a text without punctuation at their ends."""
    words = (re.sub(r"^[\W_]+|[\W_]+$", "", word) for word in text.casefold().split())
    return [word for word in words if word]


def _by_place(
    imported: Iterable[ImportedSentence],
) -> dict[tuple[int | None, int], ImportedSentence]:
    return {(sentence.image, sentence.place): sentence for sentence in imported}


def _corrected_by(
    row: sqlite3.Row, imported: Mapping[tuple[int | None, int], ImportedSentence]
) -> ImportedSentence | None:
    """Return the imported sentence that a sentence of an annotator corrects.

    It was written on the page that shows the imported ones, after the image had it.
    """
    if row["template"] != CORRECTION:
        return None
    found = imported.get((row["image_id"], row["slot"]))
    return None if found is None or row["annotation_id"] <= found.after else found


def _corrected(
    rows: Iterable[sqlite3.Row], imported: Iterable[ImportedSentence]
) -> set[tuple[int, int]]:
    """Return the images and places of the imported sentences that annotators have corrected."""
    by_place = _by_place(imported)
    return {
        (row["image_id"], row["slot"]) for row in rows if _corrected_by(row, by_place) is not None
    }


def _with_keys(
    workspace: Workspace, rows: list[sqlite3.Row]
) -> Iterator[tuple[tuple[str, int], sqlite3.Row]]:
    """Yield the sentences to be merged, by file name and index in :func:`merged_images`."""
    names = _filenames(workspace)
    # Imported sentences come before those of the annotators.
    imported = imported_sentences(workspace)
    left = remaining(imported, _corrected(rows, imported))
    count = Counter({image: len(sentences) for image, sentences in left.items()})
    for row in rows:
        yield (names[row["image_id"]], count[row["image_id"]]), row
        count[row["image_id"]] += 1


def _filenames(workspace: Workspace) -> dict[int, str]:
    """Return the file name of each image by its row, also of the removed ones."""
    return dict(workspace.db.execute("SELECT id, filename FROM image").fetchall())


def _rows(workspace: Workspace) -> list[sqlite3.Row]:
    """Return the sentences to be merged, in the order of merging."""
    return workspace.db.execute(
        "SELECT sentence.*, annotator.email FROM released_sentence AS sentence"
        " JOIN annotator ON annotator.id = annotator_id"
        " ORDER BY annotator_id, server_id, slot"
    ).fetchall()


def _keywords(workspace: Workspace) -> dict[int, list[str]]:
    votes: dict[int, dict[str, int]] = defaultdict(dict)
    # One vote each, whatever their form is: what is wrong with them is a finding.
    for image, words in imported_keywords(workspace).items():
        votes[image].update(dict.fromkeys(words, 1))
    for row in workspace.db.execute(
        "SELECT task.image_id, keyword.raw FROM keyword"
        " JOIN current_annotation AS annotation ON annotation.id = keyword.annotation_id"
        " JOIN main_task AS task ON task.id = annotation.task_id"
        f" WHERE annotation.id NOT IN ({REJECTED_ANNOTATIONS})"
        " ORDER BY annotation.created_at, annotation.server_id, keyword.slot",
        (REJECTED,),
    ):
        if is_keyword(row["raw"]):
            count = votes[row["image_id"]]
            count[row["raw"]] = count.get(row["raw"], 0) + 1
    most = workspace.settings.annotation.keywords_max
    # sorted() is stable, so keywords with equal votes stay in the order of time.
    return {
        image: sorted(count, key=lambda word: -count[word])[:most] for image, count in votes.items()
    }
