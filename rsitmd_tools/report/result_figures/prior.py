"""Figure 7: the prior similarity of images and captions as a heat map of each dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import HEAT, LONGEST_NAME, Style, new_figure, plain_axes, shortened
from rsitmd_tools.similarity.heatmap import HeatMap, heat_map

CELLS = 256
MOST_IMAGES = 2000
SMALLEST_NAMED = 0.025  # share of the images of a category whose name is drawn
WIDTH = 9.6  # of several maps, in inches
COLUMNS = 3  # maps in a row
SHORT_NAME = 12  # letters of a category if there are several maps


@dataclass(frozen=True, slots=True)
class PriorMap:
    """The heat map of a split.

    Attributes:
        split: The split; empty for the whole dataset.
        map: Its mean similarities in cells, images by category.
    """

    split: str
    map: HeatMap


@dataclass(frozen=True, slots=True)
class PriorMaps:
    """The heat maps of all datasets.

    Attributes:
        maps: At least one.
        bare: Names of datasets without sentences, which have no map.
    """

    maps: Sequence[PriorMap]
    bare: Sequence[str] = ()


def compute(material: Material) -> PriorMaps:
    """Return the heat maps of the test splits; of a dataset without one, that of the whole.

    At most ``MOST_IMAGES`` images of each, spread evenly.

    Raises:
        Missing: There is no dataset, or none has sentences.
    """
    datasets = [material.required_data().dataset, *material.others]
    found = [_map(dataset) for dataset in datasets]
    maps = [each for each in found if each is not None]
    if not maps:
        several = "none of the datasets has" if len(datasets) > 1 else "the dataset has no"
        raise Missing(f"{several} sentences")
    bare = [one.name for one, each in zip(datasets, found, strict=True) if each is None]
    return PriorMaps(maps, bare)


def _map(dataset: Dataset) -> PriorMap | None:
    split = "test" if "test" in dataset.splits else ""
    part = dataset.select(split) if split else dataset
    if not part.captions():
        return None
    images = list(part)
    if len(images) > MOST_IMAGES:
        places = np.linspace(0, len(images) - 1, MOST_IMAGES).round().astype(int)
        part = part.with_images(images[place] for place in places)
    return PriorMap(split, heat_map(part, cells=CELLS))


def draw(shown: PriorMaps, style: Style) -> Any:
    """Draw the cells side by side on one scale; its root makes low values visible."""
    from matplotlib.colors import PowerNorm

    maps = [each.map for each in shown.maps]
    rows = math.ceil(len(maps) / COLUMNS)
    columns = math.ceil(len(maps) / rows)
    alone = len(maps) == 1
    figure = new_figure(*((5.6, 4.6) if alone else (WIDTH, rows * (WIDTH / columns + 0.3))))
    top = max(float(np.nanmax(entry.cells, initial=0.0)) for entry in maps) or 1.0
    norm = PowerNorm(0.5, 0, top)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, entry in zip(panels, maps, strict=False):
        drawn = _panel(axes, entry, norm, style, LONGEST_NAME if alone else SHORT_NAME)
        if not alone:
            axes.set_xlabel("sentences")
            axes.set_title(shortened(entry.name, 30), fontsize=10, color=style.ink)
    for axes in panels[len(maps) :]:
        axes.set_visible(False)
    bar = figure.colorbar(drawn, ax=panels, shrink=0.8)
    bar.set_label("mean prior similarity of a cell", color=style.soft)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=style.soft, labelcolor=style.soft, length=0, labelsize=8)
    return figure


def _panel(axes: Any, entry: HeatMap, norm: Any, style: Style, longest: int) -> Any:
    """Draw one map; return its image."""
    plain_axes(axes, style)
    axes.grid(visible=False)
    drawn = axes.imshow(
        entry.cells, cmap=HEAT, norm=norm, aspect="auto", extent=(0, 1, 1, 0),
        interpolation="nearest",
    )  # fmt: skip
    named = [
        (shortened(name, longest), (first + count / 2) / entry.images)
        for name, first, count in entry.categories
        if name and count / entry.images >= SMALLEST_NAMED
    ]
    axes.set_yticks([at for _, at in named], [name for name, _ in named], fontsize=7)
    axes.set_xticks([])
    axes.set_xlabel("sentences, in the order of their images")
    axes.set_ylabel("images, by category" if named else "images")
    return drawn


FIGURE = ResultFigure(
    "prior",
    "Prior similarity of images and sentences (figure 7)",
    "heat map of the prior (figure 7)",
    compute,
    draw,
)
