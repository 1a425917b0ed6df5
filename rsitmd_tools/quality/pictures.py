"""The measures of the images of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.measures import EXACT, Lines, Picture, measure
from rsitmd_tools.imaging.pool import map_in_order

CHUNK = 16  # images per task of a worker: sending a task costs as much as measuring an image


def measure_images(
    dataset: Dataset, lines: Lines | None = None, *, hashed: bool = False
) -> Iterator[tuple[ImageRecord, Picture]]:
    """Measure all images with a file, on all cores, in order.

    Args:
        dataset: The dataset; nothing is yielded if it has no image folder.
        lines: Thresholds of the rules; if None, all measures are exact.
        hashed: Whether to compute ``Picture.hashed``.
    """
    if dataset.image_folder is None:
        return
    found = []
    for image in dataset:
        try:
            found.append((image, dataset.image_path(image)))
        except RsitmdError:
            continue
    paths = [path for _, path in found]
    work = partial(measure, lines=lines or EXACT, hashed=hashed)
    pictures = map_in_order(work, paths, chunk=CHUNK)
    for (image, _), picture in zip(found, pictures, strict=True):
        yield image, picture
