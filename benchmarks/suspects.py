"""Find sentences that were given to another image: precision and ROC area, against TF-IDF.

Run: python benchmarks/suspects.py DATA WEIGHTS [--within] [--one] [--share S] [--seed N]
     [--config NAME] [--set KEY=VALUE] [--cache DIR]

The sentences of a share of the images are exchanged in pairs, all of an image or, with --one, one
of each: with an image of another category or, with --within, of the same one. `benchmark suspects`
then ranks all sentences: with VSE++ and the settings below, or with --config. The baseline
knows the true categories: it trains TF-IDF centroids of the categories on the other folds, and
ranks sentences by how much nearer they are to another category than to that of their image.
Intervals are of 1000 bootstrap samples of the images.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import Parser, environment, table

from rsitmd_tools.baselines import load_config
from rsitmd_tools.baselines.suspects.find import find_suspects
from rsitmd_tools.baselines.training.train import Options
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality.overlap import overlap
from rsitmd_tools.splitting.dataset_folds import dataset_folds
from rsitmd_tools.text.tokens import tokenize
from rsitmd_tools.workspace.settings import SplitSettings

FOLDS = 5
SAMPLES = 1000
UCM_CLASS = 100  # images of a class in UCM, in the order of their numbers
SETTINGS = (
    "backbone=tf_efficientnet_lite0",
    "freeze_backbone=true",
    "image_size=224",
    "negatives=sum",
    "schedule=cosine",
    "lr=1e-3",
    "epochs=10",
    "margin.kind=fixed",
    "margin.value=0.2",
)
Values = npt.NDArray[np.float64]
Key = tuple[str, int]


def with_categories(dataset: Dataset) -> Dataset:
    """Return a dataset with categories: those of UCM follow from the numbers of the files."""
    if any(image.category for image in dataset):
        return dataset
    return dataset.with_images(
        replace(image, category=f"class{(int(Path(image.filename).stem) - 1) // UCM_CLASS}")
        for image in dataset
    )


def exchange(
    dataset: Dataset, share: float, seed: int, *, within: bool, one: bool = False
) -> tuple[Dataset, set[Key]]:
    """Exchange the texts of a share of the images in pairs; return them and what is wrong now."""
    chosen = random.Random(seed)
    images = list(dataset.images)
    order = chosen.sample(range(len(images)), len(images))
    wanted = 2 * round(share * len(images) / 2)
    changed: set[int] = set()
    wrong: set[Key] = set()
    for first in order:
        if len(changed) >= wanted:
            break
        others = [
            index
            for index in order
            if index not in changed
            and index != first
            and (images[index].category == images[first].category) == within
        ]
        if first in changed or not others:
            continue
        second = chosen.choice(others)
        here, there = images[first], images[second]
        if one:
            place, its = (chosen.randrange(len(image.sentences)) for image in (here, there))
            images[first] = with_sentence(here, place, there.sentences[its])
            images[second] = with_sentence(there, its, here.sentences[place])
            wrong |= {(here.filename, place), (there.filename, its)}
        else:
            images[first] = replace(here, sentences=there.sentences, keywords=there.keywords)
            images[second] = replace(there, sentences=here.sentences, keywords=here.keywords)
            for image in (images[first], images[second]):
                wrong |= {(image.filename, index) for index in range(len(image.sentences))}
        changed |= {first, second}
    return dataset.with_images(images), wrong


def with_sentence(image: ImageRecord, place: int, sentence: Sentence) -> ImageRecord:
    """Return an image with one sentence replaced."""
    sentences = (*image.sentences[:place], sentence, *image.sentences[place + 1 :])
    return replace(image, sentences=sentences)


class TfIdf:
    """Unit vectors of texts: counts of words, weighted by how seldom they are."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        frequency = Counter(word for text in texts for word in set(text))
        self.column = {word: index for index, word in enumerate(frequency)}
        self.weight = np.log(len(texts) / np.array(list(frequency.values())))

    def vector(self, text: Sequence[str]) -> Values:
        """Return the vector of a tokenized text; unknown words do not count."""
        values = np.zeros(len(self.column))
        for word in text:
            if word in self.column:
                values[self.column[word]] += self.weight[self.column[word]]
        norm = float(np.linalg.norm(values))
        return values / norm if norm else values


