"""The data of tasks: what the labeling page shows of an image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from rsitmd_tools.annotation_templates import CAPTION, MACHINE
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.captions import caption_fields
from rsitmd_tools.studio.sync.delivery import addresses
from rsitmd_tools.studio.sync.fields import blank_fields, page_of
from rsitmd_tools.studio.sync.renditions import make_renditions
from rsitmd_tools.studio.sync.tasks import TaskData, own_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import removed_rows
from rsitmd_tools.workspace.projects import PILOT
from rsitmd_tools.workspace.tasks import TaskImage, task_images


class TaskContent:
    """Makes the data of tasks from the images, their captions and the labeling page.

    Args:
        workspace: The workspace.
        client: The server.

    Attributes:
        images: All images of the workspace by row, removed ones too, ordered by category and
            number.
        removed: Rows of the images that were removed from the dataset.

    Raises:
        RsitmdError: The configured labeling page cannot be read.
    """

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self._workspace = workspace
        self._client = client
        self._blank = blank_fields(page_of(workspace))
        self.images = {image.row: image for image in task_images(workspace.db, removed=True)}
        self.removed = removed_rows(workspace.db)

    def prepare(self, images: Sequence[TaskImage]) -> None:
        """Make the renditions of images, and upload those that the server needs.

        Removed images get none: the server must not show them any more.

        Raises:
            RsitmdError: An image cannot be read, or the server refuses.
        """
        images = [image for image in images if image.row not in self.removed]
        make_renditions(self._workspace, list(dict.fromkeys(image.filename for image in images)))
        missing = [image for image in images if image.sha256 not in self._addresses]
        if missing:
            self._addresses |= addresses(self._workspace, self._client, missing)

    def data_for(self, kind: str) -> TaskData:
        """Return the function that makes the data of tasks in projects of a kind."""
        # Pilot projects get no pre-filled text. The note about a model's text is shown there
        # only if the labeling page shows the captions themselves.
        no_model_text = kind == PILOT and f"{CAPTION}1" not in self._blank
        if not no_model_text or MACHINE not in self._blank:
            return self._data
        return lambda image, note: {**self._data(image, note), MACHINE: ""}

    @cached_property
    def _addresses(self) -> dict[str, str]:
        """The addresses of the images that the server can read, by key."""
        images = list(self.images.values())
        return addresses(self._workspace, self._client, images, upload=False)

    def _data(self, image: TaskImage, note: str) -> dict[str, Any]:
        address = self._addresses.get(image.sha256, "")
        captions = caption_fields(self._workspace, image.row, self._blank)
        return {**self._blank, **captions, **own_data(image, address, note)}
