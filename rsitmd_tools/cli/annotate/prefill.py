"""``rsitmd annotate prefill``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import FormatName, json_option, print_json, workspace_argument
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import count_of


@click.command("prefill")
@workspace_argument
@click.option(
    "--captions",
    type=PathType(path_type=Path),
    metavar="PATH",
    help="Dataset with captions, in any format; its image names must match the workspace."
    " Without it, captions of earlier calls are sent to new tasks.",
)
@click.option("--model", help="Name of the model that wrote them. Default: the file name.")
@click.option(
    "--input-format",
    type=FormatName(),
    help="Format of the captions. Default: detected.",
)
@json_option
def command(
    folder: Path, captions: Path | None, model: str | None, input_format: str | None, as_json: bool
) -> None:
    """Prefill the sentence fields of pushed tasks with existing captions.

    Captions can come from a model or from another dataset. Annotators correct them. Each
    sentence then records its origin: human, machine changed (with the edit distance), or
    machine untouched. Unchanged captions are reported as finding N108 and never become part of
    the dataset.

    With template = "correction", fields without such captions get the sentences that
    `build import` added. People wrote them, so they count even if they are submitted unchanged.

    \b
    Examples:
      rsitmd annotate prefill my-dataset --captions captions/dataset_RSITMD.json --model amfmn-1
      rsitmd annotate prefill my-dataset
    """
    from dataclasses import asdict

    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.studio.campaign.prefill import (
        PrefillReport,
        check_shown,
        keep_captions,
        send_predictions,
    )
    from rsitmd_tools.studio.sync.task_updates import update_tasks
    from rsitmd_tools.workspace import Workspace

    for option, value in (("--model", model), ("--input-format", input_format)):
        if value is not None and captions is None:
            raise WrongUsage(f"{option} requires --captions", hint="add --captions FILE")
    with Workspace.open(folder, write=True) as workspace:
        report = PrefillReport()
        if captions is not None:
            report = keep_captions(workspace, captions, model or captions.stem, input_format)
        client = Client(connection_of(workspace))
        send_predictions(workspace, client, report)
        # They show the captions, and tell annotators that a model wrote the text.
        updated = update_tasks(workspace, client)
        check_shown(workspace, client, report)
    if as_json:
        print_json(asdict(report))
        return
    if captions is not None:
        captioned = count_of(report.images, "image")
        click.echo(f"captions saved: {report.captions} for {captioned}")
        if report.unknown:
            absent = count_of(report.unknown, "image")
            warn(f"ignored captions of {absent} not in the workspace")
    click.echo(
        f"prefilled tasks: {report.sent} sent, {report.known} already sent,"
        f" {report.replaced} replaced; {count_of(updated, 'task')} updated"
    )
    if report.unseen:
        warn("the labeling page shows no sentences, so annotators do not see these captions")
    if report.unpaired:
        warn(
            f"{count_of(report.unpaired, 'image')} with fewer than two sentences to compare. Add"
            " captions of these images with --captions, or remove them from the dataset"
        )
