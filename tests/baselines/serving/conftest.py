"""A site of two runs and a scene that every test of the page can afford."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.localisation.locate import SceneOptions
from rsitmd_tools.baselines.serving.app import make_app
from rsitmd_tools.baselines.serving.site import Site
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset, Sentence
from rsitmd_tools.formats import save_dataset
from tests.forks import Forked, Nursery
from tests.tiny_runs import SETTINGS, write_mosaic

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
    return write_mosaic(tmp_path_factory.mktemp("scene") / "mosaic.png")


@pytest.fixture(scope="session")
def data(tiny: Dataset) -> Dataset:
    """The tiny dataset; its last image has markup instead of sentences and category."""
    last = replace(tiny.images[-1], sentences=(Sentence(HOSTILE),), category="<b>bold</b>")
    return tiny.with_images([*tiny.images[:-1], last])


@pytest.fixture(scope="session")
def site(data: Dataset, served_runs: list[Path], served_scene: Path) -> Site:
    """Two runs and a scene."""
    return Site(served_runs, data, served_scene, SceneOptions((64, 128)), device="cpu")


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


@pytest.fixture(scope="session")
def saved(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as files."""
    assert data.image_folder is not None
    folder = tmp_path_factory.mktemp("saved")
    shutil.copytree(data.image_folder, folder / "images")
    save_dataset(data, folder, "rsitmd")
    return folder


class Serving:
    """A server that is started as a user starts it.

    Attributes:
        process: The command.
        url: Its address.
        port: Its port.
    """

    def __init__(self, commands: Nursery, *arguments: object, port: int = 0) -> None:
        more = ("--scales", "64,128", "--device", "cpu", "--port", port)
        self.process: Forked = commands.start("benchmark", "serve", *arguments, *more)
        line = self.process.stdout.readline()
        if not line.startswith("search page: "):
            raise AssertionError(self.process.communicate(60))
        self.url = line.removeprefix("search page: ").strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def stop(self, sent: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(sent)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def serving(
    training_commands: Nursery, served_runs: list[Path], saved: Path, served_scene: Path
) -> Iterator[Serving]:
    """A server with two runs and a scene."""
    made = Serving(training_commands, *served_runs, saved, "--scene", served_scene)
    yield made
    made.stop()
