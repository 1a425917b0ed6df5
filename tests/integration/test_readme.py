"""The README's way step by step, its own lines, on a real server and captioned scenes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

from rsitmd_tools.demo.captioned import CaptionedImage, annotators_of, read_captioned
from rsitmd_tools.demo.people import send, sign_up
from rsitmd_tools.demo.scenes import write_scenes
from rsitmd_tools.release import verify_release
from rsitmd_tools.workspace import Workspace
from tests.forks import Forked, Nursery

pytestmark = pytest.mark.integration
README = Path(__file__).resolve().parents[2] / "README.md"
# A suite of a minute: a tiny network in place of the one whose weights the reader has.
BACKBONE = "test_resnet"
QUICK = ["--set", "epochs=1", "--set", "image_size=64", "--set", f"backbone={BACKBONE}"]
QUICK += ["--configs", "vsepp-frozen,amfmn-soft-frozen", "--seeds", "0"]


def steps() -> list[list[str]]:
    """The commands of the section, in order."""
    section = README.read_text(encoding="utf-8").split("## Your own dataset")[1]
    block = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [line for line in lines if line and line[0] == "rsitmd"]


def photos(folder: Path) -> list[CaptionedImage]:
    """Class folders of images, and what five people will write about them."""
    write_scenes(folder / "scenes", 40)
    images = read_captioned(folder / "scenes")
    for image in images:
        place = folder / "photos" / image.category
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(image.path, place)
    return images


@pytest.fixture
def started() -> Iterator[list[Forked]]:
    """Processes that stand open; they are ended with Ctrl-C."""
    running: list[Forked] = []
    yield running
    for process in running:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_every_line_of_the_readme(
    tmp_path: Path,
    started: list[Forked],
    started_once: Path,
    commands: Nursery,
    training_commands: Nursery,
) -> None:
    images = photos(tmp_path)
    network = timm.create_model(BACKBONE, pretrained=False, features_only=True)
    save_file(network.state_dict(), tmp_path / "lite0.safetensors")
    workspace = tmp_path / "my-dataset"
    environment = {**os.environ, "COLUMNS": "100"}
    for line in steps():
        name = " ".join(line[1:3])
        if name == "annotate serve":
            shutil.copytree(started_once, workspace / "studio")
            server = commands.start(*line[1:], folder=tmp_path)
            started.append(server)
            assert "http://127.0.0.1:" in server.stdout.readline()
            continue
        if name == "annotate pull":
            with Workspace.open(workspace, write=True) as opened:
                send(opened, images, sign_up(opened, annotators_of(images)))
        nursery = training_commands if line[1] == "benchmark" else commands
        more = QUICK if name == "benchmark suite" else []
        done = nursery.run(*line[1:], *more, folder=tmp_path, environment=environment, timeout=400)
        # The drawn captions may break a rule; that is what 1 says.
        assert done.returncode in ((0, 1) if line[1] == "validate" else (0,)), (line, done.stderr)
        assert "Traceback" not in done.stderr
    found = verify_release(tmp_path / "release")
    assert found.differences == ()
    assert found.files > 40
    report = (tmp_path / "suite" / "report.html").read_text(encoding="utf-8")
    assert "AMFMN" in report and "VSE++" in report
    assert len((tmp_path / "suite" / "results.jsonl").read_text().splitlines()) == 2
