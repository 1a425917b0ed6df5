"""``rsitmd build similarity``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.options import FILE, input_options, json_option, print_json
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from rsitmd_tools.dataset import Dataset


def _weights(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        bleu, meteor = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("must be two numbers, such as 0.5,0.5") from None
    return bleu, meteor


@click.command("similarity")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PathType(path_type=Path))
@input_options
@click.option("--split", help="Use only the images and captions of this split.")
@click.option(
    "--definition",
    type=click.Choice(["reference", "paper"]),
    default="reference",
    show_default=True,
    help="reference: as in the code of AMFMN, used by `train`; paper: BLEU and METEOR.",
)
@click.option(
    "--weights",
    metavar="B,M",
    callback=_weights,
    help="Weights of BLEU and METEOR in paper; 0.5,0.5 by default.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float64",
    show_default=True,
    help="Data type of the matrix.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="T",
    help="Write a sparse file with similarities >= T and the mean of the others.",
)
@click.option(
    "--threads", type=click.IntRange(1, 256), help="Number of threads; one per core by default."
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Output file: .npy, or .npz with --threshold; ./prior-<split or all>.npy by default.",
)
@click.option(
    "--plot",
    type=FILE,
    help="Draw a heat map (figure 7 of Yuan et al., 2021) instead; accepts several PATHs.",
)
@json_option
def command(
    paths: tuple[Path, ...],
    input_format: str | None,
    image_folder: Path | None,
    split: str | None,
    output: Path | None,
    plot: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute the prior similarity of every image with every caption.

    The prior compares a caption with the captions of an image, without a model. Training with a
    dynamic margin uses it: a caption that also fits another image is pushed away less.

    The matrix (images x captions) is written to a .npy file, or to a .npz file if it is
    sparse. The row of an image is NaN if its captions have no words. A JSON file beside it
    records the definition, the settings and checksums of the data. With --plot, a heat map is
    drawn, with several datasets side by side; the matrix is then written only with -o.

    \b
    Examples:
      rsitmd build similarity release/ --split train -o prior/train.npy
      rsitmd build similarity precomp/ --split test --definition paper --weights 0.3,0.7
      rsitmd build similarity precomp/ --split train --threshold 0.1 -o train.npz
      rsitmd build similarity rsitmd/ ucm/ --split test --plot heat.png
    """
    if len(paths) > 1 and (plot is None or output is not None):
        raise WrongUsage("several PATHs require --plot", hint="add --plot FILE and leave out -o")
    if options["weights"] is not None and options["definition"] != "paper":
        raise WrongUsage("--weights requires --definition paper", hint="add --definition paper")
    import gc

    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.similarity.definitions import EQUAL_WEIGHTS

    # Captions become a million small lists and strings without cycles. The garbage collector
    # would scan them repeatedly and free nothing.
    gc.disable()

    options["weights"] = options["weights"] or EQUAL_WEIGHTS
    datasets = [load_dataset(path, input_format, image_folder) for path in paths]
    if split is not None:
        datasets = [dataset.select(split) for dataset in datasets]
    document: dict[str, Any] = {}
    if plot is None or output is not None:
        suffix = ".npy" if options["threshold"] is None else ".npz"
        target = output or Path(f"prior-{split or 'all'}{suffix}")
        document = _write(datasets[0], target, options, verbose=not as_json)
    if plot is not None:
        means = _plot(datasets, plot, options)
        document |= {"plot": str(plot), "means": means}
        if not as_json:
            click.echo(f"heat map: {plot}")
    if as_json:
        print_json(document)


def _write(
    dataset: Dataset, target: Path, options: dict[str, Any], *, verbose: bool
) -> dict[str, Any]:
    from rsitmd_tools.similarity import write_prior

    metadata = write_prior(dataset, target, **options).metadata
    if verbose:
        images, captions = metadata["shape"]
        click.echo(
            f"prior: {count_of(images, 'image')} x {count_of(captions, 'caption')},"
            f" {count_of(metadata['nan_rows'], 'NaN row')}"
        )
        if "meteor_stages" in metadata:
            click.echo(f"METEOR stages: {', '.join(metadata['meteor_stages'])}")
        if "kept" in metadata:
            click.echo(
                f"kept: {metadata['kept']}; mean of the others {metadata['dropped_mean']:.6f}"
            )
        click.echo(f"file: {target}")
    return {"path": str(target), **metadata}


def _plot(datasets: list[Dataset], plot: Path, options: dict[str, Any]) -> dict[str, float]:
    from rsitmd_tools.similarity.heatmap import check_suffix, draw_heat_maps, heat_map

    check_suffix(plot)
    maps = [
        heat_map(dataset, options["definition"], options["weights"], options["threads"])
        for dataset in datasets
    ]
    draw_heat_maps(maps, plot)
    return {entry.name: entry.mean for entry in maps}
