"""Statistics of a dataset, defined as in the paper (figure 9)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import CHANGED, ORIGINS, Dataset, ImageRecord, Sentence
from rsitmd_tools.similarity import Prior
from rsitmd_tools.similarity.average import UNDEFINED, average_similarity

MOST_COMMON = 100


def dataset_statistics(
    dataset: Dataset, priors: Mapping[str, Prior] | None = None, *, similarity: bool = True
) -> dict[str, Any]:
    """Return the statistics of a dataset and of each split.

    - ``average_length``: ``word_tokenize`` tokens per caption, punctuation included;
    - ``diversity``: distinct raw captions / images;
    - ``distinct_words``: distinct lower-cased tokens;
    - ``average_similarity``: mean of the ``reference`` prior without NaN rows, of the test
      split if there is one, else of all images; ``averaged_images`` is the number of images
      whose rows it has, if it is estimated from some of them, see
      :func:`~rsitmd_tools.similarity.average.average_similarity`;
    - ``categories``: number of categories by the records or else the file names; 0 if unknown;
    - ``distributions``: captions by number of tokens, images by number of keywords, and the
      most common words and keywords;
    - ``annotators``: for each known annotator: sentences, mean length, share of distinct
      sentences, distinct words;
    - ``origins``: see :func:`origins_of`.

    A value that is undefined (the average of an empty dataset) is None. Source: Yuan et al.,
    2021, section IV; schema ``statistics``.

    Args:
        dataset: The dataset.
        priors: The ``reference`` priors of splits, which are computed if they are not given.
        similarity: Whether to compute ``average_similarity``, which takes most of the time. It is
            None otherwise.
    """
    from rsitmd_tools.text.tokens import tokenize

    tokens = {raw: tokenize(raw) for raw in set(dataset.captions())}
    texts = _Texts(tokens, {raw: {*map(str.lower, words)} for raw, words in tokens.items()})
    splits = {name: dataset.select(name) for name in dataset.splits}
    known = priors or {}
    means = dict.fromkeys(splits, UNDEFINED)
    whole = UNDEFINED
    if similarity:
        means = {name: average_similarity(part, known.get(name)) for name, part in splits.items()}
        # A split that has all images has the mean of all.
        name = next((name for name, part in splits.items() if len(part) == len(dataset)), "test")
        whole = means[name] if name in means else average_similarity(dataset)
    return {
        "tool": f"rsitmd-tools {__version__}",
        "dataset": dataset.name,
        "data_sha256": dataset.checksum(),
        **texts.of(dataset.images),
        **whole.document(),
        "splits": {
            name: {**texts.of(part.images), **means[name].document()}
            for name, part in splits.items()
        },
        "distributions": texts.distributions(dataset.images),
        "annotators": texts.annotators(dataset.images),
        "origins": origins_of(dataset.images),
    }


def origins_of(images: Iterable[ImageRecord]) -> dict[str, Any]:
    """Count the sentences by humans and machines.

    Returns:
        Sentences by origin (``human``, ``machine changed``, ``machine untouched``, ``unknown``);
        ``machine_given``: sentences whose annotator could see a machine text; ``edit_distance``:
        mean edit distance of changed sentences from the machine text, or None.
    """
    sentences = [sentence for image in images for sentence in image.sentences]
    counts = Counter(sentence.origin or "unknown" for sentence in sentences)
    distances = [
        sentence.edit_distance
        for sentence in sentences
        if sentence.origin == CHANGED and sentence.edit_distance is not None
    ]
    return {
        **{origin: counts[origin] for origin in (*ORIGINS, "unknown")},
        "machine_given": sum(bool(sentence.machine_given) for sentence in sentences),
        "edit_distance": sum(distances) / len(distances) if distances else None,
    }


@dataclass(frozen=True, slots=True)
class _Texts:
    """Tokens of each distinct caption, computed once."""

    tokens: Mapping[str, Sequence[str]]
    words: Mapping[str, Set[str]]  # lower-cased

    def of(self, images: Sequence[ImageRecord]) -> dict[str, Any]:
        captions = [raw for image in images for raw in image.captions]
        categories = Counter(image.category for image in images if image.category)
        return {
            "images": len(images),
            "sentences": len(captions),
            "keywords": sum(len(image.keywords) for image in images),
            "categories": len(categories),
            "category_counts": dict(sorted(categories.items())),
            "average_length": self._length(captions),
            "diversity": len(set(captions)) / len(images) if images else None,
            "distinct_words": self._distinct_words(captions),
        }

    def distributions(self, images: Sequence[ImageRecord]) -> dict[str, dict[str, int]]:
        captions = [raw for image in images for raw in image.captions]
        used = Counter(chain.from_iterable(map(self.tokens.__getitem__, captions)))
        words: Counter[str] = Counter()
        for token, count in used.items():
            if any(map(str.isalnum, token)):
                words[token.lower()] += count
        return {
            "length": _by_number(len(self.tokens[raw]) for raw in captions),
            "keywords_per_image": _by_number(len(image.keywords) for image in images),
            "words": _most_common(words),
            "keywords": _most_common(Counter(word for image in images for word in image.keywords)),
        }

    def annotators(self, images: Sequence[ImageRecord]) -> dict[str, dict[str, Any]]:
        written: dict[str, list[Sentence]] = defaultdict(list)
        for image in images:
            for sentence in image.sentences:
                if sentence.annotator is not None:
                    written[sentence.annotator].append(sentence)
        return {
            person: {
                "sentences": len(sentences),
                "average_length": self._length([sentence.raw for sentence in sentences]),
                "distinct": len({sentence.raw for sentence in sentences}) / len(sentences),
                "distinct_words": self._distinct_words(sentence.raw for sentence in sentences),
            }
            for person, sentences in sorted(written.items())
        }

    def _length(self, captions: Sequence[str]) -> float | None:
        total = sum(len(self.tokens[raw]) for raw in captions)
        return total / len(captions) if captions else None

    def _distinct_words(self, captions: Iterable[str]) -> int:
        return len(set().union(*map(self.words.__getitem__, captions)))


def _by_number(numbers: Iterable[int]) -> dict[str, int]:
    return {str(number): count for number, count in sorted(Counter(numbers).items())}


def _most_common(counts: Counter[str]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:MOST_COMMON])
