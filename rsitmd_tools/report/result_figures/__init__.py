"""The figures of results, one module each; a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rsitmd_tools.progress import track
from rsitmd_tools.report.result_figures import (
    category_recall,
    confusion,
    dataset_bars,
    lengths,
    loss,
    margins,
    mean_recall,
    prior,
    retrieved,
    saliency,
    times,
    validation_recall,
)
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import PAGE, PAPER, inline_svg, save

__all__ = ["FIGURES", "Computed", "Material", "compute_figures", "draw_for_page", "write_figures"]

FIGURES: tuple[ResultFigure[Any], ...] = (
    mean_recall.FIGURE,
    loss.FIGURE,
    validation_recall.FIGURE,
    margins.FIGURE,
    retrieved.FIGURE,
    saliency.FIGURE,
    category_recall.FIGURE,
    confusion.FIGURE,
    times.FIGURE,
    prior.FIGURE,
    dataset_bars.FIGURE,
    lengths.FIGURE,
)


@dataclass(frozen=True, slots=True)
class Computed:
    """A figure and what it shows.

    Attributes:
        figure: The figure.
        shown: What it shows; None if there is nothing to show.
        reason: Why there is nothing to show; empty otherwise.
    """

    figure: ResultFigure[Any]
    shown: Any
    reason: str = ""


def compute_figures(material: Material) -> dict[str, Computed]:
    """Compute all figures, by name in their order."""
    found = {}
    for figure in FIGURES:
        try:
            found[figure.name] = Computed(figure, figure.compute(material))
        except Missing as missing:
            found[figure.name] = Computed(figure, None, str(missing))
    return found


def draw_for_page(computed: Sequence[Computed]) -> dict[str, Markup]:
    """Draw the figures of the page in its colours, by name."""
    shown = [each for each in computed if each.figure.in_page and not each.reason]
    return {
        each.figure.name: inline_svg(each.figure.draw(each.shown, PAGE), each.figure.title)
        for each in track(shown, "figures")
    }


def write_figures(folder: Path, computed: Sequence[Computed], material: Material) -> list[str]:
    """Write all figures that can be drawn as SVG and PDF.

    Args:
        folder: The folder; it is created.
        computed: The figures.
        material: What they were computed from, whose checksums the files record.

    Returns:
        Their names.

    Raises:
        RsitmdError: A file cannot be written.
    """
    inputs = {run.name: str(run.result["data_sha256"]) for run in material.runs}
    if material.data is not None:
        inputs["data"] = material.data.checksum
    inputs.update({f"data {other.name}": other.checksum() for other in material.others})
    shown = [each for each in computed if not each.reason]
    for each in track(shown, "figure files"):
        figure = each.figure.draw(each.shown, PAPER)
        save(figure, folder, each.figure.name, each.figure.title, inputs)
    return [each.figure.name for each in shown]
