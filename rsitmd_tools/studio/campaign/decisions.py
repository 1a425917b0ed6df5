"""Selection of sentences for a review decision, by rule codes or by a file."""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.suspects import parse_suspects
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.quality.rules.n108_untouched_machine_text import message
from rsitmd_tools.studio.campaign.sentences import Empty, Entry, sentences
from rsitmd_tools.text_files import read_rows, read_text
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import imported_places, sentence_ids, untouched_sentences
from rsitmd_tools.workspace.people import known_addresses

COLUMNS = ("image", "annotator", "sentence", "text", "note")
# A spreadsheet may write the number 2 as 2.0.
_NUMBER = re.compile(r"([0-9]{1,6})(?:\.0+)?")
_MAX_LISTED = 5
_MAX_QUOTED = 60  # characters of a sentence in a message


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sentence selected for a decision.

    Attributes:
        sentence: Its key in :func:`~rsitmd_tools.studio.campaign.sentences.sentences`.
        note: Reason for the decision.
        codes: Codes of the rules with a finding in the sentence.
    """

    sentence: int | Empty
    note: str = ""
    codes: tuple[str, ...] = ()


class Found:
    """Maps findings to sentences of the workspace.

    Args:
        workspace: The workspace, in the state that the rules checked.

    Attributes:
        entries: All sentences that can be decided about, by key.
        machine: Rows of the machine texts that nobody changed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.entries: Mapping[int | Empty, Entry] = sentences(workspace)
        self._ids = sentence_ids(workspace)
        # Nobody can be asked to write an imported sentence again.
        self.imported = frozenset(imported_places(workspace))
        untouched = untouched_sentences(workspace)
        self.machine = {row["id"] for row in untouched}
        # Merged images contain no machine texts, so these findings have no sentence index.
        # Their messages identify them.
        self._machine = {(row["filename"], message(row)): row["id"] for row in untouched}
        # The longest address first; a@x.org must not match within anna@x.org.
        addresses = "|".join(map(re.escape, known_addresses(workspace)))
        self._people = re.compile(rf"(?<![\w.+%-])(?:{addresses})(?![\w-]|\.\w)")

    def row(self, image: str | None, index: int | None, text: str) -> int | None:
        """Return the row of the sentence of a finding; None if it is about no known sentence.

        Args:
            image: File name of the finding's image.
            index: Index of the sentence within the image.
            text: Message of the finding.
        """
        if image is None:
            return None
        return self._machine.get((image, text)) if index is None else self._ids.get((image, index))

    def note(self, row: int, text: str) -> str:
        """Return a finding's message for the author of a sentence, without others' addresses.

        Args:
            row: Row of the sentence.
            text: Message of the finding.
        """
        author = self.entries[row].annotator
        return self._people.sub(
            lambda match: match[0] if match[0] in ("", author) else "another annotator", text
        )


def is_file(value: str) -> bool:
    """Return whether the value of an option is a file name and not a list of codes."""
    return Path(value).suffix.lower() in {".csv", ".json"} or Path(value).is_file()


def codes_of(value: str) -> tuple[str, ...]:
    """Return the codes or families in the value of an option, separated by commas or blanks.

    Raises:
        WrongUsage: The value is empty, or contains an unknown code.
    """
    codes = tuple(value.replace(",", " ").split())
    if not codes:
        raise WrongUsage(
            "the list of codes is empty", hint="use codes such as S104,S105, or a file"
        )
    known = list(all_rules())
    for code in codes:
        if not any(entry.startswith(code) for entry in known):
            close = difflib.get_close_matches(code.upper(), known, _MAX_LISTED, 0.5)
            raise WrongUsage(
                f"no rule has the code {code!r}, and no file has this name",
                hint=f"did you mean {' or '.join(close)}?"
                if close
                else "use codes such as S104, families such as S, or a CSV or JSON file",
            )
    return codes


def by_codes(value: str, findings: Iterable[Finding], found: Found) -> list[Chosen]:
    """Return the sentences with a finding of certain rules.

    Args:
        value: Codes or families, separated by commas or blanks, such as ``S104,S105`` or ``S``.
        findings: The findings of all rules.
        found: Maps the findings to sentences.

    Raises:
        WrongUsage: No rule has one of the codes.
    """
    codes = codes_of(value)
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
    """Return the sentences listed in a file.

    A CSV has the columns ``image`` and ``note``, and if they are needed ``annotator``,
    ``sentence`` (number from 1) and ``text`` (the words). A JSON file is the output of
    ``rsitmd validate --format json``, or of ``rsitmd benchmark suspects``, for the workspace in its
    present state.

    Raises:
        RsitmdError: The file cannot be read, was made from other data, or lists a sentence that
            does not exist; no decision is recorded then.
    """
    if file.suffix.lower() == ".json":
        return _of_json(read_text(file), file, workspace, found)
    hint = f"separate the columns by commas or tabs; all columns: {', '.join(COLUMNS)}"
    rows = list(read_rows(file, ("image", "note"), hint))
    by_image: dict[str, list[Entry]] = {}
    for entry in found.entries.values():
        by_image.setdefault(entry.image, []).append(entry)
    return [_of_row(row, by_image, f"{file}: line {line}") for line, row in rows]


