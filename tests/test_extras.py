"""Missing optional packages: a one-line error that names the extra, in every command."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import MissingExtra, install_hint
from rsitmd_tools.extras import EXTRAS, require
from rsitmd_tools.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parent.parent
# The package and the three packages at the top of the checkout that it links to.
TOPS = ("rsitmd_tools", "annotation_templates", "baselines", "schemas")
INSTALLED = packages_distributions()
WITHOUT = f"""
import sys

class Hidden:
    '''The finders of this interpreter, blind to optional packages.'''
    def __init__(self, finders): self.finders = finders
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {sorted(EXTRAS)!r}:
            return None
        return next(filter(None, (f.find_spec(name, path, target) for f in self.finders)), None)

sys.meta_path[:] = [Hidden(list(sys.meta_path))]
from rsitmd_tools.cli import main
main(sys.argv[1:])
"""


def without_extras(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments], capture_output=True, text=True
    )


def canonical(requirement: str) -> str:
    """Return the name of a distribution as PEP 503 writes it, without its versions."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


def extras_of_users() -> dict[str, set[str]]:
    """Return the distributions of each extra that the extra ``all`` installs."""
    file = CHECKOUT / "pyproject.toml"
    extras = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    names = re.search(r"\[(.*)\]", extras["all"][0])
    assert names is not None
    return {name: set(map(canonical, extras[name])) for name in names[1].split(",")}


def distributions(module: str) -> set[str]:
    """Return the installed distributions that hold a module."""
    return set(map(canonical, INSTALLED.get(module, ())))


def imported_modules() -> set[str]:
    """Return the first names of all imports in the package."""
    files = [file for top in TOPS for file in (CHECKOUT / top).rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_bytes()))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_a_module_is_installed_by_its_extra(module: str, extra: str) -> None:
    assert distributions(module) & extras_of_users()[extra]


def test_every_optional_module_that_is_imported_has_its_extra() -> None:
    optional = set().union(*extras_of_users().values())
    found = {module for module in imported_modules() if distributions(module) & optional}
    assert {"torch", "cv2"} <= found <= set(EXTRAS)


def test_require(monkeypatch: pytest.MonkeyPatch) -> None:
    require("rasterio", "torch")
    monkeypatch.setitem(EXTRAS, "no_such_package", "geo")
    with pytest.raises(MissingExtra, match=r"no_such_package is not.*\.\[geo\]"):
        require("no_such_package")


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("annotate serve W", "studio"),
        ("benchmark train D --config vsepp -o R", "train"),
        ("benchmark evaluate R D", "train"),
        ("benchmark search R D --text T", "train"),
        ("benchmark serve R D", "train"),
        ("benchmark weights F --backbone resnet18 -o O", "train"),
        ("demo -o O", "studio"),
    ],
)
def test_a_command_without_its_extra(tmp_path: Path, command: str, extra: str) -> None:
    Workspace.create(tmp_path / "W").close()
    arguments = [str(tmp_path / part) if len(part) == 1 else part for part in command.split()]
    done = without_extras(*arguments)
    assert done.returncode == 1, done.stderr
    *before, line = done.stderr.splitlines()
    assert all(said.startswith("starting") for said in before)
    assert line.startswith("error: ")
    assert line.endswith(f"is not installed; {install_hint(extra)}")
    assert done.stdout == ""


def test_the_core_works_without_any_extra(tmp_path: Path) -> None:
    from PIL import Image

    from tests.pictures import photo

    (tmp_path / "port").mkdir()
    turned = photo(1).transpose(Image.Transpose.ROTATE_90)
    for number, image in enumerate((photo(1), photo(2), turned)):
        image.save(tmp_path / "port" / f"{number}.png")
    workspace = str(tmp_path / "w")
    for arguments in (["init"], ["ingest", str(tmp_path / "port")]):
        done = without_extras("build", arguments[0], workspace, *arguments[1:])
        assert done.returncode == 0, done.stderr
    assert "3 added" in done.stdout
    done = without_extras("build", "groups", workspace)
    assert done.stdout.splitlines()[:2] == ["groups: 1 with 2 images", "  port_1.tif, port_3.tif"]

    data = str(Path(__file__).parent.parent / "docs" / "example")
    for arguments in (
        ["validate", data, "--ignore", "S102,S111,S112"],
        ["build", "convert", data, str(tmp_path / "coco"), "--to", "coco"],
        ["build", "similarity", data, "-o", str(tmp_path / "prior.npy")],
    ):
        done = without_extras(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "coco" / "captions_test.json").is_file()
    assert (tmp_path / "prior.npy").is_file()


def test_evaluated_runs_are_shown_without_any_extra(tmp_path: Path) -> None:
    from rsitmd_tools.baselines.evaluation.evaluate import evaluate_scores

    images = [ImageRecord(f"{n}.png", (Sentence(f"boat {n}"),), (), "test") for n in range(12)]
    data = Dataset("boats", tuple(images), tmp_path / "nowhere", "rsitmd")
    runs = [str(tmp_path / name) for name in ("good", "bad")]
    for run, scores in zip(runs, (np.eye(12), -np.eye(12)), strict=True):
        np.save(tmp_path / "scores.npy", scores)
        evaluate_scores(tmp_path / "scores.npy", data, output=Path(run))
    compared = without_extras("benchmark", "compare", *runs)
    assert compared.returncode == 0, compared.stderr
    assert "good − bad" in compared.stdout
    page = tmp_path / "report.html"
    reported = without_extras("benchmark", "report", *runs, "-o", str(page))
    assert reported.returncode == 0, reported.stderr
    assert "boats" in page.read_text(encoding="utf-8")
