"""``rsitmd annotate template``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import FILE, json_option, print_json
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import count_of


@click.command("template")
@click.argument("name", required=False)
@click.option(
    "--sentences",
    default=1,
    show_default=True,
    type=click.IntRange(1, 20),
    help="Number of sentences each annotator writes.",
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write the page to this file, so that you can change it.",
)
@click.option(
    "--check",
    "checked",
    type=FILE,
    metavar="FILE",
    help="Check whether `push` and `pull` can use this page.",
)
@click.option(
    "--workspace",
    "folder",
    type=PathType(file_okay=False, path_type=Path),
    help="Also check the page against the settings and the server of this workspace.",
)
@json_option
def command(
    name: str | None,
    sentences: int,
    output: Path | None,
    checked: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """List the included labeling pages, print one, or check a changed page.

    A page is a Label Studio labeling configuration. Without NAME, the command lists the included
    pages. To use a changed page, save it in the workspace and set `template = "my-page.xml"` under
    `[annotation]` in rsitmd.toml. The next push sends it to the server.

    \b
    Examples:
      rsitmd annotate template
      rsitmd annotate template captioning --sentences 5 -o my-dataset/my-page.xml
      rsitmd annotate template --check my-dataset/my-page.xml --workspace my-dataset
    """
    from rsitmd_tools.annotation_templates import TEMPLATES, labeling_config
    from rsitmd_tools.atomic import write_text
    from rsitmd_tools.errors import WrongUsage

    if checked is not None:
        if name is not None or output is not None:
            raise WrongUsage("--check cannot be combined with NAME or -o", hint="omit NAME and -o")
        _check(checked, folder, as_json)
    elif name is None:
        if as_json:
            print_json(TEMPLATES)
            return
        for known, description in TEMPLATES.items():
            click.echo(f"{known:12}{description}")
    else:
        page = labeling_config(sentences, 1, 5, name)
        if output is None:
            click.echo(page)
            return
        write_text(output, page + "\n")
        click.echo(f"written: {output}")


def _check(file: Path, folder: Path | None, as_json: bool) -> None:
    from dataclasses import asdict

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.studio.campaign.template_check import check_on_server, check_page
    from rsitmd_tools.studio.sync.fields import read_page
    from rsitmd_tools.workspace import Workspace

    page = read_page(file)
    if folder is None:
        problems = check_page(page)
    else:
        with Workspace.open(folder) as workspace:
            problems = check_page(page, workspace.settings.annotation)
            problems += check_on_server(Client(connection_of(workspace)), page)
    if as_json:
        print_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            click.echo(f"{problem.severity}: {problem.message}")
        scope = "" if folder else " (not checked on a server; use --workspace DIR)"
        click.echo(f"{file}: {count_of(len(problems), 'problem')}{scope}")
    if problems:
        raise click.exceptions.Exit(1)
