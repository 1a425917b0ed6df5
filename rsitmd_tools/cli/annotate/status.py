"""``rsitmd annotate status``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.annotate.task_warnings import print_skipped_by_all, print_superfluous
from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import (
    FILE,
    check_page,
    json_option,
    print_json,
    refuse_one_file,
    workspace_argument,
)
from rsitmd_tools.errors import command_line, count_of


@click.command("status")
@workspace_argument
@json_option
@click.option("--findings", is_flag=True, help="Also run the rules and compare annotators.")
@click.option("--html", type=FILE, metavar="FILE", help="Write an HTML page with plots.")
@click.option(
    "--payment", type=FILE, metavar="FILE", help="Write a CSV with counts per annotator and week."
)
def command(
    folder: Path, as_json: bool, findings: bool, html: Path | None, payment: Path | None
) -> None:
    """Show the progress of the campaign, as of the last pull.

    Run `pull` first for current numbers. The server need not be running.

    \b
    Examples:
      rsitmd annotate status my-dataset
      rsitmd annotate status my-dataset --findings --json
      rsitmd annotate status my-dataset --html status.html --payment weeks.csv
    """
    from rsitmd_tools.atomic import write_text
    from rsitmd_tools.studio.campaign.payment import payment_csv
    from rsitmd_tools.studio.campaign.status import findings_of_people, status
    from rsitmd_tools.studio.campaign.status_page import status_page
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.outputs import refuse_own_file

    refuse_one_file({"--html": html, "--payment": payment})
    with Workspace.open(folder) as workspace:
        for target in (payment, html):
            if target is not None:
                refuse_own_file(folder, target)
        if html is not None:
            check_page(html)
        state = status(workspace)
        if findings:
            state |= findings_of_people(workspace)
        # Print first: the numbers must appear even if a file cannot be written.
        if as_json:
            print_json(state)
        else:
            _print(state)
        if payment is not None:
            write_text(payment, payment_csv(workspace))
        if html is not None:
            write_text(html, status_page(workspace))
    print_skipped_by_all(state["skipped_by_all"], folder)
    print_superfluous(state["superfluous"], folder)
    _print_gaps(state, folder)


def _print(state: dict[str, Any]) -> None:
    from rsitmd_tools.errors import printable
    from rsitmd_tools.workspace.acceptance import Acceptance

    click.echo(f"server: {state['url'] or 'not running'}")
    tasks = count_of(state["tasks"], "task")
    click.echo(
        f"images: {state['images']}, {tasks}, {state['complete']} complete,"
        f" {state['incomplete']} incomplete"
    )
    missing = f"{count_of(state['missing'], 'annotation')} missing"
    if state["sentences_asked"]:
        missing += f", {count_of(state['missing_sentences'], 'sentence')} missing"
    unfinished = f"{count_of(state['drafts'], 'draft')}, {count_of(state['skips'], 'skip')}"
    click.echo(f"annotations: {state['annotations']} pulled, {missing} ({unfinished})")
    if state["states"]:
        counts = ", ".join(f"{name} {n}" for name, n in state["states"].items())
        click.echo(f"sentences by state: {counts}")
    if state["imported_sentences"]:
        click.echo(f"imported: {count_of(state['imported_sentences'], 'sentence')} not corrected")
    if state["without_file"]:
        count = count_of(len(state["without_file"]), "imported image")
        click.echo(f"without a file: {count} (names: --json)")
    if state["sentences"]:
        click.echo(Acceptance(**state["acceptance"]).line)
    for person in state["people"]:
        seconds = "" if person["seconds"] is None else f", {person['seconds']:.0f} s per image"
        reason = f": {person['left_reason']}" if person["left_reason"] else ""
        left = "" if person["active"] else f" (left{reason})"
        line = (
            f"  {person['email']}{left}: {person['written']} done, {person['open']} to do{seconds}"
        )
        if "findings" in state:
            agreement = state["agreement"].get(person["email"])
            if agreement is not None:
                line += f", similarity to the others' sentences {agreement['mean']:.2f}"
            found = state["findings"].get(person["email"], {})
            line += "".join(f", {code} {n}" for code, n in found.items())
        click.echo(printable(line))
    for subject, found in state.get("reliability", {}).items():
        _print_reliability(subject, found)
    for verdict in ("copied", "doubtful"):
        for entry in state.get(verdict, []):
            click.echo(printable(f"{verdict}: {entry['label']} ({entry['value']:.2f})"))
    _print_ranking(state["ranking"])
    licence = state["licence"]
    if licence is not None:
        pending = ", ".join(licence["missing"]) or "none"
        accepted = f"{len(licence['accepted'])} accepted, pending: {pending}"
        click.echo(printable(f"licence {licence['name']}: {accepted}"))
    click.echo(f"estimated end: {_end(state)}")


def _print_gaps(state: dict[str, Any], folder: Path) -> None:
    """Print what is missing and what to do about it."""
    for image in state["had_by_all"]:
        warn(f"{image}: a text was rejected, and every annotator has had the image")
    if state["had_by_all"]:
        add = command_line("annotate", "users", folder, "add", "EMAIL")
        click.echo(f"To add an annotator, run: {add}", err=True)
    if state["overfull"]:
        images, have = ("image", "has") if state["overfull"] == 1 else ("images", "have")
        list_them = command_line("validate", folder, "--select", "D102")
        click.echo(
            f"{state['overfull']} {images} {have} more sentences than asked. To list"
            f" {'it' if state['overfull'] == 1 else 'them'}, run: {list_them}",
            err=True,
        )
    if state["short"]:
        review = command_line("annotate", "review", folder)
        count = count_of(state["short"], "annotation")
        have = "has" if state["short"] == 1 else "have"
        click.echo(
            f"{count} {have} fewer sentences than asked. To list them, run: {review}. To ask the"
            f" authors, run: {review} --send-back FILE",
            err=True,
        )


def _end(state: dict[str, Any]) -> str:
    """Return the estimated end of the campaign, or why there is no estimate."""
    if not state["images"]:
        return "unknown, no images yet"
    if not state["missing"]:
        return "complete, nothing is missing"
    if state["had_by_all"]:
        return f"unknown, {count_of(len(state['had_by_all']), 'image')} without an annotator left"
    estimate = state["estimate"]
    if estimate["ends"] is None:
        none = "yet" if not state["annotations"] else "in the last two weeks"
        return f"unknown, no annotations {none}"
    return f"{estimate['ends']} at {estimate['per_day']:g} annotations per day"


def _print_reliability(subject: str, found: dict[str, Any]) -> None:
    measure, images = found["measure"], count_of(found["images"], "image")
    if found["value"] is None:
        click.echo(f"agreement on {subject}: unknown ({images} with two or more annotators)")
        return
    interval = "no interval: too few images"
    if found["interval"] is not None:
        low, high = found["interval"]
        interval = f"95 % interval {low:.2f} to {high:.2f}"
    click.echo(f"agreement on {subject}: {found['value']:.2f} ({interval}; {images})")
    click.echo(f"  {measure}. {found['meaning']}")


def _print_ranking(ranking: dict[str, Any] | None) -> None:
    from rsitmd_tools.errors import printable

    if ranking is None:
        return
    for entry in ranking["images"]:
        votes = ", ".join(f"{choice}: {n}" for choice, n in entry["votes"].items() if n)
        share = entry["agreement"]
        agreed = "" if share is None else f"; {share:.0%} of annotator pairs agree"
        winner = entry["winner"] or "none (tie)"
        click.echo(printable(f"  {entry['image']}: winner: {winner} (votes: {votes}{agreed})"))
    won = ", ".join(f"{choice}: {n}" for choice, n in ranking["winners"].items())
    line = f"ranking: {count_of(len(ranking['images']), 'image')}; winners: {won}"
    if ranking["agreement"] is not None:
        line += (
            f"; {ranking['agreement']:.0%} of annotator pairs agree, Krippendorff's alpha"
            f" (nominal) {ranking['alpha']:.2f}"
        )
    click.echo(line)
