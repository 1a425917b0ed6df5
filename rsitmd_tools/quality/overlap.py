"""Which images and sentences of one dataset are in another one, or twice in one dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, combinations
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.imaging.groups import components, in_one_group
from rsitmd_tools.imaging.pairs import (
    EXACT,
    KINDS,
    NEAR,
    SAME_PLACE,
    Fingerprint,
    image_pairs,
    pairs_between,
)
from rsitmd_tools.imaging.perceptual import perceptual_hashes
from rsitmd_tools.imaging.same_place import same_place_pairs
from rsitmd_tools.quality.common_captions import CommonCaptions, common_captions
from rsitmd_tools.quality.pictures import Picture, measure_images

T = TypeVar("T")
Map = tuple[tuple[float, ...], ...]
Side = tuple[int, str | None]  # dataset and split
Sides = tuple[int, str | None, int, str | None]  # a, split of a, b, split of b
TRAIN = (None, "train")
BECAUSE = {EXACT: "image", NEAR: "near image", SAME_PLACE: "same place"}


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """Two images of the same picture or place.

    Attributes:
        a: Index of the first image's dataset.
        b: Index of the second image's dataset.
        image_a: The first image.
        image_b: The second image.
        kind: ``exact``, ``near`` or ``same-place``.
        similarity: Of the pixels, or share of the keypoints in the overlap that agree; 0 to 1.
        overlap: Common share of the ground, 0 to 1; None if it was not estimated.
        matrix: ``(2, 3)`` map of pixels for ``same-place``, or None.
        inliers: Number of keypoints that agree with the map, or None.
        map: The map in shares of width and height, or None.
    """

    a: int
    b: int
    image_a: ImageRecord
    image_b: ImageRecord
    kind: str
    similarity: float
    overlap: float | None = None
    matrix: Map | None = None
    inliers: int | None = None
    map: Map | None = None


@dataclass(slots=True)
class Overlap:
    """What datasets have in common.

    Attributes:
        datasets: The compared datasets. One dataset is compared with itself.
        compared: Number of readable image files of each dataset.
        pairs: Pairs of images, in order of the datasets and images.
        captions: Common sentences, by ``(a, split of a, b, split of b)``; within one dataset, of
            different splits.
    """

    datasets: list[Dataset]
    compared: list[int]
    pairs: list[OverlapPair] = field(default_factory=list)
    captions: dict[Sides, CommonCaptions] = field(default_factory=dict)


def overlap(
    datasets: Sequence[Dataset],
    distance: int,
    *,
    same_place: bool = False,
    workers: int | None = None,
    embed: Callable[[Dataset], npt.NDArray[np.float32]] | None = None,
) -> Overlap:
    """Compare the images and sentences of datasets.

    Args:
        datasets: The datasets. One alone is compared with itself.
        distance: Maximum number of different hash bits of candidates.
        same_place: Also search for images of overlapping ground, which takes minutes.
        workers: Number of processes; one per core by default.
        embed: Returns ``(N, D)`` features of the images of a dataset. Images with similar ones are
            candidates of ``same_place``, beside those with similar local features.

    Raises:
        RsitmdError: ``same_place`` is requested and OpenCV is not installed.
    """
    collections = [_readable(dataset) for dataset in datasets]
    found = Overlap(list(datasets), [len(images) for images in collections])
    sides = [(0, 0)] if len(datasets) == 1 else list(combinations(range(len(datasets)), 2))
    for a, b in sides:
        found.pairs += _pictures(collections, a, b, distance, workers)
        for (split_a, split_b), common in common_captions(datasets[a], datasets[b]).items():
            found.captions[a, split_a, b, split_b] = common
    everything = [image for images in collections for image, _ in images]
    order = {id(image): index for index, image in enumerate(everything)}
    if same_place:
        # Copies of one picture are paired with the first one only, but all of them are duplicates.
        links = ((order[id(p.image_a)], order[id(p.image_b)]) for p in found.pairs)
        copies = components(len(everything), links)
        found.pairs += [
            pair
            for pair in _places(collections, workers, _embeddings(datasets, collections, embed))
            if not in_one_group(copies, order[id(pair.image_a)], order[id(pair.image_b)])
        ]
    found.pairs.sort(key=lambda p: (p.a, p.b, order[id(p.image_a)], order[id(p.image_b)]))
    return found


def overlap_document(found: Overlap) -> dict[str, Any]:
    """Return the document of ``build overlap --json``."""
    return {
        "tool": f"rsitmd-tools {__version__}",
        "datasets": [
            {
                "name": dataset.name,
                "path": str(dataset.source),
                "images": len(dataset),
                "compared": compared,
            }
            for dataset, compared in zip(found.datasets, found.compared, strict=True)
        ],
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "image_a": pair.image_a.filename,
                "image_b": pair.image_b.filename,
                "split_a": pair.image_a.split,
                "split_b": pair.image_b.split,
                "kind": pair.kind,
                "distance": round(1 - pair.similarity, 4),
                "inliers": pair.inliers,
                "overlap": None if pair.overlap is None else round(pair.overlap, 4),
                "matrix": pair.matrix,
            }
            for pair in found.pairs
        ],
        "matrix": [
            {"a": a, "split_a": split_a, "b": b, "split_b": split_b, **asdict(common)}
            for (a, split_a, b, split_b), common in overlap_matrix(found).items()
        ],
        "captions": [
            {
                "a": a,
                "split_a": split_a,
                "b": b,
                "split_b": split_b,
                "sentences": common.equal,
                "near_sentences": common.near,
                "examples": [asdict(example) for example in common.examples],
            }
            for (a, split_a, b, split_b), common in sorted_sides(found.captions)
        ],
    }


def sorted_sides(table: Mapping[Sides, T]) -> list[tuple[Sides, T]]:
    """Return the entries of a table in order of the datasets and splits."""
    return sorted(table.items(), key=lambda item: tuple(map(str, item[0])))


@dataclass(frozen=True, slots=True)
class CommonImages:
    """The images of one split that another split has too.

    Attributes:
        images: Number of images.
        kinds: The same by kind of the pairs. An image can have pairs of several kinds.
    """

    images: int
    kinds: dict[str, int]


def overlap_matrix(found: Overlap) -> dict[Sides, CommonImages]:
    """Return how many images of each split are in each other one, in both directions.

    Of ``(a, split of a, b, split of b)``, the images of ``a`` are counted. Several of them can
    match one image of ``b``, so the other direction can have another number. Copies of one
    picture are paired with the first one only, but each of them counts.
    """
    images: dict[Sides, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    within = len(found.datasets) == 1
    for copies in _copies(found):
        sides = Counter(copy.side for copy in copies)
        equal = Counter((copy.side, copy.picture) for copy in copies)
        for image, dataset, picture in copies:
            side = dataset, image.split
            for other in sides:
                if other[0] == dataset and not within:
                    continue
                same = equal[other, picture]
                if same > (other == side):  # besides the image itself
                    images[*side, *other][EXACT].add(id(image))
                if sides[other] > same:
                    images[*side, *other][NEAR].add(id(image))
    for pair in found.pairs:
        if pair.kind == SAME_PLACE:
            one, other = (pair.a, pair.image_a.split), (pair.b, pair.image_b.split)
            images[*one, *other][SAME_PLACE].add(id(pair.image_a))
            images[*other, *one][SAME_PLACE].add(id(pair.image_b))
    return {
        key: CommonImages(
            len(set().union(*kinds.values())),
            {kind: len(kinds[kind]) for kind in KINDS if kind in kinds},
        )
        for key, kinds in sorted_sides(images)
    }


class _Copy(NamedTuple):
    """An image of a group of copies.

    Attributes:
        image: The image.
        dataset: Index of its dataset.
        picture: The same number for exact copies.
    """

    image: ImageRecord
    dataset: int
    picture: int

    @property
    def side(self) -> Side:
        """Its dataset and split."""
        return self.dataset, self.image.split


def _copies(found: Overlap) -> Iterator[list[_Copy]]:
    """Yield the groups of exact and near copies."""
    images: dict[int, tuple[ImageRecord, int]] = {}
    for pair in found.pairs:
        images[id(pair.image_a)] = pair.image_a, pair.a
        images[id(pair.image_b)] = pair.image_b, pair.b
    order = {image: index for index, image in enumerate(images)}

    def grouped(*kinds: str) -> list[int | None]:
        pairs = (pair for pair in found.pairs if pair.kind in kinds)
        links = ((order[id(pair.image_a)], order[id(pair.image_b)]) for pair in pairs)
        return components(len(order), links)

    exact, near = grouped(EXACT), grouped(EXACT, NEAR)
    groups: dict[int, list[_Copy]] = defaultdict(list)
    for index, (image, dataset) in enumerate(images.values()):
        group, picture = near[index], exact[index]
        if group is not None:
            groups[group].append(_Copy(image, dataset, index if picture is None else picture))
    yield from groups.values()


def overlap_exclusions(found: Overlap) -> dict[str, Any]:
    """Return the training images that are test images elsewhere, for ``train --exclude``.

    Of a pair with a training image (or one without a split) and an image of val or test, the
    training image is listed under its dataset. Its copies are listed too: of several copies, only
    the first one is in a pair.
    """
    lists: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)

    def exclude(this: ImageRecord, dataset: int, other: ImageRecord, kind: str) -> None:
        if this.split in TRAIN and other.split not in TRAIN:
            entry = {"because": BECAUSE[kind], "of": other.filename}
            lists[found.datasets[dataset].name].setdefault(this.filename, entry)

    for pair in found.pairs:
        exclude(pair.image_a, pair.a, pair.image_b, pair.kind)
        exclude(pair.image_b, pair.b, pair.image_a, pair.kind)
    within = len(found.datasets) == 1
    groups: dict[int, list[_Copy]] = {}
    for copies in _copies(found):
        groups |= {id(copy.image): copies for copy in copies}
        for this, other in _tested_copies(copies, copies, within):
            kind = EXACT if this.picture == other.picture else NEAR
            exclude(this.image, this.dataset, other.image, kind)
    for pair in found.pairs:
        if pair.kind == SAME_PLACE:
            one = groups.get(id(pair.image_a), [_Copy(pair.image_a, pair.a, -1)])
            two = groups.get(id(pair.image_b), [_Copy(pair.image_b, pair.b, -1)])
            for this, other in chain(
                _tested_copies(one, two, within), _tested_copies(two, one, within)
            ):
                exclude(this.image, this.dataset, other.image, SAME_PLACE)
    return {
        "tool": f"rsitmd-tools {__version__}",
        "exclude": {
            name: [{"filename": key, **images[key]} for key in sorted(images)]
            for name, images in sorted(lists.items())
        },
    }


def _tested_copies(
    copies: Sequence[_Copy], others: Sequence[_Copy], within: bool
) -> Iterator[tuple[_Copy, _Copy]]:
    """Yield each training image of ``copies`` with a tested image of ``others``.

    It is one with equal pixels where there is one. Without ``within``, it is of another dataset.
    """
    equal: dict[tuple[int, int], _Copy] = {}
    first: dict[int, _Copy] = {}
    for other in others:
        if other.image.split not in TRAIN:
            equal.setdefault((other.dataset, other.picture), other)
            first.setdefault(other.dataset, other)
    for copy in copies:
        if copy.image.split in TRAIN:
            datasets = [number for number in first if within or number != copy.dataset]
            same = [equal[n, copy.picture] for n in datasets if (n, copy.picture) in equal]
            for other in [*same, *(first[number] for number in datasets)][:1]:
                yield copy, other


Images = Sequence[tuple[ImageRecord, Picture]]


def _readable(dataset: Dataset) -> list[tuple[ImageRecord, Picture]]:
    return [entry for entry in measure_images(dataset) if entry[1].problem is None]


def _pictures(
    collections: Sequence[Images], a: int, b: int, distance: int, workers: int | None
) -> list[OverlapPair]:
    first, second = collections[a], collections[b]
    images = list(first) if a == b else [*first, *second]
    hashes = perceptual_hashes([picture.thumbnail for _, picture in images])
    prints = [
        Fingerprint(picture.path, picture.thumbnail, text)
        for (_, picture), text in zip(images, hashes, strict=True)
    ]
    pairs = image_pairs(prints, distance, workers=workers)
    if a != b:
        pairs = pairs_between(pairs, len(first))
    return [
        OverlapPair(a, b, images[p.first][0], images[p.second][0], p.kind, p.similarity)
        for p in pairs
    ]


def _embeddings(
    datasets: Sequence[Dataset],
    collections: Sequence[Images],
    embed: Callable[[Dataset], npt.NDArray[np.float32]] | None,
) -> npt.NDArray[np.float32] | None:
    """Return the features of the readable images of all datasets."""
    if embed is None:
        return None
    parts = [
        embed(dataset.with_images([image for image, _ in images]))
        for dataset, images in zip(datasets, collections, strict=True)
        if images
    ]
    return np.concatenate(parts) if parts else None


def _places(
    collections: Sequence[Images],
    workers: int | None,
    embeddings: npt.NDArray[np.float32] | None = None,
) -> list[OverlapPair]:
    images = [
        (number, image, picture)
        for number, collection in enumerate(collections)
        for image, picture in collection
    ]
    pairs = []
    paths = [picture.path for *_, picture in images]
    # Within each of several datasets, nothing is compared: it would take candidates from the rest.
    sides = [number for number, *_ in images] if len(collections) > 1 else None
    for pair in same_place_pairs(paths, workers=workers, sides=sides, embeddings=embeddings):
        (a, image_a, one), (b, image_b, other) = images[pair.first], images[pair.second]
        if a != b or len(collections) == 1:
            match = pair.match
            pairs.append(
                OverlapPair(
                    *(a, b, image_a, image_b, SAME_PLACE),
                    similarity=match.agreement,
                    overlap=match.overlap,
                    matrix=match.matrix,
                    inliers=match.inliers,
                    map=match.relative(one.size, other.size),
                )
            )
    return pairs
