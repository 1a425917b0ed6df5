"""The assignments that ``build split`` records, and a release lists."""

from __future__ import annotations

import json
from pathlib import Path

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.splitting import split
from rsitmd_tools.splitting.recorded import FACT, Assigned, recorded_assignments
from rsitmd_tools.workspace import Workspace
from tests.splitting.conftest import Make, add

DEFAULT = {"train": 0.8, "val": 0.1, "test": 0.1}
OTHER = {"train": 0.5, "val": 0.2, "test": 0.3}


def recorded(folder: Path) -> list[tuple[dict[str, float], int, int | None]]:
    with Workspace.open(folder) as workspace:
        return [(run.shares, run.seed, run.images) for run in recorded_assignments(workspace)]


def test_each_assignment_is_recorded_until_all_images_are_assigned_again(make: Make) -> None:
    folder = make(40)
    with Workspace.open(folder, write=True) as workspace:
        split(workspace)
        split(workspace, OTHER, 42)  # assigns no image
    assert recorded(folder) == [(DEFAULT, 0, 40)]
    for first in (41, 61):  # two with equal settings become one
        add(folder, 20, first=first)
        with Workspace.open(folder, write=True) as workspace:
            assert split(workspace, OTHER, 42).settings_changed
    assert recorded(folder) == [(DEFAULT, 0, 40), (OTHER, 42, 40)]
    with Workspace.open(folder, write=True) as workspace:
        assert split(workspace).settings_changed
        split(workspace, reassign=True, by="scene")
        (run,) = recorded_assignments(workspace)
    assert run == Assigned(
        shares=DEFAULT,
        seed=0,
        keep_together=["exact", "footprint", "near", "same-place"],
        by="scene",
        block=0.0,
        images=80,
    )


def test_what_goes_into_test_is_recorded(make: Make, tmp_path: Path) -> None:
    folder = make(40)
    images = [{"filename": "port_2.tif", "split": "test", "sentences": []}]
    old, exclude = tmp_path / "dataset_RSITMD.json", tmp_path / "exclude.json"
    old.write_text(json.dumps({"dataset": "w", "images": images}), encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        lists = {workspace.settings.dataset.name: [{"filename": "farm_3.tif"}]}
        exclude.write_text(json.dumps({"exclude": lists}), encoding="utf-8")
        split(workspace, keep=old, exclude=exclude)
        (run,) = recorded_assignments(workspace)
    assert run.keep_data_sha256 == load_dataset(old).checksum()
    assert run.exclude_sha256 == sha256_file(exclude)


def test_the_record_of_an_earlier_version_is_kept(make: Make) -> None:
    folder = make(40)
    with Workspace.open(folder, write=True) as workspace:
        split(workspace)
        with workspace.transaction():
            workspace.set_fact(FACT, json.dumps({"shares": DEFAULT, "seed": 0}))
    add(folder, 20, first=41)
    with Workspace.open(folder, write=True) as workspace:
        assert not split(workspace).settings_changed
    assert recorded(folder) == [(DEFAULT, 0, None), (DEFAULT, 0, 20)]
