"""``benchmark train``: from a dataset and a configuration to RUN."""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import yaml
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from rsitmd_tools.atomic import write_json, write_text
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.images import decode_images, resized_size
from rsitmd_tools.baselines.data.pairs import EpochSampler, Pairs
from rsitmd_tools.baselines.evaluation.evaluate import machine, versions
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.baselines.run import Run, read_checkpoint
from rsitmd_tools.baselines.training.module import RetrievalModule
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.similarity import Prior, load_prior, write_prior

VALIDATION_SHARE = 0.1


def train(dataset: Dataset, config: Config, folder: Path, *, resume: bool = False) -> Path:
    """Train a baseline.

    Args:
        dataset: Needs a split ``train``; without ``val`` a seeded tenth of train is held out.
        config: The configuration.
        folder: RUN; must not exist unless resumed.
        resume: Go on from the last finished epoch of RUN; a RUN that does not exist yet is
            begun.

    Returns:
        RUN.

    Raises:
        RsitmdError: The data has too few images, RUN exists or was made of other data or
            settings, or the loss is no number.
    """
    run = Run(folder)
    about = _about(dataset, config)
    training, validation = training_parts(dataset, config)
    _prepare(run, config, about, resume)
    vocabulary = make_tokenizer(config, training)
    vocabulary.save(run.vocabulary_file)
    prior = _prior(run, training, dataset) if config.margin.kind == "dynamic" else None
    about["prior"] = None if prior is None else _describe(prior)
    write_json(run.about_file, about)
    lightning.seed_everything(config.seed, verbose=False)
    model = make_model(config, vocabulary)
    if config.freeze_backbone:
        model.backbone.requires_grad_(False)  # type: ignore[operator,union-attr]
    cache = folder / "cache"
    size = config.image_size
    train_pixels = decode_images(training, resized_size(size), cache / "train.npy")
    val_pixels = decode_images(validation, size, cache / "val.npy")
    module = RetrievalModule(model, config, vocabulary, training, validation, val_pixels, prior)
    pairs = Pairs(training, train_pixels, size, config.seed)
    loader = DataLoader(
        pairs,
        batch_size=min(config.batch_size, len(pairs)),
        sampler=EpochSampler(pairs),
        # A batch of one has no negatives.
        drop_last=len(pairs) % min(config.batch_size, len(pairs)) == 1,
    )
    with _quiet():
        trainer = _trainer(run, config)
        trainer.fit(
            module,
            loader,
            ckpt_path=str(run.last) if run.last.exists() else None,
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    shutil.rmtree(cache, ignore_errors=True)
    return folder


def training_parts(dataset: Dataset, config: Config) -> tuple[Dataset, Dataset]:
    """Return the training and the validation part, images with sentences only.

    Raises:
        RsitmdError: Either has fewer than two images.
    """
    training = _captioned(dataset.select("train"))
    if "val" in dataset.splits:
        validation = _captioned(dataset.select("val"))
    else:
        order = np.random.default_rng(config.seed).permutation(len(training))
        held = set(order[: max(2, round(VALIDATION_SHARE * len(training)))].tolist())
        images = list(enumerate(training.images))
        validation = training.with_images(image for i, image in images if i in held)
        training = training.with_images(image for i, image in images if i not in held)
    for name, part in (("train", training), ("val", validation)):
        if len(part) < 2:
            raise RsitmdError(
                f"split {name!r} has {len(part)} images with sentences",
                where=dataset.source,
                mend="two are the least to learn from",
            )
    return training, validation


def _captioned(part: Dataset) -> Dataset:
    return part.with_images(image for image in part if any(c.strip() for c in image.captions))


def _about(dataset: Dataset, config: Config) -> dict[str, Any]:
    weights = None
    if config.weights is not None:
        file = Path(config.weights)
        if not file.is_file():
            raise RsitmdError("does not exist", where=file, mend="name a file of weights")
        weights = {"file": file.name, "sha256": sha256_file(file)}
    return {
        "data": dataset.name,
        "data_path": str(dataset.source.resolve()),
        "data_sha256": dataset.checksum(),
        "weights": weights or "random",
        "config": config.as_dict(),
        "versions": versions(),
        "machine": machine(),
        "command": "rsitmd " + " ".join(sys.argv[1:]),
    }


def _prepare(run: Run, config: Config, about: dict[str, Any], resume: bool) -> None:
    """Begin RUN, or check that it can be gone on with."""
    if run.about_file.exists():
        if not resume:
            raise RsitmdError(
                "exists already", where=run.folder, mend="add --resume, or name another folder"
            )
        made = run.about()
        for key in ("data_sha256", "weights"):
            if made.get(key) != about[key]:
                raise RsitmdError(
                    f"was begun with other {key.split('_')[0]}",
                    where=run.folder,
                    mend="name another folder",
                )
        if {**made["config"], "epochs": 0} != {**about["config"], "epochs": 0}:
            raise RsitmdError(
                "was begun with other settings", where=run.folder, mend="name another folder"
            )
        if run.last.exists():
            read_checkpoint(run.last)
    elif run.folder.exists() and any(run.folder.iterdir()) and not resume:
        raise RsitmdError(
            "exists already and is no run", where=run.folder, mend="name another folder"
        )
    write_text(run.config_file, yaml.safe_dump(config.as_dict(), sort_keys=False))


def _prior(run: Run, training: Dataset, dataset: Dataset) -> Prior:
    """Open the release's prior where it fits the training part, else compute one into RUN."""
    base = dataset.source if dataset.source.is_dir() else dataset.source.parent
    for candidate in (base / "prior" / "train.npy", run.folder / "prior" / "train.npy"):
        if candidate.exists():
            with contextlib.suppress(RsitmdError):
                return load_prior(candidate, training)
    return write_prior(training, run.folder / "prior" / "train.npy", dtype="float32")


def _describe(prior: Prior) -> dict[str, str]:
    return {"definition": prior.definition, "sha256": sha256_file(prior.path)}


class _Metrics(Callback):
    """Write the history beside the checkpoints, and lines to stderr without a terminal.

    Callbacks hear of an epoch's end before the module has validated; so the line of an
    epoch is written when the next one starts, or the training ends.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Write what the epoch before gave."""
        self._write(trainer, module)

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Write what the last epoch gave."""
        self._write(trainer, module)

    def _write(self, trainer: Any, module: Any) -> None:
        if not module.history:
            return
        table = io.StringIO()
        writer = csv.DictWriter(table, ["epoch", "loss", "val_mean_recall"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(module.history)
        write_text(self._run.metrics_file, table.getvalue())
        if not sys.stderr.isatty():
            last = module.history[-1]
            print(
                f"epoch {last['epoch'] + 1}/{trainer.max_epochs}: loss {last['loss']:.3f}, "
                f"validation mR {last['val_mean_recall']:.2f}",
                file=sys.stderr,
                flush=True,
            )


def _trainer(run: Run, config: Config) -> lightning.Trainer:
    checkpoint = ModelCheckpoint(
        dirpath=run.best.parent,
        filename="best",
        monitor="val_mean_recall",
        mode="max",
        save_last=True,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )
    bar = [TQDMProgressBar()] if sys.stderr.isatty() else []
    return lightning.Trainer(
        max_epochs=config.epochs,
        accelerator="auto",
        devices=1,
        logger=TensorBoardLogger(run.folder, name="tensorboard", version=""),
        callbacks=[checkpoint, _Metrics(run), *bar],
        enable_progress_bar=bool(bar),
        enable_model_summary=False,
        gradient_clip_val=config.gradient_clip or None,
        log_every_n_steps=1,
        deterministic="warn",
    )


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep Lightning's advice out of our output."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
