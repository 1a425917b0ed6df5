"""What the page shows: a dataset, one or two runs, and perhaps a scene."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.localisation.locate import SceneOptions, check_scene
from rsitmd_tools.baselines.serving.pictures import below_saliency, jpeg, picture
from rsitmd_tools.baselines.serving.scene_view import SceneView
from rsitmd_tools.baselines.serving.shown_run import ShownRun
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import WrongUsage

MOST_RUNS = 2
KEPT_PICTURES = 2048  # of about 20 KB
EXAMPLES = 3


def is_encodable(text: str) -> bool:
    """Return whether a text can be in a page: JSON can have halves of surrogate pairs."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class Site:
    """All that the pages need; everything slow is done when it is made.

    Args:
        folders: One or two runs.
        dataset: The images, including those without sentences.
        scene: A scene to locate in, or None.
        options: How the scene is read and cut.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Attributes:
        dataset: The images.
        runs: The runs.
        scene: The scene, or None.
        categories: Number of images of each category whose name can be in a page.
        key: Part of the addresses of pictures, which browsers keep; another one at each start.

    Raises:
        WrongUsage: There are no runs, or more than two.
        RsitmdError: A run, the dataset, the scene or the device cannot be used.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        dataset: Dataset,
        scene: Path | None = None,
        options: SceneOptions | None = None,
        *,
        device: str,
    ) -> None:
        if not 0 < len(folders) <= MOST_RUNS:
            raise WrongUsage(f"{len(folders)} runs are given", hint="pass one or two runs")
        self.dataset = dataset
        rows: dict[str, list[int]] = {"": list(range(len(dataset)))}
        for index, image in enumerate(dataset):
            if image.category and is_encodable(image.category):
                rows.setdefault(image.category, []).append(index)
        within = {name: np.array(found, np.intp) for name, found in rows.items()}
        self.categories = {name: len(found) for name, found in sorted(rows.items()) if name}
        options = options or SceneOptions()
        # Images are encoded in minutes: what is wrong with a run or the scene is found before.
        searchers = [Searcher(folder, dataset, device) for folder in folders]
        if scene is not None:
            check_scene(scene, options)
        self.runs = [ShownRun(searcher, within) for searcher in searchers]
        if len({run.name for run in self.runs}) < len(self.runs):
            for run in self.runs:
                run.name = str(run.folder)
        self.scene = None
        if scene is not None:
            self.scene = SceneView(scene, options, folders, device)
        self.key = secrets.token_hex(6)
        self.picture = lru_cache(KEPT_PICTURES)(self._picture)
        self.saliency = lru_cache(KEPT_PICTURES)(self._saliency)

    def examples(self) -> list[str]:
        """Return a few sentences of the dataset, to start with."""
        found: dict[str, None] = {}
        step = max(1, len(self.dataset) // EXAMPLES)
        for image in self.dataset.images[::step]:
            usable = [raw for raw in image.captions if raw.strip() and is_encodable(raw)]
            found.update(dict.fromkeys(usable[:1]))
        return list(found)[:EXAMPLES]

    def _picture(self, index: int) -> bytes:
        """Return an image of the dataset as a small JPEG file.

        Raises:
            RsitmdError: It cannot be read.
        """
        return jpeg(picture(self.dataset.image_path(self.dataset.images[index])))

    def _saliency(self, run: int, index: int) -> bytes:
        """Return an image below the saliency map of a run, as a small JPEG file.

        Raises:
            RsitmdError: It cannot be read, or the model has no saliency maps.
        """
        salient = self.runs[run].saliency(index)
        path = self.dataset.image_path(self.dataset.images[index])
        return jpeg(below_saliency(picture(path), salient))
