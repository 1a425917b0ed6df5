"""Lists of images that training leaves out, because another dataset tests on them."""

from __future__ import annotations

import json
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, reason


def read_exclusions(path: Path, dataset: Dataset) -> frozenset[str]:
    """Return the file names of a dataset that an exclusion list names.

    Raises:
        RsitmdError: The file is no exclusion list, or has none for a dataset of this name.
    """
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))["exclude"]
        found = {
            str(name): frozenset(str(entry["filename"]) for entry in entries)
            for name, entries in lists.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RsitmdError(
            f"is no exclusion list ({reason(error)})",
            where=path,
            hint="write one with: rsitmd validate NEW --against OLD --exclusions FILE",
        ) from error
    if found and dataset.name not in found:
        # Leaving nothing out without a word would be the leak the list is made against.
        raise RsitmdError(
            f"names images of {', '.join(map(repr, sorted(found)))}, none of {dataset.name!r}",
            where=path,
            hint="give the dataset the name it had, or write the list anew",
        )
    return found.get(dataset.name, frozenset())
