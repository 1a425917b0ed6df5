"""TREC run files, for other evaluation tools.

A line ``query Q0 item rank score tag``, the best 100 of each query; relevance judgements
as ``query 0 item 1``. An image is identified by its name, a text by ``name#place`` (its place
in the sentences of its image, from 0). Both are percent-encoded, as a space would end the
field.

Other tools order items of equal score in their own way, so their figures differ from ours
if there are ties; see docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.positives import Relevant

DEPTH = 100
TAG = "rsitmd-tools"


def write_run_files(
    scores: npt.NDArray[np.floating[Any]], gallery: Gallery, relevant: Relevant, folder: Path
) -> list[Path]:
    """Write ``{image_to_text,text_to_image}.{run,qrels}`` into a folder.

    Args:
        scores: ``(N, M)`` of the gallery.
        gallery: Names of images and texts.
        relevant: The relevant items of each image and each text.
        folder: The folder; it is created if it does not exist.

    Raises:
        RsitmdError: A file cannot be written.
    """
    images = [quote(image.filename, safe="") for image in gallery.part]
    texts = [
        f"{images[owner]}#{place}"
        for owner, place in zip(gallery.owners, gallery.places, strict=True)
    ]
    written = []
    for way, matrix, queries, items, judged in (
        ("image_to_text", scores, images, texts, relevant.to_images),
        ("text_to_image", scores.T, texts, images, relevant.to_texts),
    ):
        for ending, lines in (
            ("run", _run(matrix, queries, items)),
            ("qrels", _judgements(queries, items, judged)),
        ):
            file = folder / f"{way}.{ending}"
            with atomic_path(file) as partial, partial.open("w", encoding="utf-8") as stream:
                stream.writelines(lines)
            written.append(file)
    return written


def _run(
    scores: npt.NDArray[np.floating[Any]], queries: Sequence[str], items: Sequence[str]
) -> Iterator[str]:
    for query, row in zip(queries, scores, strict=True):
        best = nearest(row, DEPTH)
        for rank, item in enumerate(best, 1):
            yield f"{query} Q0 {items[item]} {rank} {float(row[item])!r} {TAG}\n"


def _judgements(
    queries: Sequence[str], items: Sequence[str], judged: Sequence[Sequence[int]]
) -> Iterator[str]:
    for query, relevant in zip(queries, judged, strict=True):
        for item in sorted(relevant):
            yield f"{query} 0 {items[item]} 1\n"


def nearest(row: npt.NDArray[np.floating[Any]], count: int) -> npt.NDArray[np.intp]:
    """Return the indices of the highest scores, the highest first, equal ones by index."""
    if count >= len(row):
        return np.argsort(-row, kind="stable")
    last = np.partition(row, len(row) - count)[len(row) - count]
    above = np.flatnonzero(row > last)
    equal = np.flatnonzero(row == last)[: count - len(above)]
    chosen = np.sort(np.concatenate([above, equal]))
    return chosen[np.argsort(-row[chosen], kind="stable")]
