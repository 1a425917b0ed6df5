"""``rsitmd build init``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument
from rsitmd_tools.errors import command_line


@click.command("init")
@workspace_argument
@click.option("--name", help="Name of the dataset; by default the name of the folder.")
@click.option(
    "--text-licence", metavar="NAME", default="", help="Licence of the texts, such as CC-BY-4.0."
)
@click.option(
    "--image-licence", metavar="NAME", default="", help="Licence of the images, such as CC-BY-4.0."
)
def command(folder: Path, name: str | None, text_licence: str, image_licence: str) -> None:
    """Create a workspace: rsitmd.toml, workspace.db and images/.

    In an existing workspace, it migrates an older database and changes nothing else.

    A release states the licences of texts and images. They can be set later, under `[release]` in
    rsitmd.toml.

    \b
    Examples:
      rsitmd build init my-dataset
      rsitmd build init my-dataset --name "Harbours of the North"
      rsitmd build init my-dataset --text-licence CC-BY-4.0 --image-licence CC-BY-4.0
    """
    from rsitmd_tools.errors import RsitmdError
    from rsitmd_tools.formats import is_dataset
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.settings import FILENAME

    if not Workspace.is_workspace(folder) and is_dataset(folder):
        raise RsitmdError(
            "has a dataset, which a workspace would hide",
            where=folder,
            hint="create the workspace in a new folder, and import the dataset with"
            " `rsitmd build import`",
        )
    licences = {"text_licence": text_licence, "image_licence": image_licence}
    with Workspace.create(folder, name, **licences) as workspace:
        for key, licence in licences.items():
            if licence and getattr(workspace.settings.release, key) != licence:
                raise RsitmdError(
                    "already exists",
                    where=folder / FILENAME,
                    hint=f"set {key} under [release] in that file",
                )
    click.echo(f"workspace: {folder}")
    click.echo("next: " + command_line("build", "ingest", folder, "FOLDER_OF_IMAGES"))
