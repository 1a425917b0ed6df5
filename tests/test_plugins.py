"""A package with one extension of each kind, installed into an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools import plugins
from rsitmd_tools.errors import RsitmdError
from tests.forks import Nursery
from tests.plugged import Plug

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "plugin"
COLOURS = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has this one's packages and the plugin."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    found = folder / "bin" / "python"
    own = subprocess.run(
        [found, "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # addsitedir, not a plain path: an editable installation needs its own .pth files.
    lines = [f"import site; site.addsitedir({folder!r})" for folder in site.getsitepackages()]
    Path(own.stdout.strip(), "base.pth").write_text("\n".join(lines))
    source = shutil.copytree(PACKAGE, folder / "source")  # a build writes beside the source
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", source)
    done = subprocess.run([found, *install], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture
def run(python: Path) -> Run:
    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-m", "rsitmd_tools", *map(str, arguments)],
            capture_output=True, text=True, cwd=HERE.parent,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        )  # fmt: skip

    return call


@pytest.fixture
def run_trained(python: Path) -> Iterator[Run]:
    """The same for commands that import torch, without the time of it."""
    more = {"CUDA_VISIBLE_DEVICES": ""}
    nursery = Nursery(("torch", "lightning", "timm"), python, more)

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return nursery.run(*arguments, folder=HERE.parent, environment={**os.environ, **more})

    yield call
    nursery.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Plain images and their colours, in the format of the plugin."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = []
    for number in range(18):
        name, colour = list(COLOURS.items())[number % 3]
        split = "test" if number > 11 else "train"
        file = f"field_{number}.png"
        Image.new("RGB", (32, 32), colour).save(folder / file)
        lines += [f"{file}\t{split}\tA plain {name} field lies there number {n}." for n in range(5)]
    lines[0] = "field_0.png\ttrain\tA PLAIN RED FIELD LIES THERE."
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_format_a_rule_and_a_broken_plugin(run: Run, data: Path, tmp_path: Path) -> None:
    found = run("validate", data, "--select", "X,S101", "--format", "json")
    document = json.loads(found.stdout)
    assert [(f["code"], f["name"], f["image"]) for f in document["findings"]] == [
        ("X101", "shouting", "field_0.png")
    ]
    [warning] = [line for line in found.stderr.splitlines() if "plugin" in line]
    assert "plugin broken of rsitmd-example cannot be loaded (ModuleNotFoundError: " in warning
    assert "Traceback" not in found.stderr

    explained = run("validate", "--explain", "X101")
    assert "A sentence is written in capital letters." in explained.stdout
    assert run("validate", data, "--input-format", "tab-separated").returncode == 1
    refused = run("validate", data, "--input-format", "tabs")
    assert refused.returncode == 2
    assert "'tab-separated'" in refused.stderr
    converted = run("build", "convert", data, tmp_path / "c", "--to", "tab-separated")
    assert converted.returncode == 0
    assert "tab-separated does not declare what it can store" in converted.stderr

    (data / "captions.tsv").write_text("field_0.png\tA plain red field.\n")
    short = run("validate", data)
    assert short.stderr.splitlines()[-1] == (
        f"error: {data / 'captions.tsv'}: line 1 has 2 fields instead of 3; separate name, split "
        "and caption by tabs"
    )


def test_a_model_an_attention_and_a_metric(run_trained: Run, data: Path, tmp_path: Path) -> None:
    run = run_trained
    small = ("epochs=1", "batch_size=4", "image_size=32", "dimension=8", "word_dimension=8")
    changes = [part for change in small for part in ("--set", change)]
    for name, more in (
        ("mean-colour", ("model=mean-colour",)),
        ("averaged", ("model=amfmn", "attention=averaged", "backbone=test_resnet")),
    ):
        out = tmp_path / name
        sets = [part for change in more for part in ("--set", change)]
        trained = run("benchmark", "train", data, "--config", "vsepp", *changes, *sets, "-o", out)
        assert trained.returncode == 0, trained.stderr
        assert trained.stderr.count("vsepp is a built-in name; rename the entry point") == 1
        result = run("benchmark", "evaluate", out, data, "--json")
        assert result.returncode == 0, result.stderr
        document = json.loads(result.stdout)
        assert document["mean_recall"] > 0
        assert isinstance(document["margin"], float)
        table = run("benchmark", "compare", out)
        assert table.stdout.splitlines()[2].endswith("  margin")
    unknown = run("benchmark", "train", data, "--config", "vsepp", "--set", "model=mean", "-o", "x")
    assert unknown.returncode == 1
    assert "mean-colour" in unknown.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys\nsys.exit('no licence')", "SystemExit: no licence"),
        ("x", "NameError: name 'x'"),
    ],
)
def test_a_plugin_that_cannot_be_loaded(
    plug: Plug, caplog: pytest.LogCaptureFixture, source: str, said: str
) -> None:
    plug(plugins.BASELINES, "mean", source, "Model")
    assert plugins.load_plugins(plugins.BASELINES) == {}
    [warning] = caplog.messages
    assert f"plugin mean of rsitmd-other cannot be loaded ({said}" in warning
    with pytest.raises(RsitmdError, match="plugin mean of rsitmd-other cannot be loaded; see the"):
        plugins.load_plugin(plugins.BASELINES, "mean")


def test_the_documentation_shows_the_whole_package() -> None:
    page = (HERE.parent / "docs" / "extending.md").read_text(encoding="utf-8")
    files = [file for file in sorted(PACKAGE.rglob("*")) if file.suffix in (".py", ".toml")]
    for file in files:
        name = file.relative_to(PACKAGE).as_posix()
        kind = "toml" if file.suffix == ".toml" else "python"
        assert f"`{name}`:\n\n```{kind}\n{file.read_text(encoding='utf-8')}```" in page, name
