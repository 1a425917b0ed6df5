"""How long the runs of a suite will take, from a few real steps of each configuration."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from rsitmd_tools.baselines.base import Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.augmentation import resized_size
from rsitmd_tools.baselines.data.images import cached_images, unit_images
from rsitmd_tools.baselines.data.mapped import MappedArray
from rsitmd_tools.baselines.data.train_val_split import Parts, split_parts
from rsitmd_tools.baselines.device import accelerator
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.suite.plan import PlannedRun
from rsitmd_tools.baselines.training.train import Options, adapt_config, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, printable, reason
from rsitmd_tools.progress import no_progress

# Batches of an epoch of the calibration. The first ones fill caches and are not measured.
BATCHES = 2
# A GPU is so fast that a few steps are too short to be measured.
EPOCHS = {"cpu": 2}
EPOCHS_ON_GPU = 10
# Images whose encoding is measured, and sentences.
ENCODED = 32
SENTENCES = 256
# A forward pass takes a third of a step.
VALIDATION_SHARE = 1 / 3
# In the hints of a single training.
RESUME = " with --resume"
# Seconds of an evaluation besides decoding and encoding images.
EVALUATION_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a run on an otherwise idle machine.

    Attributes:
        training: Seconds of all epochs, without what runs share.
        evaluation: Seconds of the evaluation.
        shared: Seconds for decoding images and computing features, once for all runs with the
            same ``shares``.
        shares: Identifies what is shared.
    """

    training: float
    evaluation: float
    shared: float
    shares: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def cost_from(document: Any) -> Cost | None:
    """Return a cost from plain data; None if it is something else."""
    try:
        training, evaluation, shared = (
            float(document[key]) for key in ("training", "evaluation", "shared")
        )
        return Cost(training, evaluation, shared, str(document["shares"]))
    except (KeyError, TypeError, ValueError):
        return None


def calibrate(
    plan: Sequence[PlannedRun],
    dataset: Dataset,
    device: str,
    known: Mapping[str, Cost],
    report: Callable[[str], None],
) -> dict[str, Cost]:
    """Measure a few steps of each configuration.

    Args:
        plan: The runs.
        dataset: The dataset.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        known: Costs that are not measured again.
        report: Called with a line for each configuration that fails.

    Returns:
        The cost of each configuration, without those that fail.
    """
    firsts: dict[str, PlannedRun] = {}
    for run in plan:
        firsts.setdefault(run.name, run)
    missing = {name: run for name, run in firsts.items() if name not in known}
    costs = {name: known[name] for name in firsts if name in known}
    with tempfile.TemporaryDirectory() as scratch:
        for name, run in missing.items():
            try:
                costs[name] = _measure(run.config, dataset, device, Path(scratch, name))
            except Exception as error:
                report(f"{name} cannot be calibrated: {error_line(error)}")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return costs


def error_line(error: Exception, *, hint: bool = True) -> str:
    """Return an exception of a run as one line.

    Args:
        error: The exception.
        hint: Whether to say what to do. A suite that is run again resumes without an option.
    """
    if isinstance(error, RsitmdError):
        # Its text can have more lines: all mismatches of weights.
        advice = error.hint.replace(RESUME, "") if hint and error.hint else None
        return str(RsitmdError(error.what, where=error.where, hint=advice))
    if isinstance(error, OSError):
        return reason(error)
    return printable(f"{type(error).__name__}: {reason(error)}")


def _measure(config: Config, dataset: Dataset, device: str, scratch: Path) -> Cost:
    with contextlib.redirect_stderr(io.StringIO()), no_progress():
        parts = split_parts(dataset, config)
        config = adapt_config(config, parts.pool)
        sample = _sample(parts, BATCHES * config.batch_size)
        size = config.image_size if config.freeze_backbone else resized_size(config.image_size)
        began = time.perf_counter()
        pixels = cached_images(sample, size, scratch / "cache")
        decoding = (time.perf_counter() - began) / len(sample)
        tokenizer = make_tokenizer(config, sample)
        sentence = _seconds_a_sentence(tokenizer, sample)
        encoding, kind = _encoding(config, tokenizer, pixels, accelerator(device))
        rate = _images_a_second(config, sample, device, scratch)
    captions = sum(len(image.sentences) for image in parts.training)
    test = dataset.select("test")
    pairs = captions if config.captions == "all" else len(parts.training)
    validation = VALIDATION_SHARE * len(parts.val_rows)
    images, views = len(parts.pool), config.views if config.freeze_backbone else 0
    what = (kind, config.weights, views) if views else ()
    return Cost(
        training=len(set(parts.pool.captions())) * sentence
        + (config.epochs * (pairs + validation) / rate if config.epochs else 0.0),
        evaluation=EVALUATION_SECONDS
        + len(test) * (decoding + encoding)
        + len(set(test.captions())) * sentence,
        shared=images * (decoding + views * encoding),
        shares=" ".join(map(str, (size, *what))),
    )


def _sample(parts: Parts, count: int) -> Dataset:
    """Return some training images at even distances, because files may be in class order."""
    training = parts.training
    step = max(1, len(training) // count)
    return training.with_images(
        replace(image, split="train") for image in training.images[::step][:count]
    )


def _seconds_a_sentence(tokenizer: Tokenizer, sample: Dataset) -> float:
    """Return the seconds for a distinct sentence: a pretrained encoder takes milliseconds."""
    captions = sorted(set(sample.captions()))[:SENTENCES]
    began = time.perf_counter()
    tokenizer.encode(captions)
    return (time.perf_counter() - began) / max(1, len(captions))


@torch.no_grad()
def _encoding(
    config: Config, tokenizer: Tokenizer, pixels: MappedArray, device: str
) -> tuple[float, str]:
    """Return the seconds in which the backbone maps one image, and the kind of its features."""
    model = make_model(config, tokenizer).to(device).eval()
    images = unit_images(pixels.array[:ENCODED], device)
    model.features(images[:1])
    began = time.perf_counter()
    for part in model.features(images):
        part.cpu()  # waits for a GPU
    return (time.perf_counter() - began) / len(images), model.features_kind()


def _images_a_second(config: Config, sample: Dataset, device: str, scratch: Path) -> float:
    if config.epochs == 0:
        return 1.0
    epochs = EPOCHS.get(accelerator(device), EPOCHS_ON_GPU)
    short = replace(config, epochs=epochs, views=1, validate=False, patience=0, folds=0, fold=0)
    run = train(sample, short, scratch / "run", Options(device=device, cache=scratch / "cache"))
    return float(Run(run).manifest()["finished"]["images_a_second"])
