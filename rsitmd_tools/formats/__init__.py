"""Formats: one module a layout, each with a way to recognise, read and write it."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from rsitmd_tools import plugins
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import precomp, rsitmd, workspace
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.plugins import load_plugins

# The order in which a PATH is tried: a workspace may also hold a release's files.
FORMATS: dict[str, Format] = {
    layout.name: layout for layout in (workspace.FORMAT, rsitmd.FORMAT, precomp.FORMAT)
}
log = logging.getLogger(__name__)


@functools.cache
def formats() -> dict[str, Format]:
    """Return every format by its name: the built-in ones, then those of other packages.

    The entry point of a format is named as the format.
    """
    found = dict(FORMATS)
    for name, layout in load_plugins(plugins.FORMATS).items():
        if not isinstance(layout, Format) or layout.name != name or name in found:
            log.warning("format %s of another package is left out: not a Format of that name", name)
        else:
            found[name] = layout
    return found


def load_dataset(
    path: Path, input_format: str | None = None, image_folder: Path | None = None
) -> Dataset:
    """Read a dataset from any registered format.

    Args:
        path: A folder or file.
        input_format: Name of its format; recognised when None.
        image_folder: Where the images lie, if not in their usual place.

    Raises:
        RsitmdError: The path is absent, in no known format, or malformed.
    """
    path = Path(path)
    if not path.exists():
        raise RsitmdError("does not exist", where=path, hint="name a dataset's folder or file")
    if image_folder is not None and not image_folder.is_dir():
        raise RsitmdError("is not a folder", where=image_folder, hint="name the image folder")
    return _format_of(path, input_format).read(path, image_folder)


def save_dataset(dataset: Dataset, folder: Path, output_format: str) -> None:
    """Write a dataset's texts (not its images) into ``folder`` in a registered format.

    Raises:
        RsitmdError: The format cannot be written, or the folder cannot.
    """
    write = _by_name(output_format).write
    if write is None:
        raise WrongUsage(f"the format {output_format!r} cannot be written")
    write(dataset, folder)


def _format_of(path: Path, name: str | None) -> Format:
    if name is not None:
        return _by_name(name)
    for layout in formats().values():
        if layout.recognises(path):
            return layout
    raise RsitmdError(
        "is in no known format",
        where=path,
        hint="known: " + "; ".join(f"{f.name} ({f.layout})" for f in formats().values()),
    )


def _by_name(name: str) -> Format:
    try:
        return formats()[name]
    except KeyError:
        known = ", ".join(formats())
        raise WrongUsage(f"no format is called {name!r}", hint=f"known: {known}") from None
