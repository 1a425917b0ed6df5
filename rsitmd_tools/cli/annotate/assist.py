"""``rsitmd annotate assist``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument


@click.command("assist")
@workspace_argument
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on. Default: a free port."
)
def command(folder: Path, port: int | None) -> None:
    """Suggest keywords, and warn about sentences that break a rule or repeat another one.

    Runs a Label Studio ML backend on 127.0.0.1 for the projects of the workspace. The server
    must run with `serve --assist`. Hints appear on the labeling page of the task, with the
    annotator's name. The command runs until Ctrl-C. Annotators can work without it; the next
    start processes what was submitted in the meantime.

    \b
    Examples:
      rsitmd annotate assist my-dataset
    """
    import signal
    import threading

    from rsitmd_tools.studio.assist.run import Assist

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    click.echo("reading annotations ...", err=True)
    with Assist(folder, port) as assist:
        click.echo(f"assist: http://{assist.backend.address}")
        click.echo(f"sentences read: {len(assist.adviser)}, hints shown: {assist.hinted}")
        threading.Event().wait()
