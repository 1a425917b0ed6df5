"""``benchmark evaluate``: recalls of a run, or of a file of scores, and what they rest on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools import __version__
from rsitmd_tools.atomic import check_writable, write_json
from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.data.train_val_split import learns_from
from rsitmd_tools.baselines.device import accelerator, check_device
from rsitmd_tools.baselines.evaluation import measures
from rsitmd_tools.baselines.evaluation.examples import examples
from rsitmd_tools.baselines.evaluation.external_scores import read_scores
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.maps import draw_maps
from rsitmd_tools.baselines.evaluation.optional import Failures
from rsitmd_tools.baselines.evaluation.positives import (
    Rule,
    candidates,
    read_positives,
    relevant_pairs,
    settled,
)
from rsitmd_tools.baselines.evaluation.priors import gallery_prior
from rsitmd_tools.baselines.evaluation.queries import write_queries
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.evaluation.trec import write_run_files
from rsitmd_tools.baselines.integrity import check_run
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.provenance import processor

BOOTSTRAP_SEED = 0
PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy", "pillow")
OPTIONAL = ("open_clip_torch", "scipy")
# What a run records of its training beside data, weights and settings.
OF_TRAINING = ("command", "versions", "machine", "devices")


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What an evaluation does beside measuring recalls.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        maps: Draw the saliency maps into RUN/maps.
        run_files: Write run files in the format of TREC into RUN/trec.
        positives: A file of extra positives; without one the candidates count, unverified.
        views: In how many of its eight rotations and flips each image is seen.
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
    """Evaluate the best model of a run.

    Writes RUN/result.json, RUN/examples.json and RUN/queries.csv, and after them what is
    optional.

    Args:
        folder: RUN.
        dataset: The dataset; images without sentences and blank ones are left out and
            counted.
        split: The split.
        options: What else is done.
        output: A folder for the files, in the place of RUN.
        failures: Takes the errors of optional files; without it the first one is raised, once
            everything else is written.

    Returns:
        The result, under ``schemas/benchmark_result.schema.json``; recalls in percent.

    Raises:
        RsitmdError: The run is unfinished or its files do not fit each other; the split
            does not exist or has fewer than two images with sentences; the device is not
            there; the folder cannot be written, or a file that is wished for cannot be read
            or written.
    """
    check_device(options.device, 1)
    run = Run(folder)
    target = output or folder
    check_output(folder, output)
    collected = Failures() if failures is None else failures
    gallery = Gallery.of(dataset, split)
    model, tokenizer, config = run.load()
    about = check_run(run, config)
    device = accelerator(options.device)
    model.to(torch.device(device))
    with tempfile.TemporaryDirectory() as scratch:
        part = gallery.part
        pixels = decode_images(part, config.image_size, Path(scratch) / "images.npy")
        keywords = tokenizer.keywords_of(part)
        scores = score_matrix(model, tokenizer, pixels, part.captions(), keywords, options.views)
        same = about["data_sha256"] == dataset.checksum()
        made = {
            "trained_on_this_data": same,
            # Of other data only the checksum is known: not which images it held.
            "seen_in_training": learns_from(config, split) if same else None,
            "training_data_sha256": about["data_sha256"],
            "prior": about["prior"],
            "model": config.model,
            "seed": config.seed,
            "weights": about["weights"],
            "settings": config.as_dict(),
            "checkpoint_sha256": sha256_file(run.best),
            "device": device,
            "views": options.views,
            "training_finished": about.get("finished") is not None,
            "training": {key: about[key] for key in OF_TRAINING if key in about},
        }
        result = evaluate_matrix(scores, gallery, dataset, split, options, target, made, collected)
        if options.maps:
            maps = target / "maps"
            collected.attempt(maps, lambda: draw_maps(model, part, pixels, maps))
    if failures is None:
        collected.raise_first()
    return result


def check_output(folder: Path, output: Path | None) -> None:
    """Refuse a place for the result of a run that cannot be written, or is another run.

    Args:
        folder: RUN.
        output: A folder in its place; None for RUN itself.

    Raises:
        RsitmdError: It cannot be written, or is another run.
    """
    if output is not None and output.resolve() != folder.resolve():
        _refuse_run(output)
    check_writable(output or folder, "name another folder for the result with -o DIR")


def _refuse_run(output: Path) -> None:
    if Run(output).about_file.exists():
        raise RsitmdError(
            "is a run, and holds the result of its own model",
            where=output,
            hint="name another folder for the result",
        )


def evaluate_scores(
    file: Path,
    dataset: Dataset,
    split: str = "test",
    options: EvaluationOptions = EvaluationOptions(),
    output: Path | None = None,
    failures: Failures | None = None,
) -> dict[str, Any]:
    """Evaluate anybody's scores of a split; see :func:`read_scores` for the file.

    Args:
        file: The scores.
        dataset: The dataset.
        split: The split.
        options: What else is done; there is no device and there are no maps.
        output: A folder for what :func:`evaluate` writes into RUN.
        failures: As of :func:`evaluate`.

    Returns:
        The result, as of :func:`evaluate`; what is not known of the model is None.

    Raises:
        RsitmdError: The scores do not fit the split, or the output is a run; see
            :func:`evaluate` for others.
    """
    if output is not None:
        _refuse_run(output)
        check_writable(output, "name another folder for the result with -o DIR")
    collected = Failures() if failures is None else failures
    gallery = Gallery.of(dataset, split)
    scores = read_scores(file, gallery)
    unknown = (
        "trained_on_this_data",
        "seen_in_training",
        "training_data_sha256",
        "prior",
        "seed",
        "weights",
        "checkpoint_sha256",
        "training",
    )
    made = {
        **dict.fromkeys(unknown),
        "model": "scores",
        "settings": {},
        "scores": {"file": file.name, "sha256": sha256_file(file)},
    }
    result = evaluate_matrix(scores, gallery, dataset, split, options, output, made, collected)
    if failures is None:
        collected.raise_first()
    return result


def evaluate_matrix(
    scores: npt.NDArray[np.floating[Any]],
    gallery: Gallery,
    dataset: Dataset,
    split: str,
    options: EvaluationOptions,
    folder: Path | None,
    made: Mapping[str, Any],
    failures: Failures,
) -> dict[str, Any]:
    """Measure scores, and write what was found into a folder.

    Args:
        scores: ``(N, M)`` of the gallery.
        gallery: Images and texts.
        dataset: The whole dataset.
        split: The gallery's split.
        options: What else is done.
        folder: Where the files go; None for nowhere.
        made: What the result says of how the scores were made.
        failures: Takes the errors of optional files, which are written last.

    Raises:
        RsitmdError: A score is NaN, the file of positives does not fit, or a file cannot be
            written.
    """
    gallery.check_numbers(
        scores,
        str(folder or "scores"),
        "train it again with a lower lr; if few are NaN, look at this one first",
    )
    both = measures.BidirectionalHits.of(scores, gallery.owners)
    with tempfile.TemporaryDirectory() as scratch:
        prior = gallery_prior(gallery, split, Path(scratch))
        soft = measures.soft_recalls(scores, gallery, prior, BOOTSTRAP_SEED)
        if options.positives is not None:
            pairs, rule = read_positives(options.positives, gallery)
        else:
            pairs = candidates(gallery, prior.prior, prior.rows, prior.columns)
            rule = Rule().as_dict()
    result = {
        **measures.recalls(both, gallery.owners, BOOTSTRAP_SEED),
        "category_chance": measures.category_chance(gallery),
        "metric": measures.METRIC,
        "unit": "percent",
        "gallery": {"images": gallery.images, "texts": gallery.texts},
        "images_without_sentences": len(gallery.asked) - gallery.images,
        "blank_sentences": gallery.blank_texts,
        "split": split,
        "data": dataset.name,
        "data_sha256": dataset.checksum(),
        **made,
        "soft_positive": soft,
        "map_at_r": measures.precision(scores, gallery, pairs, rule),
        "categories": measures.categories(both, gallery),
        "hardest": measures.hardest(scores, gallery, both),
        "command": "rsitmd " + shlex.join(sys.argv[1:]),
        "versions": versions(),
        "machine": machine(made.get("device", "cpu")),
    }
    if folder is not None:
        run = Run(folder)
        write_queries(run.folder / "queries.csv", gallery, both.to_text, both.to_image)
        write_json(run.result_file, result)
        failures.attempt(run.examples_file, lambda: _write_examples(run, scores, gallery))
        if options.run_files:
            relevant = relevant_pairs(gallery, settled(pairs)[0] if options.positives else ())
            trec = folder / "trec"
            failures.attempt(trec, lambda: write_run_files(scores, gallery, relevant, trec))
    return result


def _write_examples(run: Run, scores: npt.NDArray[np.floating[Any]], gallery: Gallery) -> None:
    # Those of an earlier evaluation must not stand beside this result.
    run.examples_file.unlink(missing_ok=True)
    write_json(run.examples_file, examples(scores, gallery))


def versions() -> dict[str, str]:
    """Return the versions that decide a result, of the optional packages those installed."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    for name in OPTIONAL:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return {"rsitmd-tools": __version__, "python": platform.python_version(), **found}


def machine(device: str = "cpu") -> dict[str, Any]:
    """Return what the run was made on.

    Args:
        device: The one that is computed on; of ``cuda`` the GPU's name stands beside.
    """
    about = {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    return {**about, "gpu": torch.cuda.get_device_name()} if device == "cuda" else about
