"""Pairs of images side by side, with the ground that they have in common."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, count_of
from rsitmd_tools.imaging.pairs import EXACT, KINDS, NEAR, SAME_PLACE
from rsitmd_tools.imaging.picture_map import Map, Points, common_ground, common_share, picture_map
from rsitmd_tools.imaging.pixels import as_rgb, open_image
from rsitmd_tools.progress import track

SIDE = 240  # longer side of a picture in pixels
QUALITY = 75
NEAREST = "nearest"
NAMES = {
    "exact": "same picture",
    "near": "similar picture",
    "same-place": "same place",
    NEAREST: "nearest images",
}


@dataclass(frozen=True, slots=True)
class PairImage:
    """An image of a pair.

    Attributes:
        name: File name.
        path: Path of the image file, or None.
        split: Its split, or None.
        dataset: Name of its dataset; empty if there is only one.
    """

    name: str
    path: Path | None
    split: str | None = None
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class PairOfImages:
    """Two images of one picture or place.

    Attributes:
        first: An image.
        second: Another one.
        kind: ``exact``, ``near``, ``same-place``, ``joined`` by a person, or ``nearest`` if the
            images are only the nearest ones of two splits.
        similarity: Of the pixels, or share of the keypoints that agree, 0 to 1; or None.
        inliers: Keypoints that agree with the map; None if the pair was found by its pixels.
        overlap: Common share of the ground, 0 to 1; None if the map gives it.
        map: ``(2, 3)`` map from the first image to the second one, in shares of width and height;
            None to estimate it for an exact or near duplicate.
        distance: Bits that differ between the hashes of the nearest images, or None.
    """

    first: PairImage
    second: PairImage
    kind: str
    similarity: float | None = None
    inliers: int | None = None
    overlap: float | None = None
    map: Map | None = None
    distance: int | None = None

    @property
    def crosses(self) -> bool:
        """Whether a picture or place is in different splits, or in different datasets."""
        if self.kind == NEAREST:
            return False
        if self.first.dataset != self.second.dataset:
            return True
        return self.first.split != self.second.split and None not in (
            self.first.split,
            self.second.split,
        )


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """A picture with an outline.

    Attributes:
        image: The image.
        data: JPEG data URI; empty if the file is missing or damaged.
        width: In pixels.
        height: In pixels.
        outline: Points of an SVG polygon; empty if the common ground is not known.
    """

    image: PairImage
    data: str
    width: int
    height: int
    outline: str


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """A pair for the page.

    Attributes:
        pair: The pair.
        images: Both pictures.
        facts: Kind, keypoints and overlap, as text.
    """

    pair: PairOfImages
    images: tuple[DrawnImage, DrawnImage]
    facts: list[str] = field(default_factory=list)


def pair_image(dataset: Dataset, record: ImageRecord, name: str = "") -> PairImage:
    """Return an image of a dataset for a pair.

    Args:
        dataset: Its dataset.
        record: The image.
        name: Name of the dataset, if there are several.
    """
    path: Path | None
    try:
        path = dataset.image_path(record)
    except RsitmdError:
        path = None
    return PairImage(record.filename, path, record.split, name)


def pair_order(pair: PairOfImages) -> tuple[bool, int, bool, float]:
    """Sort pairs across splits or datasets first, then by kind, then the clearest ones first.

    Of the pairs of one place, those with equal pixels are clearer than those with equal keypoints.
    """
    by_keypoints = pair.inliers is not None
    clear = pair.inliers if by_keypoints else pair.similarity
    return (not pair.crosses, KINDS.index(pair.kind), by_keypoints, -(clear or 0.0))


def drawn_pairs(pairs: Sequence[PairOfImages]) -> list[DrawnPair]:
    """Draw pairs: a thumbnail of each image and the outline of the common ground.

    Args:
        pairs: The pairs. Each takes about 30 kilobytes: pass a few hundred at most.
    """
    pictures = _pictures(image for pair in pairs for image in (pair.first, pair.second))
    return [_drawn(pair, pictures) for pair in pairs]


Pictures = dict[Path, tuple[str, int, int]]


def _pictures(images: Iterable[PairImage]) -> Pictures:
    """Return data URI, width and height of the images that can be read."""
    found: Pictures = {}
    paths = dict.fromkeys(image.path for image in images if image.path is not None)
    for path in track(list(paths), "pictures"):
        picture = _picture(path)
        if picture is not None:
            found[path] = picture
    return found


def _picture(path: Path) -> tuple[str, int, int] | None:
    try:
        small = as_rgb(open_image(path))
    except Exception:
        return None  # Decoders raise many types of exceptions for damaged files.
    small.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    small.save(stream, format="JPEG", quality=QUALITY, optimize=True)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/jpeg;base64,{data}", small.width, small.height


def _drawn(pair: PairOfImages, pictures: Pictures) -> DrawnPair:
    both = (pair.first, pair.second)
    mapping = pair.map
    if mapping is None and pair.kind in (EXACT, NEAR):
        first, second = pair.first.path, pair.second.path
        if first in pictures and second in pictures:
            mapping = picture_map(first, second)
    outlines = None if mapping is None else common_ground(mapping)
    images = []
    for number, image in enumerate(both):
        data, width, height = ("", SIDE, SIDE)
        if image.path in pictures:
            data, width, height = pictures[image.path]
        outline = "" if outlines is None else _points(outlines[number], width, height)
        images.append(DrawnImage(image, data, width, height, outline))
    overlap = pair.overlap
    if overlap is None and outlines is not None:
        overlap = common_share(outlines)
    return DrawnPair(pair, (images[0], images[1]), _facts(pair, overlap))


def _facts(pair: PairOfImages, overlap: float | None) -> list[str]:
    facts = [NAMES.get(pair.kind, "joined by a person")]
    if pair.distance is not None:
        facts.append(f"{count_of(pair.distance, 'bit')} differ")
    if pair.kind == "near" and pair.similarity is not None:
        facts.append(f"similarity {pair.similarity:.2f}")
    if pair.inliers is not None:
        facts.append(count_of(pair.inliers, "inlier"))
    if pair.kind == SAME_PLACE and pair.similarity is not None:
        if pair.inliers is None:
            facts.append(f"pixels correlate by {pair.similarity:.2f}")
        else:
            facts.append(f"{pair.similarity:.0%} of the keypoints agree")
    if overlap is not None:
        facts.append(f"{overlap:.0%} overlap")
    return facts


def _points(outline: Points, width: int, height: int) -> str:
    return " ".join(f"{x * width:.1f},{y * height:.1f}" for x, y in outline)
