"""The comparison of a release with the submitted annotations finds every difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.captioned import CaptionedImage
from rsitmd_tools.demo.compare import Compared, compare
from rsitmd_tools.errors import RsitmdError

WRITTEN = CaptionedImage(
    Path("in/a.png"), "port", (("berta", "Second."), ("anna", "First.")), ("red roof", "- port")
)
NAMES = {"a.png": "port_1.tif"}
CAME = ImageRecord(
    "port_1.tif",
    (Sentence("First.", annotator="annotator-1"), Sentence("Second.", annotator="annotator-2")),
    ("red roof", "- port"),
    "train",
    "port",
)
Change = Callable[[ImageRecord], list[ImageRecord]]


def release(*images: ImageRecord) -> Dataset:
    return Dataset("demo", images, Path("release"), "rsitmd")


def test_equal_is_counted() -> None:
    assert compare(release(CAME), [WRITTEN], NAMES) == Compared(1, 2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: [], "a.png: is not in the release"),
        (lambda image: [image, replace(image, filename="port_2.tif")], "port_2.tif: is in"),
        (lambda image: [replace(image, sentences=image.sentences[::-1])], "sentence 1 is"),
        (lambda image: [replace(image, sentences=image.sentences[:1])], "sentences: 1, expected 2"),
        (
            lambda image: [replace(image, sentences=(*image.sentences, Sentence("x")))],
            "sentences: 3, expected 2",
        ),
        (lambda image: [replace(image, keywords=("- port", "red roof"))], "keywords"),
        (
            lambda image: [replace(image, sentences=(Sentence("First"), image.sentences[1]))],
            "sentence 1 is 'First', expected 'First.'",
        ),
    ],
)
def test_every_difference_is_reported(change: Change, message: str) -> None:
    with pytest.raises(RsitmdError, match=message):
        compare(release(*change(CAME)), [WRITTEN], NAMES)
