"""Scores of anybody's own model, from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.schemas import first_error, load_schema

Scores = npt.NDArray[np.floating[Any]]


def read_scores(file: Path, gallery: Gallery) -> Scores:
    """Read the scores of a gallery's images (rows) with its texts (columns).

    The file holds a row an image and a column a sentence of the split, in the order of the
    dataset, blank sentences and images without any included. Beside it, FILE.json may name
    them: ``{"images": [name, ...], "texts": [[name, place], ...]}`` (place of the sentence
    among those of its image, from 0); rows and columns are then found by name.

    Returns:
        ``(N, M)``, float32 or float64, of the gallery. Infinite ones are kept: -inf, as masks
        leave it, stands below every number and equals itself.

    Raises:
        RsitmdError: The file is absent, no array of numbers, of another shape, holds NaN, or
            names other images or texts.
    """
    try:
        scores = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RsitmdError(
            f"is no array that can be read safely ({reason(error)})",
            where=file,
            hint="write it with numpy.save, as an array of numbers",
        ) from error
    if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "fiub":
        raise RsitmdError(
            "holds no numbers", where=file, hint="write one array of floats with numpy.save"
        )
    named = file.with_suffix(".json")
    if named.exists():
        rows, columns, expected = _by_name(named, gallery)
    else:
        rows, columns = gallery.rows, gallery.columns
        expected = (len(gallery.asked), len(gallery.asked.captions()))
    if scores.shape != expected:
        turned = scores.shape == expected[::-1]
        raise RsitmdError(
            f"is {' x '.join(map(str, scores.shape))}, there are {expected[0]} images and "
            f"{expected[1]} sentences",
            where=file,
            hint="turn it: images are rows, sentences columns"
            if turned
            else "score every image of the split with every sentence",
        )
    dtype = scores.dtype if scores.dtype in (np.float32, np.float64) else np.float64
    taken = np.asarray(scores[np.ix_(rows, columns)], dtype)
    gallery.check_numbers(taken, str(file), "give every pair a number, a masked one -inf")
    return taken


def _by_name(file: Path, gallery: Gallery) -> tuple[Indices, Indices, tuple[int, int]]:
    """Return the gallery's rows and columns, and the shape that the names ask for."""
    document = _names(file)
    images = _places(file, "images", document["images"])
    texts = _places(file, "texts", [tuple(text) for text in document["texts"]])
    names = [image.filename for image in gallery.part]
    wanted = [
        (names[owner], place)
        for owner, place in zip(gallery.owners.tolist(), gallery.places.tolist(), strict=True)
    ]
    absent = [name for name in names if name not in images]
    absent += [
        f"sentence {place + 1} of {name} (as {json.dumps([name, place])})"
        for name, place in wanted
        if (name, place) not in texts
    ]
    if absent:
        raise RsitmdError(
            f"{len(absent)} images or sentences of the split are not named, such as {absent[0]}",
            where=file,
            hint="name every row and column",
        )
    rows = np.array([images[name] for name in names])
    columns = np.array([texts[key] for key in wanted])
    return rows, columns, (len(images), len(texts))


def _names(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = load_document(file)
    problem = first_error(document, load_schema("benchmark_scores"))
    if problem is not None:
        raise RsitmdError(f"{problem.key}: {problem.message}", where=file, hint=problem.hint)
    return document


def _places(file: Path, key: str, names: list[Any]) -> dict[Any, int]:
    places = {name: place for place, name in enumerate(names)}
    if len(places) != len(names):
        raise RsitmdError(f"{key} holds a name twice", where=file, hint="name each once")
    return places
