"""What a figure of results is: numbers are computed apart from how they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.report.data import ShownData
from rsitmd_tools.report.style import Style

Pixels = npt.NDArray[np.uint8]
D = TypeVar("D")


class Missing(Exception):
    """A figure cannot be drawn from this material; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Material:
    """What figures are computed from.

    Attributes:
        runs: The runs, in the order of the page; the number of a run is its place.
        data: The dataset, if there is one.
        pixels: Small images ``(H, W, 3)`` by file name.
        pictured: Numbers of the runs whose images are in ``pixels``.
        others: Datasets that are compared with ``data``.
    """

    runs: Sequence[EvaluatedRun]
    data: ShownData | None = None
    pixels: Mapping[str, Pixels] = field(default_factory=dict)
    pictured: frozenset[int] = frozenset()
    others: Sequence[Dataset] = ()

    def analysed(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Return number and analysis of the runs that have one.

        Raises:
            Missing: No run has one.
        """
        found = [(n, run.analysis) for n, run in enumerate(self.runs) if run.analysis is not None]
        if not found:
            raise Missing("no run has an analysis.json: run rsitmd benchmark evaluate again")
        return found

    def required_data(self) -> ShownData:
        """Return the dataset.

        Raises:
            Missing: The report has no such data.
        """
        if self.data is None:
            raise Missing("the dataset is not available: pass it with --dataset PATH")
        return self.data


@dataclass(frozen=True, slots=True)
class ResultFigure(Generic[D]):
    """A figure of results.

    Attributes:
        name: Name of its files.
        title: Its title.
        label: What it is called in a sentence.
        compute: Returns what it shows; raises :class:`Missing` if there is nothing to show.
        draw: Draws it as a figure of Matplotlib.
        in_page: Whether the page shows this drawing; else the page has a table or pictures.
    """

    name: str
    title: str
    label: str
    compute: Callable[[Material], D]
    draw: Callable[[D, Style], Any]
    in_page: bool = True
