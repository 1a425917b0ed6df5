"""``benchmark report``: runs, curves, queries and statistics in one page."""

from __future__ import annotations

import csv
import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_text
from rsitmd_tools.dataset import Dataset, load_dataset
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.quality import dataset_statistics
from rsitmd_tools.report import figures
from rsitmd_tools.schemas import first_error, load_schema

CATEGORIES_SHOWN = 60


def write_report(runs: Sequence[Path], output: Path, data: Path | None = None) -> None:
    """Write a self-contained page about evaluated runs.

    Args:
        runs: Folders of runs; each must have been evaluated.
        output: The page.
        data: The dataset; by default the one the first run was trained on, where it is
            still there. Without it the page has no pictures.

    Raises:
        RsitmdError: A run is absent, malformed or not evaluated.
    """
    read = [_read_run(folder) for folder in runs]
    dataset = _dataset(data, read[0]["about"])
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = importlib.resources.files(__package__) / "report.html"
    template = environment.from_string(source.read_text(encoding="utf-8"))
    page = template.render(
        version=__version__,
        runs=read,
        curves=figures.curves({run["name"]: run["history"] for run in read}),
        thumbnails=_thumbnails(dataset, read),
        dataset=_about_dataset(dataset),
    )
    write_text(output, page)


def _read_run(folder: Path) -> dict[str, Any]:
    result = _json(folder / "result.json", f"evaluate it: rsitmd benchmark evaluate {folder} PATH")
    problem = first_error(result, load_schema("benchmark_result"))
    if problem is not None:
        raise RsitmdError(
            f"{problem.key}: {problem.message}",
            where=folder / "result.json",
            mend="evaluate the run again",
        )
    return {
        "name": folder.resolve().name,
        "about": _json(folder / "run.json", "train the run again"),
        "result": result,
        "examples": _json(folder / "examples.json", "evaluate the run again"),
        "history": _history(folder / "metrics.csv"),
    }


def _json(file: Path, mend: str) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RsitmdError(f"cannot be read ({reason(error)})", where=file, mend=mend) from error
    if not isinstance(document, dict):
        raise RsitmdError("is not an object", where=file, mend=mend)
    return document


def _history(file: Path) -> list[dict[str, float]]:
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
            keys = ("epoch", "loss", "val_mean_recall")
            return [{key: float(row[key]) for key in keys} for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=file, mend="train the run again"
        ) from error


def _dataset(data: Path | None, about: dict[str, Any]) -> Dataset | None:
    if data is not None:
        return load_dataset(data)
    recorded = Path(str(about.get("data_path", "")))
    return load_dataset(recorded) if recorded.exists() else None


def _thumbnails(dataset: Dataset | None, runs: list[dict[str, Any]]) -> dict[str, str]:
    """Return a small picture of every image the examples name."""
    if dataset is None or dataset.image_folder is None:
        return {}
    wanted = set()
    for run in runs:
        for query in (*run["examples"]["text_to_image"], *run["examples"]["image_to_text"]):
            wanted.add(query["image"])
            wanted.update(found["image"] for found in query["found"] if "image" in found)
    pictures = {}
    for image in dataset:
        if image.filename in wanted:
            with Image.open(dataset.image_path(image)) as opened:
                pictures[image.filename] = figures.thumbnail(opened)
    return pictures


def _about_dataset(dataset: Dataset | None) -> dict[str, Any] | None:
    if dataset is None:
        return None
    from rsitmd_tools.similarity.tokens import tokenize

    statistics = dataset_statistics(dataset)
    lengths = [len(tokenize(caption)) for caption in dataset.captions()]
    counts = statistics["category_counts"]
    return {
        "name": dataset.name,
        "statistics": statistics,
        "categories": figures.bars(dict(list(counts.items())[:CATEGORIES_SHOWN]), "images"),
        "lengths": figures.histogram(lengths, "tokens a sentence"),
    }
