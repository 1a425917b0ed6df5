"""``rsitmd annotate prefill``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import FormatName, json_option, print_json, workspace_argument


@click.command("prefill", short_help="Give annotators captions to take and change.")
@workspace_argument
@click.option(
    "--captions",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A dataset in any format, images named as in the workspace. Without it, captions kept"
    " before go to tasks that have none yet.",
)
@click.option("--model", help="What made them; the file's name by default.")
@click.option(
    "--input-format",
    type=FormatName(),
    help="Format of the captions; recognised when not given.",
)
@json_option
def command(
    folder: Path, captions: Path | None, model: str | None, input_format: str | None, as_json: bool
) -> None:
    """Show existing captions, or a model's, in the fields of tasks that were pushed.

    Each sentence then carries its origin: human, machine changed (with the edit distance),
    machine untouched. Text that nobody changed is finding N108 and never counts.

    \b
    Examples:
      rsitmd annotate prefill my-dataset --captions captions/dataset_RSITMD.json --model amfmn-1
      rsitmd annotate prefill my-dataset
    """
    from dataclasses import asdict

    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.studio.campaign.prefill import PrefillReport, keep_captions, send_predictions
    from rsitmd_tools.studio.sync.task_updates import update_tasks
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = PrefillReport()
        if captions is not None:
            report = keep_captions(workspace, captions, model or captions.stem, input_format)
        client = Client(connection_of(workspace))
        send_predictions(workspace, client, report)
        update_tasks(workspace, client)  # the labeling page shows which model wrote the text
    if as_json:
        print_json(asdict(report))
        return
    if captions is not None:
        click.echo(f"captions: {report.captions} for {report.images} images")
        if report.unknown:
            click.echo(f"warning: {report.unknown} images are not in the workspace", err=True)
    click.echo(f"predictions: {report.sent} sent, {report.known} known, {report.replaced} replaced")
