"""D104: a file in the image folder without a record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

SUFFIXES = frozenset((".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".jp2"))


@rule("D104", "extra-file", "warning")
def extra_file(subject: Subject) -> Iterator[Violation]:
    """The image folder holds an image without a record.

    The image was forgotten, or its record was lost. Loaders that list the folder read it.

    Bad:
        images/port_2.tif, and no "port_2.tif" in the file
    Good:
        a record for each image
    Fix:
        Add a record, or remove the file.
    """
    folder = subject.dataset.image_folder
    if folder is None:
        return
    named = {name for image in subject.dataset for name in (image.filename, image.location)}
    # Names, because a path for each file would take several times as long.
    extra = []
    for where, _, files in os.walk(folder):
        below = Path(where).relative_to(folder).as_posix()
        start = "" if below == "." else f"{below}/"
        extra += [name for file in files if (name := start + file) not in named]
    for path in sorted(map(PurePosixPath, extra)):
        # Beside each file on a disk of another system, macOS puts one with "._".
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("._"):
            yield Violation(f"{path} is in the image folder but has no record")
