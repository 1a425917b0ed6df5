"""``rsitmd annotate log``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("log")
@workspace_argument
@click.argument("image")
@json_option
def command(folder: Path, image: str, as_json: bool) -> None:
    """Show all revisions of all annotations of an image, with the review decisions.

    Removals, new names and new categories of the image are shown too.

    IMAGE is the file name of an image in the workspace.

    \b
    Examples:
      rsitmd annotate log my-dataset port_3.tif
    """
    from rsitmd_tools.errors import printable
    from rsitmd_tools.studio.campaign.history import history
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        found = history(workspace, image)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['image']}: assigned to {', '.join(found['assigned']) or 'no annotator'}")
    for sentence in found["imported"]:
        line = f"  {sentence['number']}. {sentence['raw']}  [from {sentence['dataset']}]"
        click.echo(printable(line))
        for change in sentence["corrections"]:
            codes = ", ".join(change["codes"])
            click.echo(printable(f"     {change['time']} was: {change['before']} ({codes})"))
    for entry in found["revisions"]:
        seconds = "" if entry["seconds"] is None else f", {entry['seconds']:.0f} s"
        marks = [
            *(["pilot"] if entry["pilot"] else []),
            *([] if entry["latest"] else ["earlier version"]),
            *(["deleted"] if entry["deleted_at"] else []),
            *([f"changed by {entry['changed_by']}"] if entry["changed_by"] else []),
        ]
        suffix = f" [{', '.join(marks)}]" if marks else ""
        click.echo(
            f"{entry['time']} {entry['annotator']}"
            f" (annotation {entry['server_id']}{seconds}){suffix}"
        )
        for sentence in entry["sentences"]:
            text = sentence["raw"] or "(left empty)"
            line = f"  {sentence['number']}. {text}  [{sentence['state']}]{_origin(sentence)}"
            click.echo(printable(line))
            for decision in sentence["decisions"]:
                why = f": {decision['note']}" if decision["note"] else ""
                click.echo(
                    printable(
                        f"     {decision['time']} {decision['state']} by {decision['by']}{why}"
                    )
                )
        if entry["keywords"]:
            click.echo(printable(f"  keywords: {', '.join(entry['keywords'])}"))
        if entry["choice"]:
            click.echo(printable(f"  better: {entry['choice']}"))
    for skip in found["skips"]:
        click.echo(f"{skip['time']} {skip['annotator']} skipped the image")
    for change in found["changes"]:
        click.echo(printable(f"{change['time']} {_change(change)}"))


def _change(change: dict[str, Any]) -> str:
    """Return what was changed of the image itself."""
    moved = change["before"] != change["after"]
    what = f" from {change['before']} to {change['after']}" if moved else ""
    return f"{change['kind']}{what}" + (f": {change['reason']}" if change["reason"] else "")


def _origin(sentence: dict[str, Any]) -> str:
    """Return the origin of a sentence, for the end of its line."""
    if not sentence["raw"]:
        return ""
    distance = sentence["edit_distance"]
    edits = "" if distance is None else f", edit distance {distance} from the machine caption"
    return f" ({sentence['origin']}{edits})"
