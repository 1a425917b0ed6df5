"""The loops, compiled by numba. All of them are in one file, because numba's cache checks files.

A kernel fills rows of the matrix, one per image. The captions of the image are its *references*.
Rows are independent, and each is summed in a fixed order, so the bits of the result do not depend
on the distribution of rows among threads. The caller provides the buffers, one set per thread,
which are all zero between rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rsitmd_tools.compiled import compiled, inner

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
    """Fill the rows from ``first``: (score1 + score2) / 2; NaN if score2 is undefined."""
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
    """Fill the rows from ``first``: the weighted sum; NaN for images without captions.

    ``row`` has one value per distinct caption; ``columns`` maps each caption to its distinct one.
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


@inner
def _set_overlap(
    row: Floats, weight: float, own: Ids, overlap: Overlap, buffers: OverlapBuffers
) -> bool:
    """Set row[c] = weight * score2(c); return whether any reference has words.

    Stop words do not count. score2 is the mean of |set(v) & set(c)| / |v| over the references v
    with words. So a word w of the caption adds the sum of 1 / |v| over the v that contain w,
    divided by the number of references with words: one share per word and image.

    The eight most frequent words make half of all matches. One byte records which of them a
    caption contains, and a table gives their sum for each byte. The others use inverted lists.
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
        # The table has the bytes without this bit. Setting the bit adds its share to each.
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


@inner
def _add_bleu(row: Floats, weight: float, own: Ids, bleu: Bleu, buffers: BleuBuffers) -> None:
    """Add weight * BLEU-4(c, references), unsmoothed (Papineni et al. 2002, section 2).

    exp(sum of log p_n / 4) is the fourth root of the product of the clipped precisions p_n. It is
    zero without a common 4-gram, so only captions with one are processed.
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


@inner
def _find_fours(own: Ids, bleu: Bleu, buffers: BleuBuffers) -> int:
    """Flag the n-grams of the references; count the common 4-grams of each caption.

    Returns the number of captions with a common 4-gram; ``found`` lists them.
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
    # The n-gram 0 marks the end of a caption and is never a match.
    present[0] = 0
    return candidates


@inner
def _length(starts: Ids, k: int) -> int:
    """Return the length of a list."""
    return int(np.int64(starts[k + 1]) - np.int64(starts[k]))


@inner
def _set_penalties(penalty: Floats, own: Ids, starts: Ids) -> None:
    """Set the brevity penalty of each caption length: 1, or exp(1 - r / length) below r.

    r is the length of the reference with the closest length, the shorter one if two are equal.
    """
    for length in range(1, len(penalty)):
        closest = _length(starts, own[0])
        for reference in own:
            other = _length(starts, reference)
            nearer = abs(other - length) - abs(closest - length)
            if nearer < 0 or (nearer == 0 and other < closest):
                closest = other
        penalty[length] = 1.0 if length >= closest else np.exp(1.0 - closest / length)


@inner
def _add_equal_shorts(row: Floats, weight: float, own: Ids, shorts: Shorts) -> None:
    """Add weight * score1 = weight for short captions that are equal to one of the image.

    Equal captions of four or more tokens have a BLEU of 1 already.
    """
    for k in range(len(own)):
        group = shorts.groups[own[k]]
        again = False
        for earlier in own[:k]:
            again = again or shorts.groups[earlier] == group
        if not again:
            for at in range(shorts.members.starts[group], shorts.members.starts[group + 1]):
                row[shorts.members.values[at]] += weight


@inner
def _raise_to_meteor(row: Floats, own: Ids, meteor: Meteor, buffers: MeteorBuffers) -> None:
    """Set row[c] = the largest METEOR(c, reference) (Lavie and Agarwal 2007, section 2).

    With m matches in n chunks, P = m / |c| and R = m / |reference|, it is the harmonic mean
    10 P R / (R + 9 P), times 1 - (n / m)^3 / 2.

    The exact stage pairs the k-th last occurrence of a word in the caption with the k-th last
    in the reference, so the pair (word, k) has one place in each. Places are counted from 2, so
    that 0 means no place and is not adjacent to any.
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
            # If no stem remains, the later stages have nothing to pair.
            if possible > m or (related and m < min(length, width)):
                m, n = _align(caption, meteor, buffers)
            if m > 0:
                score = (m * m * m - 0.5 * n * n * n) / (m * m * (0.9 * width + 0.1 * length))
                row[caption] = max(row[caption], score)
        _clear_reference(reference, meteor, buffers)


@inner
def _set_reference(reference: int, meteor: Meteor, buffers: MeteorBuffers) -> None:
    """Store the places of the words of a reference; link equal stems, last first."""
    first = meteor.starts[reference]
    for to in range(_length(meteor.starts, reference)):
        buffers.place[meteor.words[first + to]] = to + 2
        buffers.stemmed[meteor.stems[first + to]] = 1
        stem = meteor.plain_stems[first + to]
        if stem != 0:
            buffers.before[to + 2] = buffers.tail[stem]
            buffers.tail[stem] = to + 2


@inner
def _clear_reference(reference: int, meteor: Meteor, buffers: MeteorBuffers) -> None:
    """Undo :func:`_set_reference`."""
    for at in range(meteor.starts[reference], meteor.starts[reference + 1]):
        buffers.place[meteor.words[at]] = 0
        buffers.stemmed[meteor.stems[at]] = 0
        buffers.tail[meteor.plain_stems[at]] = 0


@inner
def _align(caption: int, meteor: Meteor, buffers: MeteorBuffers) -> tuple[int, int]:
    """Pair the words of a caption with the reference in all stages; return matches and chunks.

    A later stage processes the unpaired words, last first, and pairs each with the last unpaired
    matching word of the reference: first by equal stems, then by synonyms. Like NLTK, it looks up
    the synonyms of the stems, because NLTK's stem stage passes on the stems.
    """
    place, link, left = buffers.place, buffers.link, buffers.left
    first, length = meteor.starts[caption], _length(meteor.starts, caption)
    starts, values = meteor.synonyms
    related = len(values) > 0
    # Listed without a branch, because the CPU could not predict it.
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


@inner
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
