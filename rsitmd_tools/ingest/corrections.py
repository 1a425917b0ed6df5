"""``build remove``: images taken out of the dataset, and put back.

Each correction first gives the files a second name, then changes the rows in one transaction, then
takes the old names away. So an image has its file at every moment, and a command that was killed
can be run again. Source files are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.ingest.places import add_name, removed_places, rendition
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import (
    ImageState,
    category_counts,
    find_image,
    names_of,
    remove_image,
    restore_image,
)


@dataclass(slots=True)
class Corrected:
    """The result of a correction.

    Attributes:
        changed: ``{"image", "before", "after"}`` of each changed image: file names or categories.
        unchanged: Images that were so already.
        missing_files: Restored images whose file is not in ``removed/`` any more.
        categories: Number of images in the dataset by category.
    """

    changed: list[dict[str, str]] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    missing_files: list[str] = field(default_factory=list)
    categories: dict[str, int] = field(default_factory=dict)


def remove(workspace: Workspace, names: Sequence[str], reason: str) -> Corrected:
    """Take images out of the dataset.

    Their rows, texts and splits stay, so that everything else stays where it is. Their files are
    moved to ``removed/``, and their renditions are deleted.

    Args:
        workspace: A workspace opened for writing.
        names: File names of the images.
        reason: The reason, for the history.

    Raises:
        RsitmdError: An image does not exist.
        WrongUsage: The reason is empty.
    """
    if not reason.strip():
        raise WrongUsage("a removal requires a reason", hint="add one with --reason TEXT")
    images = find_images(workspace, names)
    result = Corrected()
    for image in images:
        for shown, hidden in removed_places(workspace, image):
            add_name(shown, hidden)
    with workspace.transaction() as db:
        for image in images:
            if image.reason is not None:
                result.unchanged.append(image.filename)
                continue
            remove_image(db, image, reason.strip())
            result.changed.append(_entry(image, image.category, "removed"))
    for image in images:
        for shown, _ in removed_places(workspace, image):
            shown.unlink(missing_ok=True)
        for name in names_of(workspace.db, image):  # tasks can still show a former name
            rendition(workspace, name).unlink(missing_ok=True)
    return with_counts(workspace, result)


def restore(workspace: Workspace, names: Sequence[str], reason: str = "") -> Corrected:
    """Put removed images back into the dataset, with their texts and splits.

    Args:
        workspace: A workspace opened for writing.
        names: File names of the images.
        reason: The reason, for the history.

    Raises:
        RsitmdError: An image does not exist.
    """
    images = find_images(workspace, names)
    result = Corrected()
    for image in images:
        for shown, hidden in removed_places(workspace, image):
            add_name(hidden, shown)
    with workspace.transaction() as db:
        for image in images:
            if image.reason is None:
                result.unchanged.append(image.filename)
                continue
            restore_image(db, image, reason.strip())
            result.changed.append(_entry(image, "removed", image.category))
    for image in images:
        for _, hidden in removed_places(workspace, image):
            hidden.unlink(missing_ok=True)
        if not (workspace.images / image.filename).exists():
            result.missing_files.append(image.filename)
    return with_counts(workspace, result)


def find_images(workspace: Workspace, names: Sequence[str]) -> list[ImageState]:
    """Return images by their file names, with or without ``.tif``, each once.

    Raises:
        RsitmdError: The workspace has no image of one of the names.
    """
    found = [find_image(workspace, name) for name in names]
    return list({image.row: image for image in found}.values())


def _entry(image: ImageState, before: str, after: str) -> dict[str, str]:
    return {"image": image.filename, "before": before, "after": after}


def with_counts(workspace: Workspace, result: Corrected) -> Corrected:
    """Return a result with the number of images of each category."""
    result.categories = dict(category_counts(workspace.db))
    return result
