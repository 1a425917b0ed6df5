"""Sentences by number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsitmd_tools.report.figures import drawn_histogram
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import Style


def compute(material: Material) -> Sequence[tuple[int, int]]:
    """Return ``(tokens, sentences)``.

    Raises:
        Missing: There is no dataset, or it has no sentences.
    """
    data = material.required_data()
    if not data.lengths:
        raise Missing("the dataset has no sentences")
    return data.lengths


def draw(lengths: Sequence[tuple[int, int]], style: Style) -> Any:
    """Draw a histogram."""
    return drawn_histogram(lengths, "tokens per sentence", style)


FIGURE = ResultFigure("lengths", "Sentences by length", "lengths of sentences", compute, draw)
