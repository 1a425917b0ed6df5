"""Figure 10: MVSA's saliency over images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.overlay import overlay
from rsitmd_tools.report.result_figures.base import Material, Missing, Pixels, ResultFigure
from rsitmd_tools.report.style import HEAT, Style, new_figure, picture_axes, shortened

MOST_RUNS = 6


@dataclass(frozen=True, slots=True)
class Salient:
    """Images and the maps of the runs over them.

    Attributes:
        images: ``(file name, pixels)``.
        runs: ``(number, name, {file name: pixels with the map})``.
    """

    images: Sequence[tuple[str, Pixels]]
    runs: Sequence[tuple[int, str, Mapping[str, Pixels]]]


def compute(material: Material) -> Salient:
    """Return the images that the first run with saliency has maps of, and the maps of all runs.

    Raises:
        Missing: No run has saliency maps, or no image is available.
    """
    having = [(number, found["saliency"]) for number, found in material.analysed()]
    having = [(number, maps) for number, maps in having if maps]
    if not having:
        raise Missing("no run has saliency maps: only an AMFMN with multiscale: true has them")
    having = [(number, maps) for number, maps in having if number in material.pictured]
    names = [entry["image"] for entry in having[0][1]] if having else []
    images = [(name, material.pixels[name]) for name in names if name in material.pixels]
    if not images:
        raise Missing("the images are not available")
    known = dict(images)
    return Salient(
        images,
        [
            (
                number,
                material.runs[number].name,
                {
                    entry["image"]: overlay(
                        known[entry["image"]], np.array(entry["map"], float), HEAT
                    )
                    for entry in maps
                    if entry["image"] in known
                },
            )
            for number, maps in having[:MOST_RUNS]
        ],
    )


def draw(salient: Salient, style: Style) -> Any:
    """Draw the images in a row, and a row of maps for each run."""
    rows = [("image", dict(salient.images)), *((name, maps) for _, name, maps in salient.runs)]
    figure = new_figure(1.5 * len(salient.images) + 0.4, 1.55 * len(rows))
    grid = figure.subplots(len(rows), len(salient.images), squeeze=False)
    for line, (name, pictures) in zip(grid, rows, strict=True):
        line[0].set_ylabel(shortened(name, 22))
        for axes, (file, _) in zip(line, salient.images, strict=True):
            picture_axes(axes, style)
            if file in pictures:
                axes.imshow(pictures[file])
    for axes, (file, _) in zip(grid[-1], salient.images, strict=True):
        axes.set_xlabel(shortened(file, 20))
    return figure


FIGURE = ResultFigure(
    "saliency",
    "Saliency of MVSA over images (figure 10)",
    "saliency (figure 10)",
    compute,
    draw,
    in_page=False,
)
