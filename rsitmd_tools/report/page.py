"""``benchmark report``: runs, curves, queries and statistics in one page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun, read_runs
from rsitmd_tools.baselines.evaluation.metrics import load_metrics
from rsitmd_tools.report.data import ShownData, find_data, pictures
from rsitmd_tools.report.figures import COLOURS, Curve, curves, histogram

QUERIES = 6
HARDEST = 5
MODELS = {"amfmn": "AMFMN", "vsepp": "VSE++", "clip": "CLIP", "scores": "scores from a file"}
WAYS = ("image_to_text", "text_to_image")
ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A run with what the page adds to it.

    Attributes:
        run: The run.
        colour: Number of its colour.
        model: Name of its model.
        facts: ``(what, value)`` in the order of the page.
        record: ``(what, value)`` of the metrics in the record of the run.
        warnings: What a reader must know before comparing.
        pictures: Data URIs by file name; empty where its data are not at hand.
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
    """One query, with what each run found.

    Attributes:
        image: The image it belongs to.
        text: The sentence asked for; None where the image itself is the query.
        answers: ``(run, found)``.
    """

    image: str
    text: str | None
    answers: list[tuple[Shown, Sequence[Mapping[str, Any]]]] = field(default_factory=list)


def write_report(folders: Sequence[Path], output: Path, data: Path | None = None) -> None:
    """Write a self-contained page about evaluated runs.

    The page asks for nothing from outside and holds no script.

    Args:
        folders: Folders of runs; each must have been evaluated.
        output: The page.
        data: The dataset; by default one that a run records, where it is still there
            unchanged. Without it the page has no pictures and no statistics.

    Raises:
        RsitmdError: A run is absent, malformed or not evaluated; ``data`` cannot be read;
            ``output`` cannot be written.
    """
    runs = read_runs(folders)
    write_text(output, render(runs, find_data(data, runs), explicit=data is not None))


def render(runs: Sequence[EvaluatedRun], data: ShownData | None, *, explicit: bool = False) -> str:
    """Return the page as HTML.

    Args:
        runs: The runs, in the order of the page.
        data: The dataset to show.
        explicit: The user named it: its pictures are shown even if its texts were changed.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rsitmd_tools.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["hardest_shown"] = HARDEST
    environment.filters.update(number=_number, place=_place, flat=_flat, stem=_stem)
    own = {id(run): data is not None and _same(run, data) for run in runs}
    with_pictures = [run for run in runs if own[id(run)] or explicit]
    found = pictures(data.dataset, _named_images(with_pictures)) if data and with_pictures else {}
    shown = [
        _show(run, number, runs, found if own[id(run)] or explicit else {})
        for number, run in enumerate(runs)
    ]
    histories = [entry for entry in shown if entry.run.history]
    return environment.get_template("report.html").render(
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
        ("seed", "not known" if result["seed"] is None else str(result["seed"])),
        ("epochs", str(len(run.history) or settings.get("epochs", "not recorded"))),
        *_metric_lines(result, "facts"),
    ]
    finished = run.about.get("finished")
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
        return "not known"
    return weights if isinstance(weights, str) else str(weights["file"])


def _warnings(run: EvaluatedRun, runs: Sequence[EvaluatedRun]) -> list[str]:
    result, first = run.result, runs[0].result
    said = []
    if result["trained_on_this_data"] is None:
        said.append("what it was trained on is not known")
    elif not result["trained_on_this_data"]:
        said.append("trained on other data than it was evaluated on")
    if result.get("seen_in_training"):
        said.append("evaluated on images that it learned from")
    if (result["data_sha256"], result["split"]) != (first["data_sha256"], first["split"]):
        said.append("evaluated on other data than the first run: the figures do not compare")
    elif result["gallery"] != first["gallery"]:
        said.append("its gallery is another than the first run's: the figures do not compare")
    if result.get("training_finished") is False:
        said.append("its training is not finished")
    if result["images_without_sentences"]:
        said.append(f"{result['images_without_sentences']} images without sentences were left out")
    if result["blank_sentences"]:
        said.append(f"{result['blank_sentences']} blank sentences were left out")
    return said


def _named_images(runs: Iterable[EvaluatedRun]) -> set[str]:
    """Return the names of all images that the examples speak of."""
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
    """Put the answers of all runs to one query together."""
    queries: dict[tuple[str, ...], Query] = {}
    for entry in shown:
        for example in (entry.run.examples or {way: []})[way][:QUERIES]:
            text = example.get("query")
            key = (entry.run.result["data_sha256"], example["image"], text or "")
            query = queries.setdefault(key, Query(example["image"], text))
            query.answers.append((entry, example["found"]))
    return list(queries.values())


def _one_loss(runs: Sequence[EvaluatedRun]) -> bool:
    """Say whether the losses of the runs are on one scale: a sum grows with the batch."""
    scales = [
        [run.result["settings"].get(key) for key in ("negatives", "margin", "batch_size")]
        for run in runs
    ]
    return all(scale == scales[0] for scale in scales)


def _losses(histories: Sequence[Shown]) -> str:
    """Draw the losses; where they are of different kinds, as shares of the first epoch's."""
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
    return histogram("Sentences by length", data.lengths, "tokens a sentence")


def _top(runs: Sequence[EvaluatedRun]) -> int:
    """Return the end of the scale of mean recall: the next full ten."""
    highest: float = max(run.result["interval"]["mean_recall"][1] for run in runs)
    return min(100, 10 * math.ceil(max(highest, 1) / 10))


def _place(found: Sequence[Mapping[str, Any]]) -> str:
    """Say where the first right answer stands."""
    places = [place for place, entry in enumerate(found, 1) if entry["relevant"]]
    if not places:
        return f"not among the first {len(found)}"
    return f"found {ORDINALS.get(places[0], f'{places[0]}th')}"


def _stem(filename: str) -> str:
    """Return an image's name without its ending."""
    return PurePosixPath(filename).stem


def _number(value: float | None, digits: int = 1) -> str:
    """Write a number with thin spaces between thousands; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.{0 if isinstance(value, int) else digits}f}".replace(",", "\u202f")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return settings as ``(key, value)``, keys of sections joined by dots."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return rows
