"""D103: an image of the dataset has no file."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.dataset.records import HIDDEN_FILE, MISSING_FILE
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D103", "missing-file", "error")
def missing_file(subject: Subject) -> Iterator[Violation]:
    """An image has no file in the image folder.

    A training run fails as soon as it reads the image. File names that lead out of the folder
    are reported by `unsafe-name`. Files in a folder without permission are reported too. Datasets
    without an image folder are not checked.

    Bad:
        "port_1.tif" in the file, no images/port_1.tif
    Good:
        a file for each name, in the same case
    Fix:
        Restore the file, or remove the image.
    """
    if subject.dataset.image_folder is None:
        return
    for image in subject.dataset:
        try:
            subject.dataset.image_path(image)
        except RsitmdError as error:
            if error.what == MISSING_FILE:
                yield Violation("the image folder has no file of this name", image)
            elif error.what == HIDDEN_FILE:
                yield Violation(HIDDEN_FILE, image)
