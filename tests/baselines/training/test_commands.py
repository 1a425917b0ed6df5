"""``benchmark train`` and ``benchmark weights`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import pytest
import timm
import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.training.sweep import train_all
from rsitmd_tools.cli import main
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

SMALL = [
    "backbone=test_resnet",
    "image_size=32",
    "dimension=16",
    "batch_size=12",
    "epochs=1",
    "freeze_backbone=true",
]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["benchmark", *arguments])
    printed = capsys.readouterr()
    return int(stop.value.code or 0), printed.out, printed.err


def train(data: Path, out: Path, *more: str, config: str = "vsepp") -> list[str]:
    sets = [part for change in SMALL for part in ("--set", change)]
    return ["train", str(data), "--config", config, "--device", "cpu", *sets, "-o", str(out), *more]


def test_seeds_print_one_line_each_and_the_next_command(
    tmp_path: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *train(tiny_folder, tmp_path / "r", "--seeds", "0,2"))
    assert code == 0
    assert "seed-0: test mR" in out and "seed-2: test mR" in out
    assert "mean of 2" in out and "benchmark compare" in out
    assert "(gallery: 8 images, 40 texts)" in out
    assert (tmp_path / "r" / "seed-2" / "result.json").exists()
    assert "epoch 1/1" in err


def test_folds_and_determinism(
    tmp_path: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(
        capsys, *train(tiny_folder, tmp_path / "r", "--folds", "2", "--deterministic")
    )
    assert code == 0
    assert "fold-0: test mR" in out and "fold-1: test mR" in out
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert summary["gallery"] == {"images": 8, "texts": 40}


def test_a_test_split_that_cannot_be_evaluated_is_reported_before_the_training(
    tmp_path: Path, tiny: Dataset
) -> None:
    some = [image for image in tiny if image.split == "train"]
    some.append(next(image for image in tiny if image.split == "test"))
    config = load_config("vsepp", SMALL)
    with pytest.raises(RsitmdError, match="split 'test' has 1 image "):
        train_all(tiny.with_images(some), config, tmp_path / "r", [0])
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--seeds", "0,0"], 2, "--seeds"),
        (["--seeds", "a"], 2, "--seeds"),
        (["--seeds", "4294967296"], 2, "at most 4294967295"),
        (["--set", "seed=4294967296"], 1, "seed"),
        (["--folds", "1"], 2, "folds"),
        (["--device", "tpu"], 2, "tpu"),
        (["--set", "lr=fast"], 1, "lr"),
        (["--set", "backbone=no-such"], 1, "no-such"),
        (["--prior", "absent.npy"], 1, "is not a readable prior"),
        (["--exclude", "absent.json"], 1, "absent.json"),
    ],
)
def test_bad_arguments_are_one_line_errors(
    tmp_path: Path,
    tiny_folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    config = "amfmn-soft" if "--prior" in arguments else "vsepp"
    found, _, err = run(capsys, *train(tiny_folder, tmp_path / "r", *arguments, config=config))
    assert found == code and message in err and "Traceback" not in err


def test_missing_weights_are_named_before_the_dataset_is_read(
    tmp_path: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch("rsitmd_tools.formats.load_dataset") as load:
        code, _, err = run(capsys, *train(tiny_folder, tmp_path / "r", "--set", "weights=gone.pth"))
    assert code == 1 and "gone.pth: does not exist" in err
    load.assert_not_called()


def test_weights_are_converted_and_train(
    tmp_path: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = timm.create_model("resnet18", pretrained=False).state_dict()
    torch.save({f"p{n}": value for n, value in enumerate(state.values())}, tmp_path / "w.pth")
    target = tmp_path / "my w.safetensors"
    code, out, _ = run(
        capsys, "weights", str(tmp_path / "w.pth"), "--backbone", "resnet18", "-o", str(target)
    )
    assert code == 0 and f"{len(state)} tensors" in out
    assert f"next: --set backbone=resnet18 --set 'weights={target}'" in out
    code, _, _ = run(
        capsys,
        *train(
            tiny_folder, tmp_path / "r", "--set", "backbone=resnet18", "--set", f"weights={target}"
        ),
    )
    assert code == 0
