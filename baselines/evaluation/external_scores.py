"""Scores of other models, read from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.errors import RsitmdError, count_of, reason
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.schemas import first_error, load_schema

Scores = npt.NDArray[np.floating[Any]]


def read_scores(file: Path, gallery: Gallery) -> Scores:
    """Read the scores of a gallery's images (rows) with its texts (columns).

    The file has one row an image and one column a sentence of the split, in the order of the
    dataset, including blank sentences and images without sentences. FILE.json beside it can
    list them in another order: ``{"images": [name, ...], "texts": [[name, place], ...]}``,
    where the place is that of the sentence in its image, from 0. Rows and columns are then
    found by name.

    Returns:
        ``(N, M)``, float32 or float64, of the gallery. Infinite scores are kept: -inf, as masks
        use it, is below every number and equal to itself.

    Raises:
        RsitmdError: The file does not exist, is not an array of numbers, has another shape,
            contains NaN, or lists other images or texts.
    """
    try:
        scores = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RsitmdError(
            # numpy's message recommends to load pickled objects.
            "is not a .npy file of numbers"
            if isinstance(error, ValueError)
            else f"cannot be read ({reason(error)})",
            where=file,
            hint="save the scores as an array of floats with numpy.save",
        ) from error
    if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "fiub":
        raise RsitmdError(
            "is not an array of numbers",
            where=file,
            hint="write one array of floats with numpy.save",
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
            f"has shape {' x '.join(map(str, scores.shape))}, expected {expected[0]} images x "
            f"{expected[1]} sentences",
            where=file,
            hint="transpose it: images are rows, sentences are columns"
            if turned
            else "score every image of the split with every sentence",
        )
    dtype = scores.dtype if scores.dtype in (np.float32, np.float64) else np.float64
    taken = np.asarray(scores[np.ix_(rows, columns)], dtype)
    gallery.check_numbers(
        taken, str(file), "set a number for every pair; use -inf for masked pairs"
    )
    return taken


def _by_name(file: Path, gallery: Gallery) -> tuple[Indices, Indices, tuple[int, int]]:
    """Return the gallery's rows and columns, and the shape that the lists of names require."""
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
            f"does not list {count_of(len(absent), 'item')} of the split, such as {absent[0]}",
            where=file,
            hint="list every row and column",
        )
    rows = np.array([images[name] for name in names])
    columns = np.array([texts[key] for key in wanted])
    return rows, columns, (len(images), len(texts))


def _names(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = load_document(file)
    problem = first_error(document, load_schema("benchmark_scores"))
    if problem is not None:
        raise RsitmdError(
            f"is not a list of the images and texts of the scores ({problem.key}:"
            f" {problem.message})",
            where=file,
            hint="move it away if the scores are in the order of the dataset",
        )
    return document


def _places(file: Path, key: str, names: list[Any]) -> dict[Any, int]:
    places = {name: place for place, name in enumerate(names)}
    if len(places) != len(names):
        raise RsitmdError(f"{key}: contains a name twice", where=file, hint="list each name once")
    return places
