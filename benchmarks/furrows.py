"""Pictures of parallel furrows: are different fields distinguished, and are copies found?

Run: python benchmarks/furrows.py IMAGE... (UCM-captions: images 1.jpg to 100.jpg)

No hash is asked: every pair of the images is registered in all eight orientations, and every image
with a changed copy of itself. `correlation` is what counted alone before the spectrum was compared.
A pair is in the part `odd` or `even` if both images are at such places of the command, else in
`mixed`. The criterion was chosen on `odd`.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import Parser, environment, table
from pairs import CHANGES, Change, Grey, crop, jpeg, wilson
from PIL import Image, ImageEnhance

from rsitmd_tools.imaging.coarse import coarse_registrations
from rsitmd_tools.imaging.pairs import DETAIL
from rsitmd_tools.imaging.perceptual import ORIENTATIONS, SIDE
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.registration import Registration, register
from rsitmd_tools.imaging.same_picture import (
    MIN_SIMILARITY,
    MIN_SPECTRUM_CORRELATION,
    spectrum_correlation,
)

AS_IT_IS = Registration(1.0, 1.0, (0.0, 0.0))
UPRIGHT: dict[str, Change] = {
    **{name: change for name, change in CHANGES.items() if "JPEG" not in name},
    "JPEG quality 60": CHANGES["JPEG quality 60"],
    "JPEG quality 30": lambda image: jpeg(image, 30),
    "crop of 5 %, brightness + 25 %, JPEG 60": lambda image: jpeg(
        ImageEnhance.Brightness(crop(image, 0.05)).enhance(1.25), 60
    ),
}
Values = tuple[float, float]  # correlation, and that of the flattened spectrum


def square(image: Image.Image, side: int) -> Grey:
    """Return the grey values of an image in a square."""
    return np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX))


@functools.lru_cache(maxsize=512)
def detail(path: Path, orientation: int) -> Grey:
    """Return the pixels that are compared, turned."""
    how = ORIENTATIONS[orientation]
    image = Image.fromarray(square(Image.open(path), DETAIL))
    return np.asarray(image if how is None else image.transpose(how))


def compare(one: Grey, other: Grey, around: Registration) -> Values:
    """Return both correlations of two images."""
    fit = register(one, other, around)
    return fit.similarity, spectrum_correlation(one, other, fit.zoom)


def compare_files(task: tuple[Path, Path, int]) -> Values:
    """Return both correlations of two files, the first one turned."""
    return compare(detail(task[0], task[2]), detail(task[1], 0), AS_IT_IS)


def fields(files: list[Path]) -> None:
    """Print how many pairs of images are taken for one picture."""
    pairs = list(combinations(range(len(files)), 2))
    tasks = [(files[i], files[j], how) for i, j in pairs for how in range(len(ORIENTATIONS))]
    values = np.array(list(map_in_order(compare_files, tasks, chunk=256)))
    parts: dict[str, list[npt.NDArray[np.float64]]] = defaultdict(list)
    for (i, j), found in zip(pairs, values.reshape(len(pairs), -1, 2), strict=True):
        parts["mixed" if i % 2 != j % 2 else ("odd", "even")[i % 2]].append(found)
    rows = []
    for part in sorted(parts):
        every = np.stack(parts[part])
        fits = every[..., 0] >= MIN_SIMILARITY
        both = fits & (every[..., 1] >= MIN_SPECTRUM_CORRELATION)
        highest = f"{every[..., 1][fits].max():.2f}" if fits.any() else "-"
        rows.append((part, len(every), fits.any(1).sum(), both.any(1).sum(), highest))
    columns = (
        "pairs",
        "number",
        "by correlation",
        "and by the spectrum",
        "highest of the spectrum",
    )
    print(table(columns, rows), "\n", flush=True)


def copies(files: list[Path]) -> None:
    """Print how many copies of the images are found."""
    rows = []
    for name, change in UPRIGHT.items():
        found = np.array([compare_copy(path, change) for path in files])
        fits = found[:, 0] >= MIN_SIMILARITY
        both = fits & (found[:, 1] >= MIN_SPECTRUM_CORRELATION)
        lowest = f"{found[fits, 1].min():.2f}" if fits.any() else "-"
        shares = [wilson(int(kind.sum()), len(files)) for kind in (fits, both)]
        rows.append((name, *shares, lowest))
    columns = ("change", "by correlation, %", "and by the spectrum, %", "lowest of the spectrum")
    print(table(columns, rows), flush=True)


def compare_copy(path: Path, change: Callable[[Image.Image], Image.Image]) -> Values:
    """Return both correlations of an image and its changed copy."""
    image = Image.open(path).convert("RGB")
    images = image, change(image)
    lanczos = Image.Resampling.LANCZOS
    small = [np.asarray(each.convert("L").resize((SIDE, SIDE), lanczos)) for each in images]
    zero = np.array([0])
    (around,) = coarse_registrations(np.stack(small), zero, np.array([1]), zero)
    one, other = (square(each, DETAIL) for each in images)
    return compare(one, other, around)


def main() -> None:
    """Measure and print Markdown tables."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    files = parser.parse_args().files
    print(f"{len(files)} images. {environment('numpy', 'scipy', 'pillow')}\n")
    fields(files)
    copies(files)


if __name__ == "__main__":
    main()
