"""What goes by file name needs each name once."""

from __future__ import annotations

from collections import Counter

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError


def check_names(part: Dataset) -> None:
    """Check that no image has two records in what is learned from or searched together.

    The sentences of one record would count as wrong for the other.

    Raises:
        RsitmdError: A file name stands twice; it is named.
    """
    counts = Counter(image.filename for image in part)
    first = next((name for name, count in counts.items() if count > 1), None)
    if first is None:
        return
    splits = sorted({str(image.split) for image in part if image.filename == first})
    rule = "D106" if len(splits) == 1 else "D105"
    raise RsitmdError(
        f"has {counts[first]} records in {' and '.join(splits)}",
        where=f"{part.source}: {first}",
        hint=f"keep one; `rsitmd validate` finds all such images ({rule})",
    )
