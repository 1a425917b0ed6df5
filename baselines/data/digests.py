"""SHA-256 of image files; a file that did not change is read only once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from rsitmd_tools.atomic import remove_leftovers, write_text
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.hashing import sha256_file, sha256_files, sha256_lines
from rsitmd_tools.progress import progress

# A file may change twice within one tick of its clock: what is younger is read again.
SETTLED_NS = 2_000_000_000
State = tuple[int, int, int]


def file_digests(paths: Sequence[Path], folder: Path) -> list[str]:
    """Return the SHA-256 of files.

    Checksums are kept with size and times of the files, so that files that did not change are
    not read again. If the folder cannot be written to, nothing is kept.

    Args:
        paths: The files.
        folder: Folder of the kept checksums.

    Raises:
        RsitmdError: A file cannot be read.
    """
    names = [str(path.absolute()) for path in paths]
    file = folder / f"{sha256_lines(names)[:32]}.json"
    known = _read(file)
    now = time.time_ns()
    entries: dict[str, tuple[State, str]] = {}
    unread: list[tuple[str, Path, State]] = []
    for name, path in zip(names, paths, strict=True):
        state = _state(path)
        entry = known.get(name)
        if entry is not None and entry[0] == state:
            entries[name] = entry
        else:
            unread.append((name, path, state))
    with progress("checksums of images", len(unread)) as step:
        for name, path, state in unread:
            entries[name] = state, _digest(path)
            step()
    if unread:
        settled = {n: entry for n, entry in entries.items() if max(entry[0][1:]) < now - SETTLED_NS}
        _write(file, settled)
    return [entries[name][1] for name in names]


def _state(path: Path) -> State:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> RsitmdError:
    return RsitmdError(f"cannot be read ({reason(error)})", where=path, hint="restore the file")


def _read(file: Path) -> dict[str, tuple[State, str]]:
    """Read kept checksums; a file that is absent or damaged has none."""
    try:
        document = json.loads(file.read_bytes())
        return {
            str(name): ((int(size), int(changed), int(created)), str(digest))
            for name, (size, changed, created, digest) in document.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, entries: dict[str, tuple[State, str]]) -> None:
    try:
        remove_leftovers(file)
        write_text(file, json.dumps({name: [*s, digest] for name, (s, digest) in entries.items()}))
    except RsitmdError:
        return  # The next search reads the files again.


def images_checksum(dataset: Dataset) -> str:
    """Return the SHA-256 over the checksums of a dataset's image files, in order.

    Raises:
        RsitmdError: An image is missing or cannot be read; the message contains its path.
    """
    paths = [dataset.image_path(image) for image in dataset]
    key = hashlib.sha256()
    for path, found in zip(paths, sha256_files(paths), strict=True):
        if isinstance(found, OSError):
            raise RsitmdError(
                f"cannot be read ({reason(found)})", where=path, hint="restore the file"
            ) from found
        key.update(found.encode())
    return key.hexdigest()
