"""Configurations: YAML files validated by a schema; ``--set KEY=VALUE`` overrides settings."""

from __future__ import annotations

import contextlib
import copy
import importlib.resources
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools.baselines.registry import MODELS, model_names
from rsitmd_tools.baselines.yaml_text import NotYamlError, parse_yaml
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.plugins import ATTENTION, plugin_names
from rsitmd_tools.schemas import first_error, load_schema


@dataclass(frozen=True, slots=True)
class Margin:
    """Margin of the triplet loss; ``gamma`` and ``beta`` apply to the dynamic margin only."""

    kind: str = "fixed"
    value: float = 0.2
    gamma: float = 0.6
    beta: float = 5.0


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """Settings of SCAN.

    Attributes:
        direction: ``t2i`` attends to regions for each word, ``i2t`` to words for each region.
        pooling: ``lse`` (LogSumExp) or ``avg``.
        lambda1: Inverse temperature of the attention.
        lambda2: Sharpness of LogSumExp.
    """

    direction: str = "t2i"
    pooling: str = "lse"
    lambda1: float = 9.0
    lambda2: float = 6.0


@dataclass(frozen=True, slots=True)
class Mtfn:
    """Settings of MTFN.

    Attributes:
        rank: Rank R of the core tensor's slices.
    """

    rank: int = 20


SECTIONS: dict[str, type[Any]] = {"margin": Margin, "scan": ScanSettings, "mtfn": Mtfn}
# Settings have two levels. A section with an alias (*) of itself has levels without end.
MAX_DEPTH = 8
# Sections that only the model of their name reads.
MODEL_SECTIONS = ("scan", "mtfn")
# Hints for keys whose error does not say what to do. Other packages can add models.
HINTS = {
    **dict.fromkeys(("model", "attention"), "use one of them, or install the package that adds it"),
    "folds": "use 2 or more, or 0 for no folds",
    "margin": "set a key of it, such as margin.value",
}
# Their scores are cosines or near them, not the log-odds that ``bce`` needs.
COSINE_MODELS = ("amfmn", "vsepp", "clip", "scan")
# They can use the vectors of a sentence encoder (text_weights).
VECTOR_MODELS = ("amfmn", "vsepp")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings that affect the result of a run, except the data.

    Attributes:
        model: A name of :data:`rsitmd_tools.baselines.registry.MODELS`, or of a model of another
            package.
        attention: Visual-guided attention of AMFMN: ``none``, ``soft``, ``fusion``,
            ``similarity`` or ``elementwise``.
        multiscale: Represent an image by F_v (v(g) masked by MVSA) instead of v(g).
        text: Text representation of AMFMN: ``sentence``, ``keywords``, or both combined by
            one learned weight (``weighted``) or by ``vgmf``.
        query: Content of a query: ``sentence``, ``keywords`` or ``both``.
        keywords: Source of the keywords: ``given`` by the dataset, or ``derived`` from the
            sentences.
        backbone: A timm name (for CLIP: a model name of open_clip, or a JSON model config).
        weights: A file of backbone weights; None for random weights.
        text_weights: A folder of a pretrained sentence encoder of sentence-transformers, whose
            vectors are used beside the words (AMFMN and VSE++); None for words alone.
        freeze_backbone: Train only the head, on features that are computed once.
        views: Number of rotations and flips (1 to 8) of each image: with a frozen backbone, those
            whose features are computed; else, those from which one is drawn in each epoch.
        freeze_batch_norm: Do not update the running statistics of batch normalisation.
        image_size: Side of the model's input images, in pixels.
        dimension: Dimension d of the joint space.
        word_dimension: Dimension of the word embedding.
        captions: Captions per image and epoch: ``one`` or ``all``.
        epochs: Number of epochs; 0 evaluates the initial weights.
        batch_size: Pairs per step.
        lr: Learning rate.
        backbone_lr: Learning rate of the backbone; None for ``lr``.
        schedule: ``step`` multiplies the rate by ``lr_decay`` every ``lr_decay_epochs``
            epochs; ``cosine`` decreases it to zero.
        weight_decay: Weight decay of AdamW.
        dropout: Dropout rate of word embeddings and pooled features.
        gradient_clip: Maximum norm of the gradient; 0 for no limit.
        patience: Epochs without a better validation recall before training stops; 0: never.
        precision: ``auto``, ``32``, ``16-mixed`` or ``bf16-mixed``. ``auto`` is mixed
            precision on CUDA and full precision elsewhere.
        loss: ``triplet``, ``infonce``, or ``bce`` (binary cross-entropy; CAMP and MTFN).
        temperature: Temperature of InfoNCE.
        negatives: ``sum`` over all negatives of the batch, or only the ``hardest``.
        validate: Hold out a validation part, which selects the best epoch. If false, the run
            trains on train and val and keeps the last epoch.
        mask_equal: Ignore a negative whose sentence is equal to a sentence of the image.
        seed: Seed of everything random.
        folds: Number of cross-validation folds. The seed assigns the images of train and val
            to folds; fold number ``fold`` is the validation part. 0: no folds.
        fold: Index of the validation fold.
        margin: Margin of the triplet loss.
        scan: Settings of SCAN.
        mtfn: Settings of MTFN.
    """

    model: str = "amfmn"
    attention: str = "fusion"
    multiscale: bool = True
    text: str = "sentence"
    query: str = "sentence"
    keywords: str = "given"
    backbone: str = "resnet18"
    weights: str | None = None
    text_weights: str | None = None
    freeze_backbone: bool = False
    views: int = 1
    freeze_batch_norm: bool = False
    image_size: int = 256
    dimension: int = 512
    word_dimension: int = 300
    captions: str = "one"
    epochs: int = 70
    batch_size: int = 100
    lr: float = 2e-4
    backbone_lr: float | None = None
    schedule: str = "step"
    lr_decay: float = 0.7
    lr_decay_epochs: int = 20
    weight_decay: float = 0.0
    dropout: float = 0.0
    gradient_clip: float = 2.0
    patience: int = 0
    precision: str = "auto"
    loss: str = "triplet"
    temperature: float = 0.07
    negatives: str = "sum"
    validate: bool = True
    mask_equal: bool = False
    seed: int = 0
    folds: int = 0
    fold: int = 0
    margin: Margin = field(default_factory=Margin)
    scan: ScanSettings = field(default_factory=ScanSettings)
    mtfn: Mtfn = field(default_factory=Mtfn)

    def __post_init__(self) -> None:
        if self.loss == "bce" and self.model in COSINE_MODELS:
            raise WrongUsage(
                f"loss=bce cannot be combined with model={self.model}, whose scores are cosines",
                hint="use loss=triplet or loss=infonce",
            )
        if self.text_weights is not None and self.model not in VECTOR_MODELS:
            raise WrongUsage(
                f"text_weights cannot be combined with model={self.model}",
                hint=f"use one of the models {', '.join(VECTOR_MODELS)}",
            )
        if self.text_weights is not None and self.model == "amfmn" and self.text == "keywords":
            raise WrongUsage(
                "text_weights cannot be combined with text=keywords",
                hint="use text=sentence, or remove text_weights",
            )
        if not self.validate and (self.patience or self.folds):
            raise WrongUsage(
                "validate=false cannot be combined with patience or folds",
                hint="remove them, or set validate=true",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as in RUN/config.yaml, without the settings of other models."""
        document = asdict(self)
        for key in MODEL_SECTIONS:
            if key != self.model:
                del document[key]
        return document


