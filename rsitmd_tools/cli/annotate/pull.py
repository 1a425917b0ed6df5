"""``rsitmd annotate pull``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import WrongUsage


@click.command("pull")
@workspace_argument
@click.option(
    "--check",
    is_flag=True,
    help="Only search for text that is stored for the wrong image; fetch nothing.",
)
@click.option("--fix", is_flag=True, help="With --check: remove such text from the wrong image.")
@json_option
def command(folder: Path, check: bool, fix: bool, as_json: bool) -> None:
    """Fetch annotations from the server into the workspace.

    Later calls fetch only what changed. The workspace keeps every revision of an annotation,
    with its annotator, its time and its number on the server.

    `--check` is for workspaces of earlier versions of this tool. Those could store text for the
    wrong image after tasks had been deleted on the server. The exit code is 1 if such text is
    found.

    \b
    Examples:
      rsitmd annotate pull my-dataset
      rsitmd annotate pull my-dataset --check
      rsitmd annotate pull my-dataset --check --fix
    """
    if fix and not check:
        raise WrongUsage("--fix requires --check", hint="add --check")
    if check:
        _check(folder, fix, as_json)
        return
    from dataclasses import asdict

    from rsitmd_tools.cli.annotate.pull_report import print_pull
    from rsitmd_tools.studio.sync.pull import pull
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
    if as_json:
        print_json(asdict(report))
    else:
        print_pull(folder, report)


def _check(folder: Path, fix: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from rsitmd_tools.cli.annotate.pull_report import print_misplaced
    from rsitmd_tools.studio.sync.misplaced import check
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=fix) as workspace:
        report = check(workspace, fix=fix)
    if as_json:
        print_json(asdict(report))
    else:
        print_misplaced(folder, report)
    if report.doubtful or (report.misplaced and not report.fixed):
        raise SystemExit(1)
