"""Galleries by name: uneven, blank, absent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError


def test_blank_sentences_and_images_without_any_are_left_out(gallery: Gallery) -> None:
    assert [gallery.name(image) for image in range(gallery.images)] == [
        "im 0.png",
        "im 1.png",
        "im 3.png",
    ]
    assert gallery.rows.tolist() == [0, 1, 3]
    assert gallery.columns.tolist() == [0, 1, 3, 4, 5, 6]
    assert gallery.owners.tolist() == [0, 1, 1, 1, 2, 2]
    assert gallery.places.tolist() == [0, 0, 2, 3, 0, 1]
    assert gallery.blank_texts == 1
    assert [own.tolist() for own in gallery.texts_of()] == [[0], [1, 2, 3], [4, 5]]
    captions = gallery.asked.captions()
    assert gallery.part.captions() == [captions[column] for column in gallery.columns]


def test_the_error_of_an_absent_split_lists_the_splits(uneven: Dataset) -> None:
    with pytest.raises(RsitmdError, match="no images in split 'val'; available splits: test"):
        Gallery.of(uneven, "val")


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((1, slice(None)), "a.npy: im 1.png: 6 of 18 scores are NaN; fix it"),
        ((slice(None), 4), "a.npy: sentence 1 of im 3.png: 3 of 18 scores are NaN"),
        ((2, 2), "a.npy: im 3.png, sentence 3 of im 1.png: 1 of 18 scores are NaN"),
    ],
)
def test_the_error_of_nan_scores_names_the_image(
    gallery: Gallery, place: tuple[int | slice, int | slice], line: str
) -> None:
    scores = np.zeros((3, 6))
    scores[0, 0], scores[1, 1] = -np.inf, np.inf
    gallery.check_numbers(scores, "a.npy", "fix it")
    scores[place] = np.nan
    with pytest.raises(RsitmdError, match=line):
        gallery.check_numbers(scores, "a.npy", "fix it")


def test_two_records_of_an_image_are_refused(uneven: Dataset) -> None:
    """The sentences of one would be wrong for the other."""
    one = uneven.images[1]
    twice = uneven.with_images([*uneven.images, replace(one, sentences=one.sentences[:1])])
    line = r"nowhere: im 1.png: has 2 records in test; keep one; .* \(D106\)"
    with pytest.raises(RsitmdError, match=line):
        Gallery.of(twice, "test")
    elsewhere = uneven.with_images([*uneven.images, replace(one, split="train")])
    assert Gallery.of(elsewhere, "test").images == 3


@pytest.mark.parametrize("kept", [[0], [0, 2], [2]])
def test_fewer_than_two_images_are_refused(uneven: Dataset, kept: list[int]) -> None:
    part = uneven.with_images(uneven.images[index] for index in kept)
    with pytest.raises(
        RsitmdError, match=r"has (0 images|1 image) with sentences; use a split with two"
    ):
        Gallery.of(part, "test")
