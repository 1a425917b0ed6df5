"""``rsitmd annotate review``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import count_of, json_option, print_json, workspace_argument

if TYPE_CHECKING:
    from rsitmd_tools.studio.campaign.review import ReviewReport


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
@click.option("--all", "everything", is_flag=True, help="List findings listed before too.")
@json_option
def command(
    folder: Path,
    send_back: str | None,
    accept: str | None,
    reject: str | None,
    reviewer: str | None,
    select: str | None,
    ignore: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Run the rules on new sentences, and decide about sentences.

    Findings are listed once; what was listed before is counted, and listed with --all. A
    sentence is named by its image, its annotator, and a number from 1 where one person writes
    several.

    \b
    FILE is a CSV with these columns, a line a sentence:
      image      file name of the image
      annotator  address of its author; may be left out where one person wrote
      sentence   number on the page of that person, from 1; may be left out where they
                 wrote one
      text       the words themselves, instead of a number or to check it
      note       what the author reads on the task
    or the JSON that `rsitmd validate --format json` wrote of the workspace as it is now.

    A sentence that was left empty is named in the same way and goes back too. What is sent
    back shows its author the note on that task; the old wording is kept, and `pull` takes the
    new one. Every decision is kept with the reviewer's name and the time.

    \b
    Examples:
      rsitmd annotate review my-dataset
      rsitmd annotate review my-dataset --send-back S104,S105 --accept
      rsitmd annotate review my-dataset --send-back notes.csv --reviewer "B. Lee"
    """
    import getpass

    from rsitmd_tools.studio.campaign.review import FAMILIES, ReviewRequest, review
    from rsitmd_tools.studio.campaign.seen import mark_seen
    from rsitmd_tools.workspace import Workspace

    asked = ReviewRequest(
        reviewer=reviewer if reviewer is not None else getpass.getuser(),
        send_back=send_back,
        accept=accept,
        reject=reject,
        select=_codes(select) or FAMILIES,
        ignore=_codes(ignore),
        everything=everything,
    )
    with Workspace.open(folder, write=True) as workspace:
        report = review(workspace, asked)
        if as_json:
            from dataclasses import asdict

            print_json(asdict(report))
        else:
            _print(report)
        # After printing: a finding that nobody could read was not seen.
        mark_seen(workspace, report.findings)


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").replace(",", " ").split())


def _print(report: ReviewReport) -> None:
    from rsitmd_tools.errors import printable

    for finding in report.findings:
        click.echo(printable(f"{finding['label']}: {finding['code']} {finding['message']}"))
    if report.seen_before:
        click.echo(f"{count_of(report.seen_before, 'finding')} listed before; use --all to list")
    for email, count in report.annotators.items():
        told = ", ".join(f"{code} {n}" for code, n in sorted(count.items()))
        click.echo(f"{email}: {told}")
    for entry in report.empty:
        click.echo(printable(f"{entry['label']}: left empty"))
    for line in report.nothing:
        click.echo(line)
    for entry in report.sent_back:
        place = f"sent back to its author: {entry['label']}"
        click.echo(printable(f"{place}: {entry['note']}  {entry['link']}"))
    if report.shared:
        click.echo(
            "warning: in a shared project, the links show the texts of all annotators;"
            " ask the author to change only their own",
            err=True,
        )
    click.echo(f"accepted: {report.accepted}, rejected: {report.rejected}")
    click.echo("states: " + ", ".join(f"{state} {n}" for state, n in report.states.items()))
    if report.acceptance is not None:
        click.echo(report.acceptance.line)
