"""A metric: how it is computed, where it is in a result, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import BidirectionalHits
from rsitmd_tools.baselines.evaluation.positives import Pair, Rule, candidates, read_positives
from rsitmd_tools.baselines.evaluation.priors import GalleryPrior, gallery_prior
from rsitmd_tools.plugins import PluginError, calling, report, warn_once

Scores = npt.NDArray[np.floating[Any]]
Result = Mapping[str, Any]
DIRECTIONS = {"image_to_text": "image->text", "text_to_image": "text->image"}


class ScoredGallery:
    """What a metric is computed from. Everything but the scores is computed on demand.

    Attributes:
        scores: ``(N, M)``, images by texts; higher is more similar.
        gallery: The images and texts, and which text belongs to which image.
        split: The gallery's split.
        seed: Seed of all resampling.
    """

    def __init__(
        self,
        scores: Scores,
        gallery: Gallery,
        split: str,
        scratch: Path,
        positives: Path | None = None,
        seed: int = 0,
        prior: Callable[[], GalleryPrior] | None = None,
    ) -> None:
        """Hold scores; nothing is computed yet.

        Args:
            scores: ``(N, M)``.
            gallery: The images and texts.
            split: Their split.
            scratch: A folder for temporary files, which must outlive this object.
            positives: A file of extra positives; by default the unverified candidates.
            seed: Seed of all resampling.
            prior: Returns the prior; by default it is opened or computed when it is needed.
        """
        self.scores = scores
        self.gallery = gallery
        self.split = split
        self.seed = seed
        self._prior = prior or partial(gallery_prior, gallery, split, scratch)
        self._positives = positives

    @cached_property
    def hits(self) -> BidirectionalHits:
        """The hits and ranks of all queries in both directions."""
        return BidirectionalHits.of(self.scores, self.gallery.owners)

    @cached_property
    def prior(self) -> GalleryPrior:
        """The prior similarity of the gallery."""
        return self._prior()

    @cached_property
    def extra_positives(self) -> tuple[list[Pair], dict[str, Any]]:
        """Pairs that may be relevant beside each image's own texts, and the rule behind them."""
        if self._positives is not None:
            return read_positives(self._positives, self.gallery)
        prior = self.prior
        pairs = candidates(self.gallery, prior.prior, prior.rows, prior.columns)
        return pairs, Rule().as_dict()


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a metric, as tables show it.

    Attributes:
        label: Its name, such as ``median rank image->text``.
        path: The keys that lead to it in a result.
        unit: Such as ``percent`` or ``rank``; empty if it has none.
        better: Whether higher or lower values are better.
        digits: Decimal places.
        compared: Whether ``compare`` has a column for it.
    """

    label: str
    path: tuple[str, ...]
    unit: str = "percent"
    better: Literal["higher", "lower"] = "higher"
    digits: int = 2
    compared: bool = True

    def value(self, result: Result) -> float | None:
        """Return the number in a result; None if it is absent, as in results of older versions."""
        found = _at(result, self.path)
        return found if isinstance(found, int | float) else None

    def text(self, value: float | None) -> str:
        """Return a value as text; a dash for none."""
        return "–" if value is None else f"{value:.{self.digits}f}"


@dataclass(frozen=True, slots=True)
class RecallRows:
    """R@1, R@5 and R@10 in both directions, as rows of the table of ``evaluate``.

    Attributes:
        label: What is before the direction in a row, such as ``soft``.
        path: The keys that lead to ``image_to_text`` and ``text_to_image`` in a result.
    """

    label: str
    path: tuple[str, ...]

    def values(self, result: Result) -> Result | None:
        """Return the recalls by direction in a result; None if they are absent."""
        found = _at(result, self.path)
        return found if isinstance(found, Mapping) else None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. Metrics of other packages are found by the entry points of ``plugins.METRICS``.

    Attributes:
        name: Its name, unique among all metrics.
        label: Its name for readers, written before its summary.
        compute: Returns what the result holds, plain JSON data, under ``key``.
        key: Key in the result; None puts the keys of what ``compute`` returns at the top level.
        under_ties: Returns the same under a rule of ties, ``pessimistic`` or ``optimistic``. It
            is put under ``ties``; None if there is nothing to report.
        figures: The numbers that tables show.
        recall_rows: Recalls that the table of ``evaluate`` shows.
        summary: Returns one line about a result, None for nothing. By default the figures are
            listed.
        in_report: Whether the report shows the summary beside the table of runs (``facts``),
            in the record of each run (``record``), or not at all (``none``).
        order: Metrics of a lower order come first in results and on screen.
    """

    name: str
    label: str
    compute: Callable[[ScoredGallery], Any]
    key: str | None = None
    under_ties: Callable[[ScoredGallery, str], Any] | None = None
    figures: tuple[Figure, ...] = ()
    recall_rows: tuple[RecallRows, ...] = ()
    summary: Callable[[Result], str | None] | None = None
    in_report: Literal["facts", "record", "none"] = "facts"
    order: int = 100

    def values(self, scored: ScoredGallery) -> dict[str, Any]:
        """Compute the metric: what it adds to the top level of a result."""
        return self._placed(self.compute(scored))

    def tie_values(self, scored: ScoredGallery, rule: str) -> dict[str, Any]:
        """Compute the metric under a rule of ties: what it adds to ``ties.<rule>``."""
        return {} if self.under_ties is None else self._placed(self.under_ties(scored, rule))

    def line(self, result: Result) -> str | None:
        """Return the metric of a result as one line without its label, None for nothing."""
        if self.key is not None and self.key not in result:
            return None  # the result is older than the metric
        if self.summary is not None:
            try:
                return self.summary(result)
            except PluginError as error:
                report(error)
                return None
        shown = [(figure, figure.value(result)) for figure in self.figures]
        if all(value is None for _, value in shown):
            return None
        return ", ".join(
            " ".join(filter(None, (self._short(figure.label), figure.text(value))))
            for figure, value in shown
        )

    def _short(self, label: str) -> str:
        return label.removeprefix(self.label).strip()

    def _placed(self, values: Any) -> dict[str, Any]:
        return dict(values) if self.key is None else {self.key: values}


