"""``benchmark locate``: where a large scene contains what a sentence describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.device import accelerator, check_device
from rsitmd_tools.baselines.evaluation.scoring import Encoded, encode_texts, score
from rsitmd_tools.baselines.integrity import check_run, file_checksums
from rsitmd_tools.baselines.localisation.ground_truth import Truth
from rsitmd_tools.baselines.localisation.heat_map import (
    MEDIAN,
    HeatMap,
    Scores,
    best_slices,
    heat_map,
    is_flat,
)
from rsitmd_tools.baselines.localisation.scene_reader import MIN_VALID
from rsitmd_tools.baselines.localisation.selo_metrics import SeloMetrics, measure
from rsitmd_tools.baselines.localisation.slice_features import (
    Features,
    slice_features,
    slice_store,
)
from rsitmd_tools.baselines.localisation.slices import SCALES, Slice, fitting_scales, slices_of
from rsitmd_tools.baselines.run import ModelOnUse, Run, read_checkpoint
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions
from rsitmd_tools.imaging.raster import Raster, open_raster
from rsitmd_tools.imaging.source import scene_sha256
from rsitmd_tools.ingest.footprints import Georeference, georeference
from rsitmd_tools.ingest.plan import TURN_UPRIGHT, TURNED, check_scene_size, is_turned

EQUAL = "all places fit the sentence equally: the map is 0 everywhere"
FILTERED = (
    f"places that fit better are too small for the median filter of {MEDIAN} pixels: the map is 0"
    " everywhere; see the scores of the windows"
)


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """How a scene is read and cut.

    Attributes:
        scales: Sizes of the slices in pixels.
        bands: Bands and values.
        outside: Whether a VRT may read files outside of its folder.
    """

    scales: tuple[int, ...] = SCALES
    bands: BandOptions = DEFAULTS
    outside: bool = False


@dataclass(frozen=True)
class Scene:
    """A scene whose slices are encoded.

    Attributes:
        path: The file.
        width: In pixels.
        height: In pixels.
        options: How it was read.
        placed: Its georeference, or None.
        slices: N slices.
        features: ``(N, d) float32``; NaN for slices with too few valid pixels.
        sha256: Of the scene.
        weights: SHA-256 of the checkpoint.
        notes: What a user should know of it.
    """

    path: Path
    width: int
    height: int
    options: SceneOptions
    placed: Georeference | None
    slices: Sequence[Slice]
    features: Features
    sha256: str
    weights: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Location:
    """The result of a query.

    Attributes:
        scene: The scene.
        text: The sentence.
        heat: The map.
        windows: The best slices, best first.
        scores: The scores of these.
        metrics: SeLo's metrics, or None without ground truth.
        truth: The ground truth, or None.
        notes: Notes for the user.
    """

    scene: Scene
    text: str
    heat: HeatMap
    windows: Sequence[Slice]
    scores: Sequence[float]
    metrics: SeloMetrics | None = None
    truth: Truth | None = None
    notes: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the content of ``--json``, without the files."""
        return {
            "scene": str(self.scene.path),
            "text": self.text,
            "windows": [
                {"x": one.x, "y": one.y, "size": one.size, "score": score}
                for one, score in zip(self.windows, self.scores, strict=True)
            ],
            "metrics": None if self.metrics is None else self.metrics.document(),
        }


