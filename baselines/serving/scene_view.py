"""A scene on the page: where a sentence fits, and pictures of any part of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.localisation.locate import (
    Location,
    Locator,
    SceneOptions,
    opened_scene,
)
from rsitmd_tools.baselines.localisation.map_files import coloured
from rsitmd_tools.baselines.localisation.slices import Slice
from rsitmd_tools.baselines.serving.pictures import jpeg
from rsitmd_tools.baselines.serving.request import LocateRequest
from rsitmd_tools.imaging.limits import MIN_SIDE

LONGEST = 1000  # side of a picture in pixels
KEPT = 16  # parts of the scene, of up to 3 MB each, and maps of queries
CLOSER = 2  # how much a step of the zoom enlarges


@dataclass(frozen=True, slots=True)
class View:
    """The part of a scene that is shown, in its pixels.

    Attributes:
        x: First column.
        y: First row.
        width: Columns.
        height: Rows.
    """

    x: int
    y: int
    width: int
    height: int

    def changes(self) -> dict[str, int]:
        """Return the fields of a request that show this part."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height}


class SceneView:
    """A scene whose slices are encoded by each run.

    Args:
        path: The scene.
        options: How it is read and cut.
        folders: The runs.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Attributes:
        name: Name of the file.
        width: In pixels.
        height: In pixels.

    Raises:
        RsitmdError: A run or the scene cannot be used, or the device is not available.
    """

    def __init__(
        self, path: Path, options: SceneOptions, folders: Sequence[Path], device: str
    ) -> None:
        self._path, self._options = path, options
        with opened_scene(path, options) as raster:
            self._limits = raster.value_range(options.bands)
        self._locators = [Locator(folder, device) for folder in folders]
        self._scenes = [locator.scene(path, options) for locator in self._locators]
        self.name = path.name
        self.width, self.height = self._scenes[0].width, self._scenes[0].height
        self._locating = threading.Lock()
        self._kept = lru_cache(KEPT)(self._locate)
        self._pixels = lru_cache(KEPT)(self._read)
        self._pixels(self.whole())  # A large scene without overviews takes seconds.

    def whole(self) -> View:
        """Return the view of the whole scene."""
        return View(0, 0, self.width, self.height)

    def view(self, request: LocateRequest) -> View:
        """Return the part that a request shows; one of fewer than 16 pixels becomes larger."""
        width, height = request.width or self.width, request.height or self.height
        return self._inside(request.x, request.y, max(width, MIN_SIDE), max(height, MIN_SIDE))

    def zoomed(self, view: View, share: float) -> View:
        """Return a view with the same centre, enlarged or reduced; it stays in the scene."""
        width, height = (max(MIN_SIDE, round(side * share)) for side in (view.width, view.height))
        x, y = view.x + (view.width - width) // 2, view.y + (view.height - height) // 2
        return self._inside(x, y, width, height)

    def around(self, window: Slice) -> View:
        """Return a view of a window and its surroundings, half a window on each side."""
        half = window.size // 2
        return self._inside(window.x - half, window.y - half, 2 * window.size, 2 * window.size)

    def moved(self, view: View, right: int, down: int) -> View:
        """Return a view moved by half of its size, once or not in each direction."""
        x, y = view.x + right * view.width // 2, view.y + down * view.height // 2
        return self._inside(x, y, view.width, view.height)

    def _inside(self, x: int, y: int, width: int, height: int) -> View:
        width, height = min(width, self.width), min(height, self.height)
        x, y = (
            max(0, min(at, whole - side))
            for at, whole, side in ((x, self.width, width), (y, self.height, height))
        )
        return View(x, y, width, height)

    def locate(self, request: LocateRequest) -> Location:
        """Find what the sentence of a request describes.

        Raises:
            WrongUsage: The sentence is blank.
            RsitmdError: The model's score is NaN.
        """
        # One at a time: the page and its picture ask for the same map.
        with self._locating:
            return self._kept(request.run, request.text, request.k)

    def _locate(self, run: int, text: str, count: int) -> Location:
        return self._locators[run].locate(self._scenes[run], text, count)

    def picture(self, request: LocateRequest) -> bytes:
        """Return the part of the scene that a request shows, below its map, as a JPEG file.

        Raises:
            RsitmdError: The scene cannot be read any more.
        """
        view = self.view(request)
        pixels, valid = self._pixels(view)
        if request.blank or request.plain:
            return jpeg(pixels)
        heat = self.locate(request).heat
        part = heat.part(view.x, view.y, view.width, view.height)
        return jpeg(coloured(pixels, heat.values, heat.covered, part, valid))

    def _read(self, view: View) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        share = min(1.0, LONGEST / max(view.width, view.height))
        size = max(1, round(view.width * share)), max(1, round(view.height * share))
        window = (view.x, view.y, view.width, view.height)
        with opened_scene(self._path, self._options) as raster:
            return raster.read_rgb(window, size, self._options.bands, self._limits)
