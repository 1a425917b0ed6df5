"""The measures of imported images, kept so that the next release need not decode them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from rsitmd_tools.imaging.known_pictures import KnownPicture, KnownPictures
from rsitmd_tools.imaging.measures import Lines, lines_of, picture_of
from rsitmd_tools.workspace import Workspace

MANY = 1024  # images that are kept at once, which bounds the memory
MODE = "RGB"  # of every normalised image


class MeasuredFile(NamedTuple):
    """The file of a normalised image: SHA-256 of its bytes, and its measures."""

    sha256: str
    known: KnownPicture


def measured_file(data: bytes, pixel_sha256: str, grey: Image.Image, lines: Lines) -> MeasuredFile:
    """Measure an image as a release does that decodes its file.

    Args:
        data: The bytes of the file, which is lossless.
        pixel_sha256: SHA-256 of the RGB pixels.
        grey: The image in grey.
        lines: Thresholds of the rules.
    """
    picture = picture_of(Path(), grey, MODE, lines)
    return MeasuredFile(hashlib.sha256(data).hexdigest(), KnownPicture(pixel_sha256, picture))


class Measures:
    """Keeps the measures of the images that are imported into a workspace.

    What cannot be kept, or is lost by a kill, is measured by the next release.

    Args:
        workspace: The workspace.

    Attributes:
        lines: Thresholds of the rules, which the measures depend on.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.lines = lines_of(workspace.settings.validate.thresholds)
        self._known = KnownPictures(workspace.images, self.lines)
        self._waiting: dict[str, KnownPicture] = {}

    def add(self, measured: MeasuredFile | None) -> None:
        """Keep the measures of a file that the workspace gets; None if it was not measured."""
        if measured is not None:
            self._waiting[measured.sha256] = measured.known
        if len(self._waiting) >= MANY:
            self.write()

    def write(self) -> None:
        """Write the measures that were added since the last call."""
        self._known.add(self._waiting)
        self._waiting = {}
