"""``rsitmd annotate pilot``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("pilot", short_help="New people caption the same images first.")
@workspace_argument
@click.option("--start", is_flag=True, help="Begin a pilot; `push` sends its images.")
@click.option(
    "--images",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    help="How many images the pilot has.",
)
@click.option(
    "--references",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A dataset, or a CSV with the columns image and sentence, to hold people against.",
)
@click.option("--admit", multiple=True, metavar="EMAIL", help="Let somebody in.")
@click.option("--refuse", multiple=True, metavar="EMAIL", help="Do not let somebody in.")
@click.option("--reviewer", metavar="NAME", help="Who decides; your account's name by default.")
@json_option
def command(
    folder: Path,
    start: bool,
    images: int,
    references: Path | None,
    admit: tuple[str, ...],
    refuse: tuple[str, ...],
    reviewer: str | None,
    as_json: bool,
) -> None:
    """Show how new people did in the pilot, and let them in or not.

    While there is a pilot, whoever is new gets its images alone; who is let in gets a share
    of the campaign at the next push. Texts of a pilot get into no dataset.

    \b
    Examples:
      rsitmd annotate pilot my-dataset --start
      rsitmd annotate pilot my-dataset --start --images 5 --references references.csv
      rsitmd annotate pilot my-dataset
      rsitmd annotate pilot my-dataset --admit anna@example.org
    """
    import getpass

    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.studio.pilot import ADMITTED, REFUSED, decide, pilot_state, start_pilot
    from rsitmd_tools.workspace import Workspace

    if references is not None and not start:
        raise WrongUsage("--references is for --start", mend="add --start")
    if set(admit) & set(refuse):
        raise WrongUsage("an address is admitted and refused", mend="choose one")
    with Workspace.open(folder, write=start or bool(admit or refuse)) as workspace:
        if start:
            start_pilot(workspace, images, references)
        who = reviewer or getpass.getuser()
        for email in admit:
            decide(workspace, email, ADMITTED, who)
        for email in refuse:
            decide(workspace, email, REFUSED, who)
        state = pilot_state(workspace)
    if as_json:
        print_json(state)
        return
    if not state["images"]:
        click.echo("no pilot; begin one with --start")
        return
    click.echo(f"images: {', '.join(state['images'])}")
    for person in state["people"]:
        found = ", ".join(f"{code} {n}" for code, n in person["findings"].items()) or "none"
        like = "–" if person["similarity"] is None else f"{person['similarity']:.2f}"
        decided = person["decision"] or "not decided"
        by = f" by {person['decided_by']}" if person["decided_by"] else ""
        click.echo(
            f"{person['email']}: {person['done']} of {len(state['images'])} done, similarity to"
            f" the references {like}, findings: {found}; {decided}{by}"
        )
