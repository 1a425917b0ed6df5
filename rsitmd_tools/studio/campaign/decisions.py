"""Which sentences a reviewer means: by codes of rules, or by a file."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.formats.registry import read_text
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.quality.rules.n108_untouched_machine_text import message
from rsitmd_tools.studio.campaign.sentences import Empty, Entry, sentences
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import sentence_ids, untouched_sentences

COLUMNS = ("image", "annotator", "sentence", "text", "note")
# A spreadsheet may write the number 2 as 2.0.
_NUMBER = re.compile(r"([0-9]{1,6})(?:\.0+)?")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sentence that a reviewer means.

    Attributes:
        sentence: Its key in :func:`~rsitmd_tools.studio.campaign.sentences.sentences`.
        note: Why.
        codes: Codes of the rules that found something in it.
    """

    sentence: int | Empty
    note: str = ""
    codes: tuple[str, ...] = ()


class Found:
    """Finds the sentence that a finding is about.

    Args:
        workspace: The workspace, as the rules saw it.

    Attributes:
        entries: All sentences that can be named, by key.
        machine: Rows of the texts of a machine that nobody changed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.entries: Mapping[int | Empty, Entry] = sentences(workspace)
        self._ids = sentence_ids(workspace)
        untouched = untouched_sentences(workspace)
        self.machine = {row["id"] for row in untouched}
        # No image has a machine's text among its sentences: it is known by what is said of it.
        self._machine = {(row["filename"], message(row)): row["id"] for row in untouched}
        people = workspace.db.execute("SELECT email FROM annotator ORDER BY length(email) DESC")
        addresses = "|".join(re.escape(row["email"]) for row in people)
        # A whole address: a@x.org is not part of anna@x.org.
        self._people = re.compile(rf"(?<![\w.+%-])(?:{addresses})(?![\w-]|\.\w)")

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

    def note(self, row: int, said: str) -> str:
        """Return a finding's message as its author may read it: without others' addresses."""
        author = self.entries[row].annotator
        return self._people.sub(
            lambda match: match[0] if match[0] in ("", author) else "somebody else", said
        )


def is_file(asked: str) -> bool:
    """Say whether what was asked names a file and not codes."""
    return Path(asked).suffix.lower() in {".csv", ".json"} or Path(asked).is_file()


def codes_of(asked: str) -> tuple[str, ...]:
    """Return the codes or families that were asked for, by commas or blanks.

    Raises:
        WrongUsage: There is none, or no rule has one of them.
    """
    codes = tuple(asked.replace(",", " ").split())
    if not codes:
        raise WrongUsage("no codes are given", hint="give codes such as S104,S105, or a file")
    known = list(all_rules())
    for code in codes:
        if not any(entry.startswith(code) for entry in known):
            close = difflib.get_close_matches(code.upper(), known, _SHOWN, 0.5)
            raise WrongUsage(
                f"no rule has the code {code!r}, and no file has this name",
                hint=f"use one of: {', '.join(close)}"
                if close
                else "use codes such as S104, families such as S, or a CSV or JSON file",
            )
    return codes


def by_codes(asked: str, findings: Iterable[Finding], found: Found) -> list[Chosen]:
    """Return the sentences in which rules of these codes found something.

    Args:
        asked: Codes or families, by commas or blanks, such as ``S104,S105`` or ``S``.
        findings: What the rules found.
        found: Finds the sentence of each.

    Raises:
        WrongUsage: No rule has one of the codes.
    """
    codes = codes_of(asked)
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
        found,
    )


def by_file(file: Path, workspace: Workspace, found: Found) -> list[Chosen]:
    """Return the sentences that a file names.

    A CSV has the columns ``image`` and ``note``, and as far as they are needed ``annotator``,
    ``sentence`` (number from 1) and ``text`` (the words). A JSON is what ``rsitmd validate
    --format json`` wrote about the workspace as it is now.

    Raises:
        RsitmdError: It cannot be read, was made of other data, or names a sentence that is not
            there; nothing is decided then.
    """
    text = read_text(file)
    if file.suffix.lower() == ".json":
        return _of_json(text, file, workspace, found)
    rows = csv.DictReader(io.StringIO(text))
    missing = [name for name in ("image", "note") if name not in (rows.fieldnames or ())]
    if missing:
        raise RsitmdError(
            f"has no column {' and no column '.join(missing)}",
            where=file,
            hint=f"Separate the columns by commas. The columns are: {', '.join(COLUMNS)}",
        )
    by_image: dict[str, list[Entry]] = {}
    for entry in found.entries.values():
        by_image.setdefault(entry.image, []).append(entry)
    return [_of_row(row, by_image, f"{file}: line {rows.line_num}") for row in rows]


def _of_json(text: str, file: Path, workspace: Workspace, found: Found) -> list[Chosen]:
    again = f"run: rsitmd validate {workspace.path} --format json -o {file}"
    try:
        document = json.loads(text)
        entries = document["findings"]
        data = document.get("summary", {}).get("data_sha256")
        # An index counts the sentences as they were: after a pull it may mean another one.
        if data not in (None, load_dataset(workspace.path, "workspace").checksum()):
            raise RsitmdError(
                "was made before the sentences of the workspace changed", where=file, hint=again
            )
        return _of_findings(entries, found, str(file))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RsitmdError("holds no findings", where=file, hint=again) from None


def _of_findings(
    entries: Sequence[Mapping[str, Any]],
    found: Found,
    where: str = "findings",
) -> list[Chosen]:
    """Return one choice a sentence, its messages joined."""
    notes: dict[int, list[str]] = {}
    codes: dict[int, list[str]] = {}
    for entry in entries:
        image, index, said = entry.get("image"), entry.get("sentence_index"), str(entry["message"])
        row = found.row(image, index, said)
        if row is None and index is None:  # about an image, or all of them
            continue
        if row is None or row not in found.entries:
            raise RsitmdError(
                f"{image} has no sentence with the index {index} that can be decided about",
                where=where,
                hint="the workspace has changed since: validate again",
            )
        notes.setdefault(row, []).append(found.note(row, said))
        codes.setdefault(row, []).append(str(entry["code"]))
    return [
        Chosen(sentence, "; ".join(said), tuple(dict.fromkeys(codes[sentence])))
        for sentence, said in notes.items()
    ]


def _of_row(row: Mapping[str, Any], by_image: Mapping[str, Sequence[Entry]], where: str) -> Chosen:
    """Return the one sentence that a line of a CSV names."""
    image, person, asked, words, note = (str(row.get(name) or "").strip() for name in COLUMNS)
    number = _NUMBER.fullmatch(asked)
    if asked and number is None:  # the words themselves
        words, asked = words or asked, ""
    known = [e for e in by_image.get(image, ()) if person in ("", e.annotator)]
    fits = [
        entry
        for entry in known
        if (number is None or entry.name.number == int(number[1]))
        and (not words or _same(words, entry.raw))
    ]
    if len(fits) != 1:
        what = f"{image} has {len(fits)} sentences by {person or 'anybody'}"
        what += f" with the number {int(number[1])}" if number else ""
        what += " with these words" if words else ""
        shown = [entry.name.label for entry in fits or known]
        more = f", and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        raise RsitmdError(
            what,
            where=where,
            hint=f"name one of: {'; '.join(shown[:_SHOWN])}{more}"
            + (". Leave out the number where a person wrote one sentence" if number else "")
            if shown
            else "look with: rsitmd annotate log DIR IMAGE",
        )
    return Chosen(fits[0].key, note)


def _same(left: str, right: str) -> bool:
    """Say whether two texts are the same but for amounts of white space."""
    return left.split() == right.split()
