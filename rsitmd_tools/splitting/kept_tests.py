"""``build split --keep``: find the test images of an older release in a workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, rsitmd
from rsitmd_tools.formats.image_list import IMAGE_LIST, ListedImage, read_image_list
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import former_names_of
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.imported import file_checksums
from rsitmd_tools.workspace.scenes import image_places

Found = Mapping[str, Collection[str]]  # name in the release -> names in the workspace


@dataclass(frozen=True, slots=True)
class KeptTests:
    """The test images of an older release that a split puts into test.

    Attributes:
        images: Number of test images of the release.
        missing: Number of those that the workspace never had.
        by_name: Whether they were found by their file names, because the release does not list
            the checksums of its images.
    """

    images: int
    missing: int
    by_name: bool


def find_test_images(workspace: Workspace, release: Path) -> tuple[set[str], KeptTests]:
    """Find the test images of a release in a workspace.

    They are found by the checksums of their sources. File names are no evidence: another
    workspace gives them to other images.

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
    listed = _listed(dataset)
    found = _by_name(workspace, tested) if listed is None else _by_content(workspace, listed)
    names = {name for image in tested for name in found.get(image, ())}
    if not names:
        raise RsitmdError(
            f"none of its test images ({len(tested)}) is in the workspace",
            where=release,
            hint="use --keep with a release of these images, or ingest its sources first",
        )
    missing = sum(not found.get(image) for image in tested)
    return names, KeptTests(len(tested), missing, by_name=listed is None)


def _listed(dataset: Dataset) -> list[ListedImage] | None:
    """Return the image list of a release; None for a dataset without one."""
    file = dataset.source.parent / IMAGE_LIST
    # Other layouts can have a table of this name.
    is_release = dataset.format == rsitmd.FORMAT.name and file.is_file()
    return read_image_list(file) if is_release else None


def _by_content(workspace: Workspace, listed: Sequence[ListedImage]) -> Found:
    """Find images by their sources, or by the released files if those were ingested."""
    of: dict[tuple[str, str], set[str]] = defaultdict(set)
    stored = stored_images(workspace, removed=True)
    for filename, sha256 in file_checksums(workspace, stored).items():
        of[sha256, ""].add(filename)
    for place in image_places(workspace, removed=True):
        if place.scene is not None and place.window is not None:
            of[place.scene.sha256, " ".join(map(str, place.window))].add(place.filename)
    none: set[str] = set()
    return {
        image.filename: of.get((image.source_sha256, ""), none)
        | of.get((image.source_sha256, image.window), none)
        | of.get((image.sha256, ""), none)
        for image in listed
    }


def _by_name(workspace: Workspace, tested: Collection[str]) -> Found:
    """Find images by their current and former file names."""
    current = {image.filename for image in stored_images(workspace, removed=True)}
    former = former_names_of(workspace)
    return {name: current & {name, former.get(name, name)} for name in tested}
