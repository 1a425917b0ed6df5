"""Check that file names are unique, because images are identified by them."""

from __future__ import annotations

from collections import Counter

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError


def check_names(part: Dataset) -> None:
    """Check that each image has one record in a training part or a gallery.

    Otherwise the sentences of one record would count as wrong for the other.

    Raises:
        RsitmdError: A file name occurs twice; the message contains it.
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
        hint=f"keep one; `rsitmd validate` lists all such images ({rule})",
    )
