"""The ``reference`` definition: the public AMFMN script, exact and fast.

With stems of lower-cased tokens, for a caption T and the captions R of an image:

- score1 = 1 if T equals one of R, else BLEU-4(T, R) without smoothing (Papineni et al.,
  2002): the geometric mean of the clipped n-gram precisions of orders 1 to 4, times the
  brevity penalty exp(1 - r / |T|) if the closest reference length r exceeds |T|;
- score2 = mean of |set(v) & set(c)| / |v| over R, where v are the words of the reference and
  c those of T, both without stop words; references without words are skipped;
- S = (score1 + score2) / 2, NaN if every caption of the image consists of stop words.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsitmd_tools.similarity.arrays import (
    Bleu,
    Floats,
    Overlap,
    Ragged,
    Shorts,
)
from rsitmd_tools.similarity.bleu import ORDERS, bleu_buffers, index_bleu
from rsitmd_tools.similarity.index import Captions, index_captions
from rsitmd_tools.similarity.overlap import index_overlap, overlap_buffers
from rsitmd_tools.similarity.reference_rows import numpy_filler
from rsitmd_tools.similarity.rows import Fill
from rsitmd_tools.text.tokens import stem, stop_words

WEIGHTS = (0.5, 0.5)
# In the time that loading the kernels takes, NumPy computes this number of pairs.
SMALL = 8_000_000
KERNELS = "rsitmd_tools.similarity.kernels"


@dataclass(frozen=True, slots=True)
class Reference:
    """The captions of a dataset, indexed for the kernel of this definition."""

    captions: Captions
    overlap: Overlap
    bleu: Bleu
    shorts: Shorts

    @property
    def shape(self) -> tuple[int, int]:
        """Images and captions."""
        return len(self.captions.references.lengths), len(self.captions.words.lengths)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of this definition, for the metadata."""
        return {"weights": {"bleu": WEIGHTS[0], "overlap": WEIGHTS[1]}}

    @property
    def by_numpy(self) -> bool:
        """Whether NumPy computes the rows. The bits are the same."""
        images, captions = self.shape
        return images * captions <= SMALL and KERNELS not in sys.modules

    @property
    def most_threads(self) -> int | None:
        """One if NumPy computes the rows: its short calls keep the interpreter lock."""
        return 1 if self.by_numpy else None

    def filler(self) -> Fill:
        """Return a function with its own buffers that fills rows."""
        return self.numpy_filler() if self.by_numpy else self.compiled_filler()

    def numpy_filler(self) -> Fill:
        """Return :meth:`filler` by NumPy."""
        return numpy_filler(self.captions.references, self.overlap, self.bleu, self.shorts)

    def compiled_filler(self) -> Fill:
        """Return :meth:`filler` by the compiled kernel, which imports numba."""
        from rsitmd_tools.similarity import kernels

        index = (self.captions.references, self.overlap, self.bleu, self.shorts)
        buffers = (overlap_buffers(self.overlap), bleu_buffers(self.bleu))

        def fill(first: int, out: Floats) -> None:
            kernels.reference_rows(first, out, *index, *buffers)

        return fill


def prepare(captions_by_image: Sequence[Sequence[str]]) -> Reference:
    """Index the captions of images."""
    captions = index_captions(captions_by_image, stem)
    return Reference(
        captions,
        index_overlap(captions, stop_words()),
        index_bleu(captions),
        _index_shorts(captions),
    )


def load_kernel(pairs: int) -> None:
    """Load the kernel from the cache, or compile it, if this number of pairs needs it.

    It takes one to three seconds, which a thread can spend while something else is waited for.
    """
    if pairs > SMALL:
        prepare([["a boat"]]).compiled_filler()(0, np.empty((1, 1)))


def _index_shorts(captions: Captions) -> Shorts:
    starts, words = captions.words
    groups = np.zeros(len(starts) - 1, np.uint32)
    known: dict[tuple[int, ...], int] = {}
    short = np.flatnonzero(captions.words.lengths < ORDERS)
    for caption in short:
        key = tuple(words[starts[caption] : starts[caption + 1]].tolist())
        groups[caption] = known.setdefault(key, len(known) + 1)
    by_group = short[np.argsort(groups[short], kind="stable")]
    counts = np.bincount(groups[short], minlength=len(known) + 1)
    return Shorts(groups, Ragged.of_lengths(counts, by_group))
