"""Keywords derived from sentences, for datasets that have none (such as UCM-captions).

The rule has two parts and uses only words. *Keyword words* consist of at least three letters,
are not stop words, and occur in the sentences of at least ``MIN_IMAGES`` training images and of
at most a share ``MAX_SHARE`` of them. *The keywords of an image* are the keyword words in its
sentences, at most five: words in more of its sentences first, then rarer words first.

Keywords belong to an image, as in RSITMD, where annotators wrote them for the image. Therefore
a query of ``keywords`` or ``both`` uses the keywords of its image, which are derived from all
sentences of that image, in the test split too: the query "a road" has the keyword "pier" if
another sentence of the image contains it. Such a query contains more than its own sentence, so
its recall is not comparable with that of a ``sentence`` query, whose keywords are the keyword
words of that sentence. The test split does not affect which words are keyword words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.text.tokens import stop_words, tokenize

MIN_IMAGES = 5
MAX_SHARE = 0.1
MAX_PER_IMAGE = 5
MIN_LETTERS = 3


def words_of(raw: str) -> list[str]:
    """Return the lower-cased words of a text."""
    return [token.lower() for token in tokenize(raw)]


def derived_keyword_words(training: Dataset) -> tuple[str, ...]:
    """Return the keyword words of a training part, the rarest first."""
    counts: Counter[str] = Counter()
    for image in training:
        counts.update({word for raw in image.captions for word in words_of(raw)})
    ignored = stop_words()
    most = MAX_SHARE * len(training)
    kept = [
        word
        for word, images in counts.items()
        if MIN_IMAGES <= images <= most
        and len(word) >= MIN_LETTERS
        and word.isalpha()
        and word not in ignored
    ]
    return tuple(sorted(kept, key=lambda word: (counts[word], word)))


def derive_keywords(captions: Sequence[str], keyword_words: Sequence[str]) -> tuple[str, ...]:
    """Return the keywords of an image.

    Args:
        captions: All sentences of the image.
        keyword_words: The keyword words, the rarest first.
    """
    rank = {word: index for index, word in enumerate(keyword_words)}
    counts = Counter(word for raw in captions for word in set(words_of(raw)) if word in rank)
    return tuple(sorted(counts, key=lambda word: (-counts[word], rank[word]))[:MAX_PER_IMAGE])
