"""D112: a file name that leads out of the image folder."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.dataset.locations import leads_out
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D112", "unsafe-name", "error")
def unsafe_name(subject: Subject) -> Iterator[Violation]:
    """A file name leads out of the image folder or contains control characters.

    Such a name is absolute, has a drive or "..", or is a link to a file elsewhere.
    A program that joins such a name to a folder reads or writes files elsewhere.

    Bad:
        "../../etc/passwd", "/home/me/port_1.tif", "C:\\port_1.tif"
    Good:
        "port_1.tif", "port/1.tif"
    Fix:
        Rename the file.
    """
    folder = subject.dataset.image_folder
    base = folder.resolve() if folder is not None else None
    for image in subject.dataset:
        name = image.location
        if not name.isprintable():
            yield Violation("invisible characters in the file name", image)
        elif leads_out(name):
            yield Violation("file name leads out of the image folder", image)
        elif base is not None:
            try:
                # Only a link or a folder can lead elsewhere; to resolve each path takes longer.
                plain = "/" not in name and not (base / name).is_symlink()
                inside = plain or (base / name).resolve().is_relative_to(base)
            except PermissionError:
                continue  # the rule missing-file reports it
            except (OSError, ValueError, RuntimeError):
                yield Violation("invalid image file name", image)
                continue
            if not inside:
                yield Violation("file name is a link that leads out of the image folder", image)
