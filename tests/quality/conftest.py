"""Datasets in memory and on disk, and a check of one rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.workspace import Settings
from rsitmd_tools.workspace.settings import load_settings

FIVE = (
    "Two white boats lie at the grey pier.",
    "A pair of vessels waits beside a long jetty.",
    "The harbour holds two ships next to the lawn.",
    "Beside the green meadow two yachts are moored.",
    "There are two pale watercraft on the blue water.",
)


def record(
    name: str = "port_1.tif",
    sentences: Sequence[str | Sentence] = FIVE,
    keywords: Sequence[str] = ("white boat", "- pier"),
    split: str | None = None,
    **extra: Any,
) -> ImageRecord:
    """An image that breaks no rule, unless told to."""
    return ImageRecord(
        name,
        tuple(Sentence(s) if isinstance(s, str) else s for s in sentences),
        tuple(keywords),
        split,
        extra.pop("category", name.rpartition("_")[0] or None),
        extra,
    )


def dataset(*images: ImageRecord, folder: Path | None = None, name: str = "test") -> Dataset:
    """A dataset in memory."""
    return Dataset(name, images, Path("memory"), "memory", folder)


def document(*entries: dict[str, Any]) -> dict[str, Any]:
    """A dataset_RSITMD.json that fits its schema, its images changed by ``entries``."""
    images = []
    for number, entry in enumerate(entries):
        sentences = [
            {
                "raw": raw,
                "tokens": raw.lower().replace(".", " .").split(),
                "imgid": number,
                "sentid": 5 * number + k,
            }
            for k, raw in enumerate(FIVE)
        ]
        images.append(
            {
                "filename": f"port_{number + 1}.tif",
                "imgid": number,
                "split": "train",
                "category": "port",
                "sentences": sentences,
                "sentids": [s["sentid"] for s in sentences],
                "keywords": ["white boat"],
                **entry,
            }
        )
    return {"dataset": "test", "images": images}


Found = Callable[..., list[Finding]]


@pytest.fixture
def found() -> Found:
    """A function that returns the findings of one rule."""

    def run(code: str, data: Dataset, settings: str = "", **options: Any) -> list[Finding]:
        chosen = Settings()
        if settings:
            file = options.pop("folder") / "rsitmd.toml"
            file.write_text(settings, encoding="utf-8")
            chosen = load_settings(file)
        chosen = replace(chosen, validate=replace(chosen.validate, select=(code,)))
        return [f for f in check(data, chosen, **options) if f.code == code]

    return run


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], Dataset]:
    """A function that writes a JSON document and reads it as a dataset."""

    def write(content: Any) -> Dataset:
        file = tmp_path / "dataset_RSITMD.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return load_dataset(file)

    return write