def tf_idf_scores(dataset: Dataset, folds: dict[str, int]) -> dict[Key, float]:
    """Return how much nearer each sentence is to another category than to its image's one."""
    tokens = {image.filename: [tokenize(raw) for raw in image.captions] for image in dataset}
    names = sorted({str(image.category) for image in dataset})
    found: dict[Key, float] = {}
    for fold in range(FOLDS):
        known = [image for image in dataset if folds[image.filename] != fold]
        model = TfIdf([text for image in known for text in tokens[image.filename]])
        centroids = np.zeros((len(names), len(model.column)))
        for image in known:
            for text in tokens[image.filename]:
                centroids[names.index(str(image.category))] += model.vector(text)
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
        for image in dataset:
            if folds[image.filename] == fold:
                own = names.index(str(image.category))
                for index, text in enumerate(tokens[image.filename]):
                    near = centroids @ model.vector(text)
                    found[image.filename, index] = float(np.delete(near, own).max() - near[own])
    return found


def area(scores: Values, wrong: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; ties count half."""
    order = np.argsort(scores, kind="stable")
    _, inverse, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = np.empty(len(scores))
    ranks[order] = (ends - (counts - 1) / 2)[inverse]
    positive = int(wrong.sum())
    negative = len(wrong) - positive
    return float((ranks[wrong].sum() - positive * (positive + 1) / 2) / (positive * negative))


def precision(scores: Values, wrong: npt.NDArray[np.bool_]) -> float:
    """Return the share of exchanged sentences among as many first ones as were exchanged."""
    first = np.argsort(-scores, kind="stable")[: int(wrong.sum())]
    return float(wrong[first].mean())


def measured(found: dict[Key, float], wrong: set[Key], seed: int) -> list[str]:
    """Return area and precision with intervals."""
    names = sorted({name for name, _ in found})
    of_image: dict[str, list[float]] = defaultdict(list)
    marks_of: dict[str, list[bool]] = defaultdict(list)
    for key, score in found.items():
        of_image[key[0]].append(score)
        marks_of[key[0]].append(key in wrong)

    def at(
        measure: Callable[[Values, npt.NDArray[np.bool_]], float], sample: Sequence[str]
    ) -> float:
        scores = np.concatenate([of_image[name] for name in sample])
        marks = np.concatenate([marks_of[name] for name in sample])
        return measure(scores, marks)

    drawn = np.random.default_rng(seed)
    samples = [
        [names[i] for i in drawn.integers(0, len(names), len(names))] for _ in range(SAMPLES)
    ]
    cells = []
    for measure, percent in ((area, False), (precision, True)):
        value = at(measure, names)
        low, high = np.percentile([at(measure, sample) for sample in samples], [2.5, 97.5])
        form = "{:.1%} [{:.1%}, {:.1%}]" if percent else "{:.3f} [{:.3f}, {:.3f}]"
        cells.append(form.format(value, low, high))
    return cells


def main() -> None:
    """Exchange texts, find them again, print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--within", action="store_true")
    parser.add_argument("--one", action="store_true", help="exchange one sentence of an image")
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--config", help="a configuration, instead of VSE++ with these settings")
    parser.add_argument("--cache", type=Path, help="keep decoded images and their features here")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    given = parser.parse_args()
    data = with_categories(load_dataset(given.data))
    dataset, wrong = exchange(data, given.share, given.seed, within=given.within, one=given.one)
    pairs = overlap([dataset], SplitSettings().near_duplicate_distance).pairs
    linked = [(pair.image_a.filename, pair.image_b.filename) for pair in pairs]
    folds, groups = dataset_folds(dataset, FOLDS, given.seed, linked)
    config = load_config(
        given.config or "vsepp",
        [
            *(() if given.config else SETTINGS),
            f"weights={given.weights}",
            f"seed={given.seed}",
            *given.changes,
        ],
    )
    with tempfile.TemporaryDirectory() as scratch:
        ranked = find_suspects(
            dataset, config, folds, groups, Path(scratch), Options(cache=given.cache)
        )
    ours = {(s.image, s.sentence_index): s.score for s in ranked.suspects}
    rows = [
        ["`benchmark suspects`", *measured(ours, wrong, given.seed)],
        ["TF-IDF of categories", *measured(tf_idf_scores(dataset, folds), wrong, given.seed)],
    ]
    kind = "the same category" if given.within else "another category"
    count = len({name for name, _ in wrong})
    what = "a text" if given.one else "texts"
    print(f"{given.data.name}: {count} of {len(dataset)} images with {what} of {kind}")
    print(table(["ranked by", "area under the ROC curve", "precision of the first N"], rows))
    print(environment("torch", "timm", seed=given.seed))


if __name__ == "__main__":
    main()
