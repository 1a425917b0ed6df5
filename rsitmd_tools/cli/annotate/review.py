"""``rsitmd annotate review``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import count_of, json_option, print_json, workspace_argument

if TYPE_CHECKING:
    from rsitmd_tools.studio.campaign.review import ReviewReport


@click.command("review", short_help="Check new sentences; send back, accept or reject sentences.")
@workspace_argument
@click.option(
    "--send-back",
    metavar="CODES|FILE",
    help="Send these sentences back to their authors; the findings become the note.",
)
@click.option(
    "--accept",
    is_flag=False,
    flag_value="clean",
    metavar="[CODES|FILE]",
    help="Accept these; without a value, all new sentences without a warning or an error.",
)
@click.option("--reject", metavar="CODES|FILE", help="Reject these: no release contains them.")
@click.option("--reviewer", metavar="NAME", help="Name of the reviewer; your user name by default.")
@click.option("--select", metavar="CODES", help="Rules to run; S and N by default.")
@click.option("--ignore", metavar="CODES", help="Rules not to run.")
@click.option(
    "--all", "everything", is_flag=True, help="Also list findings that were listed before."
)
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
    """Run the rules on new sentences and decide about sentences.

    A finding is listed once; later reviews only count it, unless you use --all. A sentence is
    identified by its image, its annotator, and a number from 1 if annotators write several
    sentences.

    \b
    FILE is a CSV with these columns, one line per sentence:
      image      file name of the image
      annotator  address of the author; optional if the image has one author
      sentence   number on the author's labeling page, from 1; optional if the author
                 wrote one sentence
      text       the sentence itself, instead of a number or as a check
      note       text that the author reads on the task
    or the output of `rsitmd validate --format json` for the workspace in its present state.

    Sentences that were left empty can be sent back in the same way. The author of a sentence that
    is sent back sees the note on the task; `pull` reads the new text, and the old one is kept.
    Every decision is recorded with the reviewer's name and the time.

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
