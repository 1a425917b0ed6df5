"""``rsitmd build similarity``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import input_options, json_option, path_argument, print_json


@click.command("similarity", short_help="Compute the prior: every image with every caption.")
@path_argument
@input_options
@click.option("--split", help="Only the images and captions of this split.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float64",
    show_default=True,
    help="Numbers of the matrix.",
)
@click.option("--threads", type=click.IntRange(1, 256), help="Threads; all cores by default.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The .npy file; ./prior-<split or all>.npy by default.",
)
@json_option
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    split: str | None,
    dtype: str,
    threads: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Compute the prior similarity of every image with every caption.

    The matrix (images x captions) is that of AMFMN's public script, NaN rows included;
    a JSON beside it says what it was made of.

    \b
    Examples:
      rsitmd build similarity release/ --split train -o prior/train.npy
      rsitmd build similarity precomp/ --split test --dtype float32
    """
    import json

    from rsitmd_tools.dataset import load_dataset
    from rsitmd_tools.similarity import write_prior

    dataset = load_dataset(path, input_format, image_folder)
    if split is not None:
        dataset = dataset.select(split)
    target = output or Path(f"prior-{split or 'all'}.npy")
    write_prior(dataset, target, dtype=dtype, threads=threads)
    about = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    if as_json:
        print_json({"path": str(target), **about})
        return
    images, captions = about["shape"]
    click.echo(f"prior: {images} images x {captions} captions, {about['nan_rows']} NaN rows")
    click.echo(f"file: {target}")
