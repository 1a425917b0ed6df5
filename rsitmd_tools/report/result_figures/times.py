"""Table VII: the time of each part of a query, by the size of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.errors import count_of
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import Style, legend, new_figure, plain_axes


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds for one item of a batch.

    Attributes:
        parts: The parts of a query.
        batches: The sizes of a batch.
        runs: ``(number, name, where, {(part, batch): milliseconds})``.
    """

    parts: Sequence[str]
    batches: Sequence[int]
    runs: Sequence[tuple[int, str, str, dict[tuple[str, int], float]]]


def compute(material: Material) -> Times:
    """Return the times of all runs.

    Raises:
        Missing: No run has times.
    """
    having = [(n, found["times"]) for n, found in material.analysed() if found["times"]]
    if not having:
        raise Missing("the scores are from a file, so no time was measured")
    parts = dict.fromkeys(row["part"] for _, times in having for row in times["rows"])
    batches = sorted({row["batch"] for _, times in having for row in times["rows"]})
    runs = []
    for number, times in having:
        threads = times["threads"]
        cpu = f"CPU, {count_of(threads, 'thread')}"
        where = cpu if times["device"] == "cpu" else times["device"]
        values = {(row["part"], row["batch"]): row["milliseconds"] for row in times["rows"]}
        runs.append((number, material.runs[number].name, where, values))
    return Times(list(parts), batches, runs)


def draw(times: Times, style: Style) -> Any:
    """Draw a panel for each part, both scales logarithmic."""
    figure = new_figure(9.6, 3.1)
    panels = figure.subplots(1, len(times.parts), squeeze=False, sharey=True)[0]
    handles: list[Any] = []
    for axes, part in zip(panels, times.parts, strict=True):
        plain_axes(axes, style)
        handles = []
        for number, _, _, values in times.runs:
            known = [
                (batch, values[part, batch]) for batch in times.batches if (part, batch) in values
            ]
            look = {"linestyle": style.dashes(number), "markersize": 5, **style.run(number)}
            handles += axes.plot(*(zip(*known, strict=True) if known else ([], [])), **look)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(times.batches, [str(batch) for batch in times.batches])
        axes.minorticks_off()
        axes.set_title(part, fontsize=10)
        axes.set_xlabel("batch")
    panels[0].set_ylabel("milliseconds per item")
    legend(figure, style, handles, [name for _, name, _, _ in times.runs])
    return figure


FIGURE = ResultFigure(
    "times", "Time by part and batch (table VII)", "times (table VII)", compute, draw, in_page=False
)
