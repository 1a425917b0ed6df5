"""The result of an evaluation, and its published form (``schemas/benchmark_result``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rsitmd_tools.baselines.evaluation.hits import OTHER_RULES
from rsitmd_tools.baselines.evaluation.metric import Metric, ScoredGallery
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.plugins import PluginError, report

# Metrics that come before the facts of the evaluation in the published order of keys; those of
# all other metrics come after them.
FIRST_KEYS = (
    "image_to_text",
    "text_to_image",
    "mean_recall",
    "median_rank",
    "interval",
    "chance",
    "ties",
    "category_chance",
    "metric",
    "unit",
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """How the scores of a run were made. A field that is None is null in the result.

    Attributes:
        trained_on_this_data: Whether the run was trained on the evaluated dataset.
        seen_in_training: Whether the training read images of the evaluated split; None for
            other data, whose images are unknown.
        training_data_sha256: Checksum of the training data.
        images_sha256: Checksum of the image files of the gallery.
        prior: The prior of the training.
        model: The kind of model, such as ``amfmn``.
        seed: The seed of the training.
        weights: The initial weights of the backbone.
        text_weights: The pretrained sentence encoder; None for words alone.
        settings: The whole configuration.
        checkpoint_sha256: Checksum of the evaluated checkpoint.
        device: The device of the evaluation.
        views: The number of views of each image.
        training_finished: Whether the training is finished.
        training: Command, versions, machine and devices of the training.
    """

    trained_on_this_data: bool
    seen_in_training: bool | None
    training_data_sha256: str
    images_sha256: str
    prior: Mapping[str, Any] | None
    model: str
    seed: int
    weights: Any
    text_weights: Any
    settings: Mapping[str, Any]
    checkpoint_sha256: str
    device: str
    views: int
    training_finished: bool
    training: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in the published order, which is that of the class."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """Scores from a file: the model is unknown.

    Attributes:
        file: Name of the file.
        sha256: Its checksum.
    """

    file: str
    sha256: str

    device = "cpu"

    @classmethod
    def of(cls, file: Path) -> ScoreFile:
        """Return name and checksum of a file."""
        return cls(file.name, sha256_file(file))

    def as_dict(self) -> dict[str, Any]:
        """Return the same keys as for a trained model, null where nothing is known."""
        unknown = (
            "trained_on_this_data",
            "seen_in_training",
            "training_data_sha256",
            "images_sha256",
            "prior",
            "seed",
            "weights",
            "text_weights",
            "checkpoint_sha256",
            "training",
        )
        return {
            **dict.fromkeys(unknown),
            "model": "scores",
            "settings": {},
            "scores": {"file": self.file, "sha256": self.sha256},
        }


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Scores that are means over several runs.

    Attributes:
        runs: The name and the source of each run, at least two.
    """

    runs: Sequence[tuple[str, TrainedModel]]

    @property
    def device(self) -> str:
        """The device of the evaluation."""
        return self.runs[0][1].device

    def as_dict(self) -> dict[str, Any]:
        """Return the keys of a trained model, and the runs; null where the runs differ."""
        sources = [source.as_dict() for _, source in self.runs]
        common = {
            key: value if all(each[key] == value for each in sources[1:]) else None
            for key, value in sources[0].items()
        }
        seen = [source.seen_in_training for _, source in self.runs]
        return {
            **common,
            "trained_on_this_data": all(source.trained_on_this_data for _, source in self.runs),
            # A single run that learned from the split makes the figures those of seen images.
            "seen_in_training": True if True in seen else None if None in seen else False,
            "model": "ensemble",
            "seed": None,
            "checkpoint_sha256": None,
            "training": None,
            "settings": {},
            "training_finished": all(source.training_finished for _, source in self.runs),
            "ensemble": [
                {
                    "run": name,
                    **{
                        key: source[key]
                        for key in ("model", "seed", "weights", "settings", "checkpoint_sha256")
                    },
                }
                for (name, _), source in zip(self.runs, sources, strict=True)
            ],
        }


Source = TrainedModel | ScoreFile | Ensemble


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The result of an evaluation.

    Attributes:
        metrics: What the metrics report, by top-level key.
        images: Number of images in the gallery.
        texts: Number of texts in the gallery.
        images_without_sentences: Images of the split that were left out.
        blank_sentences: Sentences of the split that were left out.
        split: The split.
        data: Name of the dataset.
        data_sha256: Its checksum.
        scores: How the scores were made.
        command: The command line; None if no command computed it.
        versions: Versions of the tool and of the packages that affect the result.
        machine: The machine of the evaluation.
    """

    metrics: Mapping[str, Any]
    images: int
    texts: int
    images_without_sentences: int
    blank_sentences: int
    split: str
    data: str
    data_sha256: str
    scores: Source
    command: str | None
    versions: Mapping[str, str]
    machine: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the published form: plain JSON data, keys in the published order."""
        first = {key: self.metrics[key] for key in FIRST_KEYS if key in self.metrics}
        return {
            **first,
            "gallery": {"images": self.images, "texts": self.texts},
            "images_without_sentences": self.images_without_sentences,
            "blank_sentences": self.blank_sentences,
            "split": self.split,
            "data": self.data,
            "data_sha256": self.data_sha256,
            **self.scores.as_dict(),
            **{key: value for key, value in self.metrics.items() if key not in first},
            "command": self.command,
            "versions": dict(self.versions),
            "machine": dict(self.machine),
        }


def compute_metrics(metrics: Sequence[Metric], scored: ScoredGallery) -> dict[str, Any]:
    """Compute metrics: their values by top-level key, those under other rules of ties included.

    A metric of another package that fails is reported and left out.
    """
    values: dict[str, Any] = {}
    ties: dict[str, dict[str, Any]] = {rule: {} for rule in OTHER_RULES}
    for metric in metrics:
        try:
            own = metric.values(scored)
            own_ties = {rule: metric.tie_values(scored, rule) for rule in OTHER_RULES}
        except PluginError as error:
            report(error)
            continue
        values.update(own)
        for rule, found in own_ties.items():
            ties[rule].update(found)
    return {**values, "ties": ties}
