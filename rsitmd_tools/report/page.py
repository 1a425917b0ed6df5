"""``benchmark report``: a self-contained page of runs, curves, queries and statistics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun, read_runs, run_folders
from rsitmd_tools.baselines.evaluation.compare import add_rows_of_models, compare_systems
from rsitmd_tools.baselines.evaluation.hits import WAYS
from rsitmd_tools.baselines.evaluation.systems import group_runs
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.report.data import (
    ShownData,
    find_data,
    find_others,
    has_other_images,
    jpeg,
    small_images,
)
from rsitmd_tools.report.result_figures import (
    Computed,
    Material,
    compute_figures,
    draw_for_page,
    write_figures,
)
from rsitmd_tools.report.result_figures.confusion import most_frequent
from rsitmd_tools.report.shown_run import Shown, show_run
from rsitmd_tools.report.texts import flat, number, place, significant, stem, wordings
from rsitmd_tools.templates import page_templates

QUERIES = 6
HARDEST = 5
PAIRS = 6
CONFUSIONS = 8
# Sections that are neither figures nor tables of every result.
OF_ANALYSIS = ("easiest queries", "likely false negatives")


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


@dataclass(frozen=True, slots=True)
class Report:
    """What a report has and what it lacks.

    Attributes:
        html: The page.
        figures: Names of the figures that were written as files.
        left_out: A sentence for each reason why something is left out.
    """

    html: str
    figures: Sequence[str]
    left_out: Sequence[str]


def write_report(
    folders: Sequence[Path],
    output: Path,
    data: Path | None = None,
    figures: Path | None = None,
    input_format: str | None = None,
    image_folder: Path | None = None,
    more_data: Sequence[Path] = (),
    notes: Sequence[str] = (),
) -> Report:
    """Write a self-contained page about evaluated runs.

    The page loads no external resources and has no script.

    Args:
        folders: Folders of evaluated runs, or of runs over seeds and folds.
        output: The page.
        data: The dataset; by default one that a run recorded, if it still exists unchanged.
            Without a dataset, the page has no pictures and no statistics.
        figures: A folder in which each figure is written as SVG and PDF.
        input_format: The format of ``data``; recognised by default.
        image_folder: The folder of its images, if it is not beside it.
        more_data: Datasets whose heat maps (figure 7) are shown beside that of ``data``; without
            ``data``, all datasets that the runs recorded are shown.
        notes: What a reader must know about the results, such as runs that failed.

    Raises:
        RsitmdError: A run does not exist, is malformed or not evaluated; a dataset cannot be
            read; ``output`` or a figure cannot be written.
    """
    runs = read_runs(run_folders(folders))
    found = find_data(data, runs, input_format, image_folder)
    others = find_others(found, more_data, runs if data is None else ())
    report = make_report(
        folders, runs, found, explicit=data is not None, figures=figures, others=others, notes=notes
    )
    # Names of files and folders can contain bytes that are not UTF-8.
    write_text(output, report.html.encode("utf-8", "backslashreplace").decode("utf-8"))
    return report


def make_report(
    folders: Sequence[Path],
    runs: Sequence[EvaluatedRun],
    data: ShownData | None,
    *,
    explicit: bool = False,
    figures: Path | None = None,
    others: Sequence[Dataset] = (),
    notes: Sequence[str] = (),
) -> Report:
    """Make the page, and write the figures.

    Args:
        folders: The runs as the user named them: a folder of runs is one system.
        runs: The runs, in the order of the page.
        data: The dataset to show.
        explicit: Whether the user passed the dataset: its pictures are shown even if its texts
            have changed.
        figures: A folder in which each figure is written as SVG and PDF.
        others: Datasets whose heat maps (figure 7) are shown beside that of ``data``.
        notes: What a reader must know about the results, shown below their table.

    Raises:
        RsitmdError: A figure cannot be written.
    """
    own = [data is not None and run.result["data_sha256"] == data.checksum for run in runs]
    shows = [n for n in range(len(runs)) if data and (own[n] or explicit)]
    changed = {n for n in shows if data and has_other_images(runs[n], data.dataset)}
    # Changed images are shown only if the user passed them.
    pictured = frozenset(shows if explicit else set(shows) - changed)
    named = _named_images([runs[number] for number in pictured])
    pixels = {}
    if data and pictured:
        splits = {runs[number].result["split"] for number in pictured}
        evaluated = [image for image in data.dataset if image.split in splits]
        pixels = small_images(data.dataset.with_images(evaluated or data.dataset), named)
    material = Material(runs, data, pixels, pictured, others)
    computed = compute_figures(material)
    names = write_figures(figures, list(computed.values()), material) if figures else []
    uris = {name: jpeg(image) for name, image in pixels.items()}
    shown = [show_run(run, n, runs, uris if n in pictured else {}) for n, run in enumerate(runs)]
    comparison, why = _comparison(folders)
    left_out = _left_out(runs, computed, why)
    if changed:
        names_of = ", ".join(runs[number].name for number in sorted(changed))
        left_out.append(f"the image files differ from those of the evaluation of {names_of}")
    templates = page_templates("rsitmd_tools.report")
    templates.globals.update(hardest_shown=HARDEST, pairs_shown=PAIRS)
    templates.filters.update(
        number=number, place=place, significant=significant, flat=flat, stem=stem, jpeg=jpeg
    )
    html = templates.get_template("report.html").render(
        version=__version__,
        runs=shown,
        top=_top(runs),
        histories=[entry for entry in shown if entry.run.history],
        analysed=[entry for entry in shown if entry.run.analysis],
        computed={name: each.shown for name, each in computed.items()},
        drawn=draw_for_page(list(computed.values())),
        comparison=comparison,
        by_text=_queries(shown, "text_to_image"),
        by_image=_queries(shown, "image_to_text"),
        confusions=_confusions(shown),
        categories=sorted({name for run in runs for name in run.result["categories"]}),
        data=data,
        other_data=[
            entry.run.name for entry, same in zip(shown, own, strict=True) if data and not same
        ],
        left_out=left_out,
        notes=notes,
    )
    return Report(html, names, left_out)


def _comparison(folders: Sequence[Path]) -> tuple[dict[str, Any] | None, str]:
    """Compare the systems with each other and with published figures.

    Returns:
        The comparison, or None if there is nothing to compare with; and the reason why the
        differences between runs are left out, or an empty text.
    """
    try:
        try:
            systems = group_runs(folders)
        except RsitmdError:
            # A folder may hold runs of different settings.
            systems = group_runs(run_folders(folders))
    except RsitmdError as error:
        return None, f"{error.where}: {error.what}" if error.where else error.what
    comparison = compare_systems(systems)
    add_rows_of_models(comparison, systems)
    if len(systems) < 2 and len(systems[0].runs) < 2:
        beside = any(system["published"] for system in comparison["systems"])
        return comparison if beside else None, "there is only one run"
    return comparison, ""


def _left_out(
    runs: Sequence[EvaluatedRun], computed: Mapping[str, Computed], no_comparison: str
) -> list[str]:
    """Return a sentence for each reason why something is left out."""
    reasons: dict[str, list[str]] = {}
    if no_comparison:
        reasons[no_comparison] = ["differences between the runs"]
    for each in computed.values():
        if each.reason:
            reasons.setdefault(each.reason, []).append(each.figure.label)
    without = [run.name for run in runs if run.analysis is None]
    if len(without) == len(runs):
        reasons.setdefault(computed["margins"].reason, []).extend(OF_ANALYSIS)
    elif without:
        why = "they have no analysis.json: run rsitmd benchmark evaluate again"
        reasons[why] = [f"margins, errors, saliency and times of {', '.join(without)}"]
    if not any(run.result.get("category_chance") for run in runs):
        why = "not every image has a category, or the result is older than this figure"
        reasons[why] = ["what the categories alone would give"]
    return [_sentence(what, reason) for reason, what in reasons.items()]


def _sentence(what: Sequence[str], reason: str) -> str:
    listed = "; ".join(what)
    return f"{listed[0].upper()}{listed[1:]}: {reason}."


def _named_images(runs: Iterable[EvaluatedRun]) -> set[str]:
    """Return the file names of all images that the page shows."""
    named: set[str] = set()
    for run in runs:
        for hard in run.result["hardest"]["text_to_image"][:HARDEST]:
            named.update((hard["image"], hard["first"]))
        named.update(hard["image"] for hard in run.result["hardest"]["image_to_text"][:HARDEST])
        for way in WAYS:
            for query in (run.examples or {way: []})[way][:QUERIES]:
                named.add(query["image"])
                named.update(found["image"] for found in query["found"] if "image" in found)
            if run.analysis:
                named.update(entry["image"] for entry in run.analysis["easiest"][way][:HARDEST])
                for pair in run.analysis["false_negatives"][way]["pairs"][:PAIRS]:
                    named.update((pair["image"], pair["found"]))
        if run.analysis:
            named.update(entry["image"] for entry in run.analysis["saliency"] or [])
    return named


def _queries(shown: Sequence[Shown], way: str) -> list[Query]:
    """Group the results of all runs by query."""
    queries: dict[tuple[str, ...], Query] = {}
    for entry in shown:
        for example in (entry.run.examples or {way: []})[way][:QUERIES]:
            text = example.get("query")
            key = (entry.run.result["data_sha256"], example["image"], text or "")
            query = queries.setdefault(key, Query(example["image"], text))
            found = example["found"]
            query.answers.append((entry, found if text is not None else wordings(found)))
    return list(queries.values())


def _confusions(shown: Sequence[Shown]) -> list[tuple[Shown, list[tuple[str, str, int, int]]]]:
    """Return the most frequent confusions of each run that has categories."""
    return [
        (entry, most_frequent(entry.run.analysis["confusion"], CONFUSIONS))
        for entry in shown
        if entry.run.analysis and entry.run.analysis["confusion"]
    ]


def _top(runs: Sequence[EvaluatedRun]) -> int:
    """Return the end of the scale of mean recall: the next multiple of ten."""
    highest: float = max(run.result["interval"]["mean_recall"][1] for run in runs)
    return min(100, 10 * math.ceil(max(highest, 1) / 10))
