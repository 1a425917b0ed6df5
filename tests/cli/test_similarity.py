"""``rsitmd build similarity`` on the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.command import rsitmd

LINES = ["a red ship near the port", "two ships .", "blue sea", "a pier", "ships at sea"]


def similarity(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return rsitmd("build", "similarity", *arguments, folder=folder)


@pytest.fixture
def precomp(tmp_path: Path) -> Path:
    folder = tmp_path / "precomp"
    folder.mkdir()
    for split, images in (("train", 3), ("test", 2)):
        captions = [f"{n} {line}" for n in range(images) for line in LINES]
        (folder / f"{split}_caps.txt").write_text("\n".join(captions) + "\n")
        names = "".join(f"port_{n}.tif\n" for n in range(images))
        (folder / f"{split}_filename.txt").write_text(names)
    return folder


def test_every_option(tmp_path: Path, precomp: Path) -> None:
    done = similarity(precomp, "--split", "train", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    metadata = json.loads(done.stdout)
    assert metadata["path"] == "prior-train.npy"
    assert metadata["shape"] == [3, 15]
    assert np.load(tmp_path / "prior-train.npy").dtype == np.float64
    paper = similarity(
        precomp, "--definition", "paper", "--weights", "0.3,0.7", "--dtype", "float32",
        "--threshold", "0.2", "--threads", "2", "-o", "out/p.npz", folder=tmp_path,
    )  # fmt: skip
    assert paper.returncode == 0, paper.stderr
    assert "METEOR stages: exact, stem" in paper.stdout
    assert "mean of the others" in paper.stdout
    metadata = json.loads((tmp_path / "out" / "p.json").read_text())
    assert metadata["weights"] == {"bleu": 0.3, "meteor": 0.7}
    assert (metadata["dtype"], metadata["threshold"], metadata["shape"]) == (
        "float32",
        0.2,
        [5, 25],
    )


def test_the_heat_map_with_and_without_a_prior_file(tmp_path: Path, precomp: Path) -> None:
    done = similarity(precomp, precomp, "--split", "test", "--plot", "heat.png", folder=tmp_path)
    assert done.stdout == "heat map: heat.png\n"
    assert [path.name for path in tmp_path.glob("*.np*")] == []
    both = similarity(precomp, "--plot", "h.svg", "-o", "p.npy", folder=tmp_path)
    assert both.returncode == 0, both.stderr
    assert (tmp_path / "p.npy").exists()
    assert (tmp_path / "h.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--split", "dev"], 1, "no images in split 'dev'; available splits: train, test"),
        (["--weights", "0.5,0.5"], 2, "--weights requires --definition paper"),
        (["--definition", "paper", "--weights", "1"], 2, "must be two numbers"),
        (["--threshold", "2"], 2, "0<=x<=1"),
        (["-o", "prior.txt"], 2, "use a name that ends in .npy"),
        (["--plot", "heat.gif"], 2, "unsupported file type"),
        (["precomp"], 2, "several PATHs require --plot"),
        (["-o", "/proc/none/p.npy"], 1, "cannot be written"),
    ],
)
def test_wrong_use(
    tmp_path: Path, precomp: Path, arguments: list[str], code: int, message: str
) -> None:
    done = similarity("precomp", *arguments, folder=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_count_mismatch_reports_both_counts(tmp_path: Path, precomp: Path) -> None:
    captions = precomp / "train_caps.txt"
    captions.write_text("\n".join(captions.read_text().splitlines()[:-1]) + "\n")
    done = similarity("precomp", folder=tmp_path)
    assert done.returncode == 1
    assert "14 captions and 3 file names do not match" in done.stderr
