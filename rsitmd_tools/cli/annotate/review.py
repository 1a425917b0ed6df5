"""``rsitmd annotate review``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument

if TYPE_CHECKING:
    from rsitmd_tools.studio.review import ReviewReport


@click.command("review", short_help="Look at what came in; send back, accept, reject.")
@workspace_argument
@click.option(
    "--send-back",
    metavar="CODES|FILE",
    help="Send these sentences back to their authors, with what was found as the note.",
)
@click.option(
    "--accept",
    is_flag=False,
    flag_value="clean",
    metavar="[CODES|FILE]",
    help="Accept these; alone: all new sentences without a warning or an error.",
)
@click.option("--reject", metavar="CODES|FILE", help="Leave these out for good.")
@click.option("--reviewer", metavar="NAME", help="Who decides; your account's name by default.")
@click.option("--select", metavar="CODES", help="Rules that run; S and N by default.")
@click.option("--ignore", metavar="CODES", help="Rules left out.")
@json_option
def command(
    folder: Path,
    send_back: str | None,
    accept: str | None,
    reject: str | None,
    reviewer: str | None,
    select: str | None,
    ignore: str | None,
    as_json: bool,
) -> None:
    """Run the rules on new sentences, and decide about sentences.

    FILE is a CSV with the columns image, annotator, sentence and note, or the JSON that
    `rsitmd validate --format json` writes. What is sent back shows its author the note on
    that task; the old wording is kept, and `pull` takes the new one. Every decision is kept
    with the reviewer's name and the time.

    \b
    Examples:
      rsitmd annotate review my-dataset
      rsitmd annotate review my-dataset --send-back S104,S105 --accept
      rsitmd annotate review my-dataset --send-back notes.csv --reviewer "B. Lee"
    """
    import getpass

    from rsitmd_tools.studio.review import FAMILIES, Asked, review
    from rsitmd_tools.workspace import Workspace

    asked = Asked(
        reviewer=reviewer if reviewer is not None else getpass.getuser(),
        send_back=send_back,
        accept=accept,
        reject=reject,
        select=_codes(select) or FAMILIES,
        ignore=_codes(ignore),
    )
    with Workspace.open(folder, write=True) as workspace:
        report = review(workspace, asked)
    if as_json:
        from dataclasses import asdict

        print_json(asdict(report))
    else:
        _print(report)


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").replace(",", " ").split())


def _print(report: ReviewReport) -> None:
    from rsitmd_tools.errors import printable

    for finding in report.findings:
        place = finding["image"]
        if finding["sentence_index"] is not None:
            place += f" sentence {finding['sentence_index']}"
        line = f"{place}: {finding['code']} {finding['message']} ({finding['annotator']})"
        click.echo(printable(line))
    for email, count in report.annotators.items():
        told = ", ".join(f"{code} {n}" for code, n in sorted(count.items()))
        click.echo(f"{email}: {told}")
    for entry in report.sent_back:
        click.echo(
            printable(
                f"sent back to {entry['annotator']}: {entry['image']} sentence"
                f" {entry['sentence']}: {entry['note']}  {entry['link']}"
            )
        )
    if report.shared:
        click.echo(
            "warning: in a shared project the page behind the link shows everybody's text;"
            " ask the author to change their own",
            err=True,
        )
    click.echo(f"accepted: {report.accepted}, rejected: {report.rejected}")
    click.echo("states: " + ", ".join(f"{state} {n}" for state, n in report.states.items()))
