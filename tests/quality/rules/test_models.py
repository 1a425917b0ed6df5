"""M101, from the file of a model, in a check and in a review."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from rsitmd_tools.cli.validate import command
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.suspects import ranked, suspects_document
from rsitmd_tools.formats import load_dataset, save_dataset
from tests.quality.conftest import FIVE, dataset, record

RULE = "M101"


def test_flagged_sentences_are_findings(tmp_path: Path) -> None:
    data = dataset(record("port_1.tif"), record("port_2.tif"))
    save_dataset(data, tmp_path / "d", "rsitmd")
    stored: Dataset = load_dataset(tmp_path / "d")
    entries = [
        ("port_1.tif", 2, FIVE[2], 3.0, "port_2.tif"),
        ("port_2.tif", 0, FIVE[0], 1.0, "port_1.tif"),
    ]
    file = tmp_path / "suspects.json"
    made = {"config": "vsepp", "set": [], "folds": 2, "seed": 0}
    file.write_text(json.dumps(suspects_document(ranked(entries, 1), stored, made)))
    arguments = [str(tmp_path / "d"), "--select", "M", "--suspects", str(file)]
    found = CliRunner().invoke(command, arguments)
    image, line = found.stdout.splitlines()[:2]
    assert image == "port_1.tif"
    assert line.strip().startswith(f"{RULE} warning")
    assert "sentence 3" in line
    assert "fits port_2.tif better, according to a model" in line
    without = CliRunner().invoke(command, arguments[:-2])
    assert RULE not in without.stdout
    save_dataset(dataset(record("port_1.tif")), tmp_path / "other", "rsitmd")
    changed = CliRunner().invoke(command, [str(tmp_path / "other"), *arguments[1:]])
    assert "was written for other sentences" in str(changed.exception)
