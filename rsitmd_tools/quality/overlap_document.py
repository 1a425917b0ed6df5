"""What datasets have in common, as a document, as a matrix of splits and as exclusion lists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import ImageRecord
from rsitmd_tools.imaging.groups import components
from rsitmd_tools.imaging.pairs import EXACT, KINDS, NEAR, SAME_PLACE
from rsitmd_tools.quality.overlap import Overlap, Side, Sides

T = TypeVar("T")
TRAIN = (None, "train")
BECAUSE = {EXACT: "image", NEAR: "near image", SAME_PLACE: "same place"}


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
        if pair.kind != SAME_PLACE:
            exclude(pair.image_a, pair.a, pair.image_b, pair.kind)
            exclude(pair.image_b, pair.b, pair.image_a, pair.kind)
    within = len(found.datasets) == 1
    groups: dict[int, list[_Copy]] = {}
    for copies in _copies(found):
        groups |= {id(copy.image): copies for copy in copies}
        for this, other in _tested_copies(copies, copies, within):
            kind = EXACT if this.picture == other.picture else NEAR
            exclude(this.image, this.dataset, other.image, kind)
    known: set[tuple[int, int]] = set()  # thousands of copies have thousands of equal pairs
    for pair in found.pairs:
        if pair.kind == SAME_PLACE:
            one = groups.get(id(pair.image_a), [_Copy(pair.image_a, pair.a, -1)])
            two = groups.get(id(pair.image_b), [_Copy(pair.image_b, pair.b, -1)])
            key = id(one[0].image), id(two[0].image)
            if key in known:
                continue
            known.add(key)
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
