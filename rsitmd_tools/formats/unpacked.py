"""Images inside tar files, as files: for work that reads images by their paths."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rsitmd_tools.atomic import write_error
from rsitmd_tools.dataset.locations import leads_out
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import track


@contextmanager
def image_files(dataset: Dataset) -> Iterator[Dataset]:
    """Yield a dataset whose images are files in a folder, which is removed afterwards.

    A dataset with an image folder, or without images, is yielded as it is. Of another one, the
    images inside tar files are written to a temporary folder. The tar files were checked when they
    were read (:func:`~rsitmd_tools.formats.shards.members_of`), but the names of images come from
    the texts beside them: a name that leads out of the folder is refused here.

    Args:
        dataset: The dataset. Its members stay, as the origin of the files.

    Raises:
        RsitmdError: A name leads out of the folder or two images have one name, a tar file
            cannot be read, or the disk is full.
    """
    if dataset.image_folder is not None or not dataset.members:
        yield dataset
        return
    with tempfile.TemporaryDirectory(prefix="rsitmd-images-") as name:
        folder = Path(name)
        for (_, location), member in track(dataset.members.items(), "unpack"):
            if leads_out(location):
                raise _refused(member.archive, location, "leads out of the folder")
            target, data = folder / location, member.read()
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists() and target.read_bytes() != data:
                    raise _refused(member.archive, location, "is the name of two images")
                target.write_bytes(data)
            except OSError as error:
                raise write_error(target, error) from error
        yield replace(dataset, image_folder=folder)


def _refused(archive: Path, location: str, what: str) -> RsitmdError:
    return RsitmdError(
        f"{location!r} {what}", where=archive, hint="rename the image in its JSON member"
    )
