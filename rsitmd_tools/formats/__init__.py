"""Dataset formats: one module per format, which detects, reads and writes it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from rsitmd_tools import plugins
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage, reason
from rsitmd_tools.formats import (
    albef,
    coco,
    csv_table,
    imagefolder,
    jsonl,
    karpathy,
    open_clip_csv,
    precomp,
    rsitmd,
    webdataset,
    workspace,
)
from rsitmd_tools.formats.holds import WITHIN_SPLIT, Loss, losses, table
from rsitmd_tools.formats.images import NONE, ImageMode, write_dataset
from rsitmd_tools.formats.images import SUFFIXES as IMAGES
from rsitmd_tools.formats.registry import Format, of_package
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
        imagefolder.FORMAT,
        jsonl.FORMAT,
        webdataset.FORMAT,
    )
}
# Of the files of a dataset.
SUFFIXES = IMAGES | {".json", ".jsonl", ".csv", ".tsv", ".txt", ".tar"}


@functools.cache
def formats() -> dict[str, Format]:
    """Return every format by its name: the built-in ones, then those of other packages.

    The entry point of a format is named as the format.
    """
    found = dict(FORMATS)
    loaded = load_plugins(plugins.FORMATS)
    for name in plugins.plugin_names(plugins.FORMATS, FORMATS):
        layout = loaded.get(name)
        if isinstance(layout, Format) and layout.name == name:
            found[name] = of_package(layout, plugins.package_of(plugins.FORMATS, name))
        elif layout is not None:
            why = f"it is not a Format with the name {name}; correct the entry point"
            plugins.leave_out(plugins.FORMATS, name, why)
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
    found = _format_of(path, input_format).read(path, image_folder)
    name = _as_utf8(found.name)
    return found if name == found.name else replace(found, name=name)


def _as_utf8(name: str) -> str:
    r"""Return a name with ``\xff`` for bytes of a file name that are not UTF-8."""
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return name  # of a text with an unpaired surrogate, which is reported when it is written


def lost_in(dataset: Dataset, output_format: str) -> list[Loss]:
    """Return what a registered format cannot store; empty if it does not declare it."""
    holds = _by_name(output_format).holds
    return [] if holds is None else losses(dataset, holds)


def table_of_formats() -> str:
    """Return a Markdown table of what the built-in, writable formats can hold."""
    return table(
        (layout.name, layout.holds)
        for layout in FORMATS.values()
        if layout.write is not None and layout.holds is not None
    )


def save_dataset(
    dataset: Dataset,
    folder: Path,
    output_format: str,
    *,
    variant: str | None = None,
    images: ImageMode | None = None,
) -> int:
    """Write a dataset to ``folder`` in a registered format.

    Annotators of a workspace get pseudonyms, as in a release: no address leaves the workspace.

    Args:
        dataset: The dataset.
        folder: The folder. If the format has a file for each split, the folder has no files of
            this format yet: those of an earlier call could be read with the new ones.
        output_format: Name of the format.
        variant: One of the other ways to write this format; None for the usual one.
        images: How the images are written; None for the texts alone.

    Returns:
        The number of image files that were written.

    Raises:
        RsitmdError: The format is read-only or cannot express the dataset, an image file is
            missing or damaged, the folder cannot be written to or has a dataset already, or the
            dataset is from a workspace that cannot be read any more.
    """
    layout = _by_name(output_format)
    if layout.write is None:
        raise WrongUsage(f"the format {output_format!r} is read-only")
    if variant is not None:
        if variant not in layout.variants:
            known = ", ".join(layout.variants)
            raise WrongUsage(
                f"{output_format} has no variant {variant!r}",
                hint=f"use one of: {known}" if known else "leave out --variant",
            )
        layout = replace(layout, write=layout.variants[variant])
    several_files = layout.holds is not None and layout.holds.order == WITHIN_SPLIT
    if several_files and folder.is_dir() and layout.recognises(folder):
        raise RsitmdError(
            f"has files in the format {output_format}, which could be read with the new ones",
            where=folder,
            hint="use another folder, or remove these files",
        )
    if dataset.format == workspace.FORMAT.name:
        dataset = workspace.with_pseudonyms(dataset)
    try:
        if images is not None and images.kind != NONE:
            return write_dataset(dataset, layout, folder, images)
        assert layout.write is not None
        layout.write(dataset, folder)
        return 0
    except UnicodeEncodeError as error:
        raise RsitmdError(
            "contains an unpaired surrogate, which UTF-8 cannot encode",
            where=dataset.source,
            hint="correct the text",
        ) from error
    except (ValueError, RecursionError) as error:
        raise RsitmdError(
            f"has a field that cannot be written ({reason(error)})",
            where=dataset.source,
            hint="remove numbers that are not finite, and lists that are nested too deeply",
        ) from error


def is_dataset(folder: Path) -> bool:
    """Return whether a folder has a dataset in a known format."""
    return folder.is_dir() and any(layout.recognises(folder) for layout in formats().values())


def check_has_only_dataset(folder: Path) -> None:
    """Check that a folder can be deleted to replace the dataset in it. An empty one can.

    Raises:
        RsitmdError: The folder is a workspace, has no dataset, or has files of other types.
    """
    if not any(folder.iterdir()):
        return
    layout = next((each for each in formats().values() if each.recognises(folder)), None)
    if layout is None or layout is workspace.FORMAT:
        found = "has no dataset" if layout is None else "is a workspace"
    else:
        files = (file for file in sorted(folder.rglob("*")) if not file.is_dir())
        other = next((file for file in files if file.suffix.lower() not in SUFFIXES), None)
        if other is None or layout.name not in FORMATS:
            return
        found = f"has {other.relative_to(folder)}, which is not part of a dataset"
    raise RsitmdError(
        f"{found}, so it is not replaced",
        where=folder,
        hint="use another folder, or remove this one",
    )


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
    if path.is_file() and any(layout.recognises(path.parent) for layout in layouts):
        raise RsitmdError(
            "is one file of a dataset", where=path, hint=f"pass its folder: {path.parent}"
        )
    if path.is_dir() and any(file.suffix.lower() in IMAGES for file in path.rglob("*")):
        raise RsitmdError(
            "has images, but no captions in a known format",
            where=path,
            hint="add them to a workspace with `rsitmd build ingest`",
        )
    table = path.suffix.lower() in (".csv", ".tsv")
    raise RsitmdError(
        "is a table without the columns of a known format" if table else "has no known format",
        where=path,
        hint="use --input-format csv to see which columns are missing"
        if table
        else f"pass a dataset in one of the formats: {', '.join(formats())}",
    )


def _by_name(name: str) -> Format:
    try:
        return formats()[name]
    except KeyError:
        known = ", ".join(formats())
        raise WrongUsage(f"unknown format {name!r}", hint=f"use one of: {known}") from None
