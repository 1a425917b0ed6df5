"""``rsitmd annotate pilot``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import (
    json_option,
    print_json,
    reviewer_name,
    workspace_argument,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, command_line, count_of

if TYPE_CHECKING:
    from rsitmd_tools.workspace import Workspace

LISTED = 5  # images that are named in a note


@click.command("pilot")
@workspace_argument
@click.option("--start", is_flag=True, help="Start a pilot. Run `push` to send its images.")
@click.option("--stop", is_flag=True, help="End the pilot. Run `push` to close its projects.")
@click.option(
    "--images",
    type=click.IntRange(1, 100),
    help="Number of pilot images. Default: 10, or all images with references if fewer.",
)
@click.option(
    "--references",
    type=PathType(path_type=Path),
    metavar="PATH",
    help="Reference sentences: a dataset, or a CSV with the columns image and sentence.",
)
@click.option("--admit", multiple=True, metavar="EMAIL", help="Admit an annotator to the campaign.")
@click.option("--refuse", multiple=True, metavar="EMAIL", help="Refuse an annotator.")
@click.option("--reviewer", metavar="NAME", help="Name of the reviewer. Default: your user name.")
@json_option
def command(
    folder: Path,
    start: bool,
    stop: bool,
    images: int | None,
    references: Path | None,
    admit: tuple[str, ...],
    refuse: tuple[str, ...],
    reviewer: str | None,
    as_json: bool,
) -> None:
    """Show the results of the pilot; admit or refuse new annotators.

    During a pilot, new annotators receive only the pilot images. An admitted annotator receives
    campaign images at the next push. Annotators who already have sentences in the campaign are
    admitted when the pilot starts, so run `pull` before `--start`. Pilot sentences never become
    part of a dataset.

    `--stop` admits every annotator who was not refused. `--stop --start` replaces the pilot by a
    new one. Annotators who are admitted or have sentences in the campaign do not take part.

    \b
    Examples:
      rsitmd annotate pilot my-dataset --start
      rsitmd annotate pilot my-dataset --start --images 5 --references references.csv
      rsitmd annotate pilot my-dataset
      rsitmd annotate pilot my-dataset --admit anna@example.org
      rsitmd annotate pilot my-dataset --stop
    """
    from rsitmd_tools.studio.campaign.pilot import pilot_state, plan_pilot
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.people import person_of

    for option, value in (("--references", references), ("--images", images)):
        if value is not None and not start:
            raise WrongUsage(f"{option} requires --start", hint="add --start")
    if set(admit) & set(refuse):
        raise WrongUsage(
            "the same address is passed to --admit and --refuse", hint="use one of the two options"
        )
    changes = start or stop or bool(admit or refuse)
    who = reviewer_name(reviewer) if changes else ""
    if (admit or refuse) and not start:
        _check_running(folder, "--admit" if admit else "--refuse")
    with Workspace.open(folder, write=changes) as workspace:
        # Nothing is recorded unless all of it can be.
        for email in (*admit, *refuse):
            person_of(workspace, email)
        if start and stop:
            plan_pilot(workspace, images, references)
        _decide(workspace, admit, refuse, who)
        if stop:
            _stop(workspace, who, next_step=not start)
        if start:
            _start(workspace, images, references, who)
        state = pilot_state(workspace)
    if as_json:
        print_json(state)
    else:
        _print_state(state)


def _check_running(folder: Path, option: str) -> None:
    from rsitmd_tools.studio.campaign.pilot import pilot_state
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        if not pilot_state(workspace)["images"]:
            raise WrongUsage(
                f"{option} requires a pilot, and none is running",
                where=folder,
                hint="add --start to start one",
            )


def _decide(workspace: Workspace, admit: Sequence[str], refuse: Sequence[str], who: str) -> None:
    """Admit and refuse annotators; say how many images a refused one leaves to others."""
    from rsitmd_tools.workspace.admission import ADMITTED, REFUSED, decide

    for email in admit:
        decide(workspace, email, ADMITTED, who)
    for email in refuse:
        if freed := decide(workspace, email, REFUSED, who):
            push = command_line("annotate", "push", workspace.path)
            number = count_of(freed, "open image")
            click.echo(f"{email}: to assign {number} to others, run: {push}", err=True)


def _stop(workspace: Workspace, who: str, *, next_step: bool) -> None:
    """Stop the pilot; name the annotators it admits and the next step, if asked to."""
    from rsitmd_tools.studio.campaign.pilot import stop_pilot

    admitted = stop_pilot(workspace, who)
    line = "pilot stopped"
    if next_step:
        line += f"; admitted: {', '.join(admitted)}" if admitted else ""
        line += f"; run: {command_line('annotate', 'push', workspace.path)}"
    click.echo(line, err=True)


def _start(workspace: Workspace, images: int | None, references: Path | None, who: str) -> None:
    """Start a pilot; name unknown references, and the annotators it admits."""
    from rsitmd_tools.studio.campaign.pilot import start_pilot, unknown_images
    from rsitmd_tools.workspace.admission import admit_writers

    if references is not None:
        _print_unknown(unknown_images(workspace, references), references)
    start_pilot(workspace, images, references, who)
    if wrote := admit_writers(workspace):
        click.echo(f"admitted, already wrote for the campaign: {', '.join(wrote)}", err=True)


def _print_state(state: Mapping[str, Any]) -> None:
    """Print the images of the pilot, and one line about each annotator."""
    if not state["images"]:
        click.echo("no pilot is running; use --start to start one")
        return
    total = len(state["images"])
    click.echo(f"pilot of {count_of(total, 'image')}: {', '.join(state['images'])}")
    if state["references"] < total:
        lack = total - state["references"]
        click.echo(f"{count_of(lack, 'image')} without reference sentences: no similarity computed")
    for person in state["people"]:
        found = ", ".join(f"{code} {n}" for code, n in person["findings"].items()) or "none"
        mean = person["similarity"]
        similarity = "not available" if mean is None else f"{mean:.2f}"
        decided = person["decision"] or "pending"
        by = f" by {person['decided_by']}" if person["decided_by"] else ""
        click.echo(
            f"{person['email']}: {person['done']} of {count_of(total, 'image')} done;"
            f" similarity to references: {similarity}; findings: {found}; decision: {decided}{by}"
        )


def _print_unknown(names: list[str], references: Path) -> None:
    """Name images of the references that the workspace does not have, such as misspelled ones."""
    if not names:
        return
    more = ", ..." if len(names) > LISTED else ""
    number = count_of(len(names), "image")
    note(f"{references}: {number} not in the workspace: {', '.join(names[:LISTED])}{more}")
