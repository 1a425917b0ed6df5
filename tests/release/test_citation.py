"""``CITATION.cff``: valid YAML with the keys of the Citation File Format."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rsitmd_tools.release.citation import citation
from rsitmd_tools.workspace.settings import load_settings


@pytest.mark.parametrize("title", ['Häfen: ships & "piers"', "no: yes", "- #"])
def test_the_settings_are_in_the_citation(tmp_path: Path, title: str) -> None:
    quoted = title.replace('"', '\\"')
    (tmp_path / "rsitmd.toml").write_text(
        f"""
[dataset]
name = "ports"
[annotation]
licence = "CC-BY-4.0"
[release]
title = "{quoted}"
authors = ["Yuan, Zhiqiang", "A Group: of people"]
doi = "10.1109/TGRS.2021.3078451"
""",
        encoding="utf-8",
    )
    found = yaml.safe_load(citation(load_settings(tmp_path / "rsitmd.toml"), "1.0.0"))
    assert found == {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it as below.",
        "type": "dataset",
        "title": title,
        "version": "1.0.0",
        "doi": "10.1109/TGRS.2021.3078451",
        "license": "CC-BY-4.0",
        "authors": [
            {"family-names": "Yuan", "given-names": "Zhiqiang"},
            {"name": "A Group: of people"},
        ],
    }


def test_without_settings_the_dataset_is_cited_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "rsitmd.toml").write_text('[dataset]\nname = "ports"\n', encoding="utf-8")
    found = yaml.safe_load(citation(load_settings(tmp_path / "rsitmd.toml"), "1.0.0"))
    assert (found["title"], found["authors"]) == ("ports", [{"name": "The authors of ports"}])