class Locator:
    """A run that answers queries; a server keeps it, so that only the first query loads it.

    If the slices of a scene are in the cache, the model is loaded without its image parts.

    Args:
        folder: RUN.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        RsitmdError: The run cannot be used, or the device is not available.
    """

    def __init__(self, folder: Path, device: str) -> None:
        check_device(device, 1)
        run = Run(folder)
        self.folder = folder
        self.config = run.config()
        if not run.best.is_file():
            read_checkpoint(run.best)  # Report the missing checkpoint.
        checksums = file_checksums(run)
        manifest = check_run(run, self.config, checksums)
        files = manifest.get("files") or checksums
        self._weights = str(files[run.best.relative_to(folder).as_posix()])
        self._files = sorted(f"{name} {checksum}" for name, checksum in files.items())
        self._device = torch.device(accelerator(device))
        self._loaded = ModelOnUse(run, self._device)

    @property
    def model(self) -> RetrievalModel:
        """The whole model."""
        return self._loaded.model(whole=True)

    def scene(self, path: Path, options: SceneOptions | None = None) -> Scene:
        """Cut a scene and encode its slices, or read them from the cache.

        Raises:
            RsitmdError: The scene cannot be read, is too small, or has no valid pixel.
        """
        options = options or SceneOptions()
        with opened_scene(path, options) as raster:
            scales = fitting_scales(raster.width, raster.height, options.scales, str(path))
            sha256 = scene_sha256(path, options.outside)
            slices = slices_of(raster.width, raster.height, scales)
            side = self.config.image_size
            store = slice_store([*self._files, sha256, options.bands, scales, side, MIN_VALID])
            features = slice_features(
                lambda: self.model, raster, slices, side, options.bands, store
            )
            placed = georeference(raster)
            size = raster.width, raster.height
        if np.isnan(features).all():
            raise RsitmdError(
                "has no slice with enough valid pixels (the others are nodata or masked)",
                where=path,
                hint="use another scene or other --bands",
            )
        self._loaded.load()  # The first query of a server does not wait for it.
        return Scene(
            path, *size, options, placed, slices, features, sha256, self._weights,
            (*_notes(options, scales, placed), *store.notes),
        )  # fmt: skip

    def locate(
        self, scene: Scene, text: str, count: int = 5, truth: Truth | None = None
    ) -> Location:
        """Find what a sentence describes in a scene.

        Args:
            scene: Result of :meth:`scene`.
            text: The sentence.
            count: Maximum number of windows.
            truth: Polygons against which the map is measured.

        Raises:
            WrongUsage: The sentence is blank.
            RsitmdError: The model's score is NaN, or the polygons cannot be measured.
        """
        check_text(text)
        scores = self.scores(scene, text)
        tokenizer = self._loaded.tokenizer()
        heat = heat_map(scene.slices, scores, scene.width, scene.height)
        best = best_slices(scene.slices, scores, count)
        notes = [*tokenizer.unread(text), *scene.notes]
        if not heat.values.any():
            flat = is_flat(float(np.nanmin(scores)), float(np.nanmax(scores)))
            notes.append(EQUAL if flat else FILTERED)
        metrics = None
        if truth is not None:
            metrics = measure(heat, truth)
            notes += truth.notes
        windows, found = [scene.slices[n] for n in best], [float(scores[n]) for n in best]
        return Location(scene, text, heat, windows, found, metrics, truth, notes)

    def scores(self, scene: Scene, text: str) -> Scores:
        """Return the score of each slice, ``(N,)``; NaN for those with too few valid pixels.

        Raises:
            RsitmdError: The model's score of a valid slice is NaN.
        """
        valid = ~np.isnan(scene.features).any(axis=1)
        model, tokenizer = self._loaded.load()
        images = torch.from_numpy(scene.features[valid]).to(self._device)
        texts, first = encode_texts(model, tokenizer, [text])
        found = score(model, Encoded([images], texts, first))[:, 0]
        if np.isnan(found).any():
            raise RsitmdError(
                "the model's score is NaN", where=self.folder, hint="train the run again"
            )
        scores = np.full(len(scene.slices), np.nan)
        scores[valid] = found
        return scores


def locate(
    folder: Path,
    path: Path,
    text: str,
    *,
    options: SceneOptions | None = None,
    count: int = 5,
    truth: Path | None = None,
    device: str = "auto",
) -> Location:
    """Find what a sentence describes in a scene; see :class:`Locator`.

    Args:
        folder: RUN.
        path: The scene.
        text: The sentence.
        options: How the scene is read and cut.
        count: Maximum number of windows.
        truth: GeoJSON with polygons, or an ``anno.json`` of SeLo.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        WrongUsage: The sentence is blank.
        RsitmdError: The run, the scene, the polygons or the device cannot be used.
    """
    from rsitmd_tools.baselines.localisation.ground_truth import read_truth

    check_text(text)
    options = options or SceneOptions()
    # Slices are encoded in minutes: what is wrong with the polygons is found before.
    with opened_scene(path, options) as raster:
        polygons = None if truth is None else read_truth(truth, path, raster, text)
    locator = Locator(folder, device)
    return locator.locate(locator.scene(path, options), text, count, polygons)


def check_text(text: str) -> None:
    """Check that a sentence has text.

    Raises:
        WrongUsage: It is blank.
    """
    if not text.strip():
        raise WrongUsage("the query is empty", hint="set one with --text")


def check_scene(path: Path, options: SceneOptions) -> None:
    """Check that a scene can be read and cut, before slices are encoded.

    Raises:
        RsitmdError: It cannot, or it is too small.
    """
    with opened_scene(path, options) as raster:
        fitting_scales(raster.width, raster.height, options.scales, str(path))


@contextmanager
def opened_scene(path: Path, options: SceneOptions) -> Iterator[Raster]:
    """Open a scene.

    Raises:
        RsitmdError: It cannot be read, or its pixels are stored turned.
    """
    try:
        with open_raster(path, options.outside) as raster:
            check_scene_size(raster)
            if is_turned(path, raster):
                raise RsitmdError(TURNED, where=path, hint=TURN_UPRIGHT)
            yield raster
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=path, hint="check the path"
        ) from error
    except UnusableImageError as error:
        raise RsitmdError(str(error), where=path, hint="use another scene") from error


def _notes(
    options: SceneOptions, scales: Sequence[int], placed: Georeference | None
) -> Iterator[str]:
    larger = [str(scale) for scale in options.scales if scale not in scales]
    if larger:
        yield f"slices of {' and '.join(larger)} pixels are larger than the scene: not used"
    if placed is None:
        yield "the scene has no CRS: all coordinates are its pixels"
