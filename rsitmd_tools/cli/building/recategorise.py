"""``rsitmd build recategorise``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import WrongUsage, count_of


@click.command("recategorise")
@workspace_argument
@click.argument("images", metavar="[IMAGE...]", nargs=-1)
@click.option("--to", metavar="CATEGORY", required=True, help="The new category.")
@click.option("--merge", "old", metavar="CATEGORY", help="All images of this category.")
@click.option("--with-names", is_flag=True, help="Change the file names too.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the history; optional.")
@json_option
def command(
    folder: Path,
    images: tuple[str, ...],
    to: str,
    old: str | None,
    with_names: bool,
    reason: str,
    as_json: bool,
) -> int:
    """Give images another category. With --merge, all images of a category.

    The images keep their file names, because releases, exclusion lists and results refer to
    them. Use --with-names before the first release: then each image gets the next free name
    <category>_<number>.tif. The next push changes the tasks.

    \b
    Examples:
      rsitmd build recategorise my-dataset port_3.tif port_7.tif --to harbour
      rsitmd build recategorise my-dataset --merge harbor --to harbour --with-names
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import renaming
    from rsitmd_tools.workspace import Workspace

    if bool(images) == (old is not None):
        raise WrongUsage(
            "nothing to change" if old is None else "IMAGE and --merge cannot be combined",
            hint="name images, or a category with --merge CATEGORY",
        )
    with Workspace.open(folder, write=True) as workspace:
        if old is None:
            result = renaming.recategorise(
                workspace, images, to, with_names=with_names, reason=reason
            )
        else:
            result = renaming.merge_categories(
                workspace, old, to, with_names=with_names, reason=reason
            )
    if as_json:
        print_json(asdict(result))
        return 0
    click.echo(
        f"category changed: {count_of(len(result.changed), 'image')}"
        + (f"; {len(result.unchanged)} had it already" if result.unchanged else "")
    )
    for category, count in result.categories.items():
        click.echo(f"  {category}: {count}")
    return 0
