"""``rsitmd annotate assist``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument


@click.command("assist", short_help="Live hints for annotators.")
@workspace_argument
@click.option("--port", type=click.IntRange(1, 65535), help="Port; a free one by default.")
def command(folder: Path, port: int | None) -> None:
    """Suggest keywords and mark sentences that break a rule or repeat another.

    An ML backend on 127.0.0.1 for the projects of the workspace; its server must run with
    `serve --assist`. Hints stand on the page of the task, by name. It runs until Ctrl-C;
    annotation goes on without it, and a later start catches up.

    \b
    Examples:
      rsitmd annotate assist my-dataset
    """
    import signal
    import threading

    from rsitmd_tools.studio.assist.run import Assist

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    click.echo("reading what was written ...", err=True)
    with Assist(folder, port) as assist:
        click.echo(f"assist: http://{assist.backend.address}")
        click.echo(f"sentences known: {len(assist.adviser)}, hints given: {assist.hinted}")
        threading.Event().wait()
