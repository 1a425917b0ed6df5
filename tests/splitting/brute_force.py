"""Pairs of one picture found by comparing pixels, without any hash."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.coarse import coarse_registrations
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.registration import Registration
from rsitmd_tools.imaging.same_picture import MIN_SIMILARITY, picture_similarity

ALIKE = 5  # images of other categories that each image is compared with


SIZE = (128, 128)  # at which two images are compared


Grey = npt.NDArray[np.uint8]


Pair = tuple[int, int]


def equal_pixels(paths: list[Path], homes: list[str]) -> list[str]:
    """Return the digests of pixels, in any orientation, that are in several splits."""
    found = defaultdict(set)
    for path, home in zip(paths, homes, strict=True):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        for image in (pixels, pixels[:, ::-1]):
            for turns in range(4):
                turned = np.ascontiguousarray(np.rot90(image, turns))
                found[hashlib.sha256(turned.tobytes()).hexdigest()].add(home)
    return [digest for digest, splits in found.items() if len(splits) > 1]


def most_alike(greys: list[Grey], homes: list[str]) -> dict[Pair, int]:
    """Return each image with those of other splits whose small copies correlate most.

    The value is the orientation of the second image that resembles the first one.
    """
    small = np.stack([thumbnail(grey) for grey in greys])
    rows = normalised(small)
    splits = np.array(homes)
    best: dict[Pair, tuple[float, int]] = {}
    for how in range(8):
        scores = rows @ normalised(np.stack([turned(grey, how) for grey in small])).T
        scores[splits[:, None] == splits] = -1
        for i, nearest in enumerate(np.argpartition(-scores, ALIKE, axis=1)[:, :ALIKE].tolist()):
            for j in nearest:
                found = (float(scores[i, j]), how)
                if (j, i) not in best:
                    best[i, j] = max(best.get((i, j), found), found)
    return {pair: how for pair, (_, how) in best.items()}


def normalised(images: Grey) -> npt.NDArray[np.float32]:
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = np.divide(rows, np.maximum(lengths, 1e-6))
    return scaled


def turned(grey: Grey, how: int) -> Grey:
    return np.ascontiguousarray(np.rot90(grey if how < 4 else grey[:, ::-1], how % 4))


def thumbnail(grey: Grey) -> Grey:
    return np.asarray(Image.fromarray(grey).resize((32, 32), Image.Resampling.BOX))


def of_one_picture(greys: list[Grey], alike: dict[Pair, int]) -> list[Pair]:
    """Return the pairs that show one picture, the second image turned as ``alike`` says."""
    small = np.stack([thumbnail(grey) for grey in greys])
    # Pictures without texture are only duplicates if their pixels are equal.
    textured = small.std(axis=(1, 2)) >= 3
    pairs = [(i, j, how) for (i, j), how in alike.items() if textured[i] and textured[j]]
    details = [np.asarray(Image.fromarray(g).resize(SIZE, Image.Resampling.BOX)) for g in greys]
    every = np.stack([turned(grey, how) for how in range(8) for grey in small])
    first, second, turns = np.array(pairs, np.intp).reshape(-1, 3).T
    fits = coarse_registrations(every, first, turns * len(greys) + second, np.zeros_like(first))
    tasks = [
        (details[i], details[j], how, fit) for (i, j, how), fit in zip(pairs, fits, strict=True)
    ]
    results = map_in_order(is_one_picture, tasks, chunk=64)
    return [pair[:2] for pair, same in zip(pairs, results, strict=True) if same]


def is_one_picture(pair: tuple[Grey, Grey, int, Registration]) -> bool:
    first, second, how, fit = pair
    return picture_similarity(first, turned(second, how), fit) >= MIN_SIMILARITY
