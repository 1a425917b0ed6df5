"""``rsitmd annotate serve``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument


@click.command("serve", short_help="Start Label Studio for a workspace.")
@workspace_argument
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port; kept for later starts. The first start takes a free one by default.",
)
@click.option(
    "--postgres",
    metavar="URL",
    help="postgresql://USER@HOST:PORT/NAME, password in PGPASSWORD; kept for later starts.",
)
@click.option(
    "--public",
    metavar="URL",
    help="Address of an HTTPS proxy for people elsewhere; kept for later starts, '' forgets it.",
)
@click.option("--assist", is_flag=True, help="Let `rsitmd annotate assist` connect.")
@click.option(
    "--new-secrets",
    is_flag=True,
    help="Give the lead's account a new password and token, when studio/secrets.json is lost.",
)
def command(
    folder: Path,
    port: int | None,
    postgres: str | None,
    public: str | None,
    assist: bool,
    new_secrets: bool,
) -> None:
    """Start the installed Label Studio on 127.0.0.1, its data in the workspace.

    It runs until Ctrl-C. Commands in another terminal, such as push and pull, find this
    server automatically. A restart finds everything again.

    \b
    Examples:
      rsitmd annotate serve my-dataset
      rsitmd annotate serve my-dataset --port 8080
      rsitmd annotate serve my-dataset --port 8080 --public https://label.example.org
      PGPASSWORD=... rsitmd annotate serve my-dataset --postgres postgresql://ls@localhost/ls
    """
    import shlex
    import signal

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from rsitmd_tools.studio.server.public import checked_public

    public = checked_public(public) if public else public

    # Ended by a service manager, the server stops as cleanly as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    click.echo("starting Label Studio ...", err=True)
    with EmbeddedServer(
        folder, port, postgres, public=public, assist=assist, new_secrets=new_secrets
    ) as server:
        click.echo(f"Label Studio: {server.url}")
        if server.public:
            click.echo(f"for people elsewhere: {server.public}")
        click.echo(f"log in as {server.secrets.email}")
        click.echo(f"password and token: in {folder / 'studio' / 'secrets.json'}")
        click.echo(f"send images: rsitmd annotate push {shlex.quote(str(folder))}")
        click.echo(f"invite people: rsitmd annotate invite {shlex.quote(str(folder))}")
        click.echo("Ctrl-C stops it; the same command starts it again")
        try:
            server.wait()
        except KeyboardInterrupt:
            click.echo("stopping ...", err=True)
            raise
