"""The dataset in a report: statistics, sentence lengths, thumbnails."""

from __future__ import annotations

import base64
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.baselines.data.digests import images_checksum
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.imaging.pixels import rgb_image
from rsitmd_tools.progress import track

Pixels = npt.NDArray[np.uint8]

SIDE = 160
QUALITY = 78


@dataclass(frozen=True, slots=True)
class ShownData:
    """The dataset that a report shows.

    Attributes:
        dataset: The dataset.
        statistics: From ``dataset_statistics``.
        lengths: ``(tokens, sentences of that length)``.
        checksum: Checksum of the data.
    """

    dataset: Dataset
    statistics: Mapping[str, Any]
    lengths: Sequence[tuple[int, int]]
    checksum: str


def find_data(
    given: Path | None,
    runs: Iterable[EvaluatedRun],
    input_format: str | None = None,
    image_folder: Path | None = None,
) -> ShownData | None:
    """Return the dataset to show.

    Args:
        given: The dataset passed by the user.
        input_format: Its format; recognised by default.
        image_folder: The folder of its images, if it is not beside it.
        runs: Without ``given``, the first dataset recorded in a run that still exists
            unchanged.

    Raises:
        RsitmdError: ``given`` cannot be read.
    """
    if given is not None:
        return _shown(load_dataset(given, input_format, image_folder))
    recorded = next(_recorded(runs, set()), None)
    return None if recorded is None else _shown(recorded)


def find_others(
    shown: ShownData | None, given: Sequence[Path], runs: Iterable[EvaluatedRun]
) -> list[Dataset]:
    """Return the datasets beside the one that a report shows, each once.

    Args:
        shown: Result of :func:`find_data`.
        given: Further datasets passed by the user.
        runs: Runs whose recorded datasets are returned too, where they still exist unchanged.

    Raises:
        RsitmdError: One of ``given`` cannot be read.
    """
    if shown is None:
        return []
    known = {shown.checksum}
    found = []
    for dataset in map(load_dataset, given):
        if dataset.checksum() not in known:
            known.add(dataset.checksum())
            found.append(dataset)
    return [*found, *_recorded(runs, known)]


def _recorded(runs: Iterable[EvaluatedRun], known: set[str]) -> Iterator[Dataset]:
    """Yield the datasets of runs that still exist unchanged, except those of known checksums."""
    for run in runs:
        checksum = run.result["data_sha256"]
        if checksum in known or run.data_path is None or not run.data_path.exists():
            continue
        try:
            dataset = load_dataset(run.data_path)
        except RsitmdError:
            continue  # It was moved or changed; another run may have recorded a readable one.
        if dataset.checksum() == checksum:
            known.add(checksum)
            yield dataset


def has_other_images(run: EvaluatedRun, dataset: Dataset) -> bool:
    """Return whether the image files of a dataset are not those of an evaluation.

    False if the evaluation did not record them, or if they cannot be read.
    """
    recorded: str | None = run.result.get("images_sha256")
    if recorded is None or dataset.image_folder is None:
        return False
    try:
        # The images that were in the gallery.
        shown = [
            image
            for image in dataset.select(run.result["split"])
            if any(raw.strip() for raw in image.captions)
        ]
        return images_checksum(dataset.with_images(shown)) != recorded
    except RsitmdError:
        return False


def small_images(dataset: Dataset, names: Iterable[str]) -> dict[str, Pixels]:
    """Return small images ``(H, W, 3)`` by file name.

    A missing or damaged image has none, nor have different images with one name.
    """
    requested = set(names)
    places: dict[str, dict[str, ImageRecord]] = defaultdict(dict)
    for image in dataset:
        if image.filename in requested:
            places[image.filename].setdefault(image.location, image)
    found: dict[str, Pixels] = {}
    unique = [next(iter(of.values())) for of in places.values() if len(of) == 1]
    for image in track(unique, "pictures"):
        try:
            small = rgb_image(dataset.image_path(image))
        except RsitmdError:
            continue
        small.thumbnail((SIDE, SIDE))
        found[image.filename] = np.asarray(small)
    return found


def jpeg(pixels: Pixels) -> str:
    """Return an image ``(H, W, 3)`` as a JPEG data URI."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def pictures(dataset: Dataset, names: Iterable[str]) -> dict[str, str]:
    """Return thumbnails of images as JPEG data URIs, by file name.

    A missing or damaged image has none: the page shows its name instead.
    """
    return {name: jpeg(pixels) for name, pixels in small_images(dataset, names).items()}


def _shown(dataset: Dataset) -> ShownData:
    from rsitmd_tools.quality import dataset_statistics
    from rsitmd_tools.text.tokens import tokenize

    lengths = Counter(len(tokenize(caption)) for caption in dataset.captions())
    return ShownData(
        dataset=dataset,
        statistics=dataset_statistics(dataset),
        lengths=sorted(lengths.items()),
        checksum=dataset.checksum(),
    )
