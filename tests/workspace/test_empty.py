"""The error of commands that need images."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.workspace import Workspace
from tests.command import rsitmd
from tests.quality.conftest import record


def error_of(*arguments: object) -> str:
    done = rsitmd(*arguments)
    assert done.returncode == 1, done
    return done.stderr


@pytest.mark.parametrize(
    "command", [["build", "split"], ["build", "release", "--version", "1.0.0", "-o"]]
)
def test_a_workspace_without_image_files_names_what_adds_them(
    tmp_path: Path, command: list[str]
) -> None:
    folder = tmp_path / "workspace"
    arguments = [*command, str(tmp_path / "out")] if command[-1] == "-o" else command
    options = ["--allow-no-licence"] if "release" in command else []
    with Workspace.create(folder) as workspace:
        pass
    wanted = f"{folder}: has no images; run: rsitmd build ingest {folder} FOLDER_OF_IMAGES"
    assert wanted in error_of(*arguments, str(folder), *options)
    with Workspace.open(folder, write=True) as workspace:
        texts = Dataset("ports", (record("port_1.tif"), record("port_2.tif")), tmp_path, "rsitmd")
        import_dataset(workspace, texts)
    wanted = (
        f"{folder}: has the texts of 2 images, but no image file; to add the files, run:"
        f" rsitmd build import {folder} SRC --images FOLDER"
    )
    assert wanted in error_of(*arguments, str(folder), *options)
