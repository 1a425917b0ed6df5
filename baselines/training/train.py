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
from lightning.pytorch.strategies import DDPStrategy

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.augmentation import resized_size
from rsitmd_tools.baselines.data.batches import Batches
from rsitmd_tools.baselines.data.features import cached_features
from rsitmd_tools.baselines.data.images import cached_images
from rsitmd_tools.baselines.data.pairs import Pairs
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.targets import Targets
from rsitmd_tools.baselines.data.train_val_split import Parts, split_parts
from rsitmd_tools.baselines.device import accelerator, check_device, precision
from rsitmd_tools.baselines.integrity import file_checksums
from rsitmd_tools.baselines.models import make_model, make_tokenizer, try_model
from rsitmd_tools.baselines.run import OWN_CACHE, Run, read_checkpoint
from rsitmd_tools.baselines.training.callbacks import (
    Bar,
    Interrupt,
    Logger,
    MetricsFile,
    Quiet,
    Speed,
    handlers_restored,
    silence_libraries,
    write_metrics,
)
from rsitmd_tools.baselines.training.checkpoint import (
    AtomicCheckpointIO,
    BestAndLast,
    out_of_patience,
    read_history,
)
from rsitmd_tools.baselines.training.failures import errors_in_one_line, largest_batch
from rsitmd_tools.baselines.training.manifest import (
    check_prior,
    make_manifest,
    prepare_run,
    write_setup,
)
from rsitmd_tools.baselines.training.memory import keep_freed_memory
from rsitmd_tools.baselines.training.module import RetrievalModule, encode_part
from rsitmd_tools.baselines.training.prior import TrainingPrior, training_prior, uses_prior
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.exclusions import read_exclusions
from rsitmd_tools.errors import RsitmdError, WrongUsage


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is trained. Only ``devices`` affects the result.

    Attributes:
        resume: Continue after the last finished epoch; a run that does not exist is started.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: Number of devices (of processes on a CPU); each has its own batch norm.
        workers: Number of threads that decode images; one per core by default.
        cache: Folder in which decoded images and features are kept. By default a folder in the
            run, which is removed at the end.
        deterministic: Fail on operations that have no deterministic version on the device. By
            default they are reported once.
        runs: Number of similar runs to come, including this one, for the time estimate.
        images: Images that are decoded, and whose features are computed, for several runs that
            use parts of them and share ``cache``. By default those of this run.
        graphs: Compute steps on a GPU as CUDA graphs where possible.
    """

    resume: bool = False
    device: str = "auto"
    devices: int = 1
    workers: int | None = None
    cache: Path | None = None
    deterministic: bool = False
    runs: int = 1
    images: Dataset | None = None
    graphs: bool = True


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
        WrongUsage: There is a prior, but the loss uses none.
        RsitmdError: The dataset has too few images, RUN exists or was started with other data
            or settings, a file does not match, the device is not available, the disk or the
            memory of the device is full, or the loss is not finite.
    """
    check_device(options.device, options.devices)
    precision(config.precision, options.device)
    run = Run(folder)
    if prior is not None and not uses_prior(config):
        raise WrongUsage(
            "the loss of this configuration uses no prior",
            hint="leave out --prior, or use --set loss=triplet --set margin.kind=dynamic",
        )
    excluded = frozenset[str]() if exclude is None else read_exclusions(exclude, dataset)
    parts = split_parts(dataset, config, excluded)
    config = adapt_config(config, parts.pool)
    device = accelerator(options.device)
    manifest = make_manifest(dataset, config, exclude, parts, device, options.devices)
    # With --resume, a folder without a run can hold other files, which are not ours to remove.
    new = not folder.exists()
    existing = prepare_run(run, config, manifest, options.resume)
    if existing is None:
        if prior is not None:
            given = training_prior(dataset, parts, folder / "prior", prior)
            check_prior(run, run.manifest(), given.describe())
        return folder
    with _removed_on_error(folder, new=new):
        setup = _set_up(run, config, dataset, parts, prior, manifest, existing)
    if device == "cpu":
        # Before the features, too: otherwise half of their time is spent on freed memory.
        keep_freed_memory()
    data = _data(setup, config, parts, options, folder / OWN_CACHE)
    module = RetrievalModule(
        setup.model,
        config,
        setup.tokenizer,
        parts,
        data.source,
        data.val_images,
        data.val_rows,
        options.graphs,
    )
    speed = Speed(data.pairs, options.runs)
    seconds = _fit(run, config, options, module, data.batches, speed)
    trained = [each for each in setup.model.parameters() if each.requires_grad]
    manifest["finished"] = {
        # Seconds of all sessions until the last finished epoch.
        "seconds": round(seconds, 1),
        "images_a_second": _rounded(speed.images_a_second),
        "pairs_an_epoch": data.pairs,
        "parameters_trained": sum(each.numel() for each in trained),
    }
    manifest["files"] = file_checksums(run)
    write_json(run.manifest_file, manifest)
    shutil.rmtree(folder / OWN_CACHE, ignore_errors=True)
    return folder


