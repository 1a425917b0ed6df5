"""How the server gets at the images: a folder it reads, an upload, or addresses elsewhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from urllib.parse import quote

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import LOCAL, UPLOAD
from rsitmd_tools.studio.sync.image_store import image_store
from rsitmd_tools.studio.sync.renditions import rendition_folder, rendition_path
from rsitmd_tools.workspace import Workspace

FILES_A_REQUEST = 100  # the server refuses more


def addresses(
    workspace: Workspace, client: Client, rows: Sequence[sqlite3.Row], *, upload: bool = True
) -> dict[str, str]:
    """Return the address of each image's rendition by content hash.

    Args:
        workspace: The workspace.
        client: The server.
        rows: Rows of table ``image``.
        upload: Where images are sent to the server, send those it lacks; their renditions
            are made. Without it, images that it lacks have no address.

    Raises:
        RsitmdError: The server refuses the files.
    """
    how = client.connection.images
    if how == UPLOAD:
        return _upload(workspace, client, rows if upload else ())
    names = {row["sha256"]: rendition_path(workspace, row["filename"]).name for row in rows}
    prefix = f"/data/local-files/?d={rendition_folder(workspace).name}" if how == LOCAL else how
    return {key: f"{prefix.rstrip('/')}/{quote(name)}" for key, name in names.items()}


def open_folder(workspace: Workspace, client: Client, project: int) -> None:
    """Let a project read the folder of renditions, where images lie in it.

    Raises:
        RsitmdError: The server cannot read the folder.
    """
    if client.connection.images == LOCAL:
        _ensure_storage(workspace, client, project)


def _ensure_storage(workspace: Workspace, client: Client, project: int) -> None:
    """Connect the folder of renditions: only so does the server show its files."""
    path = str(rendition_folder(workspace).resolve())
    storages = client.call(client.sdk.import_storage.local.list, project=project)
    if any(storage.path == path for storage in storages):
        return
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
            hint="set LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT on the server to its parent, or"
            " connect with --images upload",
        ) from error


def _upload(workspace: Workspace, client: Client, rows: Sequence[sqlite3.Row]) -> dict[str, str]:
    """Send the renditions that the server has not; their names there hold the content hash."""
    store = image_store(workspace, client)
    have = _uploaded(client, store)
    missing = [row for row in rows if row["sha256"] not in have]
    with progress("upload", len(missing)) as step:
        for first in range(0, len(missing), FILES_A_REQUEST):
            batch = missing[first : first + FILES_A_REQUEST]
            client.upload(
                store,
                {
                    f"{row['sha256']}.png": rendition_path(workspace, row["filename"]).read_bytes()
                    for row in batch
                },
            )
            step(len(batch))
    return _uploaded(client, store) if missing else have


def _uploaded(client: Client, store: int) -> dict[str, str]:
    """Return the address of each uploaded file by the content hash in its name."""
    files = client.call(client.sdk.files.list, id=store, all_=True)
    # A file sent twice, as after a cut answer: the first one stays the one.
    paths = [str(file.file) for file in sorted(files, key=lambda file: -file.id)]
    # The server puts a random word before the name: upload/1/0a1b2c3d-<hash>.png
    return {path.rpartition("-")[2].removesuffix(".png"): f"/data/{path}" for path in paths}
