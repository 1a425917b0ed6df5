"""Configurations: YAML files checked by a schema, changed by ``--set KEY=VALUE``."""

from __future__ import annotations

import contextlib
import copy
import importlib.resources
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.plugins import ATTENTION, BASELINES, plugin_names
from rsitmd_tools.schemas import first_error, load_schema


@dataclass(frozen=True, slots=True)
class Margin:
    """Margin of the triplet loss; ``gamma`` and ``beta`` belong to the dynamic one."""

    kind: str = "fixed"
    value: float = 0.2
    gamma: float = 0.6
    beta: float = 5.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that decides a run, besides the data.

    Attributes:
        model: ``amfmn``, ``vsepp`` or ``clip``.
        attention: Visual-guided attention of AMFMN: none, soft, fusion, similarity,
            elementwise.
        multiscale: Whether the image is F_v, salient by MVSA, or v(g).
        text: What a text is to AMFMN: its sentence, its keywords, both by one weight, or
            both by vgmf.
        query: What a query is made of: sentence, keywords, both.
        keywords: Those ``given`` by the dataset, or ``derived`` from the sentences.
        backbone: A timm name (of CLIP: a name of open_clip, or a JSON file of its kind).
        weights: A file of backbone weights; random weights without one.
        freeze_backbone: Train the head alone, on features computed once.
        views: Of each image with a frozen backbone: of the eight rotations and flips.
        freeze_batch_norm: Keep the statistics of batch normalisation as they are.
        image_size: Side of the images the model sees.
        captions: ``one`` of each image an epoch, or ``all``.
        dropout: Of words and of the pooled features.
        backbone_lr: Rate of the backbone, ``lr`` without one.
        schedule: The rate falls in steps (``lr_decay`` each ``lr_decay_epochs``) or by a
            cosine to zero.
        patience: Epochs without a better validation recall before an early stop; 0: never.
        precision: ``auto`` is mixed where the device has it.
        loss: ``triplet`` or ``infonce``.
        temperature: Of InfoNCE.
        negatives: ``sum`` over all of the batch, or the ``hardest``.
        folds: With ``folds`` above 0, the images of train and val are dealt into that many
            parts by the seed, and part ``fold`` is the validation part.
        validate: Hold out a part that chooses the epoch. Without one train and val are both
            learned from and the last epoch is kept: for settings that were chosen before.
        mask_equal: Leave out a negative whose sentence is equal to one of the image's own.
    """

    model: str = "amfmn"
    attention: str = "fusion"
    multiscale: bool = True
    text: str = "sentence"
    query: str = "sentence"
    keywords: str = "given"
    backbone: str = "resnet18"
    weights: str | None = None
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

    def __post_init__(self) -> None:
        if not self.validate and (self.patience or self.folds):
            raise WrongUsage(
                "validate=false leaves nothing for patience or folds to look at",
                hint="leave them out, or set validate=true",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as it stands in RUN/config.yaml."""
        return asdict(self)


def load_config(name: str, changes: Sequence[str] = ()) -> Config:
    """Load a configuration by name or file.

    Args:
        name: A name shipped with the tool, such as ``amfmn-fusion``, or a YAML file.
        changes: ``KEY=VALUE`` entries; keys of a section by dots: ``margin.value=0.4``.

    Raises:
        RsitmdError: There is no such name or file, or it does not fit the schema; the key
            is named.
    """
    document = _read(name)
    for change in changes:
        _set(document, change)
    return config_from(document, name)


def config_from(document: Any, where: str) -> Config:
    """Build a checked configuration from plain data."""
    problem = first_error(document, _schema())
    if problem is not None:
        raise RsitmdError(f"{problem.key}: {problem.message}", where=where, hint=problem.hint)
    given = dict(document)
    if "precision" in given:
        given["precision"] = str(given["precision"])  # YAML reads 32 as a number
    margin = Margin(**given.pop("margin", {}))
    return Config(**given, margin=margin)


def _schema() -> dict[str, Any]:
    """Return the schema of a configuration, with the models and attentions of other packages."""
    schema: dict[str, Any] = copy.deepcopy(load_schema("benchmark_config"))
    for key, group in (("model", BASELINES), ("attention", ATTENTION)):
        known = schema["properties"][key]["enum"]
        known += [name for name in plugin_names(group) if name not in known]
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
            raise RsitmdError(
                f"is no configuration ({reason(error)})",
                where=name,
                hint=f"name a YAML file or one of: {', '.join(names())}",
            ) from error
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RsitmdError(
            f"is not YAML ({reason(error)})", where=name, hint="mend that line"
        ) from error
    if not isinstance(document, dict):
        raise RsitmdError("holds no keys", where=name, hint="see baselines/configs for examples")
    return document


def _set(document: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise WrongUsage(f"--set {change}", hint="write KEY=VALUE, such as margin.value=0.4")
    *sections, last = key.split(".")
    place = document
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise WrongUsage(f"--set {change}: {section} is no section")
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise WrongUsage(f"--set {change}: {value!r} is no value") from None
    # YAML 1.1 reads 1e-4 as a string; nobody means one.
    if isinstance(place[last], str):
        with contextlib.suppress(ValueError):
            place[last] = float(place[last])