def _of_json(text: str, file: Path, workspace: Workspace, found: Found) -> list[Chosen]:
    again = command_line("validate", workspace.path, "--format", "json", "-o", file)
    try:
        document = json.loads(text)
        if "suspects" in document:
            again = command_line("benchmark", "suspects", workspace.path, "-o", file)
            entries, data = _suspected(document), document["data_sha256"]
        else:
            entries = document["findings"]
            data = document.get("summary", {}).get("data_sha256")
        # After a pull or a decision, an index may refer to another sentence.
        if data not in (None, load_dataset(workspace.path, "workspace").checksum()):
            raise RsitmdError(
                "is out of date: the sentences of the workspace have changed",
                where=file,
                hint=f"run: {again}",
            )
        return _of_findings(entries, found, str(file))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RsitmdError(
            "is not a list of findings or suspects", where=file, hint=f"run: {again}"
        ) from None


def _suspected(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the flagged sentences of a file of suspects as the findings of rule M101."""
    return [
        {
            "image": suspect.image,
            "sentence_index": suspect.sentence_index,
            "message": suspect.message,
            "code": "M101",
        }
        for suspect in parse_suspects(document)
    ]


def _of_findings(
    entries: Sequence[Mapping[str, Any]],
    found: Found,
    where: str = "findings",
) -> list[Chosen]:
    """Return one choice per sentence, with the messages of its findings joined."""
    notes: dict[int, list[str]] = {}
    codes: dict[int, list[str]] = {}
    for entry in entries:
        image, index, text = entry.get("image"), entry.get("sentence_index"), str(entry["message"])
        row = found.row(image, index, text)
        if row is None and index is None:  # about an image or the whole dataset
            continue
        if (image, index) in found.imported:
            continue
        if row is None or row not in found.entries:
            raise RsitmdError(
                f"{image} has no sentence with the index {index} to decide about",
                where=where,
                hint="the workspace has changed; run `rsitmd validate` again",
            )
        notes.setdefault(row, []).append(found.note(row, text))
        codes.setdefault(row, []).append(str(entry["code"]))
    return [
        Chosen(sentence, "; ".join(texts), tuple(dict.fromkeys(codes[sentence])))
        for sentence, texts in notes.items()
    ]


def _of_row(row: Mapping[str, Any], by_image: Mapping[str, Sequence[Entry]], where: str) -> Chosen:
    """Return the one sentence that a line of a CSV describes."""
    image, annotator, number_text, text, note = (
        str(row.get(name) or "").strip() for name in COLUMNS
    )
    match = _NUMBER.fullmatch(number_text)
    if number_text and match is None:  # the text is in the column of the number
        text, number_text = text or number_text, ""
    number = None if match is None else int(match[1])
    of_image = by_image.get(image, ())
    of_annotator = [entry for entry in of_image if annotator in ("", entry.annotator)]
    matches = [
        entry
        for entry in of_annotator
        if (number is None or entry.name.number == number) and (not text or _same(text, entry.raw))
    ]
    if len(matches) == 1:
        return Chosen(matches[0].key, note)
    wanted = f"image {image}" if image else "an empty file name"
    wanted += f", annotator {annotator}" if annotator else ""
    wanted += f", sentence {number}" if number is not None else ""
    wanted += f', text "{textwrap.shorten(text, _MAX_QUOTED, placeholder="...")}"' if text else ""
    count = f"{len(matches)} sentences match" if matches else "no sentence matches"
    if not of_image:
        hint = "use the file name of an image that has annotations"
    elif not of_annotator:
        authors = dict.fromkeys(entry.annotator for entry in of_image)
        hint = f"use an annotator of this image: {', '.join(authors)}"
    else:
        labels = [entry.name.label for entry in matches or of_annotator]
        more = len(labels) - _MAX_LISTED
        hint = f"use one of: {'; '.join(labels[:_MAX_LISTED])}"
        hint += f"; and {more} more" if more > 0 else ""
        if number is not None and not matches:
            hint += ". Leave the number out if the annotator wrote one sentence"
    raise RsitmdError(f"{count} {wanted}", where=where, hint=hint)


def _same(left: str, right: str) -> bool:
    """Return whether two texts are equal up to white space."""
    return left.split() == right.split()
