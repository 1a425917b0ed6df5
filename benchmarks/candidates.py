"""Candidates for near duplicates: how many hashes are compared, and what an index would save.

Run: python benchmarks/candidates.py [--sizes 1000,4000,16000] [--alike 1000,2000,4000]
     [--crops FOLDER...]

``random`` are thumbnails of noise. ``alike`` are one picture with other noise in each: their hashes
are similar, but no two show the same picture, as tiles of a forest. One process computes with one
thread; its processor time is measured.

The index that is counted has four pieces of 16 bits of each hash. Two hashes of at most 16
different bits have at most 4 in the first piece, or at most 3 in one of the others, so no pair is
missed.

With --crops, the candidates are those among the images of a folder and a crop of 3 to 10 % of each.
It prints how similar those that fit are at the smallest and the largest zoom alone, by which most
candidates are left out.
"""

from __future__ import annotations

import random
import time
from math import comb
from pathlib import Path

import numpy as np
from machine import Parser, environment, table
from PIL import Image

from rsitmd_tools.imaging.coarse import ENDS, coarse_registrations
from rsitmd_tools.imaging.pairs import (
    CENTRE_DISTANCE,
    DISTANCE,
    MAX_CANDIDATES,
    MIN_AT_ENDS,
    MIN_COARSE,
    Candidate,
    _centre_hashes,
    fitting,
)
from rsitmd_tools.imaging.perceptual import (
    DIGITS,
    ORIENTATIONS,
    SIDE,
    grey_thumbnail,
    near_orientations,
    perceptual_hashes,
)
from rsitmd_tools.imaging.registration import SCALES, Grey

SEED = 0
RADII = (4, 3, 3, 3)  # sum of radius + 1 is DISTANCE + 1
SAMPLE = 1_000_000  # pairs of hashes
SEARCHES = 3  # of the images, and of each with the centre of the other
CROPS = (0.03, 0.05, 0.08, 0.1)


def noise(count: int) -> Grey:
    """Return thumbnails of noise, ``(N, S, S)``."""
    return np.random.default_rng(SEED).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)


def alike(count: int) -> Grey:
    """Return thumbnails of one smooth picture, each with noise of its own."""
    y, x = np.mgrid[:SIDE, :SIDE]
    picture = 127 + 60 * np.sin(x / 9) * np.cos(y / 11) + 30 * np.cos(x / 4 + y / 6)
    own = np.random.default_rng(SEED).normal(0, 8, (count, SIDE, SIDE))
    thumbnails: Grey = np.clip(picture + own, 0, 255).astype(np.uint8)
    return thumbnails


def candidates(thumbnails: Grey) -> list[Candidate]:
    """Return the candidates of the search for near duplicates."""
    hashes = perceptual_hashes([grey.tobytes() for grey in thumbnails])
    centres = _centre_hashes(thumbnails)
    found: dict[tuple[int, int], int] = {}
    for turned, upright, distance in (
        (hashes, hashes, DISTANCE),
        (centres, hashes, CENTRE_DISTANCE),
        (hashes, centres, CENTRE_DISTANCE),
    ):
        for i, j, how in near_orientations(turned, distance, MAX_CANDIDATES, upright, 1):
            found.setdefault((i, j), how)
    return [Candidate(i, j, how) for (i, j), how in found.items()]


def at_ends(folder: Path) -> list[object]:
    """Return a row: how the candidates of a folder and its crops fit at two zooms alone."""
    chance = random.Random(SEED)
    whole, crops = [], []
    for file in sorted(folder.iterdir()):
        with Image.open(file) as stored:
            image = stored.convert("RGB").resize((256, 256))
        whole.append(grey_thumbnail(image))
        cut = round(256 * chance.choice(CROPS))
        x, y = chance.randint(0, cut), chance.randint(0, cut)
        part = image.crop((x, y, x + 256 - cut, y + 256 - cut))
        crops.append(grey_thumbnail(part.resize((256, 256), Image.Resampling.BICUBIC)))
    thumbnails = np.frombuffer(b"".join(whole + crops), np.uint8).reshape(-1, SIDE, SIDE)
    first, second, how = np.array(candidates(thumbnails)).T
    looks = [
        np.array([fit.similarity for fit in coarse_registrations(*given, scales=scales)])
        for given in [(thumbnails, first, second, how)]
        for scales in (SCALES, ENDS)
    ]
    fit = looks[0] >= MIN_COARSE
    return [
        len(whole),
        len(fit),
        int(fit.sum()),
        f"{looks[1][fit].min():.2f}",
        int((looks[1][fit] < MIN_AT_ENDS).sum()),
        f"{(looks[1][~fit] >= MIN_AT_ENDS).mean():.1%}",
    ]


def measure(kind: str, thumbnails: Grey) -> list[object]:
    """Return a row: counts and processor seconds of the search for candidates."""
    began = time.process_time()
    found = candidates(thumbnails)
    compared = time.process_time()
    fits = list(fitting(thumbnails, found, 1))
    ended = time.process_time()
    count = len(thumbnails)
    return [
        kind,
        f"{count:,}",
        f"{SEARCHES * len(ORIENTATIONS) * count * (count - 1) // 2:,}",
        f"{compared - began:.2f}",
        f"{len(found):,}",
        f"{ended - compared:.2f}",
        len(fits),
    ]


def examined(thumbnails: Grey) -> float:
    """Return the share of pairs of hashes that have a similar piece."""
    texts = perceptual_hashes([grey.tobytes() for grey in thumbnails])
    bits = np.array([int(text[:DIGITS], 16) for text in texts], np.uint64)
    chosen = np.random.default_rng(SEED).integers(0, len(bits), (2, SAMPLE))
    different = bits[chosen[0]] ^ bits[chosen[1]]
    similar = np.zeros(SAMPLE, bool)
    for piece, radius in enumerate(RADII):
        part = (different >> np.uint64(16 * piece)) & np.uint64(0xFFFF)
        similar |= np.bitwise_count(part) <= radius
    return float(similar[chosen[0] != chosen[1]].mean())


def main() -> None:
    """Measure and print a Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,4000,16000")
    parser.add_argument("--alike", default="1000,2000,4000")
    parser.add_argument("--crops", type=Path, nargs="+")
    given = parser.parse_args()
    print(environment("numpy", "scipy", seed=SEED), "\n")
    if given.crops:
        columns = ("images", "candidates", "fit", "lowest at two zooms", "lost", "others kept")
        print(table(columns, [at_ends(folder) for folder in given.crops]))
        return
    rows = []
    one = np.zeros(1, np.intp)
    coarse_registrations(noise(1), one, one, one, threads=1)  # imports scipy
    for kind, make, sizes in (("random", noise, given.sizes), ("alike", alike, given.alike)):
        for size in map(int, filter(None, sizes.split(","))):
            rows.append(measure(kind, make(size)))
    columns = (
        "hashes",
        "images",
        "comparisons of hashes",
        "s",
        "candidates",
        "registration, s",
        "compared by pixels",
    )
    print(table(columns, rows))
    probes = sum(comb(16, bits) for radius in RADII for bits in range(radius + 1))
    print(f"\nAn index of four pieces: {probes:,} look-ups for each hash,")
    print(f"and {100 * examined(noise(4000)):.1f} % of all pairs compared (random hashes).")


if __name__ == "__main__":
    main()
