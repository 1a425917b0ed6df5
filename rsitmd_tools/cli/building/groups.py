"""``rsitmd build groups``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli import messages
from rsitmd_tools.cli.options import (
    FILE,
    check_page,
    json_option,
    print_json,
    reviewer_name,
    workers_option,
    workspace_argument,
)
from rsitmd_tools.errors import WrongUsage, count_of


@click.command("groups")
@workspace_argument
@click.option(
    "--same-place",
    is_flag=True,
    help="Search all images for overlapping ground first. Requires the extra geo and takes "
    "minutes for 10 000 images.",
)
@click.option(
    "--split-pair",
    "split_pairs",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Images A and B do not show the same picture or place.",
)
@click.option(
    "--join",
    "joins",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Images A and B show the same picture or place.",
)
@click.option("--note", default="", help="Reason of the correction, for the history.")
@click.option("--reviewer", metavar="NAME", help="Name of the reviewer. Default: your user name.")
@click.option(
    "--html",
    metavar="FILE",
    type=FILE,
    help="Write a page with the pairs side by side and their common ground.",
)
@workers_option
@json_option
def command(
    folder: Path,
    same_place: bool,
    split_pairs: tuple[tuple[str, str], ...],
    joins: tuple[tuple[str, str], ...],
    note: str,
    reviewer: str | None,
    html: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """List the groups of images that `rsitmd build split` keeps in one split.

    Exact and near duplicates are grouped by `rsitmd build ingest`. With --same-place, images of
    overlapping ground are grouped too. Corrections are kept with name, date and note, and count
    for later searches.

    \b
    Examples:
      rsitmd build groups my-dataset
      rsitmd build groups my-dataset --same-place --json
      rsitmd build groups my-dataset --html groups.html
      rsitmd build groups my-dataset --split-pair port_3.tif port_9.tif --note "two ports"
    """
    from rsitmd_tools.errors import printable
    from rsitmd_tools.ingest.groups import (
        JOIN,
        SPLIT,
        corrections,
        decide,
        find_places,
        groups,
        groups_document,
    )
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.outputs import refuse_own_file

    corrects = bool(split_pairs or joins)
    for option, given in (("--note", note), ("--reviewer", reviewer)):
        if given and not corrects:
            raise WrongUsage(f"{option} requires --split-pair or --join", hint=f"omit {option}")
    if html is not None:
        refuse_own_file(folder, html)
        check_page(html)
    who = reviewer_name(reviewer) if corrects else ""
    writes = same_place or corrects
    with Workspace.open(folder, write=writes) as workspace:
        if same_place:
            find_places(workspace, workers)
        for first, second in split_pairs:
            decide(workspace, SPLIT, first, second, who, note)
        for first, second in joins:
            decide(workspace, JOIN, first, second, who, note)
        found, made = groups(workspace), corrections(workspace)
        if html is not None:
            from rsitmd_tools.atomic import write_text
            from rsitmd_tools.report.overlap_page import render_groups

            write_text(html, render_groups(workspace, found))
    if as_json:
        print_json(groups_document(found, made))
        return 0
    members = sum(len(group.images) for group in found)
    click.echo(f"groups: {len(found)} with {count_of(members, 'image')}")
    for group in found:
        splits = f" ({', '.join(group.splits)})" if group.splits else ""
        click.echo(f"  {', '.join(group.images)}{splits}")
        for pair in group.pairs:
            similarity = "" if pair.similarity is None else f", similarity {pair.similarity:.2f}"
            click.echo(f"    {pair.kind}: {pair.first}, {pair.second}{similarity}")
    if made:
        click.echo(f"corrections: {len(made)}")
    for correction in made:
        by = f" by {printable(correction.decided_by)}" if correction.decided_by else ""
        why = f": {printable(correction.note)}" if correction.note else ""
        click.echo(
            f"  {correction.decided_at[:10]} {correction.decision} {correction.first},"
            f" {correction.second}{by}{why}"
        )
    for first, second in split_pairs:
        if any({first, second} <= set(group.images) for group in found):
            messages.note(
                f"{first} and {second} are still in one group through other images; split those"
                " pairs too"
            )
    return 0
