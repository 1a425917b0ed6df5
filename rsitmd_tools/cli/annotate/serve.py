"""``rsitmd annotate serve``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument
from rsitmd_tools.errors import command_line


@click.command("serve")
@workspace_argument
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port; saved for later starts. Default of the first start: a free port.",
)
@click.option(
    "--postgres",
    metavar="URL",
    help="Use PostgreSQL: postgresql://USER@HOST:PORT/NAME, with the password in PGPASSWORD; saved"
    " for later starts. Pass '' to use SQLite again. The campaign cannot be moved after the first"
    " push.",
)
@click.option(
    "--public",
    metavar="URL",
    help="URL of the HTTPS proxy that annotators use; saved for later starts. Pass '' to unset it.",
)
@click.option("--assist", is_flag=True, help="Allow `rsitmd annotate assist` to connect.")
@click.option(
    "--new-secrets",
    is_flag=True,
    help="Create a new password and token for the account of the lead, the administrator; use this "
    "if studio/secrets.json is lost.",
)
def command(
    folder: Path,
    port: int | None,
    postgres: str | None,
    public: str | None,
    assist: bool,
    new_secrets: bool,
) -> None:
    """Start Label Studio on 127.0.0.1, with its data in the workspace.

    The server runs until Ctrl-C. Commands such as push and pull find it automatically; run them
    in another terminal. The data is kept between starts.

    \b
    Examples:
      rsitmd annotate serve my-dataset
      rsitmd annotate serve my-dataset --port 8080
      rsitmd annotate serve my-dataset --port 8080 --public https://label.example.org
      PGPASSWORD=... rsitmd annotate serve my-dataset --postgres postgresql://ls@localhost/ls
    """
    import signal

    from rsitmd_tools.cli.messages import warn
    from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of, uses_own_server
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from rsitmd_tools.studio.server.public import checked_public
    from rsitmd_tools.studio.sync.delivery import follow_folder
    from rsitmd_tools.workspace import Workspace

    public = checked_public(public) if public else public
    with Workspace.open(folder) as workspace:
        if not uses_own_server(workspace):
            raise WrongUsage(
                f"the workspace is connected to {connection_of(workspace).url}, so no command"
                " would use this server",
                where=folder,
                hint="to use the workspace's own server again, first run: "
                + command_line("annotate", "connect", folder, "--own"),
            )

    # A service manager sends SIGTERM: stop as cleanly as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    click.echo("starting Label Studio ...", err=True)
    with EmbeddedServer(
        folder, port, postgres, public=public, assist=assist, new_secrets=new_secrets
    ) as server:
        click.echo(f"Label Studio: {server.url}")
        if server.public:
            click.echo(f"public URL: {server.public}")
        click.echo(f"log in as {server.secrets.email}")
        click.echo(f"password and token: {folder / 'studio' / 'secrets.json'}")
        with Workspace.open(folder) as workspace:
            client = Client(connection_of(workspace))
            try:
                moved = follow_folder(workspace, client)
            except RsitmdError as error:
                warn(f"annotators may see no images ({error.what}). To correct this, run push.")
            else:
                if moved:
                    click.echo(f"images: {count_of(moved, 'project')} read the new folder")
        click.echo(f"To send images, run: {command_line('annotate', 'push', folder)}")
        click.echo(f"To invite annotators, run: {command_line('annotate', 'invite', folder)}")
        click.echo("Press Ctrl-C to stop the server.")
        try:
            server.wait()
        except KeyboardInterrupt:
            click.echo("stopping ...", err=True)
            raise
