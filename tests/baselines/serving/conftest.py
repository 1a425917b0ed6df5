"""A site of two runs and a scene that every test of the page can afford."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.localisation.locate import SceneOptions
from rsitmd_tools.baselines.serving.app import make_app
from rsitmd_tools.baselines.serving.site import Site
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset, Sentence
from rsitmd_tools.demo.scenes.scene import draw_scenes

SETTINGS = (
    "backbone=test_resnet",
    "epochs=0",
    "image_size=32",
    "dimension=16",
    "word_dimension=16",
    "batch_size=8",
    "margin.kind=fixed",
)
PORT = 8050
HOSTILE = "<script>alert(1)</script>"

Ask = Callable[..., str]


@pytest.fixture(scope="session")
def served_runs(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An AMFMN with MVSA, and VSE++, which has none."""
    folder = tmp_path_factory.mktemp("served")
    return [
        train(tiny, load_config(config, SETTINGS), folder / name)
        for config, name in (("amfmn-soft", "soft"), ("vsepp", "vsepp"))
    ]


@pytest.fixture(scope="session")
def served_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mosaic of drawn scenes, 384 x 256 pixels."""
    mosaic = Image.new("RGB", (384, 256))
    for number, drawn in enumerate(draw_scenes(6, seed=2)):
        mosaic.paste(drawn.image.resize((128, 128)), (number % 3 * 128, number // 3 * 128))
    path = tmp_path_factory.mktemp("scene") / "mosaic.png"
    mosaic.save(path)
    return path


@pytest.fixture(scope="session")
def data(tiny: Dataset) -> Dataset:
    """The tiny dataset; its last image has markup instead of sentences and category."""
    last = replace(tiny.images[-1], sentences=(Sentence(HOSTILE),), category="<b>bold</b>")
    return tiny.with_images([*tiny.images[:-1], last])


@pytest.fixture(scope="session")
def site(data: Dataset, served_runs: list[Path], served_scene: Path) -> Site:
    """Two runs and a scene."""
    return Site(served_runs, data, served_scene, SceneOptions((64, 128)), "cpu")


@pytest.fixture(scope="session")
def client(site: Site) -> TestClient:
    """A client of the application; it opens no port."""
    return TestClient(make_app(site, PORT), base_url=f"http://127.0.0.1:{PORT}")


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """Return a function that asks for a page and returns its text."""

    def ask(address: str, status: int = 200, **given: object) -> str:
        answer = client.get(address, params=given or None)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        return answer.text

    return ask
