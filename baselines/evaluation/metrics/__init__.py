"""The metrics, one file each: every module here defines a ``METRIC`` and is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Container
from typing import Any

from rsitmd_tools.baselines.evaluation.metric import (
    Figure,
    Metric,
    RecallRows,
    ScoredGallery,
    of_package,
)
from rsitmd_tools.plugins import METRICS, leave_out, load_plugins, package_of
from rsitmd_tools.schemas import load_schema

__all__ = ["Figure", "Metric", "RecallRows", "ScoredGallery", "load_metrics"]

# What `compare` reports for each system beside its figures.
COMPARISON_KEYS = ("name", "runs", "seeds", "published")


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
        why = _unusable(plugin, found, taken)
        if why is not None:
            leave_out(METRICS, name, why)
        else:
            found[plugin.name] = of_package(plugin, package_of(METRICS, name))
            taken.add(plugin.key)
    return sorted(found.values(), key=lambda metric: metric.order)


def _unusable(plugin: Any, names: Container[str], keys: Container[str | None]) -> str | None:
    """Return why a plugin is no metric beside those of other names and keys; None if it is one."""
    if not isinstance(plugin, Metric):
        return "it is not a Metric; correct the entry point"
    if plugin.name in names:
        return f"the name {plugin.name} is taken; use another name"
    # The top level of a result (key None) belongs to recall.
    if plugin.key is None:
        return "it has no key; set a key"
    return f"the key {plugin.key} is taken; use another key" if plugin.key in keys else None


def known_keys() -> set[str | None]:
    """Return the keys of results and comparisons, which plugins cannot use."""
    return {*load_schema("benchmark_result")["properties"], *COMPARISON_KEYS}
