"""Fields of ``dataset_RSITMD.json`` that are not part of the layout."""

from __future__ import annotations

from collections import Counter

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.schemas import load_schema

READ = frozenset(["filepath"])  # the folder of an image, in Karpathy's JSON


def unknown_fields(dataset: Dataset) -> dict[str, int]:
    """Return the fields that the schema does not name, with the number of places of each.

    Args:
        dataset: A dataset that was read from JSON.

    Returns:
        Counts by path, such as ``images[].sentences[].note``, in the order of the paths.
    """
    layout = load_schema("dataset")
    images, sentences = (set(layout["$defs"][name]["properties"]) for name in ("image", "sentence"))
    counts = Counter(key for key in dataset.extra if key not in layout["properties"])
    for image in dataset:
        counts.update(f"images[].{key}" for key in image.extra if key not in images | READ)
        for sentence in image.sentences:
            for key in sentence.extra:
                if key not in sentences:
                    counts[f"images[].sentences[].{key}"] += 1
    return dict(sorted(counts.items()))
