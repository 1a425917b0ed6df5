"""The most similar images of two splits, by perceptual hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import count_of
from rsitmd_tools.imaging.perceptual import SIDE, perceptual_hashes

if TYPE_CHECKING:
    from rsitmd_tools.quality.records import PictureOf

NEAREST = 10  # pairs that are listed for two splits
BLOCK = 256  # images that are compared at once
NOT_COMPARED = "the nearest images were not compared"

Hashes = npt.NDArray[np.uint64]
Entries = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ImageHashes:
    """The perceptual hashes of the images of a release.

    Attributes:
        by_name: Hashes of the eight orientations by file name, in hex digits; of all images, or
            empty.
        unsteady: Images whose hash depends on how a machine rounds.
        unchecked: Why the images were not hashed, or None.
    """

    by_name: Mapping[str, str] = field(default_factory=dict)
    unsteady: Set[str] = frozenset()
    unchecked: str | None = None


def image_hashes(dataset: Dataset, pictures: Iterable[PictureOf]) -> ImageHashes:
    """Hash the images of a release as an ingest does.

    Args:
        dataset: The release.
        pictures: Its image files, measured with ``hashed=True``.
    """
    if dataset.image_folder is None:
        return ImageHashes(unchecked=f"{NOT_COMPARED}: the release has no image files")
    found = {entry.image.filename: entry.picture.hashed for entry in pictures}
    missing = sum(not found.get(image.filename) for image in dataset)
    if missing:
        number = count_of(missing, "image file")
        return ImageHashes(unchecked=f"{NOT_COMPARED}: {number} missing or damaged")
    hashes = perceptual_hashes(list(found.values()))
    return ImageHashes(
        dict(zip(found, hashes, strict=True)),
        {name for name, thumbnail in found.items() if not _is_steady(thumbnail)},
    )


def _is_steady(thumbnail: bytes) -> bool:
    """Return whether an image has the same hash on all machines.

    If an image is equal to one of its other orientations, many coefficients of its cosine transform
    are 0 but for rounding errors, and so may be their median.
    """
    values = np.frombuffer(thumbnail, np.uint8).reshape(SIDE, SIDE)
    turned = [np.rot90(values, quarter) for quarter in range(4)]
    others = [*turned[1:], *(np.fliplr(one) for one in turned)]
    return not any(np.array_equal(values, other) for other in others)


def nearest_images(
    first: Sequence[ImageRecord], second: Sequence[ImageRecord], hashes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the pairs of images with the smallest distances of their hashes, nearest first.

    Each image of ``second`` is listed once, with its nearest image of ``first``.
    """
    turned, upright = _bits(first, hashes), _bits(second, hashes)[:, 0]
    least = np.full(len(second), 65, np.uint8)
    nearest = np.zeros(len(second), np.intp)
    for start in range(0, len(first), BLOCK):
        found = np.full((min(BLOCK, len(first) - start), len(second)), 65, np.uint8)
        for orientation in turned[start : start + BLOCK].T:
            np.minimum(found, np.bitwise_count(orientation[:, None] ^ upright), out=found)
        best = found.argmin(axis=0)
        distance = found[best, np.arange(len(second))]
        nearer = distance < least
        least[nearer], nearest[nearer] = distance[nearer], best[nearer] + start
    order = np.argsort(least, kind="stable")[:NEAREST]
    return [
        {
            "images": [first[nearest[index]].filename, second[index].filename],
            "distance": int(least[index]),
        }
        for index in order.tolist()
    ]


def _bits(images: Sequence[ImageRecord], hashes: Mapping[str, str]) -> Hashes:
    """Return the hashes of images, ``(N, 8) uint64``."""
    digits = "".join(hashes[image.filename] for image in images)
    return np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64).reshape(len(images), -1)


def first_other_pair(found: Entries, stated: Entries, unsteady: Set[str]) -> str | None:
    """Return what differs first in two lists of nearest images; None if they agree.

    Args:
        found: The pairs of :func:`nearest_images`.
        stated: The pairs of a split proof.
        unsteady: Images whose hash depends on the machine. The pairs of the images that have one
            of them as the nearest one, in either list, are left out.
    """
    if len(found) != len(stated):
        return f"{count_of(len(found), 'pair')} of nearest images, not {len(stated)}"
    seconds = {
        entry["images"][1]
        for entry in (*found, *stated)
        if not unsteady.isdisjoint(entry["images"])
    }
    ours, theirs = (
        [entry for entry in entries if entry["images"][1] not in seconds]
        for entries in (found, stated)
    )
    for here, there in zip(ours, theirs, strict=False):  # either can have lost more pairs
        if here != there:
            return f"{_described(here)} among the nearest images, not {_described(there)}"
    return None


def _described(entry: Mapping[str, Any]) -> str:
    first, second = entry["images"]
    return f"{first} and {second} ({count_of(entry['distance'], 'bit')})"
