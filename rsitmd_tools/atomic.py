"""Atomic files and folders: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import ctypes
import errno
import functools
import itertools
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.indented import indented

PARTIAL = ".partial-"
REPLACED = ".replaced"
FEW = 8  # up to this number of files, each is synced for itself
FULL = {errno.ENOSPC, errno.EDQUOT}
_names = itertools.count()
_unfinished: set[Path] = set()  # folders that are written now


def sync_path(path: Path) -> None:
    """Make the contents of a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(folder: Path, files: Sequence[Path]) -> None:
    """Make the contents of new files in a folder durable.

    Many files are synced at once, as far as the system can: it writes all that the file system
    holds back, instead of waiting for the disk once per file.
    """
    if len(files) <= FEW or not sync_file_system(folder):
        for file in files:
            sync_path(file)


def sync_file_system(folder: Path) -> bool:
    """Write all that the file system of a folder holds back in memory.

    Returns:
        False if the system cannot do this for one file system.

    Raises:
        OSError: The disk does not take it.
    """
    syncfs = _syncfs()
    if syncfs is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)
    return True


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """Return the function of the C library that syncs a file system (Linux), or None."""
    with suppress(AttributeError, OSError, TypeError):
        function: Callable[[int], int] = ctypes.CDLL(None, use_errno=True).syncfs
        return function
    return None


def check_writable(folder: Path, hint: str) -> None:
    """Check that a folder can be written to or created, before a long computation.

    Args:
        folder: The output folder. It does not have to exist.
        hint: What the user can do if it cannot be written to.

    Raises:
        RsitmdError: The folder cannot be written to.
    """
    existing = folder.absolute()
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        why = errno.ENOTDIR
    elif not os.access(existing, os.W_OK | os.X_OK):
        why = errno.EROFS if os.statvfs(existing).f_flag & os.ST_RDONLY else errno.EACCES
    else:
        return
    what = f"cannot be written ({os.strerror(why).lower()})"
    raise RsitmdError(what, where=folder, hint=hint)


def check_replaceable(target: Path, sources: Iterable[Path], *, result: bool = False) -> None:
    """Check that a folder can be replaced: it contains nothing of what the new one is made of.

    Args:
        target: The folder to replace; it need not exist.
        sources: The files and folders that are read.
        result: Whether ``target`` is an earlier result, which can be in one of these folders
            because it is not read.

    Raises:
        RsitmdError: ``target`` is one of them, contains one or is in one, or the current folder
            is in it.
    """
    if not target.exists():
        return
    found = target.resolve()
    if Path.cwd().is_relative_to(found):
        raise RsitmdError(
            "is or contains the current folder", where=target, hint="use another output folder"
        )
    for source in sources:
        if source.resolve().is_relative_to(found):
            how = "contains"
        elif found.is_relative_to(source.resolve()) and not result:
            how = "is in"
        else:
            continue
        raise RsitmdError(
            f"{how} {source}, which the new folder is made from",
            where=target,
            hint="use another output folder",
        )


def remove_leftovers(target: Path) -> None:
    """Remove the unfinished files of earlier, killed writers of ``target``."""
    if not target.parent.is_dir():
        return
    prefix = _prefix(target)
    for leftover in target.parent.iterdir():
        if not leftover.name.startswith(prefix):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


@contextmanager
def atomic_path(target: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a path beside ``target``; rename it to ``target`` when the block succeeds.

    The file is synced, unless it is inside an unfinished folder of :func:`atomic_folder`, which is
    synced as a whole.

    Args:
        target: The final file. Its folder is created if it does not exist.
        mode: Permissions of the file, set before anything is written.

    Raises:
        RsitmdError: The folder cannot be written to, or the disk is full.
    """
    partial = _partial(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode is not None:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield partial
        alone = _unfinished.isdisjoint(target.parents)
        if alone:
            sync_path(partial)
        partial.replace(target)
        if alone:
            sync_path(target.parent)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        # If the folder does not exist, there is nothing to remove.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a new folder beside ``target``; rename it to ``target`` when the block succeeds.

    Unfinished folders of killed runs are removed first.

    Args:
        target: The final folder.
        replace: Whether the folder may exist. It stays as it is until the new one is complete;
            after a kill in between, the next call puts it back first.

    Raises:
        RsitmdError: ``target`` exists, or its parent cannot be written to.
    """
    old = target.parent / f"{_prefix(target).removesuffix(PARTIAL)}{REPLACED}"
    if old.exists():
        if target.exists():
            _remove(old)
        else:
            old.rename(target)
    if target.exists() and not (replace and target.is_dir()):
        what = "already exists" if target.is_dir() else "is a file"
        raise RsitmdError(what, where=target, hint="use another folder or remove this one")
    partial = _partial(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        partial.mkdir()
        _unfinished.add(partial)
        yield partial
        walked = list(os.walk(partial))
        files = [Path(root, name) for root, _, names in walked for name in names]
        sync_files(partial, [*files, *(Path(root) for root, _, _ in walked)])
        if target.exists():
            target.rename(old)
        partial.rename(target)
        sync_path(target.parent)
        _remove(old)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        _unfinished.discard(partial)
        shutil.rmtree(partial, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a folder, or the link to one."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(target: Path, text: str, *, mode: int | None = None) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(target, mode=mode) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, document: Any, *, mode: int | None = None) -> None:
    """Write ``document`` as indented JSON, atomically."""
    write_text(target, indented(document) + "\n", mode=mode)


def write_error(target: Path, error: OSError) -> RsitmdError:
    """Return the error of a file that cannot be written, with a hint.

    If the error is about a file that was read to write this one, the message names that file.
    """
    if _is_of_other_file(target, error):
        return RsitmdError(
            f"cannot be opened ({reason(error)})",
            where=error.filename,
            hint="check the file and its permissions",
        )
    disk_full = "free some space and run the same command again"
    return RsitmdError(
        f"cannot be written ({reason(error)})",
        where=target,
        hint=disk_full if error.errno in FULL else "choose a folder you may write to",
    )


def _is_of_other_file(target: Path, error: OSError) -> bool:
    """Return whether an error names a file outside of the target and its unfinished files."""
    name = error.filename
    if not isinstance(name, str) or error.errno in FULL:
        return False
    own = Path(name) in (target, *target.parents) or _prefix(target) in name
    return not own and not Path(name).is_relative_to(target)


def unfinished_name(prefix: str) -> str:
    """Return a name for an unfinished file that no other file and no other process has.

    To draw a random name for each of thousands of files costs 4 % of an ingest.
    """
    return f"{prefix}{PARTIAL}{_process_name(os.getpid())}-{next(_names)}"


@functools.cache
def _process_name(_pid: int) -> str:
    return uuid.uuid4().hex


def _partial(target: Path) -> Path:
    """Return a new temporary name beside ``target``."""
    return target.parent / f"{_prefix(target)}{uuid.uuid4().hex[:8]}"


def _prefix(target: Path) -> str:
    """Return the prefix of the temporary names of ``target``.

    A file name has at most 255 bytes, so a long one is cut to leave room for the suffix.
    """
    return "." + os.fsdecode(os.fsencode(target.name)[:200]) + PARTIAL
