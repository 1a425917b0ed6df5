"""``rsitmd build convert``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import FormatName, input_options, json_option, print_json
from rsitmd_tools.errors import count_of


@click.command("convert", short_help="Write a dataset in another format.")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.argument("target", metavar="DST", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--to", "output_format", required=True, type=FormatName(), help="Format of the new files."
)
@input_options
@json_option
def command(
    source: Path,
    target: Path,
    output_format: str,
    input_format: str | None,
    image_folder: Path | None,
    as_json: bool,
) -> None:
    """Write the texts of a dataset to a new folder DST in another format.

    Image files are not copied: use --images to name their folder. What a format has no place for
    is lost, such as keywords in COCO; see the page on file formats. DST must not exist.

    \b
    Examples:
      rsitmd build convert RSITMD.csv rsitmd-json/ --to rsitmd
      rsitmd build convert release/ for-open-clip/ --to open-clip-csv
    """
    from rsitmd_tools.atomic import atomic_folder
    from rsitmd_tools.formats import load_dataset, save_dataset

    dataset = load_dataset(source, input_format, image_folder)
    with atomic_folder(target) as folder:
        save_dataset(dataset, folder, output_format)
        files = sorted(file.name for file in folder.iterdir())
    if as_json:
        print_json(
            {
                "from": dataset.format,
                "to": output_format,
                "images": len(dataset),
                "sentences": len(dataset.captions()),
                "files": files,
            }
        )
    else:
        click.echo(
            f"{target}: {count_of(len(dataset), 'image')},"
            f" {count_of(len(dataset.captions()), 'sentence')} ({', '.join(files)})"
        )
