"""``rsitmd build complete``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.path_type import PathType


@click.command("complete")
@click.argument("release", metavar="RELEASE", type=PathType(path_type=Path))
@click.argument("images", metavar="IMAGES", type=PathType(path_type=Path))
def command(release: Path, images: Path) -> None:
    """Add the image files to a release that was made with --without-images.

    IMAGES holds the released images, or their sources, under any names and in any subfolders.
    Files are identified by their checksums. Sources are normalised again as in `build ingest`
    without options: for tiles, for scenes of several files and for images of chosen bands or
    values, IMAGES must hold the released images. If an image is missing, nothing is written.

    \b
    Examples:
      rsitmd build complete my-dataset-1.0.0 photos/
    """
    from rsitmd_tools.errors import count_of
    from rsitmd_tools.release.complete import complete_release

    number = complete_release(release, images)
    click.echo(f"{release}: {count_of(number, 'image')} added")
