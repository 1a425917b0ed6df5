"""``rsitmd build``: output, and errors for invalid workspaces."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.workspace import Workspace, schema
from tests.command import rsitmd


def error_of(*arguments: object) -> str:
    """Run a command that must fail with one line; return the line."""
    done = rsitmd(*arguments)
    assert done.returncode == 1, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "w").close()
    return tmp_path / "w"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "source" / "port"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (32, 32), (80 * number, 0, 0)).save(folder / f"{number}.png")
    (folder / "bad.png").write_bytes(b"x")
    return folder.parent


STEPS = (["ingest", "SOURCE"], ["split"], ["release", "--version", "1.0.0", "-o", "OUT"])


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0])
def test_every_step_checks_settings_schema_and_lock(
    workspace: Path, images: Path, tmp_path: Path, step: list[str]
) -> None:
    given = {"SOURCE": images, "OUT": tmp_path / "out"}
    command = ["build", step[0], workspace, *(given.get(part, part) for part in step[1:])]

    with Workspace.open(workspace, write=True):
        line = error_of(*command)
        assert "another command is writing to this workspace: rsitmd" in line
        assert f"process {os.getpid()} on " in line and "wait until it ends" in line

    settings = workspace / "rsitmd.toml"
    text = settings.read_text()
    settings.write_text(text.replace("[dataset]", "[dataset]\nnmae = 'x'"))
    assert "rsitmd.toml: dataset.nmae: unknown key" in error_of(*command)
    settings.write_text(text.replace("image_size = 256", "image_size = 'large'"))
    assert 'dataset.image_size: must be an integer, not "large"' in error_of(*command)
    settings.write_text(text)

    with sqlite3.connect(workspace / "workspace.db") as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    line = error_of(*command)
    assert f"has schema {schema.VERSION + 1}" in line and "pip install -U" in line
    assert not (tmp_path / "out").exists()
    assert not list((workspace / "images").iterdir())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0])
def test_every_step_needs_a_workspace(tmp_path: Path, step: list[str]) -> None:
    line = error_of("build", step[0], tmp_path / "none", *step[1:])
    assert line.endswith(
        f"is not a workspace; to create one, run: rsitmd build init {tmp_path}/none"
    )
    assert not (tmp_path / "none").exists()


def test_init_in_a_folder_without_write_permission(tmp_path: Path) -> None:
    assert "/proc/w: cannot be created" in error_of("build", "init", "/proc/w")
    (tmp_path / "file").write_text("x")
    assert "file/w: cannot be created (not a directory)" in error_of(
        "build", "init", tmp_path / "file" / "w"
    )
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "images").write_text("x")
    assert "w: cannot be created (file exists)" in error_of("build", "init", tmp_path / "w")
    assert rsitmd("build", "init", tmp_path / "file").returncode == 2


def test_init_hides_no_dataset(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "dataset_RSITMD.json").write_text('{"images": [], "dataset": "d"}')
    assert "has a dataset, which a workspace would hide" in error_of("build", "init", data)
    assert [path.name for path in data.iterdir()] == ["dataset_RSITMD.json"]
    # A release can be in the folder of its workspace.
    Workspace.create(tmp_path / "w").close()
    (data / "dataset_RSITMD.json").rename(tmp_path / "w" / "dataset_RSITMD.json")
    assert rsitmd("build", "init", tmp_path / "w").returncode == 0


def test_an_empty_workspace_is_not_valid(workspace: Path) -> None:
    assert "has no images, so nothing can be checked" in error_of("validate", workspace)


def test_init_writes_settings_with_comments(tmp_path: Path) -> None:
    assert rsitmd("build", "init", tmp_path / "w", "--name", "Häfen 'n' \"Ports\"").returncode == 0
    with Workspace.open(tmp_path / "w") as workspace:
        assert workspace.settings.dataset.name == "Häfen 'n' \"Ports\""
    lines = (tmp_path / "w" / "rsitmd.toml").read_text(encoding="utf-8").splitlines()
    assert sum("#" in line for line in lines) >= len([x for x in lines if " = " in x]) / 2


def test_init_writes_the_licences(tmp_path: Path) -> None:
    licences = ("--text-licence", "CC-BY-4.0", "--image-licence", "a \"b\" 'c'")
    assert rsitmd("build", "init", tmp_path / "w", *licences).returncode == 0
    with Workspace.open(tmp_path / "w") as workspace:
        assert workspace.settings.text_licence == "CC-BY-4.0"
        assert workspace.settings.release.image_licence == "a \"b\" 'c'"
    assert rsitmd("build", "init", tmp_path / "w", *licences).returncode == 0
    line = error_of("build", "init", tmp_path / "w", "--text-licence", "CC0-1.0")
    assert line.endswith("already exists; set text_licence under [release] in that file")


def test_json_is_the_only_output_on_stdout(workspace: Path, images: Path) -> None:
    ingested = rsitmd("build", "ingest", workspace, images, "--json")
    assert ingested.returncode == 0
    report = json.loads(ingested.stdout)
    assert (report["added"], len(report["rejected"])) == (3, 1)
    assert "ingest: 4/4 done" in ingested.stderr
    shares = json.loads(rsitmd("build", "split", workspace, "--shares", "1,0,0", "--json").stdout)
    assert shares["images"] == {"train": 3, "val": 0, "test": 0}


def test_ingest_reports_rejected_files(workspace: Path, images: Path) -> None:
    done = rsitmd("build", "ingest", workspace, images)
    assert done.stdout.startswith("images: 3 added, 0 known, 1 rejected;")
    bad = images / "port" / "bad.png"
    assert (
        f"rejected: {bad}: is not a TIFF, JPEG, PNG, WebP, JPEG 2000 or VRT image\n" in done.stderr
    )
    again = rsitmd("build", "ingest", workspace, images)
    assert again.stdout.startswith("images: 0 added, 3 known, 1 rejected;")


def test_a_terminal_without_utf8_causes_no_traceback(workspace: Path, images: Path) -> None:
    (images / "port" / "größe.png").write_bytes(b"x")
    done = rsitmd(
        *("build", "ingest", workspace, images),
        environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stderr
    assert "3 added" in done.stdout and "Traceback" not in done.stderr


def complete(words: str) -> list[str]:
    done = rsitmd(
        environment={
            "_RSITMD_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
    )
    assert done.returncode == 0, done.stderr
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught(shell: str) -> None:
    done = rsitmd(environment={"_RSITMD_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0, done.stderr
    assert "_RSITMD_COMPLETE" in done.stdout and "rsitmd" in done.stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("rsitmd b", {"build", "benchmark"}),
        ("rsitmd build in", {"init", "ingest"}),
        ("rsitmd build split w --re", {"--reassign"}),
        ("rsitmd validate --input-format pre", {"precomp"}),
    ],
)
def test_completion(words: str, found: set[str]) -> None:
    assert set(complete(words)) == found
