"""Statistics of a dataset, defined so that the paper's figures come out (figure 9)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord


@dataclass(frozen=True, slots=True)
class _Texts:
    """Tokens of each distinct caption, computed once."""

    tokens: dict[str, list[str]]

    def of(self, images: tuple[ImageRecord, ...]) -> dict[str, Any]:
        captions = [raw for image in images for raw in image.captions]
        lengths = [len(self.tokens[raw]) for raw in captions]
        categories = Counter(image.category for image in images if image.category)
        return {
            "images": len(images),
            "sentences": len(captions),
            "keywords": sum(len(image.keywords) for image in images),
            "categories": len(categories),
            "category_counts": dict(sorted(categories.items())),
            "average_length": sum(lengths) / len(lengths) if lengths else None,
            "diversity": len(set(captions)) / len(images) if images else None,
            "distinct_words": len({t.lower() for raw in set(captions) for t in self.tokens[raw]}),
        }


def dataset_statistics(dataset: Dataset) -> dict[str, Any]:
    """Return the statistics of a dataset and of each split.

    - ``average_length``: ``word_tokenize`` tokens a caption, punctuation counted;
    - ``diversity``: distinct raw captions / images;
    - ``distinct_words``: distinct lower-cased tokens;
    - ``average_similarity``: mean of the ``reference`` prior, NaN rows left out, of the
      test split where there is one, else of all.

    A figure that does not exist (an empty dataset's average) is None.
    """
    from rsitmd_tools.similarity.tokens import tokenize

    texts = _Texts({raw: tokenize(raw) for raw in set(dataset.captions())})
    splits = {name: dataset.select(name) for name in dataset.splits}
    similarity = {name: average_similarity(part) for name, part in splits.items()}
    whole = similarity["test"] if "test" in similarity else average_similarity(dataset)
    return {
        **texts.of(dataset.images),
        "average_similarity": whole,
        "splits": {
            name: {**texts.of(part.images), "average_similarity": similarity[name]}
            for name, part in splits.items()
        },
    }


def average_similarity(dataset: Dataset) -> float | None:
    """Return the mean of the ``reference`` prior, NaN rows left out; None where all are."""
    import numpy as np

    from rsitmd_tools.similarity import compute_prior

    # float32 halves the memory of the largest split; the mean is taken in float64.
    prior = compute_prior(dataset, dtype="float32")
    finite = ~np.isnan(prior[:, 0]) if prior.size else np.zeros(0, bool)
    return float(prior[finite].mean(dtype=np.float64)) if finite.any() else None
