"""Published figures, for a column of their own."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.errors import WrongUsage

# The settings that distinguish the rows of the paper's tables from each other, and from models
# that the paper did not train. The configurations contain all that the paper states.
MODEL_KEYS = {"amfmn": ("multiscale", "attention", "text"), "scan": ("scan",), "mtfn": ("mtfn",)}
COMMON_KEYS = ("text_weights", "model", "query", "loss", "negatives", "mask_equal", "margin")


@dataclass(frozen=True, slots=True)
class Published:
    """The published figures of one dataset.

    Attributes:
        dataset: Its name here, such as ``ucm``.
        source: The publication.
        conditions: The conditions of these figures.
        rows: Each with ``table``, ``name``, ``config`` and ``mean_recall``.
    """

    dataset: str
    source: str
    conditions: str
    rows: tuple[Mapping[str, Any], ...]

    def row_of(self, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the row of a configuration, or None."""
        # Keys that an older version did not have get their defaults.
        whole = {**Config().as_dict(), **settings}
        for row in self.rows:
            if _holds(whole, _distinctive(row["config"])):
                return row
        return None

    def row_of_model(self, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the first row of the same model whatever its margin is, or None.

        A row with the same loss comes before others.
        """
        whole = {**Config().as_dict(), **settings}
        keys = ("model", "query", "text_weights", *MODEL_KEYS.get(whole["model"], ()))
        for compared in ((*keys, "loss"), keys):
            for row in self.rows:
                expected = _distinctive(row["config"])
                if _holds(whole, {key: expected.get(key) for key in compared}):
                    return row
        return None


def datasets() -> list[str]:
    """Return the names of the datasets with published figures."""
    return list(_document()["datasets"])


def find_published(
    name: str | None, data: str, gallery: Mapping[str, int]
) -> tuple[Published | None, str | None]:
    """Return the published figures of a dataset, if its gallery is that of the publication.

    Args:
        name: A name of :func:`datasets`, ``none``, or None: the one that is part of the
            dataset's name.
        data: Name of the dataset.
        gallery: ``images`` and ``texts``.

    Returns:
        The figures, and a note if they are left out although a reader may expect them.

    Raises:
        WrongUsage: The name is unknown.
    """
    known = datasets()
    if name is not None and name not in (*known, "none"):
        raise WrongUsage(
            f"no published figures for {name!r}", hint=f"known: {', '.join(known)}, none"
        )
    wanted = name or next((each for each in known if each in data.lower()), "none")
    if wanted == "none":
        return None, None
    document = _document()
    entry = document["datasets"][wanted]
    if dict(gallery) != entry["gallery"]:
        sizes = entry["gallery"]
        return None, (
            f"published figures of {wanted} left out: their gallery has {sizes['images']} images "
            f"and {sizes['texts']} texts"
        )
    rows = tuple(entry["rows"])
    return Published(wanted, document["source"], document["conditions"], rows), None


def _holds(settings: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    return all(
        _holds(settings.get(key) or {}, value)
        if isinstance(value, Mapping)
        else settings.get(key) == value
        for key, value in expected.items()
    )


@cache
def _document() -> dict[str, Any]:
    folder = importlib.resources.files("rsitmd_tools.baselines.evaluation")
    file = folder / "published.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


@cache
def _distinctive(config: str) -> dict[str, Any]:
    """Return the settings that distinguish a shipped configuration from the others."""
    settings = load_config(config).as_dict()
    keys = (*COMMON_KEYS, *MODEL_KEYS.get(settings["model"], ()))
    found = {key: settings[key] for key in keys}
    if settings["text"] != "sentence" or settings["query"] != "sentence":
        found["keywords"] = settings["keywords"]
    kind = settings["margin"]["kind"]
    unused = ("value",) if kind == "dynamic" else ("gamma", "beta")
    found["margin"] = {k: v for k, v in settings["margin"].items() if k not in unused}
    return found
