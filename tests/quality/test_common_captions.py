"""Equal and nearly equal sentences, held against a comparison of all sentences."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.quality.common_captions import SIMILARITY, common_captions
from rsitmd_tools.quality.texts import split_words
from rsitmd_tools.text.fold import folded
from rsitmd_tools.text.near import MIN_WORDS
from tests.quality.conftest import dataset, record

LONG = "Two white boats lie at the long grey pier of the port."
NEAR = "Two white boats lie at the long grey pier of the port today."


def test_equal_near_and_other_sentences_are_told_apart() -> None:
    data = dataset(
        record("a_1.tif", [LONG, NEAR, "A red roof."], split="train"),
        record("b_1.tif", [LONG.upper(), "  ", "A red  roof."], split="test"),
        record("c_1.tif", ["Seven trees stand beside a road."], split="val"),
    )
    found = common_captions(data, data)
    assert set(found) == {("train", "test"), ("test", "train")}
    train, test = found["train", "test"], found["test", "train"]
    assert (train.equal, train.near, test.equal, test.near) == (2, 1, 2, 0)
    assert [example.similarity == 1 for example in train.examples] == [True, True, False]
    assert {(example.image_a, example.image_b) for example in train.examples} == {
        ("a_1.tif", "b_1.tif")
    }
    assert train.examples[2].sentence_a == NEAR
    assert SIMILARITY <= train.examples[2].similarity < 1


WORDS = st.sampled_from(["boat", "pier", "sea", "red", "two", "long"])
SENTENCE = st.lists(WORDS, min_size=0, max_size=9).map(" ".join)
SIDE = st.lists(st.tuples(st.sampled_from([None, "train", "test"]), SENTENCE), max_size=12)


def of(side: list[tuple[str | None, str]]) -> Dataset:
    images = [record(f"a_{n}.tif", [raw], split=split) for n, (split, raw) in enumerate(side)]
    return dataset(*images)


def jaccard(first: str, second: str) -> float:
    one, other = Counter(split_words(first)), Counter(split_words(second))
    return (one & other).total() / (one | other).total()


@settings(max_examples=150, deadline=None)
@given(SIDE, SIDE)
def test_counts_are_those_of_all_comparisons(
    first: list[tuple[str | None, str]], second: list[tuple[str | None, str]]
) -> None:
    expected: dict[tuple[str | None, str | None], list[int]] = {}
    for split, raw in first:
        if not folded(raw):
            continue
        for other in {split for split, _ in second}:
            texts = [text for home, text in second if home == other and folded(text)]
            equal = any(folded(text) == folded(raw) for text in texts)
            near = not equal and any(
                min(len(split_words(raw)), len(split_words(text))) >= MIN_WORDS
                and jaccard(raw, text) >= SIMILARITY
                for text in texts
            )
            if equal or near:
                counts = expected.setdefault((split, other), [0, 0])
                counts[0] += equal
                counts[1] += near
    found = common_captions(of(first), of(second))
    assert {key: [common.equal, common.near] for key, common in found.items()} == expected
