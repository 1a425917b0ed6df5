"""`rsitmd demo`: real images through the real server, and the wheel in an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.run import _claim
from rsitmd_tools.demo.scenes import write_scenes
from rsitmd_tools.studio.server.embedded import FIRST_START, SQLITE
from tests.forks import Forked, Nursery
from tests.real_data import REAL_DATA

if TYPE_CHECKING:
    from tests.integration.conftest import Tool

pytestmark = pytest.mark.integration
CHECKOUT = Path(__file__).resolve().parents[2]
SCENES = 40
WHERE = "import rsitmd_tools.baselines; print(rsitmd_tools.baselines.__file__)"


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def demo(training_commands: Nursery, started_once: Path) -> Callable[..., Forked]:
    """A function that starts a demo whose server has run once: the migrations take a minute."""

    def start(out: Path) -> Forked:
        if not out.exists():
            _claim(out, None, scenes=SCENES, seed=0)
            shutil.copytree(started_once, out / "workspace" / "studio")
        return training_commands.start("demo", "--scenes", SCENES, "-o", out, "--epochs", 1)

    return start


Demo = Callable[[Path], Forked]


def test_a_killed_demo_continues(demo: Demo, tool: Tool, tmp_path: Path) -> None:
    """Killed as its server starts, as people write, and as a model is trained.

    No rule reports an error in the release.
    """
    out = tmp_path / "out"
    for step in ("start Label Studio", "annotate", "train vsepp"):
        killed = demo(out)
        for line in killed.stderr:
            if line == f"== {step}\n":
                break
        time.sleep(0.5)
        killed.kill()
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
    done = demo(out)
    said, errors = done.communicate(timeout=300)
    assert done.returncode == 0, errors
    assert f"release: {SCENES} images, {5 * SCENES} sentences" in said
    checked = tool.run("validate", out / "release", "--format", "json")
    document = json.loads(checked.stdout)
    assert document["summary"]["images"] == SCENES
    assert [found for found in document["findings"] if found["severity"] == "error"] == []


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder of captioned images: real ones, or drawn scenes if there are none."""
    real = REAL_DATA / "rsscn7_sample"
    if real.is_dir():
        return real
    write_scenes(tmp_path / "scenes", SCENES)
    return tmp_path / "scenes"


@pytest.mark.parametrize(
    "start",
    [
        "with a server that has run",
        pytest.param("again after a kill in the first migration", marks=pytest.mark.soak),
    ],
)
def test_captioned_images_are_released_unchanged_by_the_wheel(
    start: str, given: Path, tmp_path: Path, started_once: Path, tool: Tool
) -> None:
    """The wheel alone in a new environment, its dependencies beside it, far from the checkout."""
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    site = install(build_wheel(tmp_path), environment)
    empty.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    found = subprocess.run(
        [environment / "bin" / "python", "-c", WHERE],
        cwd=empty, env=clean, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert found.startswith(str(site))
    demo = [str(environment / "bin" / "rsitmd"), "demo", "--input", str(given), "--epochs", "1"]
    out = empty / "rsitmd-demo"
    if start == "with a server that has run":
        _claim(out, given, scenes=0, seed=0)
        shutil.copytree(started_once, out / "workspace" / "studio")
    else:
        kill_in_first_migration(demo, empty, clean)
    done = subprocess.run(demo, cwd=empty, env=clean, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(out / "report.html")
    check_demo(out, given)
    other = tool.run("demo", "-o", out, "--scenes", SCENES)
    assert other.returncode == 1
    assert "contains a demo with other settings" in other.stderr


def check_demo(out: Path, given: Path) -> None:
    """Check that the release has the texts of the people, under pseudonyms, and two results."""
    assert "<img" in (out / "report.html").read_text(encoding="utf-8")
    images = json.loads((out / "release" / "dataset_RSITMD.json").read_text("utf-8"))["images"]
    captioned = lines_of(given / "annotations.jsonl")
    released = {
        frozenset(s["raw"] for s in image["sentences"]): (image["category"], image["keywords"])
        for image in images
    }
    wanted = {
        frozenset(s["raw"] for s in entry["sentences"]): (entry["category"], entry["keywords"])
        for entry in captioned
    }
    assert released == wanted
    assert len(images) == len(captioned) >= 28
    assert sum(len(image["sentences"]) for image in images) == 5 * len(captioned)
    people = {s["annotator"] for image in images for s in image["sentences"]}
    assert len(people) == 5
    assert all(name.startswith("annotator-") for name in people)
    results = json.loads((out / "demo.json").read_text("utf-8"))["results"]
    assert set(results) == {"vsepp", "amfmn-fusion"}


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of the files that git knows, and check what is in it."""
    source = folder / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, tracked):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / name).is_symlink():
            (source / name).symlink_to((CHECKOUT / name).readlink())
        elif (CHECKOUT / name).is_file():
            (source / name).write_bytes((CHECKOUT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    made = subprocess.run([*map(str, build), source], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    wheel = next(folder.glob("rsitmd_tools-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rsitmd_tools"}
    for kind in ("baselines/serving/static", "baselines/serving/templates", "studio/page/scripts"):
        folder = CHECKOUT / "rsitmd_tools" / kind  # also through the link to the baselines
        there = {f"rsitmd_tools/{kind}/{file.name}" for file in folder.iterdir() if file.is_file()}
        assert there and there <= set(names)
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Make an environment with the wheel and the dependencies of this one; return its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python"]
    options = ["install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([*pip, *options], check=True, capture_output=True)
    site = next(environment.glob("lib/python3.*/site-packages"))
    # Their folder alone: a path file within it, such as the checkout's, is not read.
    (site / "dependencies.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    return site


def kill_in_first_migration(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Start a demo and kill it when the migrations of Label Studio have begun."""
    started = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    studio = folder / "rsitmd-demo" / "workspace" / "studio"
    while not ((studio / SQLITE).exists() and (studio / SQLITE).stat().st_size):
        assert started.poll() is None
        time.sleep(0.05)
    started.kill()
    started.wait()
    assert (studio / FIRST_START).exists()
