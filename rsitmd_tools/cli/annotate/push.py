"""``rsitmd annotate push``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.annotate.task_warnings import (
    print_changed_pictures,
    print_moves,
    print_other_notes,
    print_skipped_by_all,
    print_superfluous,
)
from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import command_line, count_of


@click.command("push")
@workspace_argument
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Assign at most N images.")
@click.option("--category", help="Assign only images of this category.")
@click.option(
    "--order",
    type=click.Choice(["category", "random", "fewest"]),
    default="category",
    show_default=True,
    help="Order of assignment; fewest: images with the fewest annotations first.",
)
@click.option(
    "--replan",
    is_flag=True,
    help="First withdraw open tasks of images that have enough other annotators. Then move open"
    " images from annotators who have more than the average to others. An image that its"
    " annotator has begun to write about stays.",
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
    """Assign images to annotators and send them to the server as tasks.

    Run it again after adding images or annotators, or after an interruption: only missing tasks
    are sent. With two or more annotators, each one has a project with their own images.
    Otherwise there is one shared project. `assignment` in rsitmd.toml changes this. Images with
    some but not all of their annotations are assigned first.

    Changed settings of the labeling page and a changed image location are applied to the
    projects on the server. Annotations are kept.

    \b
    Examples:
      rsitmd annotate push my-dataset
      rsitmd annotate push my-dataset --limit 200 --order random
      rsitmd annotate push my-dataset --category port
      rsitmd annotate push my-dataset --replan
    """
    from dataclasses import asdict

    from rsitmd_tools.studio.sync.push import PushOptions, push
    from rsitmd_tools.workspace import Workspace

    options = PushOptions(limit=limit, category=category, order=order, replan=replan)
    with Workspace.open(folder, write=True) as workspace:
        report = push(workspace, options, lambda line: click.echo(line, err=True))
    if as_json:
        print_json(asdict(report))
        return
    found = f", {report.found} found after an interrupted push" if report.found else ""
    click.echo(f"tasks: {report.new} created, {report.known} already pushed{found}")
    print_moves(folder, report.adopted_tasks, report.removed_tasks, report.deletions, pushed=True)
    if report.copied_tasks:
        click.echo(
            "tasks deleted, because their image has another task in the project:"
            f" {len(report.copied_tasks)}"
        )
    if report.closed_tasks:
        click.echo(f"tasks deleted, because their image was removed: {len(report.closed_tasks)}")
    for image in report.removed_with_texts:
        click.echo(f"{image} was removed; its task has texts and says to skip it", err=True)
    for email in report.removed:
        click.echo(
            f"{email}: account removed on the server; open images were assigned to other"
            " annotators",
            err=True,
        )
    print_changed_pictures(folder, report.changed_pictures, pushed=True)
    print_other_notes(report.other_notes)
    if report.changed:
        click.echo(f"tasks with updated data: {report.changed}")
    if report.shown_again:
        click.echo(f"finished tasks shown to another annotator: {len(report.shown_again)}")
    if report.withdrawn:
        click.echo(
            f"open tasks withdrawn, because enough others have the image: {report.withdrawn}"
        )
    print_superfluous(report.superfluous, folder)
    if report.moved:
        click.echo(f"images moved to another annotator: {report.moved}")
    if report.reassigned:
        click.echo(f"skipped images assigned to another annotator: {report.reassigned}")
    print_skipped_by_all(report.skipped_by_all, folder)
    if report.short:
        missing = count_of(report.short, "annotation")
        practising = any(project["kind"] == "pilot" for project in report.projects)
        admit = command_line("annotate", "pilot", folder, "--admit", "EMAIL")
        first = f"admit annotators of the pilot ({admit}) or " if practising else ""
        click.echo(f"{missing} cannot be assigned yet; {first}invite more annotators")
    click.echo(f"Label Studio: {report.url}")
    if report.licence is not None:
        click.echo(f"licence page, to accept once per annotator: {report.licence}")
    for project in report.projects:
        who = project["annotator"] or "all annotators"
        practice = " (pilot)" if project["kind"] == "pilot" else ""
        click.echo(f"project of {who}{practice}: {project['url']}?labeling=1")
