"""Members of tar files: read safely, written with the same bytes each time."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.dataset.locations import Member, leads_out
from rsitmd_tools.errors import RsitmdError, reason

MAX_BYTES = 1_000_000_000
MAX_SAMPLES = 10_000


def members_of(file: Path) -> Iterator[tuple[str, Member]]:
    """Yield the name and the place of each file in a tar file.

    Nothing is extracted. Folders are ignored.

    Raises:
        RsitmdError: The file is not a whole, uncompressed tar file, or a member is a link or a
            device, or its name leads out of the folder.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            for info in archive:
                if info.isdir():
                    continue
                if leads_out(info.name):
                    raise _refused(file, info.name, "has a name that leads out of the folder")
                if not info.isreg() or info.issparse():
                    raise _refused(file, info.name, f"is {_kind(info)}, not a plain file")
                yield info.name, Member(file, info.offset_data, info.size)
            _check_end(file, archive.offset)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise RsitmdError(
            f"is not a readable tar file ({reason(error)})",
            where=file,
            hint="restore the file; a compressed one must be decompressed first",
        ) from error


def _check_end(file: Path, end: int) -> None:
    """Check that no members follow; tarfile stops without an error at a damaged header."""
    with file.open("rb") as stream:
        stream.seek(end)
        if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise ValueError(f"it is damaged at byte {end}")


def _refused(file: Path, name: str, what: str) -> RsitmdError:
    return RsitmdError(f"member {name!r} {what}", where=file, hint="remove it from the tar file")


def _kind(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "a link"
    if info.ischr() or info.isblk() or info.isfifo():
        return "a device"
    return "a sparse file" if info.issparse() else "of an unknown type"


class ShardWriter:
    """Writes samples into numbered tar files of limited size.

    The bytes depend only on the samples: members have no time, owner or user permissions.

    Args:
        folder: Folder of the tar files.
        prefix: Beginning of their names.
        max_bytes: A new file begins after this number of bytes.
        max_samples: A new file begins after this number of samples.
    """

    def __init__(
        self,
        folder: Path,
        prefix: str,
        max_bytes: int = MAX_BYTES,
        max_samples: int = MAX_SAMPLES,
    ) -> None:
        self._folder, self._prefix = folder, prefix
        self._max_bytes, self._max_samples = max_bytes, max_samples
        self._shards = self._samples = self._bytes = 0
        self._archive: tarfile.TarFile | None = None
        self._open = ExitStack()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, key: str, fields: dict[str, bytes]) -> None:
        """Add a sample: a member ``<key>.<suffix>`` for each field."""
        if self._samples >= self._max_samples or self._bytes >= self._max_bytes:
            self._open.close()
            self._archive = None
        archive = self._archive or self._next()
        for suffix, data in fields.items():
            info = tarfile.TarInfo(f"{key}.{suffix}")
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
            self._bytes += len(data)
        self._samples += 1

    def _next(self) -> tarfile.TarFile:
        file = self._folder / f"{self._prefix}-{self._shards:06d}.tar"
        self._open = ExitStack()
        partial = self._open.enter_context(atomic_path(file))
        self._archive = self._open.enter_context(
            tarfile.open(partial, "w:", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        )
        self._shards += 1
        self._samples = self._bytes = 0
        return self._archive
