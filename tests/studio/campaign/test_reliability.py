"""Agreement corrected for chance, against the textbook, other code and what chance gives."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from rsitmd_tools.studio.campaign import reliability as module
from rsitmd_tools.studio.campaign.agreement import similarities
from rsitmd_tools.studio.campaign.reliability import keyword_reliability, sentence_reliability

WORDS = ("red ship", "long quay", "grey road", "green tree", "blue sea")
SCENES = (
    ("Two red ships lie at the long quay.", "At the quay lie two red ships."),
    ("A grey road crosses a green field.", "A road runs through the green field."),
    ("Many houses stand beside the river.", "Beside a river stand some houses."),
    ("White planes wait at the terminal.", "The terminal with three white planes."),
    ("A baseball field lies near trees.", "Trees surround the baseball field."),
    ("Waves break on a yellow beach.", "A beach with yellow sand and waves."),
)

Said = list[list[tuple[str, str]]]


def by_nltk(images: Sequence[Sequence[frozenset[str]]]) -> float:
    """Return alpha of sets with the size of their difference as the distance."""
    triples = [
        (f"p{who}", f"image {n}", words)
        for n, people in enumerate(images)
        if len(people) > 1
        for who, words in enumerate(people)
    ]
    task = AnnotationTask(triples, distance=lambda left, right: float(len(left ^ right)))
    return float(task.alpha())


def drawn(images: int, seed: int, people: int = 3) -> list[list[frozenset[str]]]:
    """Return sets that nobody saw an image for, some words oftener than others."""
    chance = random.Random(seed)
    shares = (0.9, 0.5, 0.3, 0.2, 0.1)
    return [
        [
            frozenset(w for w, share in zip(WORDS, shares, strict=True) if chance.random() < share)
            for _ in range(people)
        ]
        for _ in range(images)
    ]


sets = st.frozensets(st.sampled_from(WORDS))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(sets, min_size=1, max_size=4), min_size=1, max_size=6))
def test_keyword_alpha_equals_another_implementation(images: list[list[frozenset[str]]]) -> None:
    found = keyword_reliability(images)
    judged = [people for people in images if len(people) > 1]
    assert found.images == len(judged)
    if len({words for people in judged for words in people}) < 2:
        assert found.value is None
    else:
        assert found.value == pytest.approx(by_nltk(images), abs=0.0006)


def test_keyword_alpha_of_a_small_example() -> None:
    # One keyword, two images, two people: pairs (1, 1) and (1, 0). Ones 3, zeros 1 of 4 values.
    # Do = 2 * 1 / 4 = 1/2, De = 2 * 3 * 1 / (4 * 3) = 1/2.
    ship, none = frozenset({"red ship"}), frozenset[str]()
    assert keyword_reliability([[ship, ship], [ship, none]]).value == 0.0
    assert keyword_reliability([[ship, ship], [none, none]]).value == 1.0


def test_random_keywords_give_0_within_the_interval() -> None:
    found = keyword_reliability(drawn(300, seed=1))
    assert found.value == pytest.approx(0, abs=0.05)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_a_keyword_used_for_every_image_does_not_count_as_agreement() -> None:
    images = drawn(40, seed=2)
    everywhere = [[words | {"an image"} for words in people] for people in images]
    assert keyword_reliability(everywhere).value == keyword_reliability(images).value
    assert keyword_reliability([[frozenset({"an image"})] * 2] * 9).value is None


def test_the_interval_covers_the_true_value_in_19_of_20_campaigns() -> None:
    """Each campaign is 60 images of which a true set is named with errors."""

    def campaign(seed: int, images: int) -> list[list[frozenset[str]]]:
        chance = random.Random(seed)
        found = []
        for _ in range(images):
            true = {word for word in WORDS if chance.random() < 0.4}
            found.append(
                [frozenset(w for w in WORDS if (w in true) != (chance.random() < 0.15))
                 for _ in range(3)]
            )  # fmt: skip
        return found

    truth = keyword_reliability(campaign(0, 5_000)).value
    assert truth is not None
    held = 0
    for seed in range(1, 101):
        interval = keyword_reliability(campaign(seed, 60), seed).interval
        assert interval is not None
        held += interval[0] <= truth <= interval[1]
    assert 88 <= held <= 100


def said(images: int, seed: int) -> Said:
    """Return sentences of anna and berta, and of clara about some images."""
    chance = random.Random(seed)
    found = []
    for _ in range(images):
        first, second = chance.choice(SCENES)
        entry = [("anna", first), ("berta", second)]
        if chance.random() < 0.4:
            entry.append(("clara", chance.choice(chance.choice(SCENES))))
        found.append(entry)
    return found


def naive(images: Said) -> float:
    """Return alpha of sentences, pair by pair."""
    judged = [entry for entry in images if len({who for who, _ in entry}) > 1]
    flat = [(n, who, raw) for n, entry in enumerate(judged) for who, raw in entry]
    pairs = list(itertools.permutations(flat, 2))
    distances = [
        1 - value
        for value in similarities([[a[2]] for a, _ in pairs], [b[2] for _, b in pairs])
    ]  # fmt: skip
    chance = [d for (a, b), d in zip(pairs, distances, strict=True) if a[0] != b[0]]
    observed, weight = 0.0, 0
    for number, entry in enumerate(judged):
        within = [
            d
            for (a, b), d in zip(pairs, distances, strict=True)
            if a[0] == b[0] == number and a[1] != b[1]
        ]
        observed += len(entry) * sum(within) / len(within)
        weight += len(entry)
    return 1 - observed / weight / (sum(chance) / len(chance))


def test_sentence_alpha_equals_a_pairwise_computation() -> None:
    images = [*said(8, seed=3), [("anna", "Alone.")], []]
    found = sentence_reliability(images)
    assert found.value == pytest.approx(naive(images), abs=0.0006)
    assert found.images == 8
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]  # type: ignore[operator]
    assert found == sentence_reliability(images)


def test_sentences_of_one_annotator_are_not_compared() -> None:
    images = [
        [("anna", "A red ship."), ("anna", "A red ship."), ("berta", "Green trees.")],
        [("anna", "A wide road."), ("berta", "A wide road.")],
    ]
    assert sentence_reliability(images).value == pytest.approx(naive(images), abs=0.0006)


def test_equal_sentences_give_1_and_those_of_another_image_0() -> None:
    same = [[(who, first) for who in ("anna", "berta")] for first, _ in SCENES]
    assert sentence_reliability(same).value == 1.0
    chance = random.Random(4)
    texts = [text for scene in SCENES for text in scene]
    other = [[(who, chance.choice(texts)) for who in ("anna", "berta")] for _ in range(150)]
    found = sentence_reliability(other)
    assert found.value == pytest.approx(0, abs=0.1)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_many_images_are_compared_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    images = said(60, seed=5)
    whole = sentence_reliability(images)
    monkeypatch.setattr(module, "GROUP", 7)
    parts = sentence_reliability(images)
    assert parts.images == whole.images == 60
    assert parts.value == pytest.approx(whole.value, abs=0.05)
    assert parts.interval == pytest.approx(whole.interval, abs=0.08)


def test_without_comparable_images_there_is_no_value() -> None:
    for images in ([], [[("anna", "A ship.")]], [[("anna", "A ship."), ("berta", "A ship.")]]):
        found = sentence_reliability(images)
        assert (found.value, found.interval) == (None, None)
    assert keyword_reliability([]).value is None
    assert keyword_reliability([[frozenset({"red ship"})]]).images == 0
    # Stop words alone have no similarity.
    found = sentence_reliability([[("anna", "The."), ("berta", "It is.")]] * 6)
    assert found.value is None
