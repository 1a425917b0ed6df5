"""A release as one tar file, with the same bytes on every machine."""

from __future__ import annotations

import tarfile
from pathlib import Path

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.progress import track


def write_tar(folder: Path, target: Path) -> None:
    """Write the files of a folder to a tar file, below the name of the folder.

    Times, owners and modes are constant, and the files are sorted by name.

    Raises:
        RsitmdError: The file cannot be written.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    with (
        atomic_path(target) as partial,
        tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in track(files, "tar", len(files)):
            entry = tarfile.TarInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}")
            entry.size, entry.mode = file.stat().st_size, 0o644
            with file.open("rb") as stream:
                tar.addfile(entry, stream)
