"""``benchmark compare``: systems over their seeds and folds, and tests of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.baselines.evaluation.hits import Floats
from rsitmd_tools.baselines.evaluation.intervals import bootstrap
from rsitmd_tools.baselines.evaluation.metrics import Figure, load_metrics
from rsitmd_tools.baselines.evaluation.published import Published, find_published
from rsitmd_tools.baselines.evaluation.queries import Queries
from rsitmd_tools.baselines.evaluation.significance import (
    LEVEL,
    contributions,
    difference_interval,
    exchanges,
    fisher,
    holm,
    mean_interval,
)
from rsitmd_tools.baselines.evaluation.systems import System, group_runs, views_of
from rsitmd_tools.errors import WrongUsage

SEED = 0


def compare(
    folders: Sequence[Path], baseline: str | None = None, published: str | None = None
) -> dict[str, Any]:
    """Compare evaluated runs.

    Args:
        folders: Runs, or folders of runs over seeds and folds. Single runs that differ only in
            seed or fold are one system.
        baseline: Name of the system to compare all others with; by default all are compared
            with all.
        published: A dataset with published figures, or ``none``; by default the dataset whose
            name is part of the data's name.

    Returns:
        ``data``, ``split``, ``gallery``, ``metric``, ``systems``, ``comparisons``,
        ``notes`` and ``published``; recalls in percent.

    Raises:
        RsitmdError: A run does not exist, is not evaluated or is malformed, or was evaluated on
            other data than the first one.
        WrongUsage: The baseline or the published dataset is unknown.
    """
    return compare_systems(group_runs(folders), baseline, published)


def compare_systems(
    systems: Sequence[System], baseline: str | None = None, published: str | None = None
) -> dict[str, Any]:
    """Compare systems that were evaluated on one gallery; see :func:`compare`."""
    first = systems[0].runs[0].result
    printed, why = find_published(published, first["data"], first["gallery"])
    notes = [] if why is None else [why]
    notes += [
        f"{system.name}: trained on other data than evaluated on"
        for system in systems
        if any(run.result["trained_on_this_data"] is False for run in system.runs)
    ]
    notes += [
        f"{system.name}: evaluated on images that it learned from"
        for system in systems
        if any(run.result.get("seen_in_training") for run in system.runs)
    ]
    notes += [
        f"{system.name}: its backbone began with random weights, not with a weights file"
        for system in systems
        if any(map(_began_at_random, system.runs))
    ]
    notes += [
        f"{system.name}: evaluated before its training was finished: {', '.join(unfinished)}"
        for system in systems
        if (
            unfinished := [
                run.name for run in system.runs if run.result.get("training_finished") is False
            ]
        )
    ]
    notes += [
        f"{system.name}: an ensemble, its scores are means over {len(run.result['ensemble'])} runs"
        for system in systems
        for run in system.runs
        if "ensemble" in run.result
    ]
    notes += [
        f"{system.name}: scores are means over {views} views of each image"
        for system in systems
        if (views := max(map(views_of, system.runs))) > 1
    ]
    without = [system.name for system in systems if system.queries is None]
    if without:
        notes.append(
            f"no test and no interval over images, as queries.csv is missing: {', '.join(without)}"
        )
    comparisons = _comparisons(systems, baseline)
    return {
        "data": first["data"],
        "data_sha256": first["data_sha256"],
        "split": first["split"],
        "gallery": first["gallery"],
        "metric": first["metric"],
        "chance": first["chance"]["mean_recall"],
        "level": LEVEL,
        "seed": SEED,
        "systems": [_summary(system, printed) for system in systems],
        "comparisons": comparisons,
        "correction": "Holm",
        "test": f"Fisher randomisation, paired by image, {exchanges(len(comparisons))} exchanges",
        "published": None
        if printed is None
        else {"source": printed.source, "conditions": printed.conditions},
        "notes": notes,
    }


def add_rows_of_models(comparison: dict[str, Any], systems: Sequence[System]) -> None:
    """Show the published figure of the same model where the settings are not those published.

    The recipes have other losses and backbones than the paper. Their figures are no repetition of
    the published ones, and are not compared with them.

    Args:
        comparison: From :func:`compare_systems`, changed in place.
        systems: The systems that were compared.
    """
    printed, _ = find_published(None, comparison["data"], comparison["gallery"])
    if printed is None:
        return
    for summary, system in zip(comparison["systems"], systems, strict=True):
        if summary["published"] is None:
            first = system.runs[0].result
            row = printed.row_of_model({**first["settings"], "model": first["model"]})
            if row is not None:
                summary["published"] = {**row, "verdict": "other settings"}


def _began_at_random(run: EvaluatedRun) -> bool:
    """Return whether a run, or one of an ensemble, had no file of weights."""
    parts = run.result.get("ensemble", [run.result])
    return any(part["weights"] == "random" for part in parts)


def _summary(system: System, printed: Published | None) -> dict[str, Any]:
    values = system.values()
    first = system.runs[0].result
    row = printed.row_of({**first["settings"], "model": first["model"]}) if printed else None
    over_runs = mean_interval(values)
    return {
        "name": system.name,
        "runs": [run.name for run in system.runs],
        "seeds": [run.result["seed"] for run in system.runs],
        "mean_recall": {
            "values": values.tolist(),
            "mean": _round(values.mean()),
            "deviation": _round(values.std(ddof=1)) if len(values) > 1 else None,
            "over_runs": _rounded(over_runs),
            "over_images": _rounded(_over_images(system)),
        },
        **_figures(system),
        "published": None
        if row is None
        else {**row, "verdict": _against(row["mean_recall"], over_runs)},
    }


def _over_images(system: System) -> Sequence[float] | None:
    """Return the interval over images.

    A single run has the interval that its result records. The queries are sorted here, so a
    bootstrap with the same seed would give a slightly different interval.
    """
    hits = system.queries
    if hits is None:
        return None
    recorded = system.runs[0].result["interval"]
    if len(system.runs) == 1 and recorded["level"] == LEVEL:
        ends: list[float] = recorded["mean_recall"]
        return ends
    found: list[float] = bootstrap(hits.image_hits, hits.text_hits, hits.owners, SEED)[-1].tolist()
    return found


def compared_figures() -> list[Figure]:
    """Return the figures of all metrics that the table has a column for."""
    return [figure for metric in load_metrics() for figure in metric.figures if figure.compared]


def _figures(system: System) -> dict[str, Any]:
    """Return the means over the runs, at the same keys as in a result.

    A figure that a run lacks, as results of older versions do, is None.
    """
    means: dict[str, Any] = {}
    for figure in compared_figures():
        values = [figure.value(run.result) for run in system.runs]
        *parents, last = figure.path
        inner = means
        for key in parents:
            inner = inner.setdefault(key, {})
        known = [value for value in values if value is not None]
        inner[last] = _round(np.mean(known)) if len(known) == len(values) else None
    return means


def _comparisons(systems: Sequence[System], baseline: str | None) -> list[dict[str, Any]]:
    names = [system.name for system in systems]
    if baseline is not None and baseline not in names:
        raise WrongUsage(
            f"--baseline {baseline!r}: no run or configuration has this name",
            hint=f"use one of: {', '.join(names)}",
        )
    of_name = dict(zip(names, systems, strict=True))
    if baseline is not None:
        pairs = [(of_name[name], of_name[baseline]) for name in names if name != baseline]
    else:
        pairs = [(one, two) for place, one in enumerate(systems) for two in systems[place + 1 :]]
    pairs = [(one, two) for one, two in pairs if one.queries and two.queries]
    if not pairs:
        return []
    differences = np.stack([_difference(one, two) for one, two in pairs], axis=1)
    plain = fisher(differences, SEED)
    return [
        _comparison(one, two, float(p), float(corrected))
        for (one, two), p, corrected in zip(pairs, plain, holm(plain), strict=True)
    ]


def _difference(one: System, two: System) -> Floats:
    a, b = _queries(one), _queries(two)
    return contributions(a, a.image_hits - b.image_hits, a.text_hits - b.text_hits)


def _comparison(one: System, two: System, p: float, corrected: float) -> dict[str, Any]:
    a, b = _queries(one), _queries(two)
    ranges = bootstrap(a.image_hits - b.image_hits, a.text_hits - b.text_hits, a.owners, SEED)
    difference = _round(one.values().mean() - two.values().mean())
    over_runs = difference_interval(one.values(), two.values())
    # Decided only if the test over images and, for several runs, the interval over seeds agree.
    decided = corrected < 1 - LEVEL and (over_runs is None or over_runs[0] * over_runs[1] > 0)
    verdict = "not decided"
    if decided:
        verdict = (
            f"{one.name} above {two.name}" if difference > 0 else f"{two.name} above {one.name}"
        )
    return {
        "systems": [one.name, two.name],
        "difference": difference,
        "over_images": _rounded(ranges[-1].tolist()),
        "over_runs": _rounded(over_runs),
        "p": float(f"{p:.3g}"),
        "p_corrected": float(f"{corrected:.3g}"),
        "verdict": verdict,
    }


def _queries(system: System) -> Queries:
    assert system.queries is not None
    return system.queries


def _against(value: float, interval: tuple[float, float] | None) -> str:
    """Return whether the interval over runs is above or below a published figure."""
    if interval is None:
        return "one run: not decided"
    if interval[0] > value:
        return "above"
    return "below" if interval[1] < value else "not decided"


def _rounded(interval: Sequence[float] | None) -> list[float] | None:
    return None if interval is None else [_round(value) for value in interval]


def _round(value: Any) -> float:
    return round(float(value), 4)
