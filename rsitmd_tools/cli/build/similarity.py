"""``rsitmd build similarity``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.options import input_options, json_option, print_json

if TYPE_CHECKING:
    from rsitmd_tools.dataset import Dataset

_FILE = click.Path(dir_okay=False, path_type=Path)


def _weights(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        bleu, meteor = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("give two numbers, such as 0.5,0.5") from None
    return bleu, meteor


@click.command("similarity", short_help="Compute the prior: every image with every caption.")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@input_options
@click.option("--split", help="Only the images and captions of this split.")
@click.option(
    "--definition",
    type=click.Choice(["reference", "paper"]),
    default="reference",
    show_default=True,
    help="reference: AMFMN's public script; paper: BLEU and METEOR.",
)
@click.option(
    "--weights",
    metavar="B,M",
    callback=_weights,
    help="Of BLEU and METEOR in paper; 0.5,0.5 by default.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float64",
    show_default=True,
    help="Numbers of the matrix.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="T",
    help="Keep similarities from T on, sparse, and the mean of the others.",
)
@click.option("--threads", type=click.IntRange(1, 256), help="Threads; all cores by default.")
@click.option(
    "-o",
    "--output",
    type=_FILE,
    help="The file: .npy, or .npz with --threshold; ./prior-<split or all>.npy by default.",
)
@click.option("--plot", type=_FILE, help="Draw the heat map of figure 7 instead; several PATHs.")
@json_option
def command(
    paths: tuple[Path, ...],
    input_format: str | None,
    image_folder: Path | None,
    split: str | None,
    output: Path | None,
    plot: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Compute the prior similarity of every image with every caption.

    The matrix (images x captions) goes into a .npy file, or sparse into a .npz file; rows
    of images without words are NaN. A JSON beside it says what it was made of. With --plot
    a heat map is drawn, of several datasets side by side; the matrix is written too only
    where -o asks for it.

    \b
    Examples:
      rsitmd build similarity release/ --split train -o prior/train.npy
      rsitmd build similarity precomp/ --split test --definition paper --weights 0.3,0.7
      rsitmd build similarity precomp/ --split train --threshold 0.1 -o train.npz
      rsitmd build similarity rsitmd/ ucm/ --split test --plot heat.png
    """
    if len(paths) > 1 and (plot is None or output is not None):
        raise click.UsageError("Several PATHs go with --plot only, without -o.")
    if asked["weights"] is not None and asked["definition"] != "paper":
        raise click.UsageError("--weights goes with --definition paper.")
    import gc

    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.similarity.definitions import EQUAL_WEIGHTS

    # Captions become a million small lists and strings, and no cycles: the collector would
    # go through them again and again and find nothing.
    gc.disable()

    asked["weights"] = asked["weights"] or EQUAL_WEIGHTS
    datasets = [load_dataset(path, input_format, image_folder) for path in paths]
    if split is not None:
        datasets = [dataset.select(split) for dataset in datasets]
    document: dict[str, Any] = {}
    if plot is None or output is not None:
        suffix = ".npy" if asked["threshold"] is None else ".npz"
        target = output or Path(f"prior-{split or 'all'}{suffix}")
        document = _write(datasets[0], target, asked, told=not as_json)
    if plot is not None:
        means = _plot(datasets, plot, asked)
        document |= {"plot": str(plot), "means": means}
        if not as_json:
            click.echo(f"heat map: {plot}")
    if as_json:
        print_json(document)


def _write(dataset: Dataset, target: Path, asked: dict[str, Any], *, told: bool) -> dict[str, Any]:
    from rsitmd_tools.similarity import write_prior

    about = write_prior(dataset, target, **asked).about
    if told:
        images, captions = about["shape"]
        click.echo(f"prior: {images} images x {captions} captions, {about['nan_rows']} NaN rows")
        if "meteor_stages" in about:
            click.echo(f"METEOR stages: {', '.join(about['meteor_stages'])}")
        if "kept" in about:
            click.echo(f"kept: {about['kept']}; mean of the others {about['dropped_mean']:.6f}")
        click.echo(f"file: {target}")
    return {"path": str(target), **about}


def _plot(datasets: list[Dataset], plot: Path, asked: dict[str, Any]) -> dict[str, float]:
    from rsitmd_tools.similarity.heatmap import check_ending, draw_heat_maps, heat_map

    check_ending(plot)
    maps = [
        heat_map(dataset, asked["definition"], asked["weights"], asked["threads"])
        for dataset in datasets
    ]
    draw_heat_maps(maps, plot)
    return {entry.name: entry.mean for entry in maps}
