"""``benchmark train``: train a configuration on a dataset and write RUN."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException
from torch.utils.data import DataLoader

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.features import Features, cached_features
from rsitmd_tools.baselines.data.images import TrainingTransform, cached_images, resized_size
from rsitmd_tools.baselines.data.loading import Loader, choose_workers, loading_error
from rsitmd_tools.baselines.data.mapped import MappedArray
from rsitmd_tools.baselines.data.pairs import Batch, EpochBatches, PairBatches, Pairs
from rsitmd_tools.baselines.data.train_val_split import Parts, split_parts
from rsitmd_tools.baselines.device import accelerator, check_device, precision
from rsitmd_tools.baselines.integrity import file_checksums
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.baselines.run import Run, read_checkpoint
from rsitmd_tools.baselines.training.callbacks import (
    Bar,
    Interrupt,
    Metrics,
    Quiet,
    Speed,
    silence_libraries,
    write_metrics,
)
from rsitmd_tools.baselines.training.checkpoint import (
    AtomicCheckpointIO,
    BestAndLast,
    out_of_patience,
    read_history,
)
from rsitmd_tools.baselines.training.manifest import check_prior, make_manifest, prepare_run
from rsitmd_tools.baselines.training.memory import keep_freed_memory
from rsitmd_tools.baselines.training.module import RetrievalModule
from rsitmd_tools.baselines.training.prior import training_prior
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.exclusions import read_exclusions
from rsitmd_tools.errors import RsitmdError, reason


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is trained. Only ``devices`` affects the result.

    Attributes:
        resume: Continue after the last finished epoch; a run that does not exist is started.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: Number of devices (of processes on a CPU); each has its own batch norm.
        workers: Number of processes that load images. By default 1, or 0 for cached features
            and if the shared memory is too small.
        cache: Folder in which decoded images and features are kept. By default a folder in the
            run, which is removed at the end.
        deterministic: Fail on operations that have no deterministic version on the device. By
            default they are reported once.
        runs: Number of similar runs to come, including this one, for the time estimate.
        images: Images that are decoded, and whose features are computed, for several runs that
            use parts of them and share ``cache``. By default those of this run.
    """

    resume: bool = False
    device: str = "auto"
    devices: int = 1
    workers: int | None = None
    cache: Path | None = None
    deterministic: bool = False
    runs: int = 1
    images: Dataset | None = None


