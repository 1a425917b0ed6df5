"""``benchmark evaluate`` in four steps: encode, score, measure, write."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import atomic_path, check_writable, write_json
from rsitmd_tools.baselines.device import check_device
from rsitmd_tools.baselines.evaluation.analysis import write_analysis
from rsitmd_tools.baselines.evaluation.examples import examples
from rsitmd_tools.baselines.evaluation.external_scores import read_scores
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.loaded_run import DecodedImages, LoadedRun
from rsitmd_tools.baselines.evaluation.maps import check_maps, check_maps_folder, draw_maps
from rsitmd_tools.baselines.evaluation.metric import ScoredGallery, Scores
from rsitmd_tools.baselines.evaluation.metrics import load_metrics
from rsitmd_tools.baselines.evaluation.model_analysis import model_analysis
from rsitmd_tools.baselines.evaluation.optional import Failures, collecting
from rsitmd_tools.baselines.evaluation.positives import counted_pairs, relevant_pairs
from rsitmd_tools.baselines.evaluation.priors import GalleryPrior, prior_beside
from rsitmd_tools.baselines.evaluation.queries import write_queries
from rsitmd_tools.baselines.evaluation.result import (
    EvaluationResult,
    ScoreFile,
    Source,
    compute_metrics,
)
from rsitmd_tools.baselines.evaluation.scoring import score
from rsitmd_tools.baselines.evaluation.trec import write_run_files
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.provenance import command, machine, versions

BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """Options of an evaluation.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        maps: Draw saliency maps into RUN/maps.
        run_files: Write TREC run files into RUN/trec.
        positives: A file of extra positives; by default the unverified candidates count.
        views: The number of rotations and flips, at most eight, in which each image is encoded.
    """

    device: str = "auto"
    maps: bool = False
    run_files: bool = False
    positives: Path | None = None
    views: int = 1


def evaluate(
    folder: Path,
    dataset: Dataset,
    split: str = "test",
    options: EvaluationOptions = EvaluationOptions(),
    output: Path | None = None,
    failures: Failures | None = None,
) -> dict[str, Any]:
    """Evaluate the best model of a run: encode, score, measure, write.

    Writes RUN/result.json, RUN/queries.csv, RUN/examples.json and RUN/analysis.json, then the
    optional files.

    Args:
        folder: RUN.
        dataset: The dataset. Images without sentences and blank sentences are left out and
            counted.
        split: The split.
        options: Further options.
        output: A folder for the files, instead of RUN.
        failures: Collects the errors of optional files. If None, the first such error is
            raised once everything else is written.

    Returns:
        The result, see ``schemas/benchmark_result.schema.json``; recalls in percent.

    Raises:
        RsitmdError: The run is unfinished or its files do not belong together; the split
            does not exist or has fewer than two images with sentences; the device is not
            available; the folder cannot be written, or a requested file cannot be read or
            written.
    """
    check_device(options.device, 1)
    target = output or folder
    check_output(folder, output)
    gallery = Gallery.of(dataset, split)
    run = LoadedRun.of(Run(folder), options.device)
    if options.maps:
        check_maps(run.model, folder)
        check_maps_folder(target / "maps")
    with (
        tempfile.TemporaryDirectory() as scratch,
        prior_beside(gallery, split) as prior,
        collecting(failures) as collected,
    ):
        pixels = DecodedImages(gallery, Path(scratch)).of_size(run.config.image_size)
        encoded = run.encode(gallery, pixels, options.views)
        scores = score(run.model, encoded)
        source = run.source(dataset, gallery, split, options.views)
        of_model = partial(model_analysis, run.model, run.tokenizer, gallery, pixels, encoded)
        result = evaluate_matrix(
            scores, gallery, dataset, split, options, target, source, collected, of_model, prior
        )
        if options.maps:
            maps = target / "maps"
            collected.attempt(maps, lambda: draw_maps(run.model, gallery.part, pixels, maps))
    return result


def check_output(folder: Path | None, output: Path | None) -> None:
    """Refuse a folder for a result that cannot be written, or that is or holds another run.

    Args:
        folder: RUN; None for scores that are not of one run.
        output: A folder to use instead; None for RUN itself, or for no files.

    Raises:
        RsitmdError: The folder cannot be written, is another run, or is a folder of runs.
    """
    target = output or folder
    if target is None:
        return
    own = folder is not None and target.resolve() == folder.resolve()
    if not own and Run(target).manifest_file.exists():
        raise RsitmdError(
            "is a run, and holds the result of its own model",
            where=target,
            hint="use another folder for the result",
        )
    if not own and any(target.glob("*/run.json")):
        # `compare` and `report` would read the result in place of the runs.
        raise RsitmdError(
            "is a folder of runs, and its own result would hide theirs",
            where=target,
            hint="use another folder for the result",
        )
    check_writable(target, "use another folder for the result with -o DIR")


def evaluate_scores(
    file: Path,
    dataset: Dataset,
    split: str = "test",
    options: EvaluationOptions = EvaluationOptions(),
    output: Path | None = None,
    failures: Failures | None = None,
) -> dict[str, Any]:
    """Evaluate the scores of any model; see :func:`read_scores` for the file.

    Args:
        file: The scores.
        dataset: The dataset.
        split: The split.
        options: Further options; device, maps and views have no effect.
        output: A folder for the files that :func:`evaluate` writes into RUN.
        failures: As for :func:`evaluate`.

    Returns:
        The result, as from :func:`evaluate`; what is unknown of the model is None.

    Raises:
        RsitmdError: The scores do not match the split, or the output is a run; see
            :func:`evaluate` for others.
    """
    check_output(None, output)
    gallery = Gallery.of(dataset, split)
    scores = read_scores(file, gallery)
    source = ScoreFile.of(file)
    with collecting(failures) as collected:
        return evaluate_matrix(scores, gallery, dataset, split, options, output, source, collected)


def evaluate_matrix(
    scores: Scores,
    gallery: Gallery,
    dataset: Dataset,
    split: str,
    options: EvaluationOptions,
    folder: Path | None,
    source: Source,
    failures: Failures,
    of_model: Callable[[], Mapping[str, Any]] = dict,
    prior: Callable[[], GalleryPrior] | None = None,
) -> dict[str, Any]:
    """Measure scores, and write the files of the result into a folder.

    Args:
        scores: ``(N, M)`` of the gallery.
        gallery: Images and texts.
        dataset: The whole dataset.
        split: The gallery's split.
        options: Further options.
        folder: The folder for the files; None to write no files.
        source: How the scores were made.
        failures: Collects the errors of optional files, which are written last.
        of_model: Returns what RUN/analysis.json holds of the model.
        prior: Returns the prior of the gallery; by default it is opened or computed here.

    Raises:
        RsitmdError: A score is NaN, the file of positives does not match, or a file cannot be
            written.
    """
    gallery.check_numbers(
        scores,
        str(folder or "scores"),
        "train the run again with a lower lr; if only a few are NaN, check this image first",
    )
    with tempfile.TemporaryDirectory() as scratch:
        scored = ScoredGallery(
            scores, gallery, split, Path(scratch), options.positives, BOOTSTRAP_SEED, prior
        )
        result = measure(scored, dataset, source).as_dict()
        if folder is not None:
            write(result, scored, folder, options, failures, of_model)
    return result


def measure(scored: ScoredGallery, dataset: Dataset, source: Source) -> EvaluationResult:
    """Compute all metrics of scores.

    Args:
        scored: The scores of a gallery.
        dataset: The whole dataset.
        source: How the scores were made.

    Raises:
        RsitmdError: The file of positives does not match.
    """
    gallery = scored.gallery
    return EvaluationResult(
        metrics=compute_metrics(load_metrics(), scored),
        images=gallery.images,
        texts=gallery.texts,
        images_without_sentences=len(gallery.asked) - gallery.images,
        blank_sentences=gallery.blank_texts,
        split=scored.split,
        data=dataset.name,
        data_sha256=dataset.checksum(),
        scores=source,
        command=command(),
        versions=versions(),
        machine=machine(source.device),
    )


def write(
    result: Mapping[str, Any],
    scored: ScoredGallery,
    folder: Path,
    options: EvaluationOptions,
    failures: Failures,
    of_model: Callable[[], Mapping[str, Any]] = dict,
) -> None:
    """Write a result and the files beside it.

    Args:
        result: The result, as plain data.
        scored: The scores of a gallery.
        folder: The folder for the files.
        options: Which optional files to write.
        failures: Collects the errors of optional files.
        of_model: Returns what RUN/analysis.json holds of the model.

    Raises:
        RsitmdError: The result or the queries cannot be written.
    """
    run, gallery, scores, hits = Run(folder), scored.gallery, scored.scores, scored.hits
    # A killed evaluation leaves none of an earlier result beside a new one.
    for file in (run.examples_file, run.analysis_file):
        with suppress(OSError):  # whoever writes it says what is in the way
            file.unlink()
    # Neither file is replaced without the other: comparisons read both.
    with atomic_path(run.folder / "queries.csv") as queries:
        write_queries(queries, gallery, hits.to_text, hits.to_image)
        write_json(run.result_file, result)
    failures.attempt(run.examples_file, lambda: _write_examples(run, scores, gallery))
    failures.attempt(
        run.analysis_file, lambda: write_analysis(run.analysis_file, scored, result, of_model())
    )
    if options.run_files:
        pairs = counted_pairs(scored.extra_positives[0])[0] if options.positives else ()
        relevant = relevant_pairs(gallery, pairs)
        trec = folder / "trec"
        failures.attempt(trec, lambda: write_run_files(scores, gallery, relevant, trec))


def _write_examples(run: Run, scores: Scores, gallery: Gallery) -> None:
    run.examples_file.unlink(missing_ok=True)  # a folder of this name is named as the obstacle
    write_json(run.examples_file, examples(scores, gallery))
