"""Exclusion lists: images that are not used for training because another dataset tests on them."""

from __future__ import annotations

import json
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, structure_reason

_HINT = "to create one, run: rsitmd validate NEW --against OLD --exclusions FILE"


def read_exclusions(path: Path, dataset: Dataset) -> frozenset[str]:
    """Return the file names of a dataset that are in an exclusion list.

    Raises:
        RsitmdError: The file is not an exclusion list, or has no list for this dataset.
    """
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))["exclude"]
        found = {
            str(name): frozenset(str(entry["filename"]) for entry in entries)
            for name, entries in lists.items()
        }
    except FileNotFoundError as error:
        raise RsitmdError("does not exist", where=path, hint=_HINT) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RsitmdError(
            f"is not an exclusion list ({structure_reason(error)})",
            where=path,
            hint=_HINT,
        ) from error
    if found and dataset.name not in found:
        # Ignoring the list silently would cause the leak that the list prevents.
        raise RsitmdError(
            f"lists images of {', '.join(map(repr, sorted(found)))}, but not of {dataset.name!r}",
            where=path,
            hint="restore the name of the dataset, or create the list again",
        )
    return found.get(dataset.name, frozenset())