def load_config(name: str, changes: Sequence[str] = ()) -> Config:
    """Load a configuration by name or file.

    Args:
        name: Name of a shipped configuration, such as ``amfmn-fusion``, or a YAML file.
        changes: ``KEY=VALUE`` overrides; nested keys use dots: ``margin.value=0.4``.

    Raises:
        RsitmdError: No such configuration exists, or it violates the schema; the message
            contains the key.
        WrongUsage: A change is malformed, or there is a fold without folds.
    """
    document = _read(name)
    for change in changes:
        _set(document, change)
    config = config_from(document, name)
    check_fold(config)
    return config


def check_fold(config: Config) -> None:
    """Check that a fold is one of several folds. A finished run may have one without an effect.

    Raises:
        WrongUsage: There are no folds.
    """
    if config.fold and not config.folds:
        raise WrongUsage(
            f"fold={config.fold} has no effect without folds",
            hint="set folds to the number of folds, or remove fold",
        )


def without_effect(configs: Sequence[Config], changes: Sequence[str]) -> list[str]:
    """Return the changed settings that none of some configurations reads, each with the reason.

    What a model of another package reads is unknown.

    Args:
        configs: The configurations, at least one.
        changes: The ``KEY=VALUE`` overrides that they were loaded with.
    """
    unread = [_unread(config) for config in configs]
    lines = []
    for key in dict.fromkeys(change.partition("=")[0] for change in changes):
        reasons = [each.get(key.partition(".")[0], each.get(key)) for each in unread]
        if all(reasons):
            why = " or ".join(dict.fromkeys(filter(None, reasons)))
            lines.append(f"{key} has no effect with {why}")
    return lines


def frozen_at_random(configs: Sequence[Config]) -> list[str]:
    """Return a note if a backbone is frozen although its weights are random."""
    if not any(config.freeze_backbone and config.weights is None for config in configs):
        return []
    return ["the frozen backbone has random weights; use --set weights=FILE"]


