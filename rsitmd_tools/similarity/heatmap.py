"""The heat map of figure 7 (Yuan et al. 2021): images against captions, by category.

In the ideal case it shows a thin diagonal: each caption is similar to its own image only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.progress import progress
from rsitmd_tools.similarity.arrays import Floats
from rsitmd_tools.similarity.definitions import EQUAL_WEIGHTS, prepare
from rsitmd_tools.similarity.rows import map_blocks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELLS = 900  # maximum per side: about the number of pixels of a panel
PANEL_INCHES = 7.0
DOTS_PER_INCH = 150
SMALLEST_NAMED = 0.012  # minimum share of the images for a label: smaller ones would overlap
SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The pooled prior of one dataset.

    Attributes:
        name: The dataset's name.
        cells: ``(R, C)``, mean similarity of the images and captions of each cell; images
            and captions are sorted by category. NaN if all images of a cell have no words.
        categories: ``(name, first image, number of images)``; a single one with an empty name
            if the dataset has no categories.
        images: Number of images.
        mean: Mean of the matrix without NaN rows.
    """

    name: str
    cells: Floats
    categories: tuple[tuple[str, int, int], ...]
    images: int
    mean: float


def heat_map(
    dataset: Dataset,
    definition: str = "reference",
    weights: tuple[float, float] = EQUAL_WEIGHTS,
    threads: int | None = None,
    cells: int = CELLS,
) -> HeatMap:
    """Average the prior of a dataset in cells. The matrix itself is never in memory.

    Args:
        dataset: Images and captions.
        definition: ``reference`` or ``paper``.
        weights: Weights of BLEU and METEOR in ``paper``.
        threads: Number of threads; one per core by default.
        cells: Maximum number of cells per side.

    Raises:
        RsitmdError: The dataset has no captions.
        WrongUsage: The definition or the weights are invalid.
    """
    ordered = dataset.with_images(sorted(dataset, key=_sort_key))
    similarity = prepare(ordered, definition, weights)
    images, captions = similarity.shape
    if not images or not captions:
        raise RsitmdError("has no captions", where=dataset.source, hint="add captions first")
    row_of = _bins(images, cells)
    starts = np.flatnonzero(np.diff(_bins(captions, cells), prepend=-1))
    widths = np.diff(starts, append=captions)
    sums = np.zeros((row_of[-1] + 1, len(starts)))
    rows = np.zeros(len(sums))

    def pool(first: int, block: Floats) -> tuple[int, Floats]:
        return first, np.add.reduceat(block, starts, axis=1)

    with progress("heat map", images) as step:
        for first, pooled in map_blocks(similarity, pool, threads):
            spoken = ~np.isnan(pooled[:, 0])
            to = row_of[first : first + len(pooled)][spoken]
            np.add.at(sums, to, pooled[spoken])
            np.add.at(rows, to, 1)
            step(len(pooled))
    with np.errstate(invalid="ignore"):
        means = sums / (rows[:, None] * widths)
    total = float(rows.sum()) * captions
    categories, place = [], 0
    for name, group in groupby(ordered, key=lambda image: image.category or ""):
        count = len(list(group))
        categories.append((name, place, count))
        place += count
    mean = float(sums.sum()) / total if total else float("nan")
    return HeatMap(dataset.name, means, tuple(categories), images, mean)


def draw_heat_maps(maps: Sequence[HeatMap], path: Path) -> None:
    """Draw heat maps side by side, with one colour scale, and save them as a file.

    Raises:
        WrongUsage: The suffix of the file is not .png, .pdf or .svg.
        RsitmdError: It cannot be written.
    """
    check_suffix(path)
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    top = max(float(np.nanmax(entry.cells, initial=0.0)) for entry in maps) or 1.0
    # The square root makes the low values off the diagonal visible.
    norm = PowerNorm(0.5, 0.0, top)
    figure = Figure(figsize=(PANEL_INCHES * len(maps) + 0.8, PANEL_INCHES), layout="constrained")
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, entry in zip(panels, maps, strict=True):
        axes.imshow(
            entry.cells,
            cmap="magma",
            norm=norm,
            aspect="auto",
            extent=(0, 1, 1, 0),
            interpolation="nearest",
        )
        axes.set_title(f"{entry.name}: {entry.images} images, mean {entry.mean:.4f}")
        axes.set_xlabel("captions, in the order of their images")
        _mark_categories(axes, entry)
    panels[0].set_ylabel("images, by category")
    figure.colorbar(
        panels[0].images[0], ax=list(panels), label="mean similarity of a cell", shrink=0.8
    )
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=DOTS_PER_INCH, format=path.suffix[1:])


def check_suffix(path: Path) -> None:
    """Check that the suffix of a picture is supported.

    Raises:
        WrongUsage: The suffix is not .png, .pdf or .svg.
    """
    if path.suffix not in SUFFIXES:
        raise WrongUsage(f"--plot {path}: unsupported file type", hint=f"use {', '.join(SUFFIXES)}")


def _mark_categories(axes: Axes, entry: HeatMap) -> None:
    """Draw the boundaries of the categories, and the names of the larger ones."""
    axes.set_xticks([])
    if len(entry.categories) == 1:
        axes.set_yticks([])
        return
    for _, first, _ in entry.categories[1:]:
        at = first / entry.images
        # Thin and transparent, so that the diagonal stays visible.
        axes.plot([0, 1], [at, at], color="white", linewidth=0.3, alpha=0.35)
        axes.plot([at, at], [0, 1], color="white", linewidth=0.3, alpha=0.35)
    named = [
        (name, (first + count / 2) / entry.images)
        for name, first, count in entry.categories
        if count / entry.images >= SMALLEST_NAMED
    ]
    axes.set_yticks([at for _, at in named], [name for name, _ in named], fontsize=6)
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)


def _sort_key(image: ImageRecord) -> tuple[str, int, str]:
    """Return a key that sorts by category, then by number: ``9.tif`` before ``10.tif``."""
    return image.category or "", len(image.filename), image.filename


def _bins(count: int, cells: int) -> npt.NDArray[np.int64]:
    """Return the cell of each of ``count`` items, with at most ``cells`` cells."""
    return np.arange(count) * min(count, cells) // count
