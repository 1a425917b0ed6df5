"""Numbers that others printed, for a column of their own."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.errors import WrongUsage

# What tells the rows of the paper's tables apart, and from what the paper did not train: of its
# loss it says no more than the configurations hold.
OF_AMFMN = ("multiscale", "attention", "text")
OF_ALL = ("model", "query", "loss", "negatives", "mask_equal", "margin")


@dataclass(frozen=True, slots=True)
class Published:
    """The numbers of one dataset.

    Attributes:
        dataset: Its name here, such as ``ucm``.
        source: Where they were printed.
        conditions: How they came about.
        rows: ``table``, ``name``, ``config``, ``mean_recall`` each.
    """

    dataset: str
    source: str
    conditions: str
    rows: tuple[Mapping[str, Any], ...]

    def row_of(self, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the row that settings stand for, or None."""
        # A key that an earlier version did not know had its default.
        whole = {**Config().as_dict(), **settings}
        for row in self.rows:
            if _holds(whole, _told_by(row["config"])):
                return row
        return None


def datasets() -> list[str]:
    """Return the names of the datasets that numbers were printed for."""
    return list(_document()["datasets"])


def find_published(
    name: str | None, data: str, gallery: Mapping[str, int]
) -> tuple[Published | None, str | None]:
    """Return the numbers of a dataset, if its gallery is the one they were printed for.

    Args:
        name: A name of :func:`datasets`, ``none``, or None: the one that the dataset's own
            name holds.
        data: Name of the dataset.
        gallery: ``images`` and ``texts``.

    Returns:
        The numbers, and why there are none where a reader may expect some.

    Raises:
        WrongUsage: There is no such name.
    """
    known = datasets()
    if name is not None and name not in (*known, "none"):
        raise WrongUsage(
            f"nothing published is known of {name!r}", hint=f"known: {', '.join(known)}, none"
        )
    wanted = name or next((each for each in known if each in data.lower()), "none")
    if wanted == "none":
        return None, None
    document = _document()
    entry = document["datasets"][wanted]
    if dict(gallery) != entry["gallery"]:
        sizes = entry["gallery"]
        return None, (
            f"published numbers of {wanted} left out: their gallery has {sizes['images']} images "
            f"and {sizes['texts']} texts"
        )
    rows = tuple(entry["rows"])
    return Published(wanted, document["source"], document["conditions"], rows), None


def _holds(settings: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    return all(
        _holds(settings.get(key) or {}, value)
        if isinstance(value, Mapping)
        else settings.get(key) == value
        for key, value in told.items()
    )


@cache
def _document() -> dict[str, Any]:
    folder = importlib.resources.files("rsitmd_tools.baselines.evaluation")
    file = folder / "published.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


@cache
def _told_by(config: str) -> dict[str, Any]:
    """Return the settings by which a configuration shipped is told from the others."""
    settings = load_config(config).as_dict()
    keys = (*OF_ALL, *(OF_AMFMN if settings["model"] == "amfmn" else ()))
    told = {key: settings[key] for key in keys}
    kind = settings["margin"]["kind"]
    unused = ("value",) if kind == "dynamic" else ("gamma", "beta")
    told["margin"] = {k: v for k, v in settings["margin"].items() if k not in unused}
    return told
