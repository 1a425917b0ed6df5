"""Automatic fixes of rules, as changes to show or to apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rsitmd_tools.errors import printable
from rsitmd_tools.quality.registry import selected_rules
from rsitmd_tools.quality.rule import Rule
from rsitmd_tools.quality.subject import Subject

# One fix may enable another: a stray space hides a doubled full stop.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a sentence.

    Attributes:
        image: File name of its image.
        split: Split of that image.
        record: Index of the image's record in the dataset.
        sentence_index: Index of the sentence within its image.
        label: Name of the sentence within its image, for messages.
        before: The current text.
        after: The fixed text.
        codes: Rules whose fixes were applied.
    """

    image: str
    split: str | None
    record: int
    sentence_index: int
    label: str
    before: str
    after: str
    codes: tuple[str, ...]


def changes(subject: Subject, *, unsafe: bool = False) -> list[Change]:
    """Return the changes by the fixes of the selected rules.

    Args:
        subject: The dataset with its settings; images that ignore a rule are not changed by
            it.
        unsafe: Also apply fixes that may change the meaning of a sentence.
    """
    settings = subject.settings.validate
    rules = [
        entry
        for entry in selected_rules(settings.select, settings.ignore)
        if entry.fix is not None and (entry.safe or unsafe)
    ]
    # Encoding first: other fixes need the characters that it restores, such as a no-break space.
    rules.sort(key=lambda entry: entry.name != "mojibake")
    ignored = {(entry.image, code) for entry in settings.image_ignores for code in entry.codes}
    reported = _reported(subject, rules, ignored)
    found = []
    for sentence in subject.sentences:
        image = sentence.image
        record = subject.position(image)
        assert record is not None
        own = [
            entry
            for entry in rules
            if not _is_ignored(image.filename, entry.code, ignored)
            and (entry.safe or (record, sentence.index) in reported[entry.code])
        ]
        after, codes = _fixed(sentence.raw, own, subject)
        if after != sentence.raw and after.strip():
            place = (image.filename, image.split, record, sentence.index)
            label = subject.name(image, sentence.index).label
            found.append(Change(*place, label, sentence.raw, after, codes))
    return found


def _reported(
    subject: Subject, rules: Sequence[Rule], ignored: set[tuple[str, str]]
) -> dict[str, set[tuple[int | None, int | None]]]:
    """Return the sentences that unsafe rules report, by code: index of the record and of the text.

    A fix that may change the meaning is only for sentences that its rule reports. Safe fixes come
    first: a double space can hide what another rule reports.
    """
    if all(entry.safe for entry in rules):
        return {}
    images = []
    for image in subject.dataset:
        own = [e for e in rules if e.safe and not _is_ignored(image.filename, e.code, ignored)]
        sentences = (replace(s, raw=_fixed(s.raw, own, subject)[0]) for s in image.sentences)
        images.append(replace(image, sentences=tuple(sentences)))
    fixed = replace(subject, dataset=subject.dataset.with_images(images))
    return {
        entry.code: {
            (finding.record, finding.sentence_index)
            for finding in entry.findings(fixed)
            if finding.record is not None
        }
        for entry in rules
        if not entry.safe
    }


def diff(found: Sequence[Change]) -> Iterator[str]:
    """Yield the changes as lines of a diff; control characters are escaped."""
    for change in found:
        place = printable(f"{change.image}, {change.label}")
        yield f"@@ {place} ({', '.join(change.codes)})"
        yield f"-{printable(change.before)}"
        yield f"+{printable(change.after)}"


def _fixed(raw: str, rules: Sequence[Rule], subject: Subject) -> tuple[str, tuple[str, ...]]:
    codes: list[str] = []
    text = raw
    for _ in range(ROUNDS):
        before = text
        for entry in rules:
            fixed = entry.fixed(text, subject)
            if fixed != text and entry.code not in codes:
                codes.append(entry.code)
            text = fixed
        if text == before:
            break
    return text, tuple(codes)


def _is_ignored(image: str, code: str, ignored: set[tuple[str, str]]) -> bool:
    return any((image, code[:length]) in ignored for length in range(1, len(code) + 1))
