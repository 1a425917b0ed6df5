"""``build split --keep``: find the test images of an older release in a workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, rsitmd
from rsitmd_tools.formats.image_list import IMAGE_LIST, read_image_list
from rsitmd_tools.formats.source_places import source_window
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import former_names_of
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.imported import file_checksums
from rsitmd_tools.workspace.scenes import Scene, Window, central_window, image_places

MOST_PIXELS = 2**31  # no raster has a side of so many
Found = Mapping[str, Collection[str]]  # name in the release -> names in the workspace


@dataclass(frozen=True, slots=True)
class KeptTests:
    """The test images of an older release that a split puts into test.

    Attributes:
        images: Number of test images of the release.
        missing: Number of those that the workspace never had.
        by_name: Whether they were found by their file names, because the release does not list
            the checksums of its images.
        data_sha256: Checksum of the release, as in its ``release.json``.
    """

    images: int
    missing: int
    by_name: bool
    data_sha256: str


def find_test_images(workspace: Workspace, release: Path) -> tuple[set[str], KeptTests]:
    """Find the test images of a release in a workspace.

    They are found by the checksums of their sources. File names are no evidence: another
    workspace gives them to other images. If a source is cut in another way now, its images that
    have pixels in common with a test image are found.

    Args:
        workspace: The workspace.
        release: The release, or a dataset in any other layout.

    Returns:
        The file names in the workspace, those of removed images too, and what was found.

    Raises:
        RsitmdError: The release cannot be read, has no test images, or none of them is in the
            workspace.
    """
    dataset = load_dataset(release)
    tested = {image.filename for image in dataset if image.split == "test"}
    if not tested:
        raise RsitmdError(
            "has no test images", where=release, hint="use --keep with a release that was split"
        )
    file = dataset.source.parent / IMAGE_LIST
    # Other layouts can have a table of this name.
    is_release = dataset.format == rsitmd.FORMAT.name and file.is_file()
    found = _by_content(workspace, file, tested) if is_release else _by_name(workspace, tested)
    names = {name for image in tested for name in found.get(image, ())}
    if not names:
        raise RsitmdError(
            f"none of its test images ({len(tested)}) is in the workspace",
            where=release,
            hint="use --keep with a release of these images, or ingest its sources first",
        )
    missing = sum(not found.get(image) for image in tested)
    return names, KeptTests(len(tested), missing, not is_release, dataset.checksum())


def _by_content(workspace: Workspace, file: Path, tested: Collection[str]) -> Found:
    """Find images by their sources, or by the released files if those were ingested."""
    known = _KnownSources(workspace)
    found = {}
    for image in read_image_list(file):
        if image.filename in tested:
            window = None
            if image.window:
                where = f"{file}: {image.filename}"
                window = source_window(image.window.split(" "), where)
            sources = known.images(image.source_sha256, window), known.images(image.sha256)
            found[image.filename] = set().union(*sources)
    return found


class _KnownSources:
    """The sources of the images of a workspace, those of removed images too."""

    def __init__(self, workspace: Workspace) -> None:
        self._files: dict[str, set[str]] = defaultdict(set)
        stored = stored_images(workspace, removed=True)
        for filename, sha256 in file_checksums(workspace, stored).items():
            self._files[sha256].add(filename)
        self._scenes: dict[str, Scene] = {}
        self._names: dict[str, list[str]] = defaultdict(list)
        windows: dict[str, list[Window]] = defaultdict(list)
        for place in image_places(workspace, removed=True):
            if place.scene is not None and place.window is not None:
                sha256 = place.scene.sha256
                self._scenes[sha256] = place.scene
                self._names[sha256].append(place.filename)
                windows[sha256].append(place.window)
        self._windows = {sha256: np.array(found) for sha256, found in windows.items()}

    def images(self, source: str, window: Window | None = None) -> set[str]:
        """Return the images of a whole source, and those of a window in it.

        If the source is cut into other windows now, these are those with common pixels.

        Args:
            source: SHA-256 of the source.
            window: The window; None for the central square of the source.
        """
        files = self._files.get(source, set())
        if source not in self._windows or (files and window is None):
            return files
        known, names = self._windows[source], self._names[source]
        wanted = _square(self._scenes[source]) if window is None else window
        chosen = (known == wanted).all(axis=1)
        if not chosen.any():
            start, size = np.array(wanted[:2]), np.array(wanted[2:])
            before_end = known[:, :2] < start + size
            chosen = (before_end & (start < known[:, :2] + known[:, 2:])).all(axis=1)
        return files | {names[index] for index in np.flatnonzero(chosen)}


def _square(scene: Scene) -> Window:
    """Return the window of a whole image; it has all pixels if the size is not known."""
    return central_window(scene.width or MOST_PIXELS, scene.height or MOST_PIXELS)


def _by_name(workspace: Workspace, tested: Collection[str]) -> Found:
    """Find images by their current and former file names."""
    current = {image.filename for image in stored_images(workspace, removed=True)}
    former = former_names_of(workspace)
    return {name: current & {name, former.get(name, name)} for name in tested}
