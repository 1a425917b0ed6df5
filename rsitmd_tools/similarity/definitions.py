"""The definitions of similarity, by name."""

from __future__ import annotations

import math

from rsitmd_tools.dataset.records import Dataset, captions_by_image
from rsitmd_tools.errors import WrongUsage
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
        weights: Of BLEU and METEOR in ``paper``; ``reference`` has its own.

    Raises:
        WrongUsage: There is no such definition, or the weights make no sense.
    """
    captions = captions_by_image(dataset.images)
    # The kernels import numba, 0.2 s: only what computes pays for it.
    if definition == "reference":
        from rsitmd_tools.similarity import reference

        if weights != EQUAL_WEIGHTS:
            raise WrongUsage(
                "the reference definition has fixed weights", hint="weigh the paper definition"
            )
        return reference.prepare(captions)
    if definition == "paper":
        from rsitmd_tools.similarity import paper, wordnet

        if not all(math.isfinite(w) and w >= 0 for w in weights) or sum(weights) <= 0:
            raise WrongUsage(
                f"weights {weights[0]:g},{weights[1]:g} make no similarity",
                hint="give two numbers from 0 on, one of them above 0",
            )
        return paper.prepare(captions, weights, wordnet.installed_synonyms())
    raise WrongUsage(
        f"no definition is called {definition!r}", hint=f"known: {', '.join(DEFINITIONS)}"
    )
