"""Equal and nearly equal sentences of two datasets, or of the splits of one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.quality.texts import split_words
from rsitmd_tools.text.fold import folded
from rsitmd_tools.text.near import MIN_WORDS, NearIndex, numbered

SIMILARITY = 0.85  # least share of common words (Jaccard) of nearly equal sentences
EXAMPLES = 5  # sentences that are listed for two splits


@dataclass(frozen=True, slots=True)
class CaptionExample:
    """A sentence of one dataset or split that another one has too.

    Attributes:
        image_a: File name of the first image.
        image_b: File name of the second one.
        sentence_a: Sentence of the first image.
        sentence_b: Sentence of the second one.
        similarity: Share of common words; 1 if they are equal.
    """

    image_a: str
    image_b: str
    sentence_a: str
    sentence_b: str
    similarity: float


@dataclass(slots=True)
class CommonCaptions:
    """The sentences of one dataset and split that are in another one.

    Attributes:
        equal: Number of sentences that are equal, apart from case and white space.
        near: Number of the other sentences that are nearly equal: at least :data:`SIMILARITY` of
            their words are common.
        examples: Some of them, each text once.
    """

    equal: int = 0
    near: int = 0
    examples: list[CaptionExample] = field(default_factory=list)


Splits = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class _Text:
    """The first sentence of a text, and how many sentences have it."""

    image: str
    raw: str
    words: tuple[str, ...]


def common_captions(first: Dataset, second: Dataset) -> Mapping[Splits, CommonCaptions]:
    """Compare the sentences of two datasets split by split.

    Args:
        first: A dataset.
        second: Another one. If it is the same object, different splits are compared.

    Returns:
        The common sentences by split of ``first`` and split of ``second``; only those splits
        that have some.
    """
    texts, counts = _by_split(first)
    others = texts if first is second else _by_split(second)[0]
    ranks = _ranks([*texts.values(), *others.values()])
    indexes = {split: _index(group, ranks) for split, group in others.items()}
    found: dict[Splits, CommonCaptions] = {}
    for split, group in texts.items():
        for other, other_group in others.items():
            if first is second and split == other:
                continue
            common = _compare(group, counts[split], other_group, indexes[other])
            if common.equal or common.near:
                found[split, other] = common
    return found


Group = dict[str, _Text]


def _by_split(dataset: Dataset) -> tuple[dict[str | None, Group], dict[str | None, Counter[str]]]:
    """Return the different texts of each split, and how often each is used."""
    texts: dict[str | None, Group] = defaultdict(dict)
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for image in dataset:
        for raw in image.captions:
            key = folded(raw)
            if key:
                counts[image.split][key] += 1
                if key not in texts[image.split]:
                    texts[image.split][key] = _Text(image.filename, raw, split_words(raw))
    return texts, counts


def _ranks(groups: list[Group]) -> dict[tuple[str, int], int]:
    """Return the rank of every word, the rarest first."""
    used = Counter(word for group in groups for t in group.values() for word in numbered(t.words))
    return {word: rank for rank, word in enumerate(sorted(used, key=lambda w: (used[w], w)))}


def _index(group: Group, ranks: Mapping[tuple[str, int], int]) -> NearIndex[str]:
    index: NearIndex[str] = NearIndex(SIMILARITY, ranks)
    for key, text in group.items():
        if len(text.words) >= MIN_WORDS:
            index.add(key, text.words)
    return index


def _compare(
    group: Group, counts: Mapping[str, int], other: Group, index: NearIndex[str]
) -> CommonCaptions:
    common = CommonCaptions()
    near = []
    for key, text in group.items():
        if key in other:
            common.equal += counts[key]
            if len(common.examples) < EXAMPLES:
                common.examples.append(_example(text, other[key], 1.0))
        elif len(text.words) >= MIN_WORDS:
            nearest = index.nearest(text.words)
            if nearest is not None:
                common.near += counts[key]
                near.append(_example(text, other[nearest[0]], nearest[1]))
    common.examples += sorted(near, key=lambda e: (-e.similarity, e.image_a))[:EXAMPLES]
    return common


def _example(text: _Text, other: _Text, similarity: float) -> CaptionExample:
    return CaptionExample(text.image, other.image, text.raw, other.raw, round(similarity, 4))
