"""Keywords derived from sentences, for datasets that have none (such as UCM-captions).

The rule, in two parts, looks at nothing but words. *Keyword words* are those of letters
alone, three or more, no stop words, that the sentences of at least ``AT_LEAST`` training
images hold and those of at most ``AT_MOST`` of all training images. *The keywords of an
image* are the keyword words in its sentences: those in most of its sentences first, the
rarer first among equals, at most five.

Keywords belong to an image, as in RSITMD, where annotators wrote them for it. So a query of
``keywords`` or ``both``, one of the test split too, has those of its image, derived from all of
that image's sentences: the query "a road" has "pier" where another sentence of the same image
says so. It knows more than its own sentence, and its recalls do not compare with those of
queries of a ``sentence``, whose keywords are the keyword words in that one sentence. The test
split has no part in which words are keyword words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.text.tokens import stop_words, tokenize

AT_LEAST = 5
AT_MOST = 0.1
AN_IMAGE = 5
SHORTEST = 3


def words_of(raw: str) -> list[str]:
    """Return the lower-cased words of a text."""
    return [token.lower() for token in tokenize(raw)]


def derived_keyword_words(training: Dataset) -> tuple[str, ...]:
    """Return the keyword words of a training part, the rarest first."""
    counts: Counter[str] = Counter()
    for image in training:
        counts.update({word for raw in image.captions for word in words_of(raw)})
    ignored = stop_words()
    most = AT_MOST * len(training)
    kept = [
        word
        for word, images in counts.items()
        if AT_LEAST <= images <= most
        and len(word) >= SHORTEST
        and word.isalpha()
        and word not in ignored
    ]
    return tuple(sorted(kept, key=lambda word: (counts[word], word)))


def derive_keywords(captions: Sequence[str], keyword_words: Sequence[str]) -> tuple[str, ...]:
    """Return the keywords of an image.

    Args:
        captions: Its sentences, all of them, whichever of them is the query.
        keyword_words: The keyword words, the rarest first.
    """
    rank = {word: index for index, word in enumerate(keyword_words)}
    held = Counter(word for raw in captions for word in set(words_of(raw)) if word in rank)
    return tuple(sorted(held, key=lambda word: (-held[word], rank[word]))[:AN_IMAGE])
