"""``rsitmd build convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.messages import list_some
from rsitmd_tools.cli.options import (
    WRITABLE,
    FormatName,
    input_format_option,
    json_option,
    print_json,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of, printable

if TYPE_CHECKING:
    from rsitmd_tools.dataset.records import Dataset
    from rsitmd_tools.formats.images import ImageMode

SHOWN = 6  # files on the terminal; --json has all


@click.command("convert")
@click.argument("source", metavar="SRC", type=PathType(path_type=Path))
@click.argument("target", metavar="DST", type=PathType(file_okay=False, path_type=Path))
@click.option(
    "--to",
    "output_format",
    required=True,
    type=FormatName(WRITABLE),
    help="Format of the new files.",
)
@click.option(
    "--variant",
    metavar="NAME",
    help="Another way to write the format. open-clip-csv has filename-comma (default),"
    " filename-tab, filepath-comma and filepath-tab.",
)
@click.option(
    "--images",
    "images",
    metavar="HOW|DIR",
    multiple=True,
    help="How images are written: none, link (hard links), copy, or jpeg:90 with any quality."
    " The default is copy for imagefolder and webdataset, and none for the others."
    " Any other value is the folder to read them from, if it is not beside SRC. Use the option"
    " twice to set both.",
)
@click.option(
    "--fold",
    metavar="N",
    type=click.IntRange(0),
    help="Take the images of this fold as test and all others as train; see `build split --folds`.",
)
@click.option(
    "--force", is_flag=True, help="Replace the dataset in DST when the new one is complete."
)
@input_format_option
@json_option
def command(
    source: Path,
    target: Path,
    output_format: str,
    variant: str | None,
    images: tuple[str, ...],
    fold: int | None,
    force: bool,
    input_format: str | None,
    as_json: bool,
) -> None:
    """Write a dataset to a new folder DST in another format.

    Data that the format cannot store, such as keywords in precomp, is listed on stderr before
    anything is written; the page on file formats has a table. DST must not exist, unless --force
    replaces it. --images controls whether images are written. With jpeg, they get the suffix .jpg.

    \b
    Formats:
      rsitmd         JSON of RSITMD (dataset_RSITMD.json)
      precomp        text files of VSE++ and SCAN (train_caps.txt, train_filename.txt)
      karpathy       JSON in the layout of the Karpathy splits
      albef          JSON for fine-tuning ALBEF and BLIP
      coco           JSON of COCO captions
      open-clip-csv  table with the path and one caption per line, for open_clip
      csv            table with one image or one caption per line
      imagefolder    ImageFolder of Hugging Face (metadata.jsonl)
      jsonl          one JSON document per image
      webdataset     tar shards of images and texts

    \b
    Examples:
      rsitmd build convert RSITMD.csv rsitmd-json/ --to rsitmd
      rsitmd build convert release/ for-hub/ --to imagefolder --images jpeg:90
      rsitmd build convert release/ fold-0/ --to rsitmd --fold 0 --images link
      rsitmd build convert release/ clip/ --to open-clip-csv --variant filepath-tab
      rsitmd build convert precomp/ shards/ --to webdataset --images /data/ucm --images copy
    """
    from rsitmd_tools.atomic import atomic_folder
    from rsitmd_tools.dataset.folds import with_fold
    from rsitmd_tools.formats import SUFFIXES, formats, load_dataset, lost_in, save_dataset
    from rsitmd_tools.workspace.folds import folds_of

    if formats()[output_format].write is None:
        raise WrongUsage(
            f"--to {output_format}: the format is read-only",
            hint="use another format, or rsitmd build import for a workspace",
        )
    if target.suffix.lower() in SUFFIXES:
        raise WrongUsage(
            f"{target}: DST is a new folder, which has the files",
            hint=f"use a name without {target.suffix}",
        )
    image_folder, mode = _images(images)
    dataset = load_dataset(source, input_format, image_folder)
    if fold is not None:
        dataset = with_fold(dataset, folds_of(source), fold)
    mode = mode or _default_mode(dataset, output_format)
    list_some("warning", dataset.notes)
    lost = lost_in(dataset, output_format)
    notes = [
        *_missing_images(dataset, output_format, source),
        *(f"{output_format} cannot store {loss.message}" for loss in lost),
        *_warnings(dataset, output_format, mode),
    ]
    for line in notes:
        click.echo(printable(f"{target}: {line}"), err=True)
    _check_target(target, (source, image_folder, dataset.image_folder), force=force)
    with atomic_folder(target, replace=force) as partial:
        written = save_dataset(dataset, partial, output_format, variant=variant, images=mode)
        files = _files(partial)
    if as_json:
        losses = [{"content": x.content, "count": x.count, "message": x.message} for x in lost]
        document = {
            "from": dataset.format,
            "to": output_format,
            "images": len(dataset),
            "sentences": len(dataset.captions()),
            "image_files": written,
            "lost": losses,
            "warnings": list(dataset.notes),
            "files": files,
        }
        print_json(document)
        return
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    pictures = f", {count_of(written, 'image file')}" if written else ""
    click.echo(
        f"{target}: {count_of(len(dataset), 'image')},"
        f" {count_of(len(dataset.captions()), 'sentence')}{pictures}"
        f" ({', '.join(files[:SHOWN])}{more})"
    )


def _check_target(target: Path, read: tuple[Path | None, ...], *, force: bool) -> None:
    """Check that a folder can be written, and that it has nothing that is not ours to replace."""
    from rsitmd_tools.atomic import check_replaceable
    from rsitmd_tools.formats import check_has_only_dataset

    if target.exists() and not force:
        raise RsitmdError(
            "already exists",
            where=target,
            hint="use another folder, or replace this one with --force",
        )
    check_replaceable(target, [path for path in read if path is not None])
    if target.is_dir() and not target.is_symlink():
        check_has_only_dataset(target)


def _missing_images(dataset: Dataset, output_format: str, source: Path) -> list[str]:
    """Return a line if the format comes with images, and the dataset has none."""
    from rsitmd_tools.formats import formats

    if formats()[output_format].images_by_default and not dataset.has_images:
        return [f"no images are written, because {source} has none; use --images DIR"]
    return []


def _images(words: tuple[str, ...]) -> tuple[Path | None, ImageMode | None]:
    """Return the image folder and how images are written, of the values of ``--images``."""
    from rsitmd_tools.formats.images import ImageMode

    folder, mode = None, None
    for word in words:
        found = ImageMode.parse(word)
        if (mode if found else folder) is not None:
            raise WrongUsage(
                "--images has two values of one kind", hint="use one folder and one of link, copy"
            )
        if found is None:
            folder = Path(word)
            if not folder.is_dir():
                raise WrongUsage(
                    f"--images {word}: is not a folder",
                    hint="use the folder of the images, or one of none, link, copy, jpeg:90",
                )
        else:
            mode = found
    return folder, mode


def _default_mode(dataset: Dataset, output_format: str) -> ImageMode | None:
    from rsitmd_tools.formats import formats
    from rsitmd_tools.formats.images import COPY, ImageMode

    wanted = formats()[output_format].images_by_default and dataset.has_images
    return ImageMode(COPY) if wanted else None


def _warnings(dataset: Dataset, output_format: str, mode: ImageMode | None) -> list[str]:
    """Return what a user of the new files should know, beside what is lost."""
    from rsitmd_tools.formats import formats, images
    from rsitmd_tools.formats.hazards import (
        formulas,
        names_that_differ_in_case,
        splits_read_otherwise,
        types_of_shards,
    )

    found = []
    if formats()[output_format].holds is None:
        found.append(f"{output_format} does not declare what it can store")
    found += names_that_differ_in_case(dataset)
    if output_format == "webdataset":
        found += types_of_shards(dataset if mode is None else images.named_for(dataset, mode))
    if output_format in ("csv", "jsonl"):
        found += splits_read_otherwise(dataset)
    if output_format in ("open-clip-csv", "csv"):
        found += formulas(dataset, output_format)
    return found


def _files(folder: Path) -> list[str]:
    """Return the new files that hold texts."""
    from rsitmd_tools.formats.images import SUFFIXES

    return sorted(
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and file.suffix.lower() not in SUFFIXES
    )
