"""Fixes: what a rule can mend by itself, as changes to look at or to apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rsitmd_tools.errors import printable
from rsitmd_tools.quality.registry import selected_rules
from rsitmd_tools.quality.rule import Rule
from rsitmd_tools.quality.subject import Subject

# One fix may make room for another: a stray blank hides a doubled full stop.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence and what it becomes.

    Attributes:
        image: File name of its image.
        split: Split of that image.
        record: Index of the image's record in the dataset.
        sentence_index: Index of the sentence within its image.
        label: Name of the sentence within its image, as people read it.
        before: The text as it stands.
        after: The text mended.
        codes: Rules whose fixes took part.
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
    """Return what the fixes of the selected rules change.

    Args:
        subject: The dataset with its settings; sentences of images that are excused from a
            rule are left alone by it.
        unsafe: Also use fixes that may change what a sentence says.
    """
    settings = subject.settings.validate
    rules = [
        entry
        for entry in selected_rules(settings.select, settings.ignore)
        if entry.fix is not None and (entry.safe or unsafe)
    ]
    # Encoding first: what it brings to light, such as a no-break space, others mend.
    rules.sort(key=lambda entry: entry.name != "mojibake")
    excused = {(entry.image, code) for entry in settings.image_ignores for code in entry.codes}
    records = {id(image): index for index, image in enumerate(subject.dataset)}
    found = []
    for sentence in subject.sentences:
        image = sentence.image
        own = [rule for rule in rules if not _is_excused(image.filename, rule.code, excused)]
        after, codes = _fixed(sentence.raw, own, subject)
        if after != sentence.raw and after.strip():
            place = (image.filename, image.split, records[id(image)], sentence.index)
            label = subject.name(image, sentence.index).label
            found.append(Change(*place, label, sentence.raw, after, codes))
    return found


def diff(found: Sequence[Change]) -> Iterator[str]:
    """Yield the changes as lines of a diff; nothing of the data comes raw."""
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
            assert entry.fix is not None
            mended = entry.fix(text, subject)
            if mended != text and entry.code not in codes:
                codes.append(entry.code)
            text = mended
        if text == before:
            break
    return text, tuple(codes)


def _is_excused(image: str, code: str, excused: set[tuple[str, str]]) -> bool:
    return any((image, code[:length]) in excused for length in range(1, len(code) + 1))
