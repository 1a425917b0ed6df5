"""``rsitmd annotate connect``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import FILE, workspace_argument


@click.command("connect")
@workspace_argument
@click.option("--url", help="URL of the server.")
@click.option(
    "--token-file",
    type=FILE,
    help="File that contains only the access token.",
)
@click.option("--own", is_flag=True, help="Use the workspace's own server of `serve` again.")
@click.option(
    "--images",
    default="local",
    show_default=True,
    metavar="local|upload|URL-PREFIX",
    help="How the server reads the images.",
)
def command(folder: Path, url: str | None, token_file: Path | None, own: bool, images: str) -> None:
    """Connect the workspace to an existing Label Studio server.

    Use this instead of `serve` if your team already has a server. With `--images local`, the
    server reads the folder DIR/renditions/images, which has copies of the images for browsers.
    With `--images upload`, `push` uploads the images. With a URL prefix, the server reads
    PREFIX/NAME.png.

    Accounts created on the server from now on join the campaign automatically. To add an
    annotator who already has an account, run `rsitmd annotate users DIR add EMAIL`.

    With --own, all commands use the server of `serve` again. What was pulled from the other server
    stays in the workspace.

    \b
    Examples:
      rsitmd annotate connect my-dataset --url http://127.0.0.1:8080 --token-file token.txt
      rsitmd annotate connect my-dataset --url https://label.example.org \\
          --token-file token.txt --images upload
      rsitmd annotate connect my-dataset --own
    """
    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.studio.api.client import KNOWN_VERSIONS, Client
    from rsitmd_tools.studio.api.connection import (
        LOCAL,
        UPLOAD,
        Connection,
        checked_url,
        forget_connection,
        save_connection,
        token_from,
    )
    from rsitmd_tools.studio.sync.accounts import remember_connected
    from rsitmd_tools.studio.sync.identity import follow_projects
    from rsitmd_tools.workspace import Workspace

    if own:
        if url is not None or token_file is not None or images != LOCAL:
            raise WrongUsage(
                "--own cannot be combined with --url, --token-file or --images", hint="omit --own"
            )
        with Workspace.open(folder, write=True) as workspace:
            forgot = forget_connection(workspace)
        click.echo(
            "the workspace uses its own server"
            + ("" if forgot else "; it was not connected to another one")
        )
        return
    if url is None or token_file is None:
        raise WrongUsage("--url and --token-file are required", hint="or use --own")
    address = checked_url(url)
    if images not in (LOCAL, UPLOAD) and not images.startswith(("http://", "https://")):
        raise WrongUsage(
            "unknown value", where=f"--images {images}", hint="use local, upload or a URL prefix"
        )
    with Workspace.open(folder, write=True) as workspace:
        connection = Connection(address, address, token_from(token_file), images)
        client = Client(connection)
        version = client.check()
        remember_connected(workspace, client)
        follow_projects(workspace, client)
        save_connection(workspace, connection)
    if ".".join(version.split(".")[:2]) not in KNOWN_VERSIONS:
        warn(
            f"this tool was tested with Label Studio {', '.join(KNOWN_VERSIONS)}; the server runs"
            f" {version}. Test push, annotation and pull with a few images first."
        )
    click.echo(f"connected: {address} (Label Studio {version})")
