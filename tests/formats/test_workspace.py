"""A workspace as a dataset: annotators have the pseudonyms of a release when it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

import rsitmd_tools
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.release.contents import contents_of
from rsitmd_tools.workspace import Workspace
from tests.formats.workspaces import ADDRESSES, AUTHORS, captioned_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return captioned_workspace(tmp_path / "workspace")


def test_the_pseudonyms_are_those_of_a_release(workspace: Path, tmp_path: Path) -> None:
    with Workspace.open(workspace) as opened:
        released = contents_of(opened).dataset
    converted, bundle = tmp_path / "converted", tmp_path / "released"
    for data, folder in ((load_dataset(workspace), converted), (released, bundle)):
        folder.mkdir()
        save_dataset(data, folder, "rsitmd")
    name = "dataset_RSITMD.json"
    assert (converted / name).read_bytes() == (bundle / name).read_bytes()
    people = [s.annotator for s in load_dataset(converted).images[0].sentences]
    assert people == [f"annotator-{number}" for number in AUTHORS]


def test_the_python_api_reads_addresses_and_writes_pseudonyms(
    workspace: Path, tmp_path: Path
) -> None:
    data = rsitmd_tools.load(workspace)
    assert [s.annotator for s in data.images[0].sentences] == ADDRESSES[1:]
    # A part of the dataset is also one of a workspace.
    save_dataset(data.split("test"), tmp_path, "rsitmd")
    assert b"@" not in (tmp_path / "dataset_RSITMD.json").read_bytes()
    assert [s.annotator for s in data.images[0].sentences] == ADDRESSES[1:]
