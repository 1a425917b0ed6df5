"""D108: an image in another split than expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rsitmd_tools.formats.registry import read_text
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D108", "swapped-splits", "error")
def swapped_splits(subject: Subject) -> Iterator[Violation]:
    """Images stand in another split than the names the user gives say.

    A published repository had validation and test swapped for months, and its results were
    those of the wrong images. Give the names, one a line, in `rsitmd.toml`:
    `expected_splits = {test = "test_filename.txt"}`. Without it nothing is checked.

    Bad:
        "port_1.tif" in val, and in the expected names of test
    Good:
        every name in the split that is expected
    Fix:
        Rename the parts, or take the public split files.
    """
    expected = {
        name: split
        for split, path in subject.settings.validate.expected_splits.items()
        for name in _names(path)
    }
    if not expected:
        return
    moves: Counter[tuple[str, str | None]] = Counter()
    for image in subject.dataset:
        wanted = expected.pop(image.filename, None)
        if wanted is not None and wanted != image.split:
            moves[wanted, image.split] += 1
            yield Violation(f"is in split {image.split}, expected in {wanted}", image)
    for (wanted, found), count in sorted(moves.items(), key=str):
        if found is not None and moves[found, wanted]:
            yield Violation(
                f"{wanted} and {found} look swapped: {count} images of {wanted} in {found}"
            )
    if expected:
        some = ", ".join(sorted(expected)[:3])
        yield Violation(f"{len(expected)} expected images are not in the dataset, such as {some}")


def _names(path: Path) -> list[str]:
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]
