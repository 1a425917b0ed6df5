"""``rsitmd annotate review``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import (
    json_option,
    print_json,
    reviewer_name,
    workspace_argument,
)
from rsitmd_tools.errors import count_of

if TYPE_CHECKING:
    from rsitmd_tools.studio.campaign.review import ReviewReport


@click.command("review")
@workspace_argument
@click.option(
    "--send-back",
    metavar="CODES|FILE",
    help="Send sentences back to their annotators; the findings become the note.",
)
@click.option(
    "--accept",
    is_flag=False,
    flag_value="clean",
    metavar="[CODES|FILE]",
    help="Accept sentences. Without a value: all new sentences without warnings and errors.",
)
@click.option(
    "--reject", metavar="CODES|FILE", help="Exclude sentences from the dataset permanently."
)
@click.option("--reviewer", metavar="NAME", help="Name of the reviewer. Default: your user name.")
@click.option("--select", metavar="CODES", help="Rules to run. Default: S and N.")
@click.option("--ignore", metavar="CODES", help="Rules to ignore.")
@click.option("--all", "everything", is_flag=True, help="Also list findings of earlier calls.")
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
    """Check new sentences with the rules; send back, accept or reject sentences.

    Each finding is listed once; findings of earlier calls are only counted. Use --all to list
    them again. --send-back, --accept and --reject select sentences by the codes of their findings
    (CODES, such as S104,S105) or by a list (FILE).

    \b
    FILE is a CSV with one row per sentence and these columns:
      image      file name of the image
      annotator  email address; optional if only one annotator wrote for the image
      sentence   number of the sentence on the labeling page, from 1; optional if
                 the annotator wrote one sentence
      text       text of the sentence; use it instead of the number, or to verify it
      note       note that the annotator reads on the task
    FILE can also be the output of `rsitmd validate --format json` for the current workspace.

    To send back an empty sentence, list it in FILE by its number. The annotator of a sentence
    that was sent back sees the note on the task. After the annotator changes the sentence, `pull`
    fetches the new text; the old text is kept in the history. Every decision is stored with the
    reviewer's name and the time. The last one counts; it is reported if it replaces the decision of
    another reviewer.

    \b
    Examples:
      rsitmd annotate review my-dataset
      rsitmd annotate review my-dataset --send-back S104,S105 --accept
      rsitmd annotate review my-dataset --send-back notes.csv --reviewer "B. Lee"
    """
    from rsitmd_tools.studio.campaign.review import FAMILIES, ReviewRequest, review
    from rsitmd_tools.studio.campaign.seen import mark_seen
    from rsitmd_tools.workspace import Workspace

    request = ReviewRequest(
        reviewer=reviewer_name(reviewer),
        send_back=send_back,
        accept=accept,
        reject=reject,
        select=_codes(select) or FAMILIES,
        ignore=_codes(ignore),
        everything=everything,
    )
    with Workspace.open(folder, write=True) as workspace:
        report = review(workspace, request)
        if as_json:
            from dataclasses import asdict

            print_json(asdict(report))
        else:
            _print(report)
        # Only after printing: a finding that was not printed has not been seen.
        mark_seen(workspace, report.findings)


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").replace(",", " ").split())


def _print(report: ReviewReport) -> None:
    from rsitmd_tools.errors import printable

    for finding in report.findings:
        click.echo(printable(f"{finding['label']}: {finding['code']} {finding['message']}"))
    if report.seen_before:
        click.echo(
            f"{count_of(report.seen_before, 'earlier finding')} not listed; use --all to list all"
        )
    for email, count in report.annotators.items():
        counts = ", ".join(f"{code} {n}" for code, n in sorted(count.items()))
        click.echo(f"{email}: {counts}")
    for entry in report.empty:
        click.echo(printable(f"{entry['label']}: empty"))
    for line in report.nothing:
        click.echo(line)
    for entry in report.sent_back:
        sentence = f"sent back: {entry['label']}"
        click.echo(printable(f"{sentence}: {entry['note']}  {entry['link']}"))
    for entry in report.overruled:
        said = f"{entry['before']} by {entry['decided_by']}"
        said += f" ({entry['note']})" if entry["note"] else ""
        now = "another note replaces it" if entry["before"] == entry["after"] else entry["after"]
        warn(f"{entry['label']}: was {said}; now {now}")
    left = sum(entry["left"] for entry in report.sent_back)
    if left:
        warn(
            f"{count_of(left, 'sentence')} sent back to annotators who left the campaign. The next"
            " push assigns the images to others."
        )
    if report.shared:
        warn(
            "in a shared project, the linked page shows the text of all annotators. Ask each"
            " annotator to change only their own text."
        )
    click.echo(f"accepted: {report.accepted}, rejected: {report.rejected}")
    if not report.states and not report.sentences_asked:
        click.echo("the labeling page asks for no sentences; keywords and choices are not reviewed")
    elif not report.states:
        click.echo("no sentences to review yet; imported and pilot sentences are not reviewed")
    states = ", ".join(f"{state} {n}" for state, n in report.states.items())
    click.echo(f"sentences by state: {states or 'none'}")
    if report.acceptance is not None and report.acceptance.sentences:
        click.echo(report.acceptance.line)
