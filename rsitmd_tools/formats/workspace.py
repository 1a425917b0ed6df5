"""``workspace``: the merged sentences and keywords of a workspace; read-only.

Annotators are read by their addresses, which the checks and reviews inside the workspace need.
A dataset that leaves the workspace has pseudonyms instead.
"""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.formats.holds import ANEW, YES, Holds
from rsitmd_tools.formats.registry import Format


def recognises(path: Path) -> bool:
    """Return whether a path is a workspace."""
    from rsitmd_tools.workspace.store import Workspace

    return Workspace.is_workspace(path)


def read(path: Path, image_folder: Path | None) -> Dataset:
    """Read the sentences that are neither sent back nor rejected, accepted or not.

    Imported images without an image file are included. A release does not contain them.
    A release contains fewer sentences if ``[release] only_accepted`` is set.
    """
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.merge import dataset_images

    with Workspace.open(path) as workspace:
        return Dataset(
            name=workspace.settings.dataset.name,
            images=tuple(dataset_images(workspace)),
            source=path,
            format=FORMAT.name,
            image_folder=image_folder or workspace.images,
        )


def with_pseudonyms(dataset: Dataset) -> Dataset:
    """Replace the addresses of annotators by the pseudonyms of a release.

    Other names are kept: a release can have those of its annotators.

    Args:
        dataset: Images of a workspace.

    Raises:
        RsitmdError: The workspace cannot be read any more.
    """
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.images import annotator_pseudonyms, renamed_annotators

    with Workspace.open(dataset.source) as workspace:
        pseudonyms = annotator_pseudonyms(workspace)
    names = {sentence.annotator for image in dataset for sentence in image.sentences}
    if names.isdisjoint(pseudonyms):  # a release has them already
        return dataset
    return dataset.with_images(renamed_annotators(dataset, lambda name: pseudonyms.get(name, name)))


FORMAT = Format(
    "workspace",
    "created by `rsitmd build init`",
    recognises,
    read,
    # What `build import` stores: imported sentences have no annotator.
    holds=Holds(categories=YES, keywords=YES, tokens=ANEW, name=YES),
)
