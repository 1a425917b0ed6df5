"""The paper definition against NLTK: BLEU, METEOR with repeated words, WordNet."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import sentence_bleu
from nltk.translate.meteor_score import meteor_score

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.similarity import compute_prior
from rsitmd_tools.similarity.paper import prepare
from rsitmd_tools.similarity.wordnet import synonyms_of
from rsitmd_tools.text.tokens import tokenize

if TYPE_CHECKING:
    from pathlib import Path

    from tests.similarity.conftest import MakeDataset


class FewWords:
    """A WordNet of a few words, with the one call that METEOR makes of NLTK's reader."""

    GROUPS = (("ship", "boat", "vessel"), ("house", "build"), ("road", "street"), ("two_words",))

    def synsets(self, word: str) -> list[Any]:
        return [
            SimpleNamespace(
                lemmas=lambda group=group: [
                    SimpleNamespace(name=lambda lemma=lemma: lemma) for lemma in group
                ]
            )
            for group in self.GROUPS
            if word in group
        ]


NONE = SimpleNamespace(synsets=lambda word: [])


def oracle(
    references: Sequence[str], caption: str, weights: tuple[float, float], wordnet: Any = NONE
) -> float:
    """Plain transcription: NLTK's two scores on lower-cased tokens, weighted and clipped."""
    refs = [[token.lower() for token in tokenize(text)] for text in references]
    own = [token.lower() for token in tokenize(caption)]
    if not refs:
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bleu = sentence_bleu(refs, own) if own else 0.0
    # An empty caption or reference has no METEOR: nothing can be paired.
    pairs = [r for r in refs if r and own]
    meteor = meteor_score(pairs, own, wordnet=wordnet) if pairs else 0.0
    return min(weights[0] * bleu + weights[1] * meteor, 1.0)


WORDS = ["the", "a", "ships", "ship", "shipping", "boat", "house", "houses", "road", ",", "."]
CAPTION = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
IMAGES = st.lists(st.lists(CAPTION, min_size=1, max_size=5), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(captions=IMAGES, bleu=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_equal_to_nltk(make_dataset: MakeDataset, captions: list[list[str]], bleu: float) -> None:
    data = make_dataset(captions)
    weights = (bleu, 1.0 - bleu)
    expected = [[oracle(row, c, weights) for c in data.captions()] for row in captions]
    found = compute_prior(data, "paper", weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(captions=IMAGES)
def test_the_wordnet_stage_is_nltks_too(captions: list[list[str]]) -> None:
    wordnet = FewWords()
    similarity = prepare(captions, (0.0, 1.0), synonyms_of(wordnet))
    assert similarity.settings["meteor_stages"] == ["exact", "stem", "wordnet"]
    every = [caption for row in captions for caption in row]
    found = np.empty((len(captions), len(every)))
    similarity.filler()(0, found)
    expected = [[oracle(row, c, (0.0, 1.0), wordnet) for c in every] for row in captions]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("reference", "caption"),
    [
        ("the ship the ship the ship", "ship the the ship"),
        ("ship boat ship boat", "boat ship boat ship ship"),
        ("a a a a a", "a a"),
        ("ships ship shipping", "shipping ships ship ship"),
        ("the road", "road the road the road"),
    ],
)
def test_alignments_with_repeated_words(
    make_dataset: MakeDataset, reference: str, caption: str
) -> None:
    data = make_dataset([[reference], [caption]])
    found = compute_prior(data, "paper", (0.0, 1.0))[0, 1]
    assert found == pytest.approx(oracle([reference], caption, (0.0, 1.0)), abs=1e-12)


def test_odd_captions(make_dataset: MakeDataset) -> None:
    rows = [["", "  "], ["ship"], ["the " * 150, "港口 船", "x " * 300], ["ship", "ship ship ."]]
    data = make_dataset(rows)
    expected = [[oracle(row, c, (0.5, 0.5)) for c in data.captions()] for row in rows]
    np.testing.assert_allclose(compute_prior(data, "paper"), expected, rtol=0, atol=1e-12)


def test_real_captions_by_sample(shared_data: Path) -> None:
    data = load_dataset(shared_data / "rsitmd_precomp").select("test")
    found = compute_prior(data, "paper")
    captions, random = data.captions(), np.random.default_rng(7)
    for row, column in zip(
        random.integers(0, len(data), 300), random.integers(0, len(captions), 300), strict=True
    ):
        expected = oracle(data.images[row].captions, captions[column], (0.5, 0.5))
        assert found[row, column] == pytest.approx(expected, abs=1e-12)


def test_an_image_without_captions_is_nan(make_dataset: MakeDataset) -> None:
    found = compute_prior(make_dataset([[], ["a ship"]]), "paper")
    assert np.isnan(found[0]).all()
    assert not np.isnan(found[1]).any()


def test_weights_are_checked_and_the_sum_is_clipped(make_dataset: MakeDataset) -> None:
    data = make_dataset([["a red ship in the port"]])
    assert compute_prior(data, "paper", (3.0, 3.0))[0, 0] == 1.0
    for weights in ((-1.0, 1.0), (0.0, 0.0), (math.nan, 1.0)):
        with pytest.raises(WrongUsage, match="invalid weights"):
            compute_prior(data, "paper", weights)
    with pytest.raises(WrongUsage, match="fixed weights"):
        compute_prior(data, "reference", (0.3, 0.7))
    with pytest.raises(WrongUsage, match="unknown definition"):
        compute_prior(data, "other")


def test_threads_do_not_change_a_bit(make_dataset: MakeDataset) -> None:
    data = make_dataset([[f"{a} {b} ships is near the {a} port ."] for a in WORDS for b in WORDS])
    one, two = (compute_prior(data, "paper", threads=n) for n in (1, 2))
    assert one.tobytes() == two.tobytes()
