"""A run as the report shows it: name, facts, record and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.baselines.evaluation.metrics import load_metrics
from rsitmd_tools.report.style import COLOURS

MODELS = {
    "amfmn": "AMFMN",
    "vsepp": "VSE++",
    "scan": "SCAN",
    "camp": "CAMP",
    "mtfn": "MTFN",
    "clip": "CLIP",
    "scores": "scores from a file",
    "ensemble": "ensemble",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as shown on the page.

    Attributes:
        run: The run.
        colour: Index of its colour.
        model: Name of its model.
        facts: ``(label, value)`` in the order of the page.
        record: ``(label, value)`` of the metrics in the record of the run.
        warnings: Reasons not to compare the run with others.
        pictures: Data URIs by file name; empty if its data are unavailable.
    """

    run: EvaluatedRun
    colour: int
    model: str
    facts: Sequence[tuple[str, str]]
    record: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    pictures: Mapping[str, str]


def show_run(
    run: EvaluatedRun, number: int, runs: Sequence[EvaluatedRun], found: Mapping[str, str]
) -> Shown:
    """Return a run as the page shows it.

    Args:
        run: The run.
        number: Its place among the runs.
        runs: All runs; the first one is what others are compared with.
        found: Data URIs of its images by file name.
    """
    result = run.result
    settings = result["settings"]
    model = MODELS.get(result["model"], result["model"])
    if result["model"] == "amfmn" and isinstance(settings.get("attention"), str):
        model += f", {settings['attention']} attention"
    facts = [
        ("data", f"{result['data']}, {result['split']}"),
        ("gallery", f"{result['gallery']['images']} images, {result['gallery']['texts']} texts"),
        *(_members(result["ensemble"]) if "ensemble" in result else _training(run)),
        *_views(result),
        *_metric_lines(result, "facts"),
    ]
    finished = run.manifest.get("finished")
    seconds = finished.get("seconds") if isinstance(finished, Mapping) else None
    if isinstance(seconds, int | float):
        time = f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
        facts.append(("training time", time))
    record = _metric_lines(result, "record")
    return Shown(run, number % COLOURS, model, facts, record, _warnings(run, runs), found)


def _training(run: EvaluatedRun) -> list[tuple[str, str]]:
    result, settings = run.result, run.result["settings"]
    return [
        ("backbone", str(settings.get("backbone", "not recorded"))),
        ("weights", _weights(result["weights"])),
        ("seed", "unknown" if result["seed"] is None else str(result["seed"])),
        ("epochs", str(len(run.history) or settings.get("epochs", "not recorded"))),
    ]


def _members(runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the facts of an ensemble: its runs, each with model and seed."""
    lines = (
        f"{run['run']} ({MODELS.get(run['model'], run['model'])}, seed {run['seed']})"
        for run in runs
    )
    return [("mean score of", "; ".join(lines))]


def _views(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the number of views of each image, if it is more than one."""
    views = result.get("views", 1)
    return [("views", f"mean score over {views} rotations and flips")] if views > 1 else []


def _metric_lines(result: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
    """Return ``(label, line)`` for each metric that the page shows at a place."""
    return [
        (metric.label, line)
        for metric in load_metrics()
        if metric.in_report == where and (line := metric.line(result)) is not None
    ]


def _weights(weights: Any) -> str:
    if weights is None:
        return "unknown"
    return weights if isinstance(weights, str) else str(weights["file"])


def _warnings(run: EvaluatedRun, runs: Sequence[EvaluatedRun]) -> list[str]:
    result, first = run.result, runs[0].result
    warnings = []
    if result["trained_on_this_data"] is None:
        warnings.append("the training data are unknown")
    elif not result["trained_on_this_data"]:
        warnings.append("trained on other data than evaluated on")
    if result.get("seen_in_training"):
        warnings.append("evaluated on images of its training data")
    if (result["data_sha256"], result["split"]) != (first["data_sha256"], first["split"]):
        warnings.append(
            "evaluated on other data than the first run: the figures are not comparable"
        )
    elif result["gallery"] != first["gallery"]:
        warnings.append("other gallery than the first run: the figures are not comparable")
    if result.get("training_finished") is False:
        warnings.append("the training is not finished")
    if result["images_without_sentences"]:
        warnings.append(f"left out images without sentences: {result['images_without_sentences']}")
    if result["blank_sentences"]:
        warnings.append(f"left out blank sentences: {result['blank_sentences']}")
    return warnings
