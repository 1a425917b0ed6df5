"""Modules that are slow to import are imported only by the code that uses them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.localisation.locate import SceneOptions, locate
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset

SLOW = ("lightning", "torchvision.models", "torch._dynamo")
SETTINGS = ("backbone=test_resnet", "epochs=0", "image_size=32", "margin.kind=fixed")


def loaded(script: str, *arguments: str, modules: tuple[str, ...] = SLOW) -> set[str]:
    """Return which modules a script has imported, run by a fresh interpreter."""
    script = f"import sys\n{script}\nprint(*(m for m in {modules!r} if m in sys.modules))"
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def run(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without any training."""
    return train(tiny, load_config("amfmn-soft", SETTINGS), tmp_path_factory.mktemp("runs") / "a")


@pytest.mark.parametrize("module", ["evaluation", "evaluation.search", "evaluation.evaluate"])
def test_importing_the_evaluation_imports_nothing_slow(module: str) -> None:
    assert loaded(f"import rsitmd_tools.baselines.{module}", modules=(*SLOW, "timm")) == set()


def test_loading_a_model_for_search_imports_only_what_timm_imports(run: Path) -> None:
    """timm itself imports torchvision.models and torch._dynamo, and runs code of both.

    Its ``naflexvit`` module applies ``torch.compiler.disable`` as a decorator, which calls
    ``torch._dynamo.disable``. A model with a backbone cannot be created without these two, but
    it can be created without lightning.
    """
    script = (
        "from pathlib import Path\n"
        "import rsitmd_tools.baselines.evaluation.search\n"
        f"assert not any(m in sys.modules for m in {SLOW!r})\n"
        "from rsitmd_tools.baselines.run import Run\n"
        "Run(Path(sys.argv[1])).load()"
    )
    of_model = loaded(script, str(run))
    assert "lightning" not in of_model
    assert of_model <= loaded("import timm")


def test_a_search_with_stored_images_does_not_import_timm(
    run: Path, tiny: Dataset, tmp_path: Path
) -> None:
    Searcher(run, tiny, cache=tmp_path).images()
    data = tmp_path / "data.pickle"
    data.write_bytes(pickle.dumps(tiny))
    script = (
        "from pathlib import Path\n"
        "import pickle\n"
        "from rsitmd_tools.baselines.evaluation.search import Searcher\n"
        "data = pickle.loads(Path(sys.argv[2]).read_bytes())\n"
        "found = Searcher(Path(sys.argv[1]), data, cache=Path(sys.argv[3])).by_text('a boat')\n"
        "assert len(found.found) == 10"
    )
    arguments = (str(run), str(data), str(tmp_path))
    slow = (*SLOW, "timm", "torchvision", "cv2", "rasterio", "sklearn", "scipy", "pandas")
    assert loaded(script, *arguments, modules=slow) == set()


def test_a_second_query_on_a_scene_does_not_import_timm(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = tmp_path / "scene.png"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(scene)
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    first = locate(run, scene, "a boat", options=SceneOptions(scales=(32,)), device="cpu")
    script = "from rsitmd_tools.cli import root\nassert root._run(sys.argv[1:], False) == 0"
    picture = tmp_path / "map.png"
    arguments = ("--text", "a boat", "--scales", "32", "--device", "cpu", "-o", str(picture))
    slow = (*SLOW, "timm", "torchvision", "sklearn", "scipy", "pandas", "geopandas", "matplotlib")
    assert (
        loaded(script, "benchmark", "locate", str(run), str(scene), *arguments, modules=slow)
        == set()
    )
    again = locate(run, scene, "a boat", options=SceneOptions(scales=(32,)), device="cpu")
    assert again.scores == first.scores
    assert np.array_equal(again.heat.values, first.heat.values)
    assert picture.is_file()


def test_an_evaluation_imports_no_training_and_no_compiler(
    run: Path, tiny: Dataset, tmp_path: Path
) -> None:
    data = tmp_path / "data.pickle"
    data.write_bytes(pickle.dumps(tiny))
    script = (
        "from pathlib import Path\n"
        "import pickle\n"
        "from rsitmd_tools.baselines.evaluation.evaluate import evaluate\n"
        "data = pickle.loads(Path(sys.argv[2]).read_bytes())\n"
        "assert evaluate(Path(sys.argv[1]), data, output=Path(sys.argv[3]))['soft_positive']"
    )
    arguments = (str(run), str(data), str(tmp_path / "out"))
    slow = ("lightning", "numba", "scipy", "matplotlib", "pandas", "sklearn", "cv2", "rasterio")
    assert loaded(script, *arguments, modules=slow) == set()


def test_a_vocabulary_is_read_without_timm(run: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from rsitmd_tools.baselines.run import Run\n"
        "from rsitmd_tools.baselines.models import load_tokenizer\n"
        "run = Run(Path(sys.argv[1]))\n"
        "load_tokenizer(run.config(), run.vocabulary_file)"
    )
    assert loaded(script, str(run), modules=(*SLOW, "timm")) == set()


@pytest.mark.parametrize(
    "arguments", [["validate", "."], ["build", "similarity", "--help"], ["validate", "--help"]]
)
def test_commands_without_a_model_import_no_torch(arguments: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}_caps.txt").write_text("A plane .\n" * 5, encoding="utf-8")
        (folder / f"{split}_filename.txt").write_text(f"{split}_1.tif\n", encoding="utf-8")
    command = [str(folder) if argument == "." else argument for argument in arguments]
    script = f"from rsitmd_tools.cli import root\nassert root._run({command!r}, False) in (0, 1)"
    assert loaded(script, modules=("torch", *SLOW)) == set()
