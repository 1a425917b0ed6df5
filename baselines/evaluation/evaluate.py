"""``benchmark evaluate``: what a run reaches on a split."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.evaluation.recall import KS, Hits, bootstrap, chance, hits
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file

EXAMPLES = 6
FOUND = 5


def evaluate(folder: Path, dataset: Dataset, split: str = "test") -> dict[str, Any]:
    """Evaluate the best model of a run and write RUN/result.json and RUN/examples.json.

    Args:
        folder: RUN.
        dataset: The dataset; images without sentences are left out and counted.
        split: The split.

    Returns:
        The result, under ``schemas/benchmark_result.schema.json``; recalls in percent.

    Raises:
        RsitmdError: The run is unfinished or its files do not fit each other; the split
            does not exist or has fewer than two images with sentences.
    """
    run = Run(folder)
    model, vocabulary, config = run.load()
    asked = dataset.select(split)
    part = asked.with_images(i for i in asked if any(c.strip() for c in i.captions))
    if len(part) < 2:
        raise RsitmdError(
            f"split {split!r} has {len(part)} images with sentences",
            where=dataset.source,
            mend="evaluate on two or more",
        )
    with tempfile.TemporaryDirectory() as scratch:
        pixels = decode_images(part, config.image_size, Path(scratch) / "images.npy")
        keywords = vocabulary.keywords_of(part)
        scores = score_matrix(model, vocabulary, pixels, part.captions(), keywords)
    about = run.about()
    result = {
        **recalls(scores, np.array(part.caption_owners()), config.seed),
        "metric": "hit rate: a query counts when one relevant item is among the first K",
        "unit": "percent",
        "gallery": {"images": len(part), "texts": len(part.captions())},
        "images_without_sentences": len(asked) - len(part),
        "split": split,
        "data": dataset.name,
        "data_sha256": dataset.checksum(),
        "trained_on_this_data": about["data_sha256"] == dataset.checksum(),
        "training_data_sha256": about["data_sha256"],
        "prior": about["prior"],
        "model": config.model,
        "seed": config.seed,
        "weights": about["weights"],
        "settings": config.as_dict(),
        "checkpoint_sha256": sha256_file(run.best),
        "versions": versions(),
        "machine": machine(),
    }
    write_json(run.result_file, result)
    write_json(run.examples_file, examples(scores, part))
    return result


def recalls(
    scores: npt.NDArray[np.floating[Any]], owners: npt.NDArray[np.integer[Any]], seed: int
) -> dict[str, Any]:
    """Return the recalls of a score matrix in percent, with intervals, bounds and chance.

    Args:
        scores: ``(N, M)``, images in rows.
        owners: ``(M,)``, the index of each text's image.
        seed: Seed of the bootstrap.
    """
    ids = np.arange(len(scores))
    to_text = hits(scores, ids, owners)
    to_image = hits(scores.T, owners, ids)
    interval = bootstrap(to_text.expected, to_image.expected, owners, seed).round(4).tolist()
    texts_of = np.bincount(owners, minlength=len(scores))
    by_chance = np.concatenate(
        [chance(texts_of, len(owners)), chance(np.ones(len(owners), int), len(scores))]
    )

    def directions(values: npt.NDArray[np.floating[Any]]) -> dict[str, Any]:
        both = {"image_to_text": values[:3], "text_to_image": values[3:6]}
        return {
            name: {f"r{k}": _round(v) for k, v in zip(KS, six, strict=True)}
            for name, six in both.items()
        }

    def six_of(kind: str) -> npt.NDArray[np.float64]:
        parts = [_values(to_text, kind), _values(to_image, kind)]
        return 100 * np.concatenate([part.mean(0) for part in parts])

    expected = six_of("expected")
    return {
        **directions(expected),
        "mean_recall": _round(expected.mean()),
        "interval": {
            "level": 0.95,
            "method": "bootstrap over images",
            "image_to_text": dict(zip(("r1", "r5", "r10"), interval[:3], strict=True)),
            "text_to_image": dict(zip(("r1", "r5", "r10"), interval[3:6], strict=True)),
            "mean_recall": interval[6],
        },
        "chance": {**directions(by_chance), "mean_recall": _round(by_chance.mean())},
        "ties": {
            kind: {**directions(six_of(kind)), "mean_recall": _round(six_of(kind).mean())}
            for kind in ("pessimistic", "optimistic")
        },
    }


def examples(scores: npt.NDArray[np.floating[Any]], part: Dataset) -> dict[str, Any]:
    """Return a handful of queries spread over the split, with what was found."""
    owners = part.caption_owners()
    captions = part.captions()
    chosen = np.linspace(0, len(part) - 1, min(EXAMPLES, len(part))).round().astype(int)
    first = {owner: column for column, owner in reversed(list(enumerate(owners)))}
    return {
        "text_to_image": [
            {
                "query": captions[first[int(index)]],
                "image": part.images[index].filename,
                "found": [
                    {
                        "image": part.images[row].filename,
                        "score": float(scores[row, first[int(index)]]),
                        "relevant": bool(row == index),
                    }
                    for row in np.argsort(-scores[:, first[int(index)]], kind="stable")[:FOUND]
                ],
            }
            for index in chosen
        ],
        "image_to_text": [
            {
                "image": part.images[index].filename,
                "found": [
                    {
                        "sentence": captions[column],
                        "score": float(scores[index, column]),
                        "relevant": bool(owners[column] == index),
                    }
                    for column in np.argsort(-scores[index], kind="stable")[:FOUND]
                ],
            }
            for index in chosen
        ],
    }


def versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    import importlib.metadata

    names = ("torch", "torchvision", "timm", "lightning", "numpy")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"rsitmd-tools": __version__, "python": platform.python_version(), **found}


def machine() -> dict[str, Any]:
    """Return what the run was made on."""
    import os

    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}


def _values(found: Hits, kind: str) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = getattr(found, kind)
    return values


def _round(value: float) -> float:
    return round(float(value), 4)
