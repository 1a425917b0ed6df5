"""How the server reads the images: from a folder, from an upload, or from other addresses."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import LOCAL, UPLOAD
from rsitmd_tools.studio.sync.identity import projects_there
from rsitmd_tools.studio.sync.image_store import image_store
from rsitmd_tools.studio.sync.renditions import rendition_folder, rendition_path
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import projects_of
from rsitmd_tools.workspace.tasks import TaskImage

FILES_PER_REQUEST = 100  # maximum that the server accepts


def addresses(
    workspace: Workspace, client: Client, images: Sequence[TaskImage], *, upload: bool = True
) -> dict[str, str]:
    """Return the address of each image's rendition by the key of the image.

    Args:
        workspace: The workspace.
        client: The server.
        images: The images.
        upload: If the connection uploads images, upload those that the server does not have;
            their renditions must exist. Otherwise those images have no address.

    Raises:
        RsitmdError: The server refuses the files.
    """
    delivery = client.connection.images
    if delivery == UPLOAD:
        return _upload(workspace, client, images if upload else ())
    names = {image.sha256: rendition_path(workspace, image.filename).name for image in images}
    local = f"/data/local-files/?d={rendition_folder(workspace).name}"
    prefix = local if delivery == LOCAL else delivery
    return {key: f"{prefix.rstrip('/')}/{quote(name)}" for key, name in names.items()}


def open_folder(workspace: Workspace, client: Client, project: int) -> None:
    """Give a project access to the folder of renditions, if the server reads images from it.

    Args:
        workspace: The workspace.
        client: The server.
        project: Number of the project on the server.

    Raises:
        RsitmdError: The server cannot read the folder.
    """
    if client.connection.images == LOCAL:
        _ensure_storage(workspace, client, project)


def follow_folder(workspace: Workspace, client: Client) -> int:
    """Give all projects of a server access to the folder of renditions if it was moved.

    Args:
        workspace: The workspace; it was moved, copied or restored if the newest project has no
            access to the folder.
        client: The server.

    Returns:
        The number of projects that got access.

    Raises:
        RsitmdError: The server cannot read the folder.
    """
    known = projects_of(workspace.db, client.connection.key)
    projects = projects_there(workspace, client, known, warn=False) if known else []
    if not projects or _has_storage(workspace, client, projects[-1].number):
        return 0
    for project in projects:  # the newest one last, so that an interrupted call is made again
        open_folder(workspace, client, project.number)
    return len(projects)


def _has_storage(workspace: Workspace, client: Client, project: int) -> bool:
    path = str(rendition_folder(workspace).resolve())
    storages = client.call(client.sdk.import_storage.local.list, project=project)
    return any(storage.path == path for storage in storages)


def _ensure_storage(workspace: Workspace, client: Client, project: int) -> None:
    """Add the folder of renditions as a storage; the server shows files of storages only."""
    if _has_storage(workspace, client, project):
        return
    path = str(rendition_folder(workspace).resolve())
    try:
        client.call(
            client.sdk.import_storage.local.create,
            safe=False,
            project=project,
            path=path,
            use_blob_urls=True,
            title="images",
        )
    except RsitmdError as error:
        raise RsitmdError(
            f"the server cannot read the images from this folder ({error.what})",
            where=path,
            hint="set LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and"
            " LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT on the server, the latter to its parent, or"
            " connect with --images upload",
        ) from error


def _upload(workspace: Workspace, client: Client, images: Sequence[TaskImage]) -> dict[str, str]:
    """Upload the renditions that the server does not have; their names contain the key."""
    store = image_store(workspace, client)
    uploaded = _uploaded(client, store)
    missing = [image for image in images if image.sha256 not in uploaded]
    with progress("upload", len(missing)) as step:
        for first in range(0, len(missing), FILES_PER_REQUEST):
            batch = missing[first : first + FILES_PER_REQUEST]
            client.upload(
                store,
                {
                    f"{image.sha256}.png": rendition_path(workspace, image.filename).read_bytes()
                    for image in batch
                },
            )
            step(len(batch))
    return _uploaded(client, store) if missing else uploaded


def _uploaded(client: Client, store: int) -> dict[str, str]:
    """Return the address of each uploaded file by the key in its name."""
    files = client.call(client.sdk.files.list, id=store, all_=True)
    # If a file was uploaded twice, as after a lost response, the first upload is used.
    paths = [str(file.file) for file in sorted(files, key=lambda file: -file.id)]
    # The server adds a random prefix to the name: upload/1/0a1b2c3d-<hash>.png
    return {path.rpartition("-")[2].removesuffix(".png"): f"/data/{path}" for path in paths}
