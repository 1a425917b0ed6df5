"""``rsitmd annotate pilot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import count_of, json_option, print_json, workspace_argument


@click.command("pilot", short_help="Let new annotators caption the same images first.")
@workspace_argument
@click.option("--start", is_flag=True, help="Start a pilot; `push` sends its images.")
@click.option("--stop", is_flag=True, help="End the pilot; `push` closes its projects.")
@click.option(
    "--images",
    type=click.IntRange(1, 100),
    help="Number of images; by default 10, or all images with references if there are fewer.",
)
@click.option(
    "--references",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Reference sentences: a dataset, or a CSV with the columns image and sentence.",
)
@click.option("--admit", multiple=True, metavar="EMAIL", help="Admit an annotator.")
@click.option("--refuse", multiple=True, metavar="EMAIL", help="Refuse an annotator.")
@click.option("--reviewer", metavar="NAME", help="Name of the lead; your user name by default.")
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
    """Show the results of new annotators in the pilot; admit or refuse them.

    During a pilot, new annotators get only its images. Annotators who are admitted get a share of
    the campaign at the next push. Annotators who annotated before the pilot are admitted when it
    starts, so run `pull` first. Texts of a pilot are in no dataset. `--stop` admits everybody who
    was not refused. `--stop --start` starts another pilot for the annotators who have not
    annotated for the campaign and were not admitted.

    \b
    Examples:
      rsitmd annotate pilot my-dataset --start
      rsitmd annotate pilot my-dataset --start --images 5 --references references.csv
      rsitmd annotate pilot my-dataset
      rsitmd annotate pilot my-dataset --admit anna@example.org
      rsitmd annotate pilot my-dataset --stop
    """
    import getpass

    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.studio.campaign.pilot import pilot_state, start_pilot, stop_pilot
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.admission import ADMITTED, REFUSED, admit_writers, decide

    for option, given in (("--references", references), ("--images", images)):
        if given is not None and not start:
            raise WrongUsage(f"{option} is for --start", hint="add --start")
    if set(admit) & set(refuse):
        raise WrongUsage("an address is admitted and refused", hint="choose one")
    who = reviewer or getpass.getuser()
    with Workspace.open(folder, write=start or stop or bool(admit or refuse)) as workspace:
        for email in admit:
            decide(workspace, email, ADMITTED, who)
        for email in refuse:
            decide(workspace, email, REFUSED, who)
        if stop:
            let_in = stop_pilot(workspace, who)
            click.echo(f"pilot stopped{'' if start else _let_in(let_in, folder)}", err=True)
        if start:
            start_pilot(workspace, images, references, who)
            if wrote := admit_writers(workspace):
                shown = ", ".join(wrote)
                click.echo(f"admitted, as they have annotated before: {shown}", err=True)
        state = pilot_state(workspace)
    if as_json:
        print_json(state)
        return
    if not state["images"]:
        click.echo("no pilot; use --start to start one")
        return
    total = len(state["images"])
    click.echo(f"pilot of {count_of(total, 'image')}: {', '.join(state['images'])}")
    if state["references"] < total:
        lack = total - state["references"]
        click.echo(f"{count_of(lack, 'image')} without reference sentences and similarity")
    for person in state["people"]:
        click.echo(_line(person, total))


def _line(person: dict[str, Any], total: int) -> str:
    """Return the results of an annotator in one line."""
    parts = [f"{person['done']} of {count_of(total, 'image')} done"]
    if person["similarity"] is not None:
        parts.append(f"similarity to the references {person['similarity']:.2f}")
    if person["done"]:
        found = ", ".join(f"{code} {n}" for code, n in person["findings"].items())
        parts.append(f"findings: {found}" if found else "no findings")
    decided = person["decision"] or "no decision yet"
    by = f" by {person['decided_by']}" if person["decided_by"] else ""
    return f"{person['email']}: {', '.join(parts)}; {decided}{by}"


def _let_in(emails: list[str], folder: Path) -> str:
    """Return who is admitted by the end of a pilot, and the command that sends their images."""
    import shlex

    admitted = f"; admitted: {', '.join(emails)}" if emails else ""
    return f"{admitted}; run: {shlex.join(['rsitmd', 'annotate', 'push', str(folder)])}"
