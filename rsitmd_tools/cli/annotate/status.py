"""``rsitmd annotate status``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("status", short_help="Say how far the campaign is.")
@workspace_argument
@json_option
@click.option("--findings", is_flag=True, help="Run the rules and compare people too.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with plots.")
@click.option(
    "--payment", type=FILE, metavar="FILE", help="Write a CSV of counts by annotator and week."
)
def command(
    folder: Path, as_json: bool, findings: bool, html: Path | None, payment: Path | None
) -> None:
    """Say how far the campaign is, as of the last pull.

    \b
    Examples:
      rsitmd annotate status my-dataset
      rsitmd annotate status my-dataset --findings --json
      rsitmd annotate status my-dataset --html status.html --payment weeks.csv
    """
    from rsitmd_tools.atomic import write_text
    from rsitmd_tools.studio.payment import payment_csv
    from rsitmd_tools.studio.status import findings_of_people, status
    from rsitmd_tools.studio.status_page import status_page
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        state = status(workspace)
        if findings:
            state |= findings_of_people(workspace)
        # The figures first: whatever cannot be written costs none of them.
        if as_json:
            print_json(state)
        else:
            _print(state)
        if payment is not None:
            write_text(payment, payment_csv(workspace))
        if html is not None:
            write_text(html, status_page(workspace))


def _print(state: dict[str, Any]) -> None:
    from rsitmd_tools.errors import printable

    click.echo(f"server: {state['url'] or 'not running'}")
    click.echo(f"images: {state['images']}, {state['tasks']} tasks, {state['complete']} complete")
    click.echo(
        f"annotations: {state['annotations']}, {state['missing']} missing"
        f" ({state['drafts']} drafts, {state['skips']} skips)"
    )
    if state["states"]:
        told = ", ".join(f"{name} {n}" for name, n in state["states"].items())
        click.echo(f"sentences: {told}")
    for person in state["people"]:
        seconds = "" if person["seconds"] is None else f", {person['seconds']:.0f} s each"
        left = "" if person["active"] else " (left)"
        line = f"  {person['email']}{left}: {person['written']}, {person['open']} to do{seconds}"
        if "findings" in state:
            agreement = state["agreement"].get(person["email"])
            line += "" if agreement is None else f", agreement {agreement['mean']:.2f}"
            found = state["findings"].get(person["email"], {})
            line += "".join(f", {code} {n}" for code, n in found.items())
        click.echo(printable(line))
    for verdict in ("copied", "doubtful"):
        for entry in state.get(verdict, []):
            click.echo(
                printable(
                    f"{verdict}: {entry['image']} by {entry['annotator']} ({entry['value']:.2f})"
                )
            )
    _print_ranking(state["ranking"])
    licence = state["licence"]
    if licence is not None:
        missing = ", ".join(licence["missing"]) or "nobody"
        told = f"licence {licence['name']}: {len(licence['accepted'])} accepted, not yet: {missing}"
        click.echo(printable(told))
    estimate = state["estimate"]
    if estimate["ends"] is None:
        click.echo("end: nobody wrote in the last two weeks")
    else:
        click.echo(f"end: {estimate['ends']} at {estimate['per_day']:g} annotations a day")


def _print_ranking(ranking: dict[str, Any] | None) -> None:
    from rsitmd_tools.errors import printable

    if ranking is None:
        return
    for entry in ranking["images"]:
        votes = ", ".join(f"{choice} {n}" for choice, n in entry["votes"].items() if n)
        agreed = "" if entry["agreement"] is None else f", agreement {entry['agreement']:.2f}"
        winner = entry["winner"] or "nobody"
        click.echo(printable(f"  {entry['image']}: {winner} wins ({votes}{agreed})"))
    won = ", ".join(f"{choice} {n}" for choice, n in ranking["winners"].items())
    line = f"ranking: {len(ranking['images'])} images, won: {won}"
    if ranking["agreement"] is not None:
        line += f"; agreement {ranking['agreement']:.2f}, alpha {ranking['alpha']:.2f}"
    click.echo(line)
