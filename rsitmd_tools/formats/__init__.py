"""Dataset formats: one module per format, which detects, reads and writes it."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from rsitmd_tools import plugins
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import (
    albef,
    coco,
    csv_table,
    jsonl,
    karpathy,
    open_clip_csv,
    precomp,
    rsitmd,
    workspace,
)
from rsitmd_tools.formats.registry import Format
from rsitmd_tools.plugins import load_plugins

# In the order of detection: a workspace can also contain the files of other formats.
FORMATS: dict[str, Format] = {
    layout.name: layout
    for layout in (
        workspace.FORMAT,
        rsitmd.FORMAT,
        precomp.FORMAT,
        karpathy.FORMAT,
        albef.FORMAT,
        coco.FORMAT,
        open_clip_csv.FORMAT,
        csv_table.FORMAT,
        jsonl.FORMAT,
    )
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
        input_format: Name of the format; detected if None.
        image_folder: Folder of the images, if it is not the usual one.

    Raises:
        RsitmdError: The path does not exist, has no known format or is malformed.
    """
    path = Path(path)
    if not path.exists():
        raise RsitmdError("does not exist", where=path, hint="pass the folder or file of a dataset")
    if image_folder is not None and not image_folder.is_dir():
        raise RsitmdError("is not a folder", where=image_folder, hint="pass the image folder")
    return _format_of(path, input_format).read(path, image_folder)


def save_dataset(dataset: Dataset, folder: Path, output_format: str) -> None:
    """Write the texts of a dataset (not its images) to ``folder`` in a registered format.

    Raises:
        RsitmdError: The format is read-only, or the folder cannot be written to.
    """
    write = _by_name(output_format).write
    if write is None:
        raise WrongUsage(f"the format {output_format!r} is read-only")
    try:
        write(dataset, folder)
    except UnicodeEncodeError as error:
        raise RsitmdError(
            "has a text with half a character (a surrogate), which UTF-8 cannot express",
            where=dataset.source,
            hint="correct the text",
        ) from error


def _format_of(path: Path, name: str | None) -> Format:
    if name is not None:
        return _by_name(name)
    layouts = list(formats().values())
    if path.is_file():
        # It takes every JSON file that no other format recognises.
        layouts.sort(key=lambda layout: layout is rsitmd.FORMAT)
    for layout in layouts:
        if layout.recognises(path):
            return layout
    raise RsitmdError(
        "has no known format",
        where=path,
        hint="known formats: " + "; ".join(f"{f.name} ({f.layout})" for f in formats().values()),
    )


def _by_name(name: str) -> Format:
    try:
        return formats()[name]
    except KeyError:
        known = ", ".join(formats())
        raise WrongUsage(f"unknown format {name!r}", hint=f"use one of: {known}") from None
