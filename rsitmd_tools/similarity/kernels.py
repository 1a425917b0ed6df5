"""The loops, compiled by numba. All stand in one file, as numba's cache watches files.

A kernel fills some rows of the matrix, an image a row; the captions of that image are its
*references*. Rows are independent and each is summed in a fixed order: the bits do not
depend on how rows are shared among threads. Buffers come from the caller, one set a
thread, and are all zero between rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rsitmd_tools.similarity.compiled import compiled

if TYPE_CHECKING:
    from rsitmd_tools.similarity.arrays import (
        Bleu,
        BleuBuffers,
        Floats,
        Ids,
        Meteor,
        MeteorBuffers,
        Overlap,
        OverlapBuffers,
        Ragged,
        Shorts,
    )


@compiled
def count_earlier(starts: Ids, values: Ids, from_end: bool) -> Ids:
    """Count for each value of each list how often it stands earlier (or later) in it."""
    earlier = np.zeros(len(values), np.uint32)
    for owner in range(len(starts) - 1):
        first, end = starts[owner], starts[owner + 1]
        for at in range(first, end):
            for other in range(first, end):
                if other != at and (other > at) == from_end:
                    earlier[at] += values[other] == values[at]
    return earlier


@compiled
def reference_rows(
    first: int,
    out: Floats,
    references: Ragged,
    overlap: Overlap,
    bleu: Bleu,
    shorts: Shorts,
    overlap_buffers: OverlapBuffers,
    bleu_buffers: BleuBuffers,
) -> None:
    """Fill rows from ``first`` on: (score1 + score2) / 2; NaN where score2 is undefined."""
    for k in range(len(out)):
        own = references.values[references.starts[first + k] : references.starts[first + k + 1]]
        row = out[k]
        if _set_overlap(row, 0.5, own, overlap, overlap_buffers):
            _add_bleu(row, 0.5, own, bleu, bleu_buffers)
            _add_equal_shorts(row, 0.5, own, shorts)
            for column in range(len(row)):
                row[column] = min(row[column], 1.0)
        else:
            row[:] = np.nan


@compiled
def paper_rows(
    first: int,
    out: Floats,
    columns: Ids,
    references: Ragged,
    bleu: Bleu,
    meteor: Meteor,
    weights: tuple[float, float],
    row: Floats,
    bleu_buffers: BleuBuffers,
    meteor_buffers: MeteorBuffers,
) -> None:
    """Fill rows from ``first`` on: the weighted sum; NaN for images without captions.

    ``row`` holds the distinct captions; ``columns`` says which of them each caption is.
    """
    for k in range(len(out)):
        own = references.values[references.starts[first + k] : references.starts[first + k + 1]]
        row[:] = 0.0 if len(own) else np.nan
        if len(own) and weights[1] > 0.0:
            _raise_to_meteor(row, own, meteor, meteor_buffers)
            row *= weights[1]
        if len(own) and weights[0] > 0.0:
            _add_bleu(row, weights[0], own, bleu, bleu_buffers)
        for column in range(len(columns)):
            value = row[columns[column]]
            out[k, column] = 1.0 if value > 1.0 else value


@compiled
def _set_overlap(
    row: Floats, weight: float, own: Ids, overlap: Overlap, buffers: OverlapBuffers
) -> bool:
    """Set row[c] = weight * score2(c); say whether any reference has words left.

    score2 is the mean over the references v with words left of |set(v) & set(c)| / |v|.
    So a word w of the caption counts sum(1 / |v|) over the v that hold it, divided by
    their number: one share a word and image.

    The eight commonest words make half of all matches. Which of them a caption has is one
    byte, and what they add is looked up by that byte; the others go by inverted lists.
    """
    starts, values = overlap.words
    share, table = buffers
    having = 0
    for reference in own:
        having += overlap.counts[reference] > 0
    if having == 0:
        return False
    for reference in own:
        for at in range(starts[reference], starts[reference + 1]):
            share[values[at]] += weight / (having * np.float64(overlap.counts[reference]))
    table[0] = 0.0
    for bit in range(8):
        # The table so far is for bytes below this bit; with the bit set, each has more.
        for byte in range(1 << bit):
            table[byte | 1 << bit] = table[byte] + share[bit]
    for caption in range(len(row)):
        row[caption] = table[overlap.patterns[caption]]
    for reference in own:
        for at in range(starts[reference], starts[reference + 1]):
            word = values[at]
            more = share[word]
            share[word] = 0.0
            if word >= 8 and more > 0.0:
                for k in range(overlap.postings.starts[word], overlap.postings.starts[word + 1]):
                    row[overlap.postings.values[k]] += more
    return True


@compiled
def _add_bleu(row: Floats, weight: float, own: Ids, bleu: Bleu, buffers: BleuBuffers) -> None:
    """Add weight * BLEU-4(c, references), unsmoothed (Papineni et al. 2002, section 2).

    exp(sum of log p_n / 4) is the fourth root of the product of the clipped precisions
    p_n. Without a common 4-gram it is zero: no other caption is looked at.
    """
    starts, grams = bleu.starts, bleu.grams
    present, fours, found, penalty = buffers
    _set_penalties(penalty, own, starts)
    for k in range(_find_fours(own, bleu, buffers)):
        caption = found[k]
        ones, twos, threes = 0, 0, 0
        for at in range(starts[caption], starts[caption + 1]):
            ones += present[grams[at, 0]]
            twos += present[grams[at, 1]]
            threes += present[grams[at, 2]]
        length = _length(starts, caption)
        n = np.float64(length)
        precision = (ones / n) * (twos / (n - 1)) * (threes / (n - 2)) * (fours[caption] / (n - 3))
        row[caption] += weight * penalty[length] * np.sqrt(np.sqrt(precision))
        fours[caption] = 0
    for reference in own:
        for at in range(starts[reference], starts[reference + 1]):
            for order in range(4):
                present[grams[at, order]] = 0


@compiled
def _find_fours(own: Ids, bleu: Bleu, buffers: BleuBuffers) -> int:
    """Flag the n-grams of the references; count the 4-grams of the captions that share any.

    Returns how many captions those are; ``found`` lists them.
    """
    present, fours, found, _ = buffers
    candidates = 0
    for reference in own:
        for at in range(bleu.starts[reference], bleu.starts[reference + 1]):
            for order in range(3):
                present[bleu.grams[at, order]] = 1
            gram = bleu.grams[at, 3]
            if gram == 0 or present[gram]:
                continue
            present[gram] = 1
            four = gram - bleu.first_four
            for k in range(bleu.postings.starts[four], bleu.postings.starts[four + 1]):
                caption = bleu.postings.values[k]
                if fours[caption] == 0:
                    found[candidates] = caption
                    candidates += 1
                fours[caption] += 1
    # The n-gram 0 stands where a caption ends before an n-gram does: never a match.
    present[0] = 0
    return candidates


@compiled
def _length(starts: Ids, k: int) -> int:
    """Return the length of a list."""
    return int(np.int64(starts[k + 1]) - np.int64(starts[k]))


@compiled
def _set_penalties(penalty: Floats, own: Ids, starts: Ids) -> None:
    """Set the brevity penalty of each caption length: 1, or exp(1 - r / length) below r.

    r is the length of the closest reference, the shorter of two as close.
    """
    for length in range(1, len(penalty)):
        closest = _length(starts, own[0])
        for reference in own:
            other = _length(starts, reference)
            nearer = abs(other - length) - abs(closest - length)
            if nearer < 0 or (nearer == 0 and other < closest):
                closest = other
        penalty[length] = 1.0 if length >= closest else np.exp(1.0 - closest / length)


@compiled
def _add_equal_shorts(row: Floats, weight: float, own: Ids, shorts: Shorts) -> None:
    """Add weight * score1 = weight for short captions that equal one of the image's.

    Those of four tokens and more have BLEU 1 with themselves already.
    """
    for k in range(len(own)):
        group = shorts.groups[own[k]]
        again = False
        for earlier in own[:k]:
            again = again or shorts.groups[earlier] == group
        if not again:
            for at in range(shorts.members.starts[group], shorts.members.starts[group + 1]):
                row[shorts.members.values[at]] += weight


@compiled
def _raise_to_meteor(row: Floats, own: Ids, meteor: Meteor, buffers: MeteorBuffers) -> None:
    """Set row[c] = the largest METEOR(c, reference) (Lavie and Agarwal 2007, section 2).

    With m matches in n chunks, P = m / |c| and R = m / |reference|: the harmonic mean
    10 P R / (R + 9 P), times 1 - (n / m)^3 / 2.

    The exact stage pairs the k-th last occurrence of a word in the caption with the k-th
    last in the reference: the pair (word, k) has one place in each. Places count from 2:
    0 is no place, and no place is next to it.
    """
    starts, words, stems = meteor.starts, meteor.words, meteor.stems
    place, stemmed = buffers.place, buffers.stemmed
    related = len(meteor.synonyms.values) > 0
    for reference in own:
        width = _length(starts, reference)
        _set_reference(reference, meteor, buffers)
        for caption in range(len(row)):
            m, possible, n, last = 0, 0, 0, 0
            for at in range(starts[caption], starts[caption + 1]):
                here = place[words[at]]
                m += here != 0
                n += (here != 0) & (here != last + 1)
                possible += stemmed[stems[at]]
                last = here
            length = _length(starts, caption)
            # Where no stem is left over, the later stages have nothing to pair.
            if possible > m or (related and m < min(length, width)):
                m, n = _align(caption, meteor, buffers)
            if m > 0:
                score = (m * m * m - 0.5 * n * n * n) / (m * m * (0.9 * width + 0.1 * length))
                row[caption] = max(row[caption], score)
        _clear_reference(reference, meteor, buffers)


@compiled
def _set_reference(reference: int, meteor: Meteor, buffers: MeteorBuffers) -> None:
    """Note where the words of a reference stand; chain those of equal stem, last first."""
    first = meteor.starts[reference]
    for to in range(_length(meteor.starts, reference)):
        buffers.place[meteor.words[first + to]] = to + 2
        buffers.stemmed[meteor.stems[first + to]] = 1
        stem = meteor.plain_stems[first + to]
        if stem != 0:
            buffers.before[to + 2] = buffers.tail[stem]
            buffers.tail[stem] = to + 2


@compiled
def _clear_reference(reference: int, meteor: Meteor, buffers: MeteorBuffers) -> None:
    """Undo :func:`_set_reference`."""
    for at in range(meteor.starts[reference], meteor.starts[reference + 1]):
        buffers.place[meteor.words[at]] = 0
        buffers.stemmed[meteor.stems[at]] = 0
        buffers.tail[meteor.plain_stems[at]] = 0


@compiled
def _align(caption: int, meteor: Meteor, buffers: MeteorBuffers) -> tuple[int, int]:
    """Pair the words of a caption with the reference by all stages; return matches, chunks.

    A later stage goes through the words left over, last first, and pairs each with the
    last one left over in the reference that fits: first by equal stems, then by synonyms.
    NLTK looks synonyms up by stem, as its stem stage hands on what it stemmed.
    """
    place, link, left = buffers.place, buffers.link, buffers.left
    first, length = meteor.starts[caption], _length(meteor.starts, caption)
    starts, values = meteor.synonyms
    related = len(values) > 0
    # Which words are left over is a coin's toss: they are listed without a branch.
    count = 0
    for at in range(length):
        here = place[meteor.words[first + at]]
        link[at] = here
        left[count] = at
        count += (here == 0) & (related | (buffers.tail[meteor.plain_stems[first + at]] != 0))
    for k in range(count - 1, -1, -1):
        link[left[k]] = _last_free(meteor.plain_stems[first + left[k]], length, buffers)
    if related:
        for k in range(count - 1, -1, -1):
            if link[left[k]] == 0:
                stem = meteor.plain_stems[first + left[k]]
                best = 0
                for at in range(starts[stem], starts[stem + 1]):
                    best = max(best, _last_free(values[at], length, buffers))
                link[left[k]] = best
    m, n, last = 0, 0, 0
    for at in range(length):
        here = link[at]
        m += here != 0
        n += (here != 0) & (here != last + 1)
        last = here
    return m, n


@compiled
def _last_free(stem: int, length: int, buffers: MeteorBuffers) -> int:
    """Return the last place of a stem in the reference that is not linked; 0 if none is."""
    place = buffers.tail[stem]
    while place != 0:
        linked = False
        for at in range(length):
            linked |= buffers.link[at] == place
        if not linked:
            break
        place = buffers.before[place]
    return int(place)
