"""``rsitmd benchmark search``."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from rsitmd_tools.cli.benchmark.arguments import check_dataset, check_run
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import (
    FILE,
    check_page_name,
    input_options,
    json_option,
    path_argument,
    print_json,
)
from rsitmd_tools.cli.path_type import PathType


@click.command("search")
@click.argument("run", metavar="RUN", type=PathType(path_type=Path))
@path_argument
@input_options
@click.option("--text", default="", help="The query sentence.")
@click.option(
    "--keywords",
    metavar="K,...",
    default="",
    help="Keywords, separated by commas; with --text or alone.",
)
@click.option(
    "--image",
    metavar="FILE",
    type=PathType(path_type=Path),
    help="A query image, instead of --text and --keywords.",
)
@click.option(
    "--find",
    type=click.Choice(("images", "sentences")),
    default="images",
    show_default=True,
    help="What to find; sentences only with --image.",
)
@click.option("--split", help="Search only the images of this split.")
@click.option(
    "-k",
    "count",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Maximum number of results.",
)
@click.option(
    "-o",
    "--output",
    metavar="PAGE",
    type=FILE,
    help="Write the results with pictures as a self-contained HTML page.",
)
@device_option
@json_option
def command(
    run: Path,
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    text: str,
    keywords: str,
    image: Path | None,
    find: str,
    split: str | None,
    count: int,
    output: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Search a dataset for the images that are most similar to a query.

    The query is a sentence, keywords or both, or an image. An image also finds sentences, with
    --find sentences. The first search encodes all images. It stores them in the cache
    (~/.cache/rsitmd-tools, or the folder in RSITMD_CACHE), and later searches start in seconds.

    Notes on stderr report words that the model does not know, and sentences that were
    truncated.

    \b
    Examples:
      rsitmd benchmark search runs/fusion release/ --text "Two white planes on a runway." -k 5
      rsitmd benchmark search runs/fusion release/ --keywords "white plane,runway" -o found.html
      rsitmd benchmark search runs/fusion release/ --image query.png --find sentences --json
    """
    from rsitmd_tools.extras import require_training

    _check_usage(text, keywords, image, find)
    if output is not None:
        check_page_name(output)
    require_training()
    check_run(run)
    check_dataset(path)
    from rsitmd_tools.errors import printable

    with _without_collections():
        from rsitmd_tools.baselines import search
        from rsitmd_tools.formats import load_dataset

        dataset = load_dataset(path, input_format, image_folder)
    if split is not None:
        dataset = dataset.select(split)
    phrases = [keyword.strip() for keyword in keywords.split(",") if keyword.strip()]
    of_sentences = find == "sentences"
    done = search(
        run,
        dataset,
        text,
        count,
        device,
        keywords=phrases,
        image=image,
        sentences=of_sentences,
    )
    for line in done.notes:
        note(line)
    if output is not None:
        from rsitmd_tools.report.search_page import write_search_page

        write_search_page(output, dataset, done, run=run, text=text, keywords=phrases, image=image)
        click.echo(printable(f"page: {output}"), err=True)
    if as_json:
        print_json(done.found)
        return
    for entry in done.found:
        sentences = [entry["sentence"]] if of_sentences else entry["sentences"][:1]
        line = f"{entry['rank']:3} {entry['score']:.4f} {entry['image']}: {' '.join(sentences)}"
        click.echo(printable(line))


@contextmanager
def _without_collections() -> Iterator[None]:
    """Pause the garbage collector: what is imported and read now lives until the end.

    With 10 000 images, collections take a fifth of the time of a search.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _check_usage(text: str, keywords: str, image: Path | None, find: str) -> None:
    """Check that the query is one of the possible ones, before anything is imported.

    Raises:
        WrongUsage: It is not.
    """
    from rsitmd_tools.errors import WrongUsage

    blank = not text.strip() and not keywords.strip(", \t\n")
    if image is None and blank:
        raise WrongUsage("the query is empty", hint="set one with --text, --keywords or --image")
    if image is not None and not blank:
        raise WrongUsage(
            "--image cannot be combined with --text or --keywords", hint="leave out one of them"
        )
    if find == "sentences" and image is None:
        raise WrongUsage("--find sentences requires --image", hint="pass the query image")
