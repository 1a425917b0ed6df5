"""Precision and recall of image pairs, on changed and cut copies of real images.

Run: python benchmarks/pairs.py FOLDER_OF_IMAGES [--images 150] [--growth]

`near`: the copies of a random choice of images are added to all images; a pair is right if it is an
image and its own copy, or is listed in a file of known pairs. `same-place`: two overlapping squares
are cut out of each chosen image.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from machine import environment, table
from PIL import Image, ImageEnhance, ImageFilter

from rsitmd_tools.imaging.pairs import Fingerprint, image_pairs
from rsitmd_tools.imaging.perceptual import grey_thumbnail, perceptual_hashes
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.same_place import same_place_pairs

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
    "crop of 10 %": lambda image: crop(image, 0.10),
}
# Overlap, rotation in degrees, zoom.
CUTS = [
    (0.5, 0.0, 1.0),
    (0.3, 0.0, 1.0),
    (0.2, 0.0, 1.0),
    (0.05, 0.0, 1.0),
    (0.5, 37.0, 1.0),
    (0.3, 90.0, 1.0),
    (0.5, 0.0, 1.5),
    (0.3, 20.0, 1.25),
]


def wilson(right: int, total: int) -> str:
    """Return a share in percent with its 95 % interval."""
    if not total:
        return "-"
    z, share = 1.96, right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return f"{100 * share:.1f} ({100 * (centre - half):.1f} to {100 * min(1, centre + half):.1f})"


def opened(path: Path) -> Image.Image:
    """Return an image of SIDE x SIDE pixels."""
    return Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def fingerprint(path: Path) -> Fingerprint:
    """Return the thumbnail and the hashes of an image."""
    grey = grey_thumbnail(Image.open(path).convert("RGB"))
    return Fingerprint(path, grey, perceptual_hashes([grey])[0])


def near(files: list[Path], chosen: list[Path], known: set[frozenset[str]], scratch: Path) -> None:
    """Print precision and recall of near duplicates by kind of change."""
    originals = list(map_in_order(fingerprint, files, chunk=16))
    rows = []
    for name, change in CHANGES.items():
        copies = []
        for path in chosen:
            copies.append(scratch / f"copy-{path.stem}.png")
            change(opened(path)).save(copies[-1])
        found = image_pairs([*originals, *map(fingerprint, copies)])
        own = {(files.index(path), len(files) + k) for k, path in enumerate(chosen)}
        pairs = {(pair.first, pair.second) for pair in found}
        everything = [*files, *copies]
        wrong = [
            (everything[i].name, everything[j].name)
            for i, j in pairs - own
            if frozenset(p.stem.removeprefix("copy-") for p in (everything[i], everything[j]))
            not in known
        ]
        hits = len(pairs & own)
        rows.append((name, wilson(hits, len(own)), wilson(hits, hits + len(wrong)), wrong[:3]))
    print(table(("change", "recall, %", "precision, %", "wrong pairs"), rows), "\n")


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


def places(chosen: list[Path], scratch: Path) -> None:
    """Print precision and recall of pairs of one place."""
    rows = []
    for overlap, angle, zoom in CUTS:
        paths: list[Path] = []
        for path in chosen:
            for side, image in zip("ab", cuts(path, overlap, angle, zoom), strict=True):
                paths.append(scratch / f"{path.stem}-{side}.png")
                image.save(paths[-1])
        found = {(pair.first, pair.second) for pair in same_place_pairs(paths)}
        own = {(k, k + 1) for k in range(0, len(paths), 2)}
        hits, wrong = len(found & own), sorted(found - own)
        names = [(paths[i].stem, paths[j].stem) for i, j in wrong[:3]]
        what = f"overlap {100 * overlap:.0f} %, rotation {angle:.0f}, zoom {zoom:g}"
        rows.append((what, wilson(hits, len(own)), wilson(hits, hits + len(wrong)), names))
    print(table(("cut", "recall, %", "precision, %", "other pairs"), rows), "\n")


def growth(files: list[Path]) -> None:
    """Print seconds by number of images."""
    rows: list[tuple[object, ...]] = []
    for count in _sizes(len(files)):
        part = files[:: len(files) // count][:count]
        prints = list(map_in_order(fingerprint, part, chunk=16))
        began = time.perf_counter()
        image_pairs(prints)
        middle = time.perf_counter()
        same_place_pairs(part)
        rows.append((len(part), f"{middle - began:.1f}", f"{time.perf_counter() - middle:.1f}"))
    print(table(("images", "exact and near, s", "same-place, s"), rows))


def _sizes(total: int) -> Iterator[int]:
    sizes = [total // 4, total // 2, total]
    yield from (size for size, after in pairwise([*sizes, total + 1]) if after > size)


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--known", type=Path, help="CSV of known pairs: first,second,same_place")
    parser.add_argument("--growth", action="store_true")
    arguments = parser.parse_args()
    files = sorted(arguments.folder.iterdir())
    chosen = random.Random(SEED).sample(files, min(arguments.images, len(files)))
    known: set[frozenset[str]] = {frozenset((path.stem,)) for path in files}
    if arguments.known:
        with arguments.known.open(newline="") as file:
            for row in csv.DictReader(file):
                if row["same_place"] == "yes":
                    known.add(frozenset(Path(row[key]).stem for key in ("first", "second")))
    packages = ("numpy", "scipy", "pillow", "opencv-python-headless")
    print(f"{len(files)} images. {environment(*packages, seed=SEED)}\n")
    with tempfile.TemporaryDirectory() as place:
        near(files, chosen, known, Path(place))
        places(chosen, Path(place))
    if arguments.growth:
        growth(files)


if __name__ == "__main__":
    main()
