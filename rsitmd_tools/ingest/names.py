"""The file names of images: numbers by category, none of them given twice."""

from __future__ import annotations

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import former_names, removed_keys
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.imported import reserved_numbers


class Names:
    """The names that images have, had or will have.

    Attributes:
        known: File name and category by the SHA-256 that identifies an image, removed ones too.
        removed: The SHA-256 of the removed images.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.known: dict[str, tuple[str, str]] = {}
        self.removed = removed_keys(workspace.db)
        self._numbers: dict[str, int] = {}
        self._taken = {name.casefold() for name in former_names(workspace.db)}
        for image in stored_images(workspace, removed=True):
            self.known[image.sha256] = (image.filename, image.category)
            self._taken.add(image.filename.casefold())
            self._reach(image.category, image.number)
        for category, number in reserved_numbers(workspace):
            self._reach(category, number)

    def give(self, sha256: str, category: str) -> tuple[str, int]:
        """Return the file name and the number of a new image."""
        number = self._numbers.get(category, 0) + 1
        while (filename := f"{category}_{number}.tif") in self._taken:
            number += 1
        self._numbers[category] = number
        self._taken.add(filename)
        self.known[sha256] = (filename, category)
        return filename, number

    def _reach(self, category: str, number: int) -> None:
        self._numbers[category] = max(self._numbers.get(category, 0), number)
