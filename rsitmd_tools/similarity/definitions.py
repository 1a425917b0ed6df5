"""The definitions of similarity, by name."""

from __future__ import annotations

import math

from rsitmd_tools.dataset.records import Dataset, captions_by_image
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.similarity import reference
from rsitmd_tools.similarity.rows import Similarity

DEFINITIONS = ("reference", "paper")
EQUAL_WEIGHTS = (0.5, 0.5)


def prepare(
    dataset: Dataset, definition: str, weights: tuple[float, float] = EQUAL_WEIGHTS
) -> Similarity:
    """Index the captions of a dataset for a definition.

    Args:
        dataset: Images and captions.
        definition: ``reference`` or ``paper``.
        weights: Weights of BLEU and METEOR in ``paper``; those of ``reference`` are fixed.

    Raises:
        WrongUsage: The definition or the weights are invalid.
    """
    captions = captions_by_image(dataset.images)
    if definition == "reference":
        if weights != EQUAL_WEIGHTS:
            raise WrongUsage(
                "the reference definition has fixed weights",
                hint="use weights with the paper definition only",
            )
        return reference.prepare(captions)
    if definition == "paper":
        # Imported here because its kernels import numba, which takes 0.2 s.
        from rsitmd_tools.similarity import paper, wordnet

        if not all(math.isfinite(w) and w >= 0 for w in weights) or sum(weights) <= 0:
            raise WrongUsage(
                f"invalid weights {weights[0]:g},{weights[1]:g}",
                hint="use two non-negative numbers, at least one of them positive",
            )
        return paper.prepare(captions, weights, wordnet.installed_synonyms())
    raise WrongUsage(
        f"unknown definition {definition!r}", hint=f"use one of: {', '.join(DEFINITIONS)}"
    )
