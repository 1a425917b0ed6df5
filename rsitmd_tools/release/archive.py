"""A release as one tar file, with the same bytes on every machine."""

from __future__ import annotations

import filecmp
import tarfile
from pathlib import Path

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import track


def tar_of(folder: Path) -> Path:
    """Return the tar file of a release, beside its folder."""
    return folder.with_name(f"{folder.name}.tar")


def check_tar(folder: Path) -> None:
    """Check that the tar file of a release that does not exist yet replaces no file.

    Raises:
        RsitmdError: The tar file exists.
    """
    if not folder.exists() and tar_of(folder).exists():
        raise _exists(tar_of(folder))


def write_tar(folder: Path, target: Path, *, replace: bool = False) -> None:
    """Write the files of a folder to a tar file, below the name of the folder.

    Times, owners and modes are constant, and the files are sorted by name.

    Args:
        folder: The folder.
        target: The tar file.
        replace: Whether an existing file with other contents is replaced.

    Raises:
        RsitmdError: The file exists with other contents, or cannot be written.
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
        tar.close()
        if not replace and target.exists() and not filecmp.cmp(partial, target, shallow=False):
            raise _exists(target)


def _exists(target: Path) -> RsitmdError:
    return RsitmdError(
        "already exists",
        where=target,
        hint="move it away, or replace it with --force",
    )
