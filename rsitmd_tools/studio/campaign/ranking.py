"""Rankings: which of two sentences won, and how well the annotators agree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from rsitmd_tools.annotation_templates import CHOICES
from rsitmd_tools.studio.sync.captions import task_captions
from rsitmd_tools.studio.sync.page_changes import renamed_fields
from rsitmd_tools.studio.sync.results import parse_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.agreement import results_by_image


def ranking(workspace: Workspace) -> dict[str, Any] | None:
    """Return the choices as of the last pull; None if there are none.

    Returns:
        ``images``: for each image ``image``, ``sentences`` (the two), ``votes`` (number of
        annotators for each of :data:`CHOICES`), ``winner`` (None on a tie) and ``agreement``
        (share of pairs of annotators with the same choice; None for one annotator); ``votes``
        and ``winners``: totals over all images; ``agreement``: mean over the images with at
        least two annotators; ``alpha``: Krippendorff's alpha over them, nominal (1: full
        agreement, 0: agreement by chance), None without such an image.
    """
    chosen: dict[tuple[int, str], dict[str, str]] = {}
    for row in results_by_image(workspace):
        renamed = renamed_fields(workspace, row.project)
        choice = parse_result(json.loads(row.result), renamed).choice
        if choice in CHOICES:  # an annotator's newest choice replaces earlier ones
            chosen.setdefault((row.image, row.filename), {})[row.email] = choice
    if not chosen:
        return None
    agreed = [agreement(list(votes.values())) for votes in chosen.values()]
    compared = [value for value in agreed if value is not None]
    images: list[dict[str, Any]] = [
        {
            "image": filename,
            "sentences": task_captions(workspace, image)[:2],
            "votes": _votes(list(votes.values())),
            "winner": _winner(list(votes.values())),
            "agreement": None if value is None else round(value, 3),
        }
        for ((image, filename), votes), value in zip(chosen.items(), agreed, strict=True)
    ]
    return {
        "images": images,
        "votes": _votes([choice for votes in chosen.values() for choice in votes.values()]),
        "winners": _votes([entry["winner"] for entry in images if entry["winner"] is not None]),
        "agreement": round(sum(compared) / len(compared), 3) if compared else None,
        "alpha": alpha({filename: votes for (_, filename), votes in chosen.items()}),
    }


def agreement(choices: Sequence[str]) -> float | None:
    """Return the share of pairs of equal choices; None for fewer than two choices."""
    pairs = [left == right for left, right in combinations(choices, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def alpha(chosen: Mapping[str, Mapping[str, str]]) -> float | None:
    """Return Krippendorff's alpha of nominal choices.

    Source: Krippendorff, "Content Analysis", 1980.

    Args:
        chosen: Choices by annotator, by item.

    Returns:
        At most 1; None if no item has two choices.
    """
    from nltk.metrics.agreement import AnnotationTask

    judged = {item: votes for item, votes in chosen.items() if len(votes) > 1}
    if not judged:
        return None
    triples = [(who, item, what) for item, votes in judged.items() for who, what in votes.items()]
    return round(float(AnnotationTask(triples).alpha()), 3)


def _votes(choices: Sequence[str]) -> dict[str, int]:
    count = Counter(choices)
    return {choice: count[choice] for choice in CHOICES}


def _winner(choices: Sequence[str]) -> str | None:
    most = Counter(choices).most_common(2)
    return None if len(most) == 2 and most[0][1] == most[1][1] else most[0][0]
