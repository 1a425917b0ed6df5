"""The ``reference`` definition: the public AMFMN script, exact and fast.

With stems of lower-cased tokens, for a caption T and the captions R of an image:

- score1 = 1 if T equals one of R, else BLEU-4(T, R) without smoothing (Papineni et al.,
  2002): the geometric mean of the clipped n-gram precisions of orders 1 to 4, times the
  brevity penalty exp(1 - r / |T|) where the closest reference length r exceeds |T|;
- score2 = mean over those of R with words left, stop words removed, of
  |set(v) & set(c)| / |v|, where v are the reference's words and c those of T;
- S = (score1 + score2) / 2, NaN where no caption of the image has words left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.index import Index, build_index

Floats: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]
ROWS_A_CHUNK = 16


def reference_similarity(
    captions_by_image: Sequence[Sequence[str]], out: Floats, threads: int | None = None
) -> None:
    """Fill ``out`` with the similarity of every image with every caption.

    Rows are independent and each is computed by one thread in a fixed order: the bits do
    not depend on the number of threads.

    Args:
        captions_by_image: Captions of each of N images, M in all.
        out: ``(N, M)`` float32 or float64, written row by row.
        threads: Threads; all cores by default.
    """
    if out.size == 0:
        return
    cores = numba.config.NUMBA_NUM_THREADS
    numba.set_num_threads(min(threads or cores, cores))
    _fill(*_arguments(build_index(captions_by_image)), out)


def _arguments(index: Index) -> tuple[Any, ...]:
    """Lay the index out as the kernel takes it."""
    fours = index.grams[3]
    with_four = fours.inverted(index.gram_totals[3])
    four_counts = index.counts[3][np.argsort(fours.values, kind="stable")]
    with_word = index.words.inverted(index.word_total)
    return (
        index.columns,
        index.lengths,
        (index.references.starts, index.references.values),
        tuple(ragged.starts for ragged in index.grams),
        tuple(ragged.values for ragged in index.grams),
        index.counts,
        (with_four.starts, with_four.values, four_counts),
        (index.words.starts, index.words.values, index.word_counts),
        (with_word.starts, with_word.values),
        np.array([*index.gram_totals, index.word_total], np.int32),
    )


@numba.njit(parallel=True, cache=True)
def _fill(
    columns: Any,
    lengths: Any,
    references: Any,
    starts: Any,
    grams: Any,
    counts: Any,
    with_four: Any,
    words: Any,
    with_word: Any,
    totals: Any,
    out: Any,
) -> None:
    """Fill all rows. A chunk of rows is one thread's, so that it keeps its buffers."""
    images = len(references[0]) - 1
    distinct = len(lengths)
    for chunk in numba.prange((images + ROWS_A_CHUNK - 1) // ROWS_A_CHUNK):
        row = np.empty(distinct)
        matches = np.zeros(distinct, np.int32)
        touched = np.empty(distinct, np.int32)
        most = (
            np.zeros(totals[0], np.int32),
            np.zeros(totals[1], np.int32),
            np.zeros(totals[2], np.int32),
            np.zeros(totals[3], np.int32),
        )
        weight = np.zeros(totals[4])
        for image in range(chunk * ROWS_A_CHUNK, min(images, (chunk + 1) * ROWS_A_CHUNK)):
            own = references[1][references[0][image] : references[0][image + 1]]
            row[:] = 0.0
            if not _add_overlap(own, words, with_word, weight, row):
                out[image, :] = np.nan
                continue
            _raise_counts(own, starts, grams, counts, most)
            found = _match_fours(own, starts[3], grams[3], most[3], with_four, matches, touched)
            for k in range(found):
                caption = touched[k]
                row[caption] += 0.5 * _bleu(
                    caption, matches[caption], own, lengths, starts, grams, counts, most
                )
                matches[caption] = 0
            _add_short_equals(own, lengths, row)
            _clear_counts(own, starts, grams, most)
            for column in range(len(columns)):
                out[image, column] = row[columns[column]]


@numba.njit(cache=True)
def _add_overlap(own: Any, words: Any, with_word: Any, weight: Any, row: Any) -> bool:
    """Add score2 / 2 of all captions; say whether any reference has words left.

    Summed over the references, a shared word w counts sum(1 / |v|) over the references
    that hold it: one weight a word and image.
    """
    starts, values, word_counts = words
    having = 0
    for reference in own:
        having += word_counts[reference] > 0
    if having == 0:
        return False
    for reference in own:
        for at in range(starts[reference], starts[reference + 1]):
            weight[values[at]] += 0.5 / (having * word_counts[reference])
    for reference in own:
        for at in range(starts[reference], starts[reference + 1]):
            word = values[at]
            if weight[word] > 0.0:
                for k in range(with_word[0][word], with_word[0][word + 1]):
                    row[with_word[1][k]] += weight[word]
                weight[word] = 0.0
    return True


@numba.njit(cache=True)
def _raise_counts(own: Any, starts: Any, grams: Any, counts: Any, most: Any) -> None:
    """Set for every n-gram the most that one reference has of it."""
    for order in range(4):
        for reference in own:
            for at in range(starts[order][reference], starts[order][reference + 1]):
                gram = grams[order][at]
                most[order][gram] = max(most[order][gram], counts[order][at])


@numba.njit(cache=True)
def _clear_counts(own: Any, starts: Any, grams: Any, most: Any) -> None:
    """Undo :func:`_raise_counts`."""
    for order in range(4):
        for reference in own:
            for at in range(starts[order][reference], starts[order][reference + 1]):
                most[order][grams[order][at]] = 0


@numba.njit(cache=True)
def _match_fours(
    own: Any, starts: Any, grams: Any, most: Any, with_four: Any, matches: Any, touched: Any
) -> int:
    """Count clipped 4-gram matches of the captions that have any; return how many those are.

    Without a common 4-gram the geometric mean is zero: no other caption is looked at.
    ``most`` is negated once a 4-gram was visited, as references share 4-grams.
    """
    found = 0
    for reference in own:
        for at in range(starts[reference], starts[reference + 1]):
            four = grams[at]
            limit = most[four]
            if limit < 0:
                continue
            for k in range(with_four[0][four], with_four[0][four + 1]):
                caption = with_four[1][k]
                if matches[caption] == 0:
                    touched[found] = caption
                    found += 1
                matches[caption] += min(limit, with_four[2][k])
            most[four] = -limit
    return found


@numba.njit(cache=True)
def _bleu(
    caption: int,
    fours: int,
    own: Any,
    lengths: Any,
    starts: Any,
    grams: Any,
    counts: Any,
    most: Any,
) -> float:
    """BLEU-4 of a caption of four tokens or more, its clipped 4-gram matches given."""
    length = lengths[caption]
    logs = 0.25 * np.log(fours / (length - 3))
    for order in range(3):
        clipped = 0
        for at in range(starts[order][caption], starts[order][caption + 1]):
            clipped += min(counts[order][at], most[order][grams[order][at]])
        logs += 0.25 * np.log(clipped / (length - order))
    closest = lengths[own[0]]
    for reference in own:
        other = lengths[reference]
        nearer = abs(other - length) - abs(closest - length)
        if nearer < 0 or (nearer == 0 and other < closest):
            closest = other
    if length < closest:
        logs += 1.0 - closest / length
    return float(np.exp(logs))


@numba.njit(cache=True)
def _add_short_equals(own: Any, lengths: Any, row: Any) -> None:
    """Add score1 / 2 = 1 / 2 of the image's own captions of fewer than four tokens.

    Longer ones have BLEU 1 with themselves already; these have no 4-gram.
    """
    for k in range(len(own)):
        if lengths[own[k]] < 4:
            first = True
            for earlier in range(k):
                first = first and own[earlier] != own[k]
            if first:
                row[own[k]] += 0.5
