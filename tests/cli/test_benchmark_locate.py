"""``benchmark locate`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.cli.root import _run
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.scenes.scene import draw_scenes

SETTINGS = (
    "backbone=test_resnet",
    "epochs=0",
    "image_size=32",
    "dimension=16",
    "word_dimension=16",
    "batch_size=4",
    "margin.kind=fixed",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("located")
    images = []
    for number, scene in enumerate(draw_scenes(16, seed=1)):
        name = f"{number}.png"
        scene.image.resize((32, 32)).save(folder / name)
        sentences = tuple(Sentence(raw, who) for who, raw in scene.sentences)
        images.append(ImageRecord(name, sentences, (), "train" if number < 12 else "test", "a"))
    data = Dataset("tiny", tuple(images), folder, "rsitmd", folder)
    return train(data, load_config("vsepp", SETTINGS), folder / "run")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mosaic of drawn scenes, 384 x 256 pixels."""
    mosaic = Image.new("RGB", (384, 256))
    for number, drawn in enumerate(draw_scenes(6, seed=2)):
        mosaic.paste(drawn.image.resize((128, 128)), (number % 3 * 128, number // 3 * 128))
    path = tmp_path_factory.mktemp("scene") / "mosaic.png"
    mosaic.save(path)
    return path


def test_json_files_and_metrics(
    run: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"jpg_name": "mosaic.png", "caption": "Two boats.", "points": []}
    entry["points"] = [[[0, 0], [128, 0], [128, 128], [0, 128]]]
    (tmp_path / "anno.json").write_text(json.dumps([entry]))
    targets = [tmp_path / name for name in ("heat.tif", "map.png", "windows.geojson")]
    call = ["benchmark", "locate", str(run), str(scene), "--text", "Two boats.", "-k", "3"]
    files = [part for target in targets for part in ("-o", str(target))]
    truth = ["--truth", str(tmp_path / "anno.json")]
    assert _run([*call, *files, *truth, "--json"], False) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert set(found) == {"scene", "text", "windows", "metrics", "map", "files"}
    assert found["map"] == str(tmp_path / "map.png")
    assert set(found["metrics"]) == {"rsu", "ras", "rda", "rmi"}
    assert 1 <= len(found["windows"]) <= 3
    assert all(target.stat().st_size for target in targets)
    assert "note: the scene has no CRS: all coordinates are its pixels" in shown.err
    assert _run([*call, *truth], False) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].startswith("  1 ")
    assert "Rsu " in text and "Rmi " in text


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--text", " "], 2, "the sentence is blank"),
        (["--text", "a", "-o", "map.jpg"], 2, "map.jpg has none of the suffixes"),
        (["--text", "a", "--scales", "1"], 2, "--scales 1: is not a list of sizes"),
        (["--text", "a", "--scales", "300"], 1, "smaller than a slice of 300 pixels"),
        (["--text", "a", "--truth", "none.json"], 1, "none.json: cannot be read"),
        ([], 2, "--text"),
    ],
)
def test_wrong_usage(
    run: Path,
    scene: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    message: str,
) -> None:
    assert _run(["benchmark", "locate", str(run), str(scene), *more], False) == code
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown


def test_a_run_and_a_scene_that_do_not_exist(
    run: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([str(tmp_path), str(scene)], [str(run), str(tmp_path / "no.tif")]):
        assert _run(["benchmark", "locate", *arguments, "--text", "a"], False) == 1
        assert capsys.readouterr().err.count("\n") == 1