def train(
    dataset: Dataset,
    config: Config,
    folder: Path,
    options: Options = Options(),
    *,
    prior: Path | None = None,
    exclude: Path | None = None,
) -> Path:
    """Train a baseline.

    Args:
        dataset: A dataset with a split ``train``. If it has no ``val``, a seeded tenth of
            ``train`` is held out.
        config: The configuration.
        folder: RUN; it must not exist unless the run is resumed.
        options: Device, processes, cache and resuming.
        prior: A prior of the dataset. By default the prior of the release, or a computed one.
        exclude: A list of images to exclude, written by ``rsitmd validate --against``.

    Returns:
        RUN.

    Raises:
        RsitmdError: The dataset has too few images, RUN exists or was started with other data
            or settings, a file does not match, the device is not available, the disk or the
            shared memory is full, a loading process was killed or hangs, or the loss is not
            finite.
    """
    check_device(options.device, options.devices)
    run = Run(folder)
    excluded = frozenset[str]() if exclude is None else read_exclusions(exclude, dataset)
    parts = split_parts(dataset, config, excluded)
    config = adapt_config(config, parts.pool)
    options = replace(options, workers=_workers(config, parts, options))
    device = accelerator(options.device)
    manifest = make_manifest(dataset, config, exclude, parts, device, options.devices)
    existing = prepare_run(run, config, manifest, options.resume)
    if existing is None:
        return folder
    tokenizer = make_tokenizer(config, parts.training)
    tokenizer.save(run.vocabulary_file)
    margin_prior = None
    if config.loss == "triplet" and config.margin.kind == "dynamic":
        margin_prior = training_prior(dataset, parts, folder / "prior", prior)
    manifest["prior"] = None if margin_prior is None else margin_prior.describe()
    check_prior(run, existing, manifest["prior"])
    write_json(run.manifest_file, manifest)
    lightning.seed_everything(config.seed, verbose=False)
    model = make_model(config, tokenizer)
    if config.freeze_backbone:
        model.frozen_part().requires_grad_(False)
    if device == "cpu":
        # Before the features, too: otherwise half of their time is spent on freed memory.
        keep_freed_memory()
    data = _data(model, config, parts, options, folder / "cache")
    module = RetrievalModule(
        model, config, tokenizer, parts, data.val_images, data.val_rows, margin_prior
    )
    started = time.perf_counter()
    speed = Speed(data.pairs, options.runs)
    if config.epochs == 0:
        AtomicCheckpointIO().save_checkpoint({"state_dict": module.state_dict()}, run.best)
        seconds = time.perf_counter() - started
    else:
        seconds = _fit(run, config, options, module, data.loader, speed)
    manifest["finished"] = {
        # Seconds of all sessions until the last finished epoch.
        "seconds": round(seconds, 1),
        "images_a_second": _rounded(speed.images_a_second),
        "pairs_an_epoch": data.pairs,
        "parameters_trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
    manifest["files"] = file_checksums(run)
    write_json(run.manifest_file, manifest)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return folder


def adapt_config(config: Config, pool: Dataset) -> Config:
    """Return the configuration for a dataset: without keywords, text and query are sentences."""
    needs_keywords = config.model == "amfmn" and (
        config.text != "sentence" or config.query != "sentence"
    )
    if not needs_keywords or config.keywords == "derived" or any(image.keywords for image in pool):
        return config
    print(
        f"{pool.name} has no keywords: training on sentences only; use --set keywords=derived to "
        "derive keywords from the sentences",
        file=sys.stderr,
    )
    return replace(config, text="sentence", query="sentence")


@dataclass(frozen=True, slots=True)
class _Data:
    loader: DataLoader[Batch]
    pairs: int
    val_images: Features | MappedArray
    val_rows: npt.NDArray[np.integer[Any]]


def _data(
    model: RetrievalModel, config: Config, parts: Parts, options: Options, own: Path
) -> _Data:
    cache = options.cache or own
    size = config.image_size
    source: Features | MappedArray
    val_images: Features | MappedArray
    shared = options.images or parts.pool
    row = {image.filename: number for number, image in enumerate(shared)}
    rows = np.array([row[image.filename] for image in parts.pool])
    if config.freeze_backbone:
        pixels = cached_images(shared, size, cache)
        device = accelerator(options.device)
        source = val_images = cached_features(model, pixels, config.views, cache, device)
        val_rows = rows[parts.val_rows]
    else:
        source = cached_images(shared, resized_size(size), cache)
        val_images = cached_images(parts.validation, size, cache)
        val_rows = np.arange(len(parts.val_rows))
    pairs = Pairs(parts.training, config.captions, config.views, config.seed)
    transform = TrainingTransform(size, config.views)
    workers = options.workers or 0
    loader: DataLoader[Batch] = Loader(
        PairBatches(pairs, source, rows[parts.train_rows], transform),
        batch_size=None,
        sampler=EpochBatches(len(pairs), config.batch_size),
        num_workers=workers,
    )
    return _Data(loader, len(pairs), val_images, val_rows)


def _workers(config: Config, parts: Parts, options: Options) -> int:
    """Return the number of loading processes; errors appear before long computations."""
    if config.freeze_backbone:
        return options.workers or 0
    pairs = parts.training.captions() if config.captions == "all" else parts.train_rows
    floats = min(config.batch_size, len(pairs)) * 3 * config.image_size**2
    return choose_workers(options.workers, floats * torch.float32.itemsize, options.devices)


def _fit(
    run: Run,
    config: Config,
    options: Options,
    module: RetrievalModule,
    loader: DataLoader[Batch],
    speed: Speed,
) -> float:
    """Train the missing epochs; return the total seconds of all sessions."""
    history = read_history(run)
    if isinstance(loader.sampler, EpochBatches):
        # Loading processes start their first batches before Lightning sets the epoch.
        loader.sampler.set_epoch(len(history))
    # A run that was killed after its last checkpoint has no epochs left, but needs its metrics.
    if len(history) < config.epochs and not out_of_patience(history, config.patience):
        with _quiet(), _one_line(run):
            trainer = _trainer(run, config, options, speed)
            try:
                last = str(run.last) if history else None
                trainer.fit(module, loader, ckpt_path=last, weights_only=True)
            except SystemExit as stop:
                # Lightning converts Ctrl-C to SystemExit.
                raise KeyboardInterrupt from stop
    last_epoch = read_checkpoint(run.last)
    write_metrics(run, last_epoch["history"])
    return float(last_epoch.get("seconds", 0))


def _trainer(run: Run, config: Config, options: Options, speed: Speed) -> lightning.Trainer:
    bar = [Bar(speed)] if sys.stderr.isatty() else []
    strategy: Any = "auto"
    if options.devices > 1:
        # Processes are spawned only for the fit, so everything before it runs once. The
        # warning about unused parameters does not help users.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        strategy = DDPStrategy(start_method="spawn", find_unused_parameters=True)
    return lightning.Trainer(
        max_epochs=config.epochs,
        accelerator=accelerator(options.device),
        devices=options.devices,
        strategy=strategy,
        precision=precision(config.precision, options.device),  # type: ignore[arg-type]
        logger=TensorBoardLogger(run.folder, name="tensorboard", version=""),
        callbacks=[Quiet(), Interrupt(), BestAndLast(run), speed, Metrics(run), *bar],
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=bool(bar),
        enable_model_summary=False,
        gradient_clip_val=config.gradient_clip or None,
        log_every_n_steps=1,
        deterministic=True if options.deterministic else "warn",
        use_distributed_sampler=False,
    )


@contextlib.contextmanager
def _one_line(run: Run) -> Iterator[None]:
    """Convert exceptions of libraries to errors of one line."""
    try:
        yield
    except ProcessRaisedException as error:
        last = str(error).strip().splitlines()[-1]
        message = last.partition("RsitmdError: ")[2] or last
        raise loading_error(str(error), run.folder) or RsitmdError(message) from error
    except ProcessExitedException as error:
        raise RsitmdError(
            "a training process was killed by the system (often: out of memory)",
            where=run.folder,
            hint="run the same command with --resume, or train with a smaller batch "
            "(--set batch_size=N) into a new folder",
        ) from error
    except RuntimeError as error:
        raise _explained(error, run) from error
    except OSError as error:
        raise RsitmdError(
            f"cannot be written ({reason(error)})",
            where=run.folder,
            hint="free some space and run the same command again with --resume",
        ) from error


def _explained(error: RuntimeError, run: Run) -> Exception:
    """Convert an error of torch that the user can fix; return other errors unchanged."""
    from_loading = loading_error(str(error), run.folder)
    if from_loading is not None:
        return from_loading
    line = str(error).strip().splitlines()[0]
    if "deterministic implementation" in line:
        return RsitmdError(line.partition(",")[0], hint="remove --deterministic")
    if "loading state_dict" in line:
        return RsitmdError(
            "does not match the model of the settings",
            where=run.last,
            hint="restore the checkpoint of this run, or use another folder",
        )
    return error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide hints and warnings of libraries during the training."""
    with warnings.catch_warnings():
        silence_libraries()
        yield


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
