"""Figure 7: the prior similarity of images and captions as a heat map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import HEAT, LONGEST_NAME, Style, new_figure, plain_axes, shortened
from rsitmd_tools.similarity.heatmap import HeatMap, heat_map

CELLS = 256
MOST_IMAGES = 2000
SMALLEST_NAMED = 0.025  # share of the images of a category whose name is drawn


@dataclass(frozen=True, slots=True)
class PriorMap:
    """The heat map of a split.

    Attributes:
        split: The split; empty for the whole dataset.
        map: Its mean similarities in cells, images by category.
    """

    split: str
    map: HeatMap


def compute(material: Material) -> PriorMap:
    """Return the heat map of the test split, or of the whole dataset without one.

    At most ``MOST_IMAGES`` images, spread evenly.

    Raises:
        Missing: There is no dataset, or it has no sentences.
    """
    dataset = material.required_data().dataset
    split = "test" if "test" in dataset.splits else ""
    part = dataset.select(split) if split else dataset
    if not part.captions():
        raise Missing("the dataset has no sentences")
    images = list(part)
    if len(images) > MOST_IMAGES:
        places = np.linspace(0, len(images) - 1, MOST_IMAGES).round().astype(int)
        part = part.with_images(images[place] for place in places)
    return PriorMap(split, heat_map(part, cells=CELLS))


def draw(shown: PriorMap, style: Style) -> Any:
    """Draw the cells; the root of the similarity makes low values visible."""
    from matplotlib.colors import PowerNorm

    entry = shown.map
    figure = new_figure(5.6, 4.6)
    axes = plain_axes(figure.subplots(), style)
    axes.grid(visible=False)
    top = float(np.nanmax(entry.cells, initial=0.0)) or 1.0
    drawn = axes.imshow(
        entry.cells, cmap=HEAT, norm=PowerNorm(0.5, 0, top), aspect="auto", extent=(0, 1, 1, 0),
        interpolation="nearest",
    )  # fmt: skip
    named = [
        (shortened(name, LONGEST_NAME), (first + count / 2) / entry.images)
        for name, first, count in entry.categories
        if name and count / entry.images >= SMALLEST_NAMED
    ]
    axes.set_yticks([at for _, at in named], [name for name, _ in named], fontsize=7)
    axes.set_xticks([])
    axes.set_xlabel("sentences, in the order of their images")
    axes.set_ylabel("images, by category" if named else "images")
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.set_label("mean prior similarity of a cell", color=style.soft)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=style.soft, labelcolor=style.soft, length=0, labelsize=8)
    return figure


FIGURE = ResultFigure(
    "prior",
    "Prior similarity of images and sentences (figure 7)",
    "heat map of the prior (figure 7)",
    compute,
    draw,
)
