"""Sampling: some of the files, for those who cannot annotate all of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.imaging.source import read_image_file
from rsitmd_tools.ingest.scan import Found
from rsitmd_tools.progress import progress

SIDE = 16  # side length of the colour thumbnail
CELLS = 4  # cells of the gradient histogram per axis
DIRECTIONS = 8  # directions of a gradient
DECODED = 64  # side length at which an image is read
LEVELS = 63  # largest value of a feature
FEATURES = SIDE * SIDE * 3 + CELLS * CELLS * DIRECTIONS
CHUNK = 16
BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many files to choose, and how.

    Attributes:
        per_category: Number of files of each category; None for all.
        diverse: Number of files that differ most, over all categories; None for all.
        diverse_per_category: Number of files of each category that differ most; None for all.
        seed: Seed of a random choice.
    """

    per_category: int | None = None
    diverse: int | None = None
    diverse_per_category: int | None = None
    seed: int = 0

    @property
    def chooses(self) -> bool:
        """Whether files are left out at all."""
        return self._ways > 0

    @property
    def _ways(self) -> int:
        given = (self.per_category, self.diverse, self.diverse_per_category)
        return sum(count is not None for count in given)

    def __post_init__(self) -> None:
        """Check that there is one choice.

        Raises:
            WrongUsage: There is more than one.
        """
        if self._ways > 1:
            raise WrongUsage(
                "two ways of sampling",
                hint="use one of --per-category, --diverse and --diverse-per-category",
            )


def sample(
    files: Sequence[Found],
    sampling: Sampling,
    workers: int | None = None,
    options: BandOptions = DEFAULTS,
    outside: bool = False,
) -> list[Found]:
    """Return some of the files, in their order.

    A random choice depends on the seed and on the files' categories and paths below their source.
    It is the same on every computer, and a new file displaces at most one other. A diverse choice
    depends on the pixels only. Files that cannot be decoded are all returned, so that they
    are reported.

    Args:
        files: The files, in the order in which they are numbered.
        sampling: How many, and how.
        workers: Number of processes; one per core by default.
        options: Bands and values of rasters, for a diverse choice.
        outside: Whether a VRT may read files outside of its folder.
    """
    features = partial(features_of, options=options, outside=outside)
    if sampling.per_category is not None:
        chosen = _random(files, sampling.per_category, sampling.seed)
    elif sampling.diverse is not None:
        chosen = _diverse(files, [range(len(files))], sampling.diverse, features, workers)
    elif sampling.diverse_per_category is not None:
        groups = list(_by_category(files).values())
        chosen = _diverse(files, groups, sampling.diverse_per_category, features, workers)
    else:
        return list(files)
    return [files[index] for index in sorted(chosen)]


def farthest_first(features: npt.NDArray[np.float32], count: int) -> list[int]:
    """Choose points so that each new one is farthest from those chosen before.

    The first one is nearest to the mean. Of equal points the first is chosen. The features are
    whole numbers small enough that float32 holds every sum exactly, so the choice does not depend
    on the processor or the number of threads. See Gonzalez, "Clustering to minimize the maximum
    intercluster distance", Theoretical Computer Science 38 (1985).

    Args:
        features: ``(N, F) float32`` whole numbers; F times the square of the largest is less
            than 2 ** 22.
        count: Number of points to choose.

    Returns:
        ``min(count, N)`` different indices in the order of choice.
    """
    total = len(features)
    if not total or count < 1:
        return []
    squares = np.einsum("ij,ij->i", features, features)
    whole = features.sum(axis=0, dtype=np.float64)
    # In blocks, because the product with float64 needs a copy of the features.
    blocks = range(0, total, BLOCK)
    along = np.concatenate([features[start : start + BLOCK] @ whole for start in blocks])
    chosen = [int(np.argmin(total * squares.astype(np.float64) - 2 * along))]
    nearest = np.full(total, np.inf, np.float32)
    while len(chosen) < min(count, total):
        last = chosen[-1]
        distance = features @ features[last]
        distance *= -2
        distance += squares
        distance += squares[last]
        np.minimum(nearest, distance, out=nearest)
        nearest[last] = -1  # never again, even if all others are equal to chosen ones
        chosen.append(int(np.argmax(nearest)))
    return chosen


def features_of(file: str, options: BandOptions = DEFAULTS, outside: bool = False) -> bytes | None:
    """Return the features of an image file, ``FEATURES`` bytes, or None if it is unusable.

    They are a colour thumbnail of 16 x 16 pixels and, for each of 4 x 4 cells, how strong the
    grey values change in each of eight directions.
    """
    try:
        with quiet_decoders():
            source = read_image_file(Path(file), outside)
            image = decode_file(source, DECODED, options, outside).image
    except (OSError, UnusableImageError):
        return None
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    colours = np.asarray(small, np.uint8).ravel() // 4
    return colours.tobytes() + _gradients(np.asarray(image.convert("L"), np.int32)).tobytes()


def _gradients(grey: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Return the gradient histogram of ``(DECODED, DECODED)`` grey values, 0 to ``LEVELS``."""
    down = np.zeros_like(grey)
    right = np.zeros_like(grey)
    down[1:-1] = grey[2:] - grey[:-2]
    right[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    # Whole numbers only: the octant of a gradient follows from signs and from which is larger.
    octant = (down < 0) * 4 + (right < 0) * 2 + (abs(down) > abs(right))
    place = np.arange(DECODED) // (DECODED // CELLS)
    cell = place[:, None] * CELLS + place[None, :]
    size = CELLS * CELLS * DIRECTIONS
    strength = np.bincount(
        (cell * DIRECTIONS + octant).ravel(), (abs(down) + abs(right)).ravel(), size
    )
    # The mean of a strong texture is about 64 per pixel and direction.
    pixels = (DECODED // CELLS) ** 2
    return np.minimum(strength * 4 // pixels, LEVELS).astype(np.uint8)


def _random(files: Sequence[Found], count: int, seed: int) -> list[int]:
    chosen: list[int] = []
    for category, indices in _by_category(files).items():

        def place(index: int, category: str = category) -> bytes:
            name = f"{seed} {category} {files[index].relative}"
            return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()

        chosen += sorted(indices, key=place)[:count]
    return chosen


def _by_category(files: Sequence[Found]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index, found in enumerate(files):
        groups[found.category].append(index)
    return groups


def _diverse(
    files: Sequence[Found],
    groups: Sequence[Sequence[int]],
    count: int,
    features: Callable[[str], bytes | None],
    workers: int | None,
) -> list[int]:
    table = np.zeros((len(files), FEATURES), np.uint8)
    unusable: list[int] = []
    names = [found.file for found in files]
    with progress("features", len(files)) as step:
        for index, found in enumerate(map_in_order(features, names, workers, chunk=CHUNK)):
            if found is None:
                unusable.append(index)
            else:
                table[index] = np.frombuffer(found, np.uint8)
            step()
    chosen = list(unusable)
    excluded = set(unusable)
    for group in groups:
        usable = [index for index in group if index not in excluded]
        places = farthest_first(table[usable].astype(np.float32), count)
        chosen += (usable[place] for place in places)
    return chosen
