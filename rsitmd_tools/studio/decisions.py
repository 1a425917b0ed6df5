"""Which sentences a reviewer means: by codes of rules, or by a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.formats.registry import read_text
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.rules.n108_untouched_machine_text import message
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import sentence_ids, untouched_sentences

COLUMNS = ("image", "annotator", "sentence", "note")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sentence that a reviewer means.

    Attributes:
        sentence: Its row.
        note: Why.
        codes: Codes of the rules that found something in it.
    """

    sentence: int
    note: str = ""
    codes: tuple[str, ...] = ()


class Found:
    """Finds the sentence that a finding is about.

    Args:
        workspace: The workspace, as the rules saw it.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._ids = sentence_ids(workspace)
        untouched = untouched_sentences(workspace)
        self.machine = {row["id"] for row in untouched}
        # No image has a machine's text among its sentences: it is known by what is said of it.
        self._machine = {(row["filename"], message(row)): row["id"] for row in untouched}

    def row(self, image: str | None, index: int | None, said: str) -> int | None:
        """Return the row of a sentence; None for what is about no sentence that is here.

        Args:
            image: The finding's image.
            index: Its index of the sentence.
            said: Its message.
        """
        if image is None:
            return None
        return self._machine.get((image, said)) if index is None else self._ids.get((image, index))


def is_file(asked: str) -> bool:
    """Say whether what was asked names a file and not codes."""
    return Path(asked).suffix.lower() in {".csv", ".json"} or Path(asked).is_file()


def by_codes(asked: str, findings: Iterable[Finding], sentences: Found) -> list[Chosen]:
    """Return the sentences in which rules of these codes found something.

    Args:
        asked: Codes or families, by commas or blanks, such as ``S104,S105`` or ``S``.
        findings: What the rules found.
        sentences: Finds the sentence of each.
    """
    codes = tuple(asked.replace(",", " ").split())
    if not codes:
        raise WrongUsage("no codes are given", mend="give codes such as S104,S105, or a file")
    return _of_findings(
        [
            {
                "image": finding.image,
                "sentence_index": finding.sentence_index,
                "message": finding.message,
                "code": finding.code,
            }
            for finding in findings
            if finding.code.startswith(codes)
        ],
        sentences,
    )


def by_file(file: Path, workspace: Workspace) -> list[Chosen]:
    """Return the sentences that a file names.

    A CSV has the columns ``image``, ``annotator``, ``sentence`` (number on the page, 1 where
    absent) and ``note``; a JSON is what ``rsitmd validate --format json`` wrote.

    Raises:
        RsitmdError: It cannot be read, or names a sentence that is not there; nothing is
            decided then.
    """
    text = read_text(file)
    if file.suffix.lower() == ".json":
        try:
            entries = json.loads(text)["findings"]
            return _of_findings(entries, Found(workspace), str(file))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RsitmdError(
                "holds no findings",
                where=file,
                mend="make it with: rsitmd validate DIR --format json -o FILE",
            ) from None
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames is None or not {"image", "note"} <= set(rows.fieldnames):
        raise RsitmdError(
            "lacks the columns image and note", where=file, mend=f"columns: {', '.join(COLUMNS)}"
        )
    return [_of_row(row, workspace, f"{file}: line {rows.line_num}") for row in rows]


def _of_findings(
    entries: Sequence[Mapping[str, Any]],
    sentences: Found,
    where: str = "findings",
) -> list[Chosen]:
    """Return one choice a sentence, its messages joined."""
    notes: dict[int, list[str]] = {}
    codes: dict[int, list[str]] = {}
    for entry in entries:
        image, index = entry.get("image"), entry.get("sentence_index")
        row = sentences.row(image, index, str(entry["message"]))
        if row is None and index is None:  # about an image, or all of them
            continue
        if row is None:
            raise RsitmdError(
                f"{image} has no sentence {index}",
                where=where,
                mend="the workspace has changed since: validate again",
            )
        notes.setdefault(row, []).append(str(entry["message"]))
        codes.setdefault(row, []).append(str(entry["code"]))
    return [
        Chosen(sentence, "; ".join(said), tuple(dict.fromkeys(codes[sentence])))
        for sentence, said in notes.items()
    ]


def _of_row(row: Mapping[str, Any], workspace: Workspace, where: str) -> Chosen:
    slot = str(row.get("sentence") or "1").strip()
    found = workspace.db.execute(
        "SELECT sentence.id, annotator.email FROM sentence"
        " JOIN current_annotation AS annotation ON annotation.id = annotation_id"
        " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
        " JOIN project ON project.id = project_id AND project.kind = 'main'"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " WHERE filename = ? AND ? IN ('', email) AND slot = ?",
        (row["image"], (row.get("annotator") or "").strip(), slot),
    ).fetchall()
    if len(found) != 1:
        people = ", ".join(entry["email"] for entry in found)
        raise RsitmdError(
            f"{row['image']} has {len(found)} sentences {slot} by"
            f" {row.get('annotator') or 'anybody'}",
            where=where,
            mend=f"name one of: {people}" if people else "look with: rsitmd annotate log DIR IMAGE",
        )
    return Chosen(found[0]["id"], str(row["note"] or "").strip())
