"""``rsitmd build overlap``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import (
    FILE,
    check_page,
    json_option,
    print_json,
    refuse_inputs,
    refuse_one_file,
    workers_option,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from rsitmd_tools.dataset.records import Dataset
    from rsitmd_tools.quality.overlap import Overlap

SHOWN = 20  # pairs that are listed without --json


@click.command("overlap")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PathType(path_type=Path))
@click.option(
    "--same-place",
    is_flag=True,
    help="Also find images of overlapping ground: shifted, zoomed or rotated. Requires the extra "
    "geo and takes minutes for 10 000 images.",
)
@click.option(
    "--distance",
    type=click.IntRange(0, 64),
    default=16,
    show_default=True,
    help="Hash bits (of 64) in which compared images may differ.",
)
@click.option(
    "--exclusions",
    metavar="FILE",
    type=FILE,
    help="Write a list of the training images that are test images elsewhere, for "
    "`rsitmd benchmark train --exclude`.",
)
@click.option(
    "--html",
    metavar="FILE",
    type=FILE,
    help="Write a page with the pairs side by side and their common ground.",
)
@click.option(
    "--features",
    metavar="RUN",
    type=PathType(path_type=Path),
    help="With --same-place, also compare images that look similar to the model of this run. "
    "Requires the extra train.",
)
@workers_option
@json_option
def command(
    paths: tuple[Path, ...],
    same_place: bool,
    distance: int,
    exclusions: Path | None,
    html: Path | None,
    features: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Report which images and sentences of one dataset are in another one.

    With one PATH, the dataset is compared with itself. A pair of images has one of three kinds:
    exact (equal pixels, possibly rotated or flipped), near (the same picture re-encoded,
    brightened or slightly cropped) or, with --same-place, same-place (overlapping ground). For
    datasets without image files, only the sentences are compared. Equal and nearly equal
    sentences are counted by split. The exit code is 0.

    \b
    Examples:
      rsitmd build overlap rsitmd/ rsicd/
      rsitmd build overlap ucm/ --same-place --json > pairs.json
      rsitmd build overlap ucm/ --same-place --html overlap.html
      rsitmd build overlap new/ rsicd/ --exclusions exclude.json
    """
    from rsitmd_tools.atomic import write_json, write_text
    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.quality.overlap import overlap
    from rsitmd_tools.quality.overlap_document import overlap_document, overlap_exclusions

    refuse_one_file({"--exclusions": exclusions, "--html": html})
    if html is not None:
        check_page(html)
    datasets = [load_dataset(path) for path in paths]
    refuse_inputs(datasets, exclusions, html)
    embed = None if features is None else _embedder(features, same_place=same_place)
    found = overlap(datasets, distance, same_place=same_place, workers=workers, embed=embed)
    if exclusions is not None:
        write_json(exclusions, overlap_exclusions(found))
    if html is not None:
        from rsitmd_tools.report.overlap_page import render_overlap

        write_text(html, render_overlap(found, same_place=same_place))
    if as_json:
        print_json(overlap_document(found))
    else:
        _print(found, same_place=same_place)
    return 0


def _embedder(run: Path, *, same_place: bool) -> Callable[[Dataset], npt.NDArray[np.float32]]:
    if not same_place:
        raise WrongUsage("--features is not used without --same-place", hint="add --same-place")
    from rsitmd_tools.cli.benchmark.arguments import check_run
    from rsitmd_tools.extras import require_training

    require_training()
    check_run(run)
    from rsitmd_tools.baselines.evaluation.embed import image_features

    return partial(image_features, run)


def _print(found: Overlap, *, same_place: bool) -> None:
    from rsitmd_tools.errors import printable
    from rsitmd_tools.quality.overlap_document import overlap_matrix, sorted_sides

    def name(index: int, split: str | None) -> str:
        dataset = printable(found.datasets[index].name)
        return dataset if split is None else f"{dataset} {printable(split)}"

    for dataset, compared in zip(found.datasets, found.compared, strict=True):
        note = "" if compared else "; no image file, so only the sentences are compared"
        click.echo(f"{printable(dataset.name)}: {count_of(len(dataset), 'image')}{note}")
    kinds = [pair.kind for pair in found.pairs]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    click.echo(f"pairs of images: {len(kinds)}" + (f" ({counts})" if counts else ""))
    for pair in found.pairs[:SHOWN]:
        first, second = printable(pair.image_a.filename), printable(pair.image_b.filename)
        click.echo(
            f"  {pair.kind}: {first} ({name(pair.a, pair.image_a.split)}), "
            f"{second} ({name(pair.b, pair.image_b.split)})"
        )
    if len(found.pairs) > SHOWN:
        click.echo(f"  ... {len(found.pairs) - SHOWN} more; use --json for all")
    for (a, split_a, b, split_b), images in overlap_matrix(found).items():
        by_kind = ", ".join(f"{count} {kind}" for kind, count in images.kinds.items())
        click.echo(
            f"{name(a, split_a)}: {count_of(images.images, 'image')} in {name(b, split_b)}"
            f" ({by_kind})"
        )
    for (a, split_a, b, split_b), common in sorted_sides(found.captions):
        near = f", {count_of(common.near, 'nearly equal one')}" if common.near else ""
        click.echo(
            f"{name(a, split_a)}: {count_of(common.equal, 'equal sentence')}{near} in"
            f" {name(b, split_b)}"
        )
    if not same_place and any(found.compared):
        click.echo("images of one place were not searched; use --same-place")