def of_package(metric: Metric, package: str) -> Metric:
    """Return a metric of another package, whose failures name the package.

    What it returns must be plain JSON data. A figure that it lacks is reported.

    Args:
        metric: The metric.
        package: Its package.
    """
    what = f"metric {metric.name}"
    guarded = calling(what, package)

    @guarded
    def compute(scored: ScoredGallery) -> Any:
        values = _plain(metric.compute(scored))
        for figure in metric.figures:
            if figure.value({str(metric.key): values}) is None:
                warn_once(f"{what} of {package}: no number at {'.'.join(figure.path)}")
        return values

    @guarded
    def under_ties(scored: ScoredGallery, rule: str) -> Any:
        assert metric.under_ties is not None
        return _plain(metric.under_ties(scored, rule))

    return replace(
        metric,
        compute=compute,
        under_ties=metric.under_ties and under_ties,
        summary=metric.summary and guarded(metric.summary),
    )


def _plain(values: Any) -> Any:
    json.dumps(values, allow_nan=False)
    return values


def _at(result: Result, path: Sequence[str]) -> Any:
    """Return what lies at a path of keys; None if there is nothing."""
    found: Any = result
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def both_directions(
    label: str, key: str, unit: str, better: Literal["higher", "lower"], digits: int = 2
) -> tuple[Figure, Figure]:
    """Return the figures of a metric whose values are ``{"image_to_text", "text_to_image"}``.

    They have no columns in ``compare``, whose table is as wide as a screen already.
    """
    one, other = (
        Figure(f"{label} {short}", (*key.split("."), way), unit, better, digits, compared=False)
        for way, short in DIRECTIONS.items()
    )
    return one, other
