"""The ``paper`` definition (Yuan et al. 2021, section III-E): BLEU and METEOR, weighted.

On lower-cased tokens, for a caption T and the captions R of an image:

- BLEU-4(T, R) without smoothing, as in the ``reference`` definition;
- METEOR(T, R), the largest over R (Lavie and Agarwal 2007), as NLTK computes it: words
  are paired if they are equal, then by equal stems, then by WordNet if it is installed;
- S = b BLEU + m METEOR, at most 1; NaN for an image without captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsitmd_tools.similarity import kernels
from rsitmd_tools.similarity.arrays import Bleu, Floats, Ids, Meteor
from rsitmd_tools.similarity.bleu import bleu_buffers, index_bleu
from rsitmd_tools.similarity.index import Captions, index_captions
from rsitmd_tools.similarity.meteor import Synonyms, index_meteor, meteor_buffers
from rsitmd_tools.similarity.rows import Fill


@dataclass(frozen=True, slots=True)
class Paper:
    """The captions of a dataset, indexed for the kernel of this definition.

    Attributes:
        captions: The distinct captions.
        columns: ``(M,)``, the distinct caption of each caption.
        bleu: Their n-grams.
        meteor: Their words and stems.
        weights: Weights of BLEU and METEOR.
        wordnet: Whether METEOR uses its WordNet stage.
    """

    captions: Captions
    columns: Ids
    bleu: Bleu
    meteor: Meteor
    weights: tuple[float, float]
    wordnet: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Images and captions."""
        return len(self.captions.references.lengths), len(self.columns)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of this definition, for the metadata."""
        return {
            "weights": {"bleu": self.weights[0], "meteor": self.weights[1]},
            "meteor_stages": ["exact", "stem", "wordnet"][: 2 + self.wordnet],
        }

    @property
    def most_threads(self) -> int | None:
        """One per core."""
        return None

    def filler(self) -> Fill:
        """Return a function with its own buffers that fills rows."""
        index = (self.columns, self.captions.references, self.bleu, self.meteor, self.weights)
        buffers = (
            np.empty(len(self.captions.words.lengths)),
            bleu_buffers(self.bleu),
            meteor_buffers(self.meteor),
        )

        def fill(first: int, out: Floats) -> None:
            kernels.paper_rows(first, out, *index, *buffers)

        return fill


def prepare(
    captions_by_image: Sequence[Sequence[str]],
    weights: tuple[float, float],
    synonyms: Synonyms | None = None,
) -> Paper:
    """Index the captions of images.

    Args:
        captions_by_image: The captions of each image.
        weights: Weights of BLEU and METEOR.
        synonyms: Function from a word to its synonyms; None omits METEOR's WordNet stage.
    """
    captions, columns = index_captions(captions_by_image, str.lower).distinct()
    return Paper(
        captions,
        columns,
        index_bleu(captions),
        index_meteor(captions, synonyms),
        weights,
        synonyms is not None,
    )