@dataclass(frozen=True, slots=True)
class _Setup:
    model: RetrievalModel
    tokenizer: Tokenizer
    prior: TrainingPrior | None


def _set_up(
    run: Run,
    config: Config,
    dataset: Dataset,
    parts: Parts,
    prior: Path | None,
    manifest: dict[str, Any],
    existing: dict[str, Any],
) -> _Setup:
    """Make what is trained, try it, and write the files of a run that starts or continues.

    Args:
        run: The run.
        config: The configuration.
        dataset: The dataset.
        parts: Its training and validation part.
        prior: A prior chosen by the user.
        manifest: The manifest of this training, which gets the key ``prior``.
        existing: That of the run; empty for a new one.
    """
    tokenizer = make_tokenizer(config, parts.training)
    margins = None
    if uses_prior(config):
        margins = training_prior(dataset, parts, run.folder / "prior", prior)
    manifest["prior"] = None if margins is None else margins.describe()
    check_prior(run, existing, manifest["prior"])
    lightning.seed_everything(config.seed, verbose=False)
    model = make_model(config, tokenizer)
    try_model(model, config, tokenizer)
    write_setup(run, config, manifest, tokenizer)
    if config.freeze_backbone:
        model.frozen_part().requires_grad_(False)
    return _Setup(model, tokenizer, margins)


@contextlib.contextmanager
def _removed_on_error(folder: Path, *, new: bool) -> Iterator[None]:
    """Remove a new run that could not be set up, so that the corrected command can be run."""
    try:
        yield
    except RsitmdError:
        if new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


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
    batches: Batches
    source: StoredRows
    pairs: int
    val_images: StoredRows
    val_rows: npt.NDArray[np.integer[Any]]


def _data(setup: _Setup, config: Config, parts: Parts, options: Options, own: Path) -> _Data:
    """Decode the images, or compute their features, and form the batches.

    Args:
        setup: What is trained.
        config: The configuration.
        parts: Training and validation part.
        options: How the run is trained.
        own: The cache of the run, used if the options have none.
    """
    texts = encode_part(setup.tokenizer, parts.training)
    targets = Targets(parts.training, config.mask_equal, setup.prior)
    cache, threads = options.cache or own, options.workers
    size, stored_size = config.image_size, resized_size(config.image_size)
    device = accelerator(options.device)
    shared = options.images or parts.pool
    row = {image.filename: number for number, image in enumerate(shared)}
    rows = np.array([row[image.filename] for image in parts.pool])
    if config.freeze_backbone:
        pixels = cached_images(shared, size, cache, threads)
        features = cached_features(setup.model, pixels, config.views, cache, device)
        source = val_images = StoredRows(features, by_view=True)
        val_rows = rows[parts.val_rows]
    else:
        source = StoredRows([cached_images(shared, stored_size, cache, threads)], by_view=False)
        val_images = StoredRows(
            [cached_images(parts.validation, size, cache, threads)], by_view=False
        )
        val_rows = np.arange(len(parts.val_rows))
    pairs = Pairs(parts.training, config.captions, config.views, config.seed)
    batches = Batches(
        pairs,
        config.batch_size,
        source,
        rows[parts.train_rows],
        texts,
        targets,
        stored_size - size,
        device,
    )
    return _Data(batches, source, len(pairs), val_images, val_rows)


def _fit(
    run: Run,
    config: Config,
    options: Options,
    module: RetrievalModule,
    batches: Batches,
    speed: Speed,
) -> float:
    """Train the missing epochs; return the total seconds of all sessions."""
    if config.epochs == 0:
        started = time.perf_counter()
        AtomicCheckpointIO().save_checkpoint({"state_dict": module.state_dict()}, run.best)
        return time.perf_counter() - started
    history = read_history(run)
    batches.set_epoch(len(history))  # Lightning may start the first epoch before it sets it
    # A run that was killed after its last checkpoint has no epochs left, but needs its metrics.
    if len(history) < config.epochs and not out_of_patience(history, config.patience):

        def fits() -> int | None:
            return largest_batch(module, batches, accelerator(options.device))

        with _quiet(), errors_in_one_line(run, fits), handlers_restored():
            trainer = _trainer(run, config, options, speed)
            try:
                last = str(run.last) if history else None
                trainer.fit(module, batches, ckpt_path=last, weights_only=True)
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
        logger=Logger(run.folder, name="tensorboard", version=""),
        callbacks=[Quiet(), Interrupt(), BestAndLast(run), speed, MetricsFile(run), *bar],
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=bool(bar),
        enable_model_summary=False,
        gradient_clip_val=config.gradient_clip or None,
        log_every_n_steps=1,
        deterministic=True if options.deterministic else "warn",
        use_distributed_sampler=False,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide hints and warnings of libraries during the training."""
    with warnings.catch_warnings():
        silence_libraries()
        yield


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
