"""``split_proof.json``: how near the images and texts of two splits come to each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.quality.nearest import nearest_images
from rsitmd_tools.quality.split_numbers import ground_distance, shared_captions, shared_scenes
from rsitmd_tools.release.pairs import VerifiedPair
from rsitmd_tools.workspace.scenes import ImagePlace


def split_proof(
    dataset: Dataset,
    hashes: Mapping[str, str],
    places: Sequence[ImagePlace],
    pairs: Sequence[VerifiedPair] = (),
    *,
    scenes: Mapping[str, str],
    same_place_searched: bool = False,
) -> dict[str, Any]:
    """Compare every two splits of a release.

    Args:
        dataset: The released images.
        hashes: Perceptual hashes of the eight orientations by file name, in hex digits.
        places: The images that have a footprint.
        pairs: The verified pairs of images, also within a split.
        scenes: SHA-256 of the source of each image by file name, the same for tiles of a scene.
        same_place_searched: Whether all images were searched for pairs of one place.

    Returns:
        For every two splits: ``nearest_images`` (the pairs with the smallest Hamming distance of
        their hashes, of 64 bits, over the eight orientations), ``shared_scenes`` (scenes that
        both have tiles of), ``ground_distance`` (metres between the nearest footprints; None
        without footprints), ``shared_captions`` (sentences that both have, without regard to
        case) and ``verified_pairs`` (images of one picture or place in both).
    """
    known = {place.filename: place for place in places}
    return {
        "tool": f"rsitmd-tools {__version__}",
        "data_sha256": dataset.checksum(),
        "bits": 64,
        "same_place_searched": same_place_searched,
        "splits": [
            {
                "splits": [first, second],
                **_compare(dataset.select(first), dataset.select(second), hashes, scenes, known),
                "verified_pairs": _across(dataset, pairs, {first, second}),
            }
            for first, second in itertools.combinations(dataset.splits, 2)
        ],
    }


def _compare(
    first: Dataset,
    second: Dataset,
    hashes: Mapping[str, str],
    scenes: Mapping[str, str],
    places: Mapping[str, ImagePlace],
) -> dict[str, Any]:
    return {
        "nearest_images": nearest_images(first.images, second.images, hashes),
        "shared_scenes": shared_scenes(first, second, scenes),
        "ground_distance": _ground_distance(first, second, places),
        "shared_captions": shared_captions(first, second),
    }


def _across(
    dataset: Dataset, pairs: Sequence[VerifiedPair], splits: set[str]
) -> list[dict[str, Any]]:
    """Return the verified pairs with an image in each of two splits."""
    home = {image.filename: image.split for image in dataset}
    return [
        {
            "images": list(pair.images),
            "kind": pair.kind,
            "similarity": None if pair.similarity is None else round(pair.similarity, 4),
        }
        for pair in pairs
        if {home.get(name) for name in pair.images} == splits
    ]


def _ground_distance(
    first: Dataset, second: Dataset, places: Mapping[str, ImagePlace]
) -> float | None:
    if not places:
        return None
    from shapely.geometry import shape

    footprints = {name: shape(place.footprint) for name, place in places.items()}
    return ground_distance(first, second, footprints)
