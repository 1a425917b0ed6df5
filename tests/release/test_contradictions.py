"""``build verify``: files that contradict the dataset or one another, with checksums that fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.building.verify import command
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.release.complete import complete_release
from rsitmd_tools.release.contradictions import REQUIRED
from rsitmd_tools.similarity import average
from tests.release.placed import with_scenes
from tests.release.releases import problems, rewrite
from tests.release.releases import release as make

MakeWorkspace = Callable[..., Path]
Change = Callable[[Any], object]


@pytest.fixture
def release(make_workspace: MakeWorkspace, tmp_path: Path) -> Path:
    make(make_workspace(), tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def placed(make_workspace: MakeWorkspace, tmp_path: Path) -> Path:
    pytest.importorskip("geopandas")
    with_scenes(make_workspace(), 8)
    make(tmp_path / "workspace", tmp_path / "out")
    return tmp_path / "out"


def edit(release: Path, file: str, change: Change) -> None:
    """Change a JSON document of a release, and write the checksums again."""
    document = json.loads((release / file).read_text(encoding="utf-8"))
    change(document)
    (release / file).write_text(json.dumps(document), encoding="utf-8")
    write_checksums(release)


def test_an_average_similarity_of_a_sample_is_accepted(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(average, "MOST_PAIRS", 1)
    folder = tmp_path / "out"
    make(make_workspace(), folder, prior=False)
    statistics = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    assert statistics["splits"]["train"]["averaged_images"] == 1
    assert problems(folder) == {}


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        ("statistics", lambda d: d.update(images=7), "images: is not that of dataset_RSITMD.json"),
        ("statistics", lambda d: d["splits"]["val"].update(distinct_words=1),
         "splits.val.distinct_words: is not that of dataset_RSITMD.json"),
        ("statistics", lambda d: d["splits"]["val"].update(average_similarity=0.9),
         "splits.val.average_similarity: is not that of prior/val.npy"),
        ("statistics", lambda d: d.update(average_similarity=0.9),
         "average_similarity: is not that of the split test"),
        ("release", lambda d: d["licences"].update(texts="CC0-1.0"),
         "licences is not that of croissant.json"),
        ("release", lambda d: d["left_out"].update(images=5),
         "left_out.images is 5; left_out.reasons lists 0"),
        ("release", lambda d: d["origins"].update(human=1),
         "origins is not that of dataset_RSITMD.json"),
        ("release", lambda d: d.update(version="9.9.9"), "version is not that of croissant.json"),
        ("split_proof", lambda d: d["splits"][0].update(shared_captions=7),
         "train and val: shared_captions is 7 instead of 0"),
        ("split_proof", lambda d: d["splits"][1].update(shared_scenes=7),
         "train and test: shared_scenes is 7 instead of 0"),
        ("split_proof", lambda d: d["splits"].pop(),
         "compares other splits than those of dataset_RSITMD.json"),
        ("split_proof",
         lambda d: d["splits"][0].update(nearest_images=d["splits"][1]["nearest_images"]),
         "are in other splits"),
    ],
)  # fmt: skip
def test_a_number_of_other_data_is_found(
    release: Path, file: str, change: Change, problem: str
) -> None:
    edit(release, f"{file}.json", change)
    ((name, found),) = problems(release).items()
    assert name == f"{file}.json" and found.endswith(problem)
    # Another version can have other numbers.
    rewrite(release, "release.json", "rsitmd-tools 0", "rsitmd-tools 9")
    assert problems(release) == {}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_file_that_every_release_has_is_missing(release: Path, name: str) -> None:
    (release / name).unlink()
    write_checksums(release)
    assert problems(release) == {name: "does not exist"}


@pytest.mark.parametrize("name", ["footprints.parquet", "stac.json"])
def test_a_table_of_footprints_is_missing(placed: Path, name: str) -> None:
    assert problems(placed) == {}
    (placed / name).unlink()
    write_checksums(placed)
    assert problems(placed) == {name: "does not exist"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d["features"].pop(),
         {"footprints.parquet": "lists other images than stac.json"}),
        (lambda d: d["features"][0].update(geometry=d["features"][1]["geometry"]),
         {"footprints.parquet": "harbour_1.tif lies elsewhere in stac.json"}),
        (lambda d: d["features"][0].update(geometry=None),
         {"stac.json": "the footprint is malformed"}),
        (lambda d: d.pop("features"), {"stac.json": "is not a STAC file of a release"}),
    ],
)  # fmt: skip
def test_footprints_that_differ_are_found(
    placed: Path, change: Change, expected: dict[str, str]
) -> None:
    edit(placed, "stac.json", change)
    assert problems(placed) == expected


def test_footprints_that_cannot_be_read_are_found(placed: Path) -> None:
    (placed / "footprints.parquet").write_bytes(b"PAR1 no table")
    write_checksums(placed)
    assert problems(placed)["footprints.parquet"].startswith("footprints.parquet cannot be read (")


def test_licences_of_images_that_differ_are_found(release: Path) -> None:
    table = (release / "images.csv").read_text(encoding="utf-8").splitlines()
    licensed = [f"{line},{'licence' if not n else f'L{n % 2}'}" for n, line in enumerate(table)]
    (release / "images.csv").write_text("\n".join(licensed) + "\n", encoding="utf-8")
    write_checksums(release)
    assert problems(release) == {"release.json": "licences.images is not that of images.csv"}


def test_values_of_a_prior_are_compared(release: Path) -> None:
    file = release / "prior" / "train.npy"
    values = np.load(file)
    values[1, 0], values[1, 1] = values[1, 1] + 0.1, values[1, 0] - 0.1
    np.save(file, values)
    write_checksums(release)
    assert "has other values of " in problems(release)["prior/train.npy"]
    edit(release, "prior/train.json", lambda d: d.update(mean=0.9))
    assert problems(release)["prior/train.npy"].endswith("; its JSON file has 0.9")


def test_a_completed_release_has_images(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    make(workspace, out, images=False)
    verified = [CliRunner().invoke(command, [str(out)]).stdout]
    complete_release(out, workspace / "images")
    verified.append(CliRunner().invoke(command, [str(out)]).stdout)
    assert ["files, without images, intact" in text for text in verified] == [True, False]
    assert verified[1].endswith(" files, intact\n")
