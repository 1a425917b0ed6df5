"""``rsitmd annotate push``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.annotate.skipped import print_skipped_by_all
from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("push", short_help="Give out images, each task once.")
@workspace_argument
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Give out at most N images now.")
@click.option("--category", help="Only images of this category.")
@click.option(
    "--order",
    type=click.Choice(["category", "random", "fewest"]),
    default="category",
    show_default=True,
    help="Which images first; fewest: those with the fewest annotations.",
)
@click.option(
    "--replan", is_flag=True, help="First give some work of those who fell behind to others."
)
@json_option
def command(
    folder: Path,
    limit: int | None,
    category: str | None,
    order: str,
    replan: bool,
    as_json: bool,
) -> None:
    """Give out images and send them to the server.

    Run it again after new images or people, or after an interruption. It sends what is missing.
    From two people on, each has a project with their own images (`assigned`); with nobody
    known yet there is one project for all. Images that somebody began and that lack people
    come first. Changed settings of the page, and a changed place of the images, are applied to
    the projects on the server. Annotations are kept.

    \b
    Examples:
      rsitmd annotate push my-dataset
      rsitmd annotate push my-dataset --limit 200 --order random
      rsitmd annotate push my-dataset --category port
      rsitmd annotate push my-dataset --replan
    """
    from dataclasses import asdict

    from rsitmd_tools.cli.annotate.moves import print_moves
    from rsitmd_tools.studio.sync.push import PushOptions, push
    from rsitmd_tools.workspace import Workspace

    asked = PushOptions(limit=limit, category=category, order=order, replan=replan)
    with Workspace.open(folder, write=True) as workspace:
        report = push(workspace, asked, lambda line: click.echo(line, err=True))
    if as_json:
        print_json(asdict(report))
        return
    click.echo(f"tasks: {report.new} new, {report.found} found, {report.known} known")
    print_moves(
        str(folder), report.adopted_tasks, report.removed_tasks, report.deletions, pushed=True
    )
    for email in report.removed:
        click.echo(f"{email}: account removed on the server, open images go to others", err=True)
    if report.changed:
        click.echo(f"tasks with new data: {report.changed}")
    if report.moved:
        click.echo(f"images that changed hands: {report.moved}")
    if report.reassigned:
        click.echo(f"skipped images that went to somebody else: {report.reassigned}")
    print_skipped_by_all(report.skipped_by_all, folder)
    if report.short:
        click.echo(f"captions that wait for more people: {report.short}")
    click.echo(f"page: {report.url}")
    if report.licence is not None:
        click.echo(f"everybody accepts the licence once, at: {report.licence}")
    for project in report.projects:
        person = project["annotator"]
        who = f"{person} works" if person else "annotators work"
        practice = " (pilot)" if project["kind"] == "pilot" else ""
        click.echo(f"{who} at{practice}: {project['url']}?labeling=1")
