"""Precision and recall of image pairs, on changed and cut copies of real images.

Run: python benchmarks/pairs.py FOLDER_OF_IMAGES [--images 150] [--known CSV]

`near`: the copies of a random choice of images are added to all images; a pair is right if it is an
image and its own copy, or is listed in a file of known pairs. `same-place`: two overlapping squares
are cut out of each chosen image; all cuts of one kind are searched together. SIFT and ORB are
compared on these cuts and on the known pairs, without a search. The time is in pairs_growth.py.
"""

from __future__ import annotations

import csv
import io
import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import Parser, environment, table
from PIL import Image, ImageEnhance, ImageFilter

from rsitmd_tools.imaging.local_features import (
    Features,
    PlaceMatch,
    features,
    map_between,
    match_places,
)
from rsitmd_tools.imaging.opencv import load_opencv
from rsitmd_tools.imaging.pairs import Fingerprint, image_pairs
from rsitmd_tools.imaging.perceptual import grey_thumbnail, perceptual_hashes
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.same_place import same_place_pairs, shows_one_place
from rsitmd_tools.imaging.shifted_crops import HEIGHT

SEED = 0
SIDE = 256
Change = Callable[[Image.Image], Image.Image]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Return an image after one JPEG compression."""
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    return Image.open(stored).convert("RGB")


def hue(image: Image.Image) -> Image.Image:
    """Return an image with turned hues."""
    values = np.array(image.convert("HSV"))
    values[..., 0] += 12
    return Image.fromarray(values, "HSV").convert("RGB")


def crop(image: Image.Image, share: float) -> Image.Image:
    """Cut a share of each side off an image and resize it to its size."""
    cut = int(image.width * share)
    box = (cut // 3, cut, image.width - cut + cut // 3, image.height)
    return image.crop(box).resize(image.size, Image.Resampling.BICUBIC)


LARGE = "crop of 10 %"  # more than `near` is made for: the zoom is 1.11
CHANGES: dict[str, Change] = {
    "JPEG quality 60": lambda image: jpeg(image, 60),
    "blur, 1.5 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "brightness + 25 %": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "contrast - 30 %": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "hue + 17 degrees": hue,
    "rotated by 90 degrees, JPEG": lambda i: jpeg(i, 75).transpose(Image.Transpose.ROTATE_90),
    "flipped, JPEG": lambda i: jpeg(i, 75).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "crop of 3 %": lambda image: crop(image, 0.03),
    "crop of 5 %": lambda image: crop(image, 0.05),
    LARGE: lambda image: crop(image, 0.10),
}
# Overlap, rotation in degrees (None: any angle), zoom.
CUTS: list[tuple[float, float | None, float]] = [
    (0.5, 0.0, 1.0),
    (0.3, 0.0, 1.0),
    (0.2, 0.0, 1.0),
    (0.05, 0.0, 1.0),
    (0.5, None, 1.0),
    (0.3, None, 1.0),
    (0.5, 0.0, 1.5),
    (0.3, None, 1.25),
]
ORB_RATIO = 0.85  # as RATIO of SIFT, whose distances spread more
ENOUGH = 0.3  # overlap that the aim is about
Known = dict[frozenset[str], bool]
Grey = npt.NDArray[np.uint8]


def wilson(right: int, total: int) -> str:
    """Return a share in percent with its 95 % interval."""
    if not total:
        return "-"
    z, share = 1.96, right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return f"{100 * share:.1f} ({100 * (centre - half):.1f} to {100 * min(1, centre + half):.1f})"


def opened(path: Path, side: int = SIDE) -> Image.Image:
    """Return an image of ``side`` x ``side`` pixels."""
    return Image.open(path).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


def fingerprint(path: Path) -> Fingerprint:
    """Return the thumbnail and the hashes of an image."""
    grey = grey_thumbnail(Image.open(path).convert("RGB"))
    return Fingerprint(path, grey, perceptual_hashes([grey])[0])


def near(files: list[Path], chosen: list[Path], known: Known, scratch: Path) -> None:
    """Print precision and recall of near duplicates by kind of change."""
    originals = list(map_in_order(fingerprint, files, chunk=16))
    true = {pair for pair, yes in known.items() if yes}
    wrong = [
        pair
        for pair in image_pairs(originals)
        if frozenset((files[pair.first].name, files[pair.second].name)) not in true
    ]
    print(f"{len(wrong)} unknown pairs among the images as they are\n")
    rows, hits, others, total = [], 0, 0, 0
    for name, change in CHANGES.items():
        copies = []
        for path in chosen:
            copies.append(scratch / f"copy-{path.stem}.png")
            change(opened(path)).save(copies[-1])
        found = image_pairs([*originals, *map(fingerprint, copies)], since=len(files))
        names = [path.name for path in (*files, *chosen)]
        right = sum(names[pair.first] == names[pair.second] for pair in found)
        pairs = [(names[pair.first], names[pair.second]) for pair in found]
        strange = [(a, b) for a, b in pairs if a != b and frozenset((a, b)) not in true]
        rows.append(
            (name, wilson(right, len(chosen)), wilson(right, right + len(strange)), strange[:3])
        )
        if name != LARGE:
            hits, others, total = hits + right, others + len(strange), total + len(chosen)
    rows.append((f"all but the {LARGE}", wilson(hits, total), wilson(hits, hits + others), []))
    print(table(("change", "recall, %", "precision, %", "wrong pairs"), rows), "\n", flush=True)


def cuts(path: Path, overlap: float, angle: float, zoom: float) -> tuple[Image.Image, Image.Image]:
    """Return two squares of an image that share a part of their ground."""
    image = opened(path)
    side = int(SIDE / (2 - overlap))
    first = image.crop((0, 0, side, side))
    left = int(side * (1 - overlap))
    margin = int(side * (1 - 1 / zoom) / 2)
    second = image.crop((left + margin, margin, left + side - margin, side - margin))
    size = (SIDE, SIDE)
    second = second.resize(size, Image.Resampling.BICUBIC).rotate(angle, Image.Resampling.BICUBIC)
    return first.resize(size, Image.Resampling.BICUBIC), second


def all_cuts(
    chosen: list[Path],
) -> Iterator[tuple[str, float, list[tuple[Image.Image, Image.Image]]]]:
    """Yield the description, the overlap and the pairs of cuts of each kind."""
    chance = random.Random(SEED)
    for overlap, angle, zoom in CUTS:
        turned = "any angle" if angle is None else f"rotation {angle:.0f}"
        pairs = [
            cuts(path, overlap, chance.uniform(0, 360) if angle is None else angle, zoom)
            for path in chosen
        ]
        yield f"overlap {100 * overlap:.0f} %, {turned}, zoom {zoom:g}", overlap, pairs


def places(chosen: list[Path], known: Known, scratch: Path) -> None:
    """Print precision and recall of pairs of one place."""
    rows, hits, others, total = [], 0, 0, 0
    for what, overlap, made in all_cuts(chosen):
        paths: list[Path] = []
        for path, pair in zip(chosen, made, strict=True):
            for side, image in zip("ab", pair, strict=True):
                paths.append(scratch / f"{path.stem}-{side}.png")
                image.save(paths[-1])
        found = {
            (pair.first, pair.second) for pair in same_place_pairs(paths, cache=scratch / "cache")
        }
        right = sum(i // 2 == j // 2 for i, j in found)
        strange = [(chosen[i // 2].name, chosen[j // 2].name) for i, j in found if i // 2 != j // 2]
        strange = [pair for pair in strange if not known.get(frozenset(pair))]
        rows.append(
            (what, wilson(right, len(chosen)), wilson(right, right + len(strange)), strange[:3])
        )
        if overlap >= ENOUGH:
            hits, others, total = hits + right, others + len(strange), total + len(chosen)
    rows.append(("overlap of 30 % and more", wilson(hits, total), wilson(hits, hits + others), []))
    print(table(("cut", "recall, %", "precision, %", "other pairs"), rows), "\n", flush=True)


def orb_features(grey: Grey) -> Features:
    """Return ORB keypoints: as many as of SIFT, and near the border, where cuts overlap."""
    detector = load_opencv().ORB_create(nfeatures=300, fastThreshold=5, edgeThreshold=8)
    points, descriptors = detector.detectAndCompute(grey, None)
    positions = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    table_ = np.empty((0, 32), np.uint8) if descriptors is None else descriptors
    thumbnail = np.zeros((HEIGHT, 1), np.uint8)  # not compared
    return Features(positions, table_, (grey.shape[1], grey.shape[0]), len(positions), thumbnail)


def orb_match(first: Features, second: Features) -> PlaceMatch | None:
    """Match ORB keypoints as :func:`match_places` does those of SIFT."""
    if min(len(first.points), len(second.points)) < 2:
        return None
    matcher = load_opencv().BFMatcher(load_opencv().NORM_HAMMING)
    best = matcher.knnMatch(first.descriptors, second.descriptors, k=2)
    back = {m.queryIdx: m.trainIdx for m in matcher.match(second.descriptors, first.descriptors)}
    good = [
        one
        for one, two in best
        if one.distance < ORB_RATIO * two.distance and back[one.trainIdx] == one.queryIdx
    ]
    left = np.array([match.queryIdx for match in good], np.intp)
    right = np.array([match.trainIdx for match in good], np.intp)
    return map_between(first, second, left, right)


def detectors(folder: Path, chosen: list[Path], known: Known) -> None:
    """Print how many pairs SIFT and ORB verify, without a search."""
    sides: list[tuple[str, Callable[[Grey], Features], Callable[..., PlaceMatch | None]]] = [
        ("SIFT", features, match_places),
        ("ORB", orb_features, orb_match),
    ]
    groups: dict[str, list[tuple[Grey, Grey]]] = {"cuts": [], "known: yes": [], "known: no": []}
    for _, overlap, made in all_cuts(chosen):
        if overlap >= ENOUGH:
            groups["cuts"] += [
                (np.array(a.convert("L")), np.array(b.convert("L"))) for a, b in made
            ]
    for pair, yes in known.items():
        one, other = (np.array(opened(folder / name).convert("L")) for name in pair)
        groups[f"known: {'yes' if yes else 'no'}"].append((one, other))
    rows = []
    for name, describe, match in sides:
        cells: list[object] = [name]
        began = time.process_time()
        described = {
            key: [(describe(a), describe(b)) for a, b in pairs] for key, pairs in groups.items()
        }
        images = 2 * sum(map(len, groups.values()))
        cells.append(f"{1000 * (time.process_time() - began) / images:.0f}")
        began = time.process_time()
        for pairs in described.values():
            found = [match(a, b) for a, b in pairs]
            cells.append(
                wilson(sum(m is not None and shows_one_place(m) for m in found), len(found))
            )
        cells.append(f"{2000 * (time.process_time() - began) / images:.1f}")
        rows.append(cells)
    columns = ["keypoints", "ms per image", "cuts of 30 % and more, %", "known pairs, %"]
    columns += ["similar objects, %", "ms a pair"]
    print(table(columns, rows))


def main() -> None:
    """Measure and print Markdown tables."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--known", type=Path, help="CSV of known pairs: first,second,same_place")
    parser.add_argument("--only", choices=("near", "places", "detectors"))
    arguments = parser.parse_args()
    files = sorted(arguments.folder.iterdir())
    chosen = random.Random(SEED).sample(files, min(arguments.images, len(files)))
    known: Known = {}
    if arguments.known:
        with arguments.known.open(newline="") as file:
            for row in csv.DictReader(file):
                known[frozenset((row["first"], row["second"]))] = row["same_place"] == "yes"
    packages = ("numpy", "scipy", "pillow", "opencv-python-headless")
    print(f"{len(files)} images. {environment(*packages, seed=SEED)}\n")
    with tempfile.TemporaryDirectory() as place:
        if arguments.only in (None, "near"):
            near(files, chosen, known, Path(place))
        if arguments.only in (None, "places"):
            places(chosen, known, Path(place))
    if arguments.only in (None, "detectors"):
        detectors(arguments.folder, chosen, known)


if __name__ == "__main__":
    main()
