"""The metrics, one file each: every module here defines a ``METRIC`` and is found by itself."""

from __future__ import annotations

import importlib
import logging
import pkgutil

from rsitmd_tools.baselines.evaluation.metric import Figure, Metric, RecallRows, ScoredGallery
from rsitmd_tools.plugins import METRICS, load_plugins
from rsitmd_tools.schemas import load_schema

__all__ = ["Figure", "Metric", "RecallRows", "ScoredGallery", "load_metrics"]

# What `compare` reports for each system beside its figures.
COMPARISON_KEYS = ("name", "runs", "seeds", "published")

log = logging.getLogger(__name__)


def load_metrics() -> list[Metric]:
    """Return all metrics, the built-in ones and those of other packages, in their order.

    Something that is not a :class:`Metric`, or has the name or the key of another metric, is
    reported in one warning line and left out.
    """
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(__path__):
        metric = importlib.import_module(f"{__name__}.{module.name}").METRIC
        found[metric.name] = metric
    taken = {metric.key for metric in found.values()} | known_keys()
    for name, plugin in load_plugins(METRICS).items():
        if not isinstance(plugin, Metric):
            log.warning("plugin %s is not a Metric; update the package that provides it", name)
        elif plugin.name in found or plugin.key in taken:
            # The top level of a result (key None) belongs to recall.
            log.warning("plugin %s: its name or key is taken; use another name and key", name)
        else:
            found[plugin.name] = plugin
            taken.add(plugin.key)
    return sorted(found.values(), key=lambda metric: metric.order)


def known_keys() -> set[str | None]:
    """Return the keys of results and comparisons, which plugins cannot use."""
    return {*load_schema("benchmark_result")["properties"], *COMPARISON_KEYS}
