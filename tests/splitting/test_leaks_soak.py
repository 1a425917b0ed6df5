"""A split of real datasets, checked by brute force: no verified pair is in two splits.

The check shares the verification of a pair with the tool, but neither the candidates nor the
groups: every image is compared with every image of its category in another split, and with the
most similar images of other categories.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.imaging.local_features import Features, features, strong_features
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.same_place import prove
from rsitmd_tools.ingest.groups import find_places
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from tests.splitting.brute_force import (
    Pair,
    equal_pixels,
    most_alike,
    of_one_picture,
)

LABELS = Path(__file__).parents[1] / "imaging" / "labels"


@pytest.mark.soak
@pytest.mark.parametrize("name", ["ucm_full", "rsitmd_partial"])
def test_no_verified_pair_is_in_two_splits(name: str, shared_data: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        import_dataset(workspace, load_dataset(shared_data / name))
        find_places(workspace)
        split(workspace, reassign=True)
        check(workspace, name)


def check(workspace: Workspace, name: str) -> None:
    """Assert that no pair of any kind is in two splits of a workspace."""
    stored = stored_images(workspace)
    homes = [str(image.split) for image in stored]
    categories = [image.category for image in stored]
    paths = [workspace.images / image.filename for image in stored]
    sources = dict(workspace.db.execute("SELECT filename, source FROM image").fetchall())
    names = [Path(sources[image.filename]).stem for image in stored]
    assert set(homes) == {"train", "val", "test"}
    assert equal_pixels(paths, homes) == []
    greys = [np.asarray(Image.open(path).convert("L")) for path in paths]
    alike = most_alike(greys, homes)
    assert [(names[i], names[j]) for i, j in of_one_picture(greys, alike)] == []
    described = list(map_in_order(features, greys, chunk=8))
    pairs = {*same_category(categories, homes), *alike}
    assert [(names[i], names[j]) for i, j in of_one_place(described, sorted(pairs))] == []
    assert labelled(name, names, homes) == []


def same_category(categories: list[str], homes: list[str]) -> Iterator[Pair]:
    """Yield all pairs of one category that are in different splits."""
    members = defaultdict(list)
    for index, category in enumerate(categories):
        members[category].append(index)
    for group in members.values():
        for place, i in enumerate(group):
            yield from ((i, j) for j in group[place + 1 :] if homes[i] != homes[j])


def of_one_place(described: list[Features], pairs: list[Pair]) -> list[Pair]:
    strong = [strong_features(found) for found in described]  # less to send to the workers
    tasks = [(strong[i], strong[j]) for i, j in pairs]
    results = map_in_order(is_one_place, tasks, chunk=64)
    return [pair for pair, same in zip(pairs, results, strict=True) if same]


def is_one_place(pair: tuple[Features, Features]) -> bool:
    return prove(*pair) is not None


def labelled(name: str, names: list[str], homes: list[str]) -> list[tuple[str, str]]:
    """Return the pairs that a person labelled as one place and that are in two splits."""
    home = dict(zip(names, homes, strict=True))
    with (LABELS / f"same_place_{name}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["same_place"] == "yes"]
    pairs = [(Path(row["first"]).stem, Path(row["second"]).stem) for row in rows]
    assert all(one in home and other in home for one, other in pairs)
    return [(one, other) for one, other in pairs if home[one] != home[other]]
