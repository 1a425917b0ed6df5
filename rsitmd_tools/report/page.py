"""``benchmark report``: a self-contained page of runs, curves, queries and statistics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun, read_runs
from rsitmd_tools.baselines.evaluation.metrics import load_metrics
from rsitmd_tools.report.data import ShownData, find_data, pictures
from rsitmd_tools.report.environment import environment
from rsitmd_tools.report.figures import COLOURS, Curve, curves, histogram

QUERIES = 6
HARDEST = 5
MODELS = {
    "amfmn": "AMFMN",
    "vsepp": "VSE++",
    "scan": "SCAN",
    "camp": "CAMP",
    "mtfn": "MTFN",
    "clip": "CLIP",
    "scores": "scores from a file",
}
WAYS = ("image_to_text", "text_to_image")
ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


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


@dataclass(frozen=True, slots=True)
class Query:
    """One query and the results of each run.

    Attributes:
        image: The image of the query.
        text: The sentence; None if the image is the query.
        answers: ``(run, results)``.
    """

    image: str
    text: str | None
    answers: list[tuple[Shown, Sequence[Mapping[str, Any]]]] = field(default_factory=list)


def write_report(folders: Sequence[Path], output: Path, data: Path | None = None) -> None:
    """Write a self-contained page about evaluated runs.

    The page loads no external resources and has no script.

    Args:
        folders: Folders of evaluated runs.
        output: The page.
        data: The dataset; by default one that a run recorded, if it still exists unchanged.
            Without a dataset, the page has no pictures and no statistics.

    Raises:
        RsitmdError: A run does not exist, is malformed or not evaluated; ``data`` cannot be read;
            ``output`` cannot be written.
    """
    runs = read_runs(folders)
    write_text(output, render(runs, find_data(data, runs), explicit=data is not None))


def render(runs: Sequence[EvaluatedRun], data: ShownData | None, *, explicit: bool = False) -> str:
    """Return the page as HTML.

    Args:
        runs: The runs, in the order of the page.
        data: The dataset to show.
        explicit: Whether the user passed the dataset: its pictures are shown even if its texts
            have changed.
    """
    templates = environment()
    templates.globals["hardest_shown"] = HARDEST
    templates.filters.update(number=_number, place=_place, flat=_flat, stem=_stem)
    own = {id(run): data is not None and _same(run, data) for run in runs}
    with_pictures = [run for run in runs if own[id(run)] or explicit]
    found = pictures(data.dataset, _named_images(with_pictures)) if data and with_pictures else {}
    shown = [
        _show(run, number, runs, found if own[id(run)] or explicit else {})
        for number, run in enumerate(runs)
    ]
    histories = [entry for entry in shown if entry.run.history]
    return templates.get_template("report.html").render(
        version=__version__,
        runs=shown,
        top=_top(runs),
        histories=histories,
        losses=_losses(histories),
        one_loss=_one_loss([entry.run for entry in histories]),
        recalls=_recalls(histories),
        by_text=_queries(shown, "text_to_image"),
        by_image=_queries(shown, "image_to_text"),
        categories=sorted({name for run in runs for name in run.result["categories"]}),
        data=data,
        other_data=[entry.run.name for entry in shown if data and not own[id(entry.run)]],
        lengths=_lengths(data),
    )


def _same(run: EvaluatedRun, data: ShownData) -> bool:
    return bool(run.result["data_sha256"] == data.checksum)


def _show(
    run: EvaluatedRun, number: int, runs: Sequence[EvaluatedRun], found: Mapping[str, str]
) -> Shown:
    result = run.result
    settings = result["settings"]
    model = MODELS.get(result["model"], result["model"])
    if result["model"] == "amfmn" and isinstance(settings.get("attention"), str):
        model += f", {settings['attention']} attention"
    facts = [
        ("data", f"{result['data']}, {result['split']}"),
        ("gallery", f"{result['gallery']['images']} images, {result['gallery']['texts']} texts"),
        ("backbone", str(settings.get("backbone", "not recorded"))),
        ("weights", _weights(result["weights"])),
        ("seed", "unknown" if result["seed"] is None else str(result["seed"])),
        ("epochs", str(len(run.history) or settings.get("epochs", "not recorded"))),
        *_metric_lines(result, "facts"),
    ]
    finished = run.manifest.get("finished")
    seconds = finished.get("seconds") if isinstance(finished, Mapping) else None
    if isinstance(seconds, int | float):
        facts.append(("training time", f"{seconds / 60:.1f} min"))
    record = _metric_lines(result, "record")
    return Shown(run, number % COLOURS, model, facts, record, _warnings(run, runs), found)


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


def _named_images(runs: Iterable[EvaluatedRun]) -> set[str]:
    """Return the file names of all images in the examples."""
    named: set[str] = set()
    for run in runs:
        for hard in run.result["hardest"]["text_to_image"][:HARDEST]:
            named.update((hard["image"], hard["first"]))
        for way in WAYS:
            for query in (run.examples or {way: []})[way][:QUERIES]:
                named.add(query["image"])
                named.update(found["image"] for found in query["found"] if "image" in found)
    return named


def _queries(shown: Sequence[Shown], way: str) -> list[Query]:
    """Group the results of all runs by query."""
    queries: dict[tuple[str, ...], Query] = {}
    for entry in shown:
        for example in (entry.run.examples or {way: []})[way][:QUERIES]:
            text = example.get("query")
            key = (entry.run.result["data_sha256"], example["image"], text or "")
            query = queries.setdefault(key, Query(example["image"], text))
            query.answers.append((entry, example["found"]))
    return list(queries.values())


def _one_loss(runs: Sequence[EvaluatedRun]) -> bool:
    """Return whether the losses have the same scale: a sum grows with the batch size."""
    scales = [
        [run.result["settings"].get(key) for key in ("negatives", "margin", "batch_size")]
        for run in runs
    ]
    return all(scale == scales[0] for scale in scales)


def _losses(histories: Sequence[Shown]) -> str:
    """Draw the losses; if their scales differ, as shares of the loss of the first epoch."""
    same = _one_loss([entry.run for entry in histories])
    firsts = [1.0 if same else entry.run.history[0]["loss"] or 1.0 for entry in histories]
    drawn = [
        Curve(_epochs(entry), [row["loss"] / first for row in entry.run.history], entry.colour)
        for entry, first in zip(histories, firsts, strict=True)
    ]
    return curves("Training loss by epoch", drawn) if drawn else ""


def _recalls(histories: Sequence[Shown]) -> str:
    drawn = [
        Curve(_epochs(entry), [row["val_mean_recall"] for row in entry.run.history], entry.colour)
        for entry in histories
        if all(math.isfinite(row["val_mean_recall"]) for row in entry.run.history)
    ]
    return curves("Validation mean recall by epoch", drawn, best=True) if drawn else ""


def _epochs(entry: Shown) -> list[float]:
    return [row["epoch"] + 1 for row in entry.run.history]


def _lengths(data: ShownData | None) -> str:
    if data is None or not data.lengths:
        return ""
    return histogram("Sentences by length", data.lengths, "tokens per sentence")


def _top(runs: Sequence[EvaluatedRun]) -> int:
    """Return the end of the scale of mean recall: the next multiple of ten."""
    highest: float = max(run.result["interval"]["mean_recall"][1] for run in runs)
    return min(100, 10 * math.ceil(max(highest, 1) / 10))


def _place(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the rank of the first relevant item, as text."""
    places = [place for place, entry in enumerate(found, 1) if entry["relevant"]]
    if not places:
        return f"not among the first {len(found)}"
    return f"found {ORDINALS.get(places[0], f'{places[0]}th')}"


def _stem(filename: str) -> str:
    """Return the file name of an image without its extension."""
    return PurePosixPath(filename).stem


def _number(value: float | None, digits: int = 1) -> str:
    """Format a number with thin spaces between thousands; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.{0 if isinstance(value, int) else digits}f}".replace(",", "\u202f")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as ``(key, value)``, with keys joined by dots."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return rows
