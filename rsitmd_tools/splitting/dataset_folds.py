"""Test folds of any dataset, from the pairs of its images."""

from __future__ import annotations

from collections.abc import Iterable

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, count_of
from rsitmd_tools.imaging.groups import components
from rsitmd_tools.splitting.assign import Item, assign_splits


def dataset_folds(
    dataset: Dataset, folds: int, seed: int, pairs: Iterable[tuple[str, str]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Assign the images of a dataset to folds, stratified by category; groups are never parted.

    Args:
        dataset: The dataset; its splits do not matter.
        folds: Number of folds.
        seed: Seed of the assignment.
        pairs: File names of two images of one picture or place.

    Returns:
        The fold of each image, from 0, and its group, by file name.

    Raises:
        RsitmdError: There are fewer groups than folds.
    """
    names = [image.filename for image in dataset]
    number = {name: index for index, name in enumerate(names)}
    linked = components(len(names), ((number[one], number[other]) for one, other in pairs))
    groups = {
        name: index if group is None else group
        for index, (name, group) in enumerate(zip(names, linked, strict=True))
    }
    if len(set(groups.values())) < folds:
        raise RsitmdError(
            f"too few images for {folds} folds: {count_of(len(names), 'image')} in"
            f" {count_of(len(set(groups.values())), 'group')}",
            where=dataset.source,
            hint="use fewer folds",
        )
    items = [
        Item(image.filename, image.category or "", str(groups[image.filename])) for image in dataset
    ]
    homes = [f"fold {fold}" for fold in range(folds)]
    assigned = assign_splits(items, dict.fromkeys(homes, 1 / folds), seed)
    return {name: homes.index(home) for name, home in assigned.items()}, groups