def _unread(config: Config) -> dict[str, str]:
    """Return the settings that a configuration does not read, each with the reason."""
    unread: dict[str, str] = {}
    if config.model in MODELS:
        others = {key for key in MODEL_SECTIONS if key != config.model}
        others |= set() if config.model == "amfmn" else {"attention", "multiscale"}
        unread |= dict.fromkeys(others, f"model={config.model}")
    if config.schedule == "cosine":
        unread |= dict.fromkeys(("lr_decay", "lr_decay_epochs"), "schedule=cosine")
    if config.freeze_backbone:
        unread["backbone_lr"] = "freeze_backbone=true"
    if config.loss != "infonce":
        unread["temperature"] = f"loss={config.loss}"
    if config.loss != "triplet":
        unread["margin"] = f"loss={config.loss}"
    parts = ("value",) if config.margin.kind == "dynamic" else ("gamma", "beta")
    return unread | {f"margin.{part}": f"margin.kind={config.margin.kind}" for part in parts}


def config_from(document: Any, where: str) -> Config:
    """Validate plain data and create a configuration from it.

    Raises:
        RsitmdError: The data violates the schema.
    """
    schema = _schema()
    given = _with_numbers(document, schema) if isinstance(document, dict) else document
    _check_plain(given, where)
    problem = first_error(given, schema)
    if problem is not None:
        hint = problem.hint or HINTS.get(problem.key)
        raise RsitmdError(f"{problem.key}: {problem.message}", where=where, hint=hint)
    if "precision" in given:
        precision = given["precision"]  # YAML reads 32 as a number
        given["precision"] = str(int(precision) if isinstance(precision, float) else precision)
    for key, section in SECTIONS.items():
        given[key] = section(**given.get(key, {}))
    return Config(**given)


def _check_plain(value: Any, where: str, key: str = "") -> None:
    """Check what YAML allows and JSON does not.

    That is keys that are not strings, infinity, NaN, and sections that contain themselves.

    Raises:
        RsitmdError: There is such a key, number or section.
    """
    if key.count(".") > MAX_DEPTH:
        raise RsitmdError(
            f"{key.partition('.')[0]}: has too many levels", where=where, hint="remove the levels"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise RsitmdError(f"{key}: must be a finite number, not {value}", where=where)
    for name, item in value.items() if isinstance(value, dict) else ():
        if not isinstance(name, str):
            raise RsitmdError(
                f"{name!r} is not the name of a setting", where=where, hint="put it in quotes"
            )
        _check_plain(item, where, f"{key}.{name}" if key else name)


def _with_numbers(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return settings in which numbers have the types of the schema, also inside sections.

    YAML 1.1 reads 1e-4 as a string; where the schema wants a number, it is one. Integers have
    the type int: to a schema, 16.0 is one too.
    """
    of_key = schema["properties"]
    return {key: _with_types(value, of_key.get(key, {})) for key, value in document.items()}


def _with_types(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        return _with_numbers(value, schema)
    types = _types(schema)
    if isinstance(value, str) and {"number", "integer"} & set(types):
        with contextlib.suppress(ValueError):
            value = float(value)
    if isinstance(value, float) and value.is_integer() and "integer" in types:
        return int(value)
    return value


def _types(schema: dict[str, Any]) -> list[str]:
    found = schema.get("type", [])
    return [found] if isinstance(found, str) else list(found)


def _schema() -> dict[str, Any]:
    """Return the schema of a configuration, with the names of all models and attentions."""
    schema: dict[str, Any] = copy.deepcopy(load_schema("benchmark_config"))
    keys = schema["properties"]
    keys["model"] = {"enum": model_names()}
    attentions = keys["attention"]["enum"]
    attentions += plugin_names(ATTENTION, tuple(attentions))
    return schema


def names() -> list[str]:
    """Return the names of the configurations shipped with the tool."""
    folder = importlib.resources.files("rsitmd_tools.baselines.configs")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith("yaml"))


def _read(name: str) -> dict[str, Any]:
    if name in names():
        folder = importlib.resources.files("rsitmd_tools.baselines.configs")
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            missing = isinstance(error, FileNotFoundError)
            raise RsitmdError(
                "unknown configuration" if missing else f"cannot be read ({reason(error)})",
                where=name,
                hint=f"use a YAML file or one of: {', '.join(names())}",
            ) from error
    try:
        document = parse_yaml(text)
    except NotYamlError as error:
        raise RsitmdError(
            f"is not YAML ({error})",
            where=name if error.line is None else f"{name}: line {error.line}",
            hint="fix the file",
        ) from error
    if not isinstance(document, dict):
        raise RsitmdError("contains no keys", where=name, hint="see baselines/configs for examples")
    return document


def _set(document: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise WrongUsage(
            f"invalid value for --set: {change}", hint="use KEY=VALUE, such as margin.value=0.4"
        )
    *sections, last = key.split(".")
    target = document
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise WrongUsage(f"--set {change}: {section} has no keys", hint=f"use {section}=VALUE")
    try:
        target[last] = parse_yaml(value)
    except NotYamlError:
        raise WrongUsage(
            f"--set {change}: {value!r} is not YAML", hint="use a number, a word, true or false"
        ) from None
    if target[last] is None and value.strip().lower() not in ("null", "~"):
        raise WrongUsage(
            f"--set {change}: YAML reads no value",
            hint="put a value that begins with # in quotes, or use null for no value",
        )
