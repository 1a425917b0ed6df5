"""D108: an image in another split than expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.text_files import read_text


@rule("D108", "swapped-splits", "error")
def swapped_splits(subject: Subject) -> Iterator[Violation]:
    """An image is in another split than the lists of expected names say.

    A published repository had validation and test swapped for months, and its results were
    those of the wrong images. Set files with the expected names, one per line, in
    `rsitmd.toml`: `expected_splits = {test = "test_filename.txt"}`. Images of such a split
    that its file does not name are reported too. Without this setting nothing is checked.

    Bad:
        "port_1.tif" in val, and in the expected names of test
    Good:
        each image in the expected split
    Fix:
        Rename the splits, or use the public split files.
    """
    lists = {
        split: _names(path) for split, path in subject.settings.validate.expected_splits.items()
    }
    expected: dict[str, str] = {}
    for split, names in lists.items():
        for name in names:
            if expected.setdefault(name, split) != split:
                yield Violation(f"{name} is expected in {expected[name]} and in {split}")
    if not expected:
        return
    moves: Counter[tuple[str, str | None]] = Counter()
    seen = set()
    for image in subject.dataset:
        expected_split = expected.get(image.filename)
        seen.add(image.filename)
        if expected_split is not None and expected_split != image.split:
            moves[expected_split, image.split] += 1
            yield Violation(f"in split {image.split}, expected in {expected_split}", image)
        elif expected_split is None and image.split in lists:
            yield Violation(f"in split {image.split}, but not in its expected names", image)
    for (expected_split, found), count in sorted(moves.items(), key=str):
        if found is not None and moves[found, expected_split]:
            yield Violation(
                f"{expected_split} and {found} appear swapped: "
                f"{count_of(count, 'image')} of {expected_split} in {found}"
            )
    missing = sorted(expected.keys() - seen)
    if missing:
        some = ", ".join(missing[:3])
        yield Violation(f"{count_of(len(missing), 'expected image')} missing, for example {some}")


def _names(path: Path) -> list[str]:
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]
