"""``validate RELEASE --select L`` computes the split proof again from the files of the release."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.cli.validate import command
from rsitmd_tools.errors import count_of
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.formats.image_list import read_image_list
from rsitmd_tools.release import make_release
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.workspace import Workspace
from tests.release.placed import with_scenes

pytestmark = pytest.mark.libraries
Pairs = list[dict[str, Any]]
Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def release(make_workspace: Callable[..., Path], tmp_path: Path) -> Path:
    pytest.importorskip("geopandas")
    folder, out = make_workspace(images=8), tmp_path / "ports-1.0.0"
    with_scenes(folder, 8)
    with Workspace.open(folder) as workspace:
        make_release(workspace, "1.0.0", out)
    return out


def validated(folder: Path, *options: str) -> tuple[dict[str, Any], list[tuple[str, Any, str]]]:
    """Return the summary, and code, image and message of the findings of scenes and proof."""
    done = CliRunner().invoke(
        command, [str(folder), "--select", "L104,L110", "--format", "json", *options]
    )
    document = json.loads(done.stdout)
    found = [(f["code"], f["image"], f["message"]) for f in document["findings"]]
    return document["summary"], found


def change(file: Path, **numbers: Any) -> None:
    proof = json.loads(file.read_text(encoding="utf-8"))
    proof["splits"][0] |= numbers
    file.write_text(json.dumps(proof), encoding="utf-8")


def test_the_numbers_are_those_of_the_proof(release: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    from pyproj import Geod
    from shapely.ops import nearest_points

    summary, found = validated(release)
    proof = json.loads((release / "split_proof.json").read_text(encoding="utf-8"))
    keys = ("splits", "shared_scenes", "ground_distance", "shared_captions")
    assert summary["split_numbers"] == [{k: entry[k] for k in keys} for entry in proof["splits"]]
    assert [code for code, _, _ in found] == ["L104"] * len(found)

    table = geopandas.read_parquet(release / "footprints.parquet")
    place = dict(
        zip(table["image"], zip(table.geometry, table["source"], strict=True), strict=True)
    )
    data = load_dataset(release)
    for entry in summary["split_numbers"]:
        first, second = ([place[i.filename] for i in data.select(s)] for s in entry["splits"])
        ends = [nearest_points(one, other) for (one, _), (other, _) in product(first, second)]
        metres = [Geod(ellps="WGS84").inv(a.x, a.y, b.x, b.y)[2] for a, b in ends]
        assert entry["ground_distance"] == pytest.approx(min(metres), abs=0.06)
        assert entry["shared_scenes"] == len({s for _, s in first} & {s for _, s in second})


def test_tiles_of_one_scene_in_two_splits_are_found(release: Path) -> None:
    _, found = validated(release)
    home = {image.filename: image.split for image in load_dataset(release)}
    assert found
    for code, image, message in found:
        name, split = message.removeprefix("from the same scene as ").split(" in ")
        assert (code, home[name]) == ("L104", split) != ("L104", home[image])


def test_scenes_without_a_place_on_the_ground_are_shared_too(
    make_workspace: Callable[..., Path], tmp_path: Path
) -> None:
    """Tiles of a plain raster: no footprint, but one scene."""
    folder, out = make_workspace(images=8), tmp_path / "ports-1.0.0"
    with_scenes(folder, 8)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE place SET footprint = NULL")
    with Workspace.open(folder) as workspace:
        make_release(workspace, "1.0.0", out)
    assert not (out / "footprints.parquet").exists()
    listed = read_image_list(out / "images.csv")
    assert len({image.source_sha256 for image in listed}) == 2
    assert {image.window for image in listed} == {f"{n} 0 16 12" for n in range(8)}
    summary, found = validated(out)
    home = {image.filename: image.split for image in load_dataset(out)}
    scenes = {
        split: {image.source_sha256 for image in listed if home[image.filename] == split}
        for split in ("train", "val", "test")
    }
    shared = [len(scenes[one] & scenes[other]) for one, other in combinations(scenes, 2)]
    assert [n["shared_scenes"] for n in summary["split_numbers"]] == shared
    assert shared[0] and all(n["ground_distance"] is None for n in summary["split_numbers"])
    assert {code for code, _, _ in found} == {"L104"}
    page = (out / "split_proof.html").read_text(encoding="utf-8")
    assert re.findall(r'label="shared scenes">(?:<span class="leak">)?(\d+)', page) == list(
        map(str, shared)
    )
    change(out / "split_proof.json", shared_scenes=0)
    messages = [message for code, _, message in validated(out)[1] if code == "L110"]
    assert messages[0].startswith(f"train and val: {count_of(shared[0], 'shared scene')}, ")


@pytest.mark.parametrize(
    "numbers", [{"shared_scenes": 7}, {"ground_distance": 12.3}, {"shared_captions": 99}]
)
def test_a_changed_proof_is_found(release: Path, numbers: dict[str, Any]) -> None:
    change(release / "split_proof.json", **numbers)
    ((code, image, message),) = [f for f in validated(release)[1] if f[0] == "L110"]
    assert (code, image) == ("L110", None)
    assert (
        message.startswith("train and val: ") and "; split_proof.json has train and val" in message
    )


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (lambda pairs: [pairs[0] | {"distance": 64}, pairs[1]], r"not .* \(64 bits\)"),
        (lambda pairs: [pairs[0] | {"images": ["farm_9.tif", pairs[0]["images"][1]]}, pairs[1]],
         "not farm_9.tif and "),
        (lambda pairs: pairs[::-1], "among the nearest images, not "),
        (lambda pairs: pairs[:1], "2 pairs of nearest images, not 1 as in split_proof.json"),
    ],
)  # fmt: skip
def test_other_nearest_images_are_found(
    release: Path, other: Callable[[Pairs], Pairs], what: str
) -> None:
    file = release / "split_proof.json"
    pairs = json.loads(file.read_text(encoding="utf-8"))["splits"][0]["nearest_images"]
    change(file, nearest_images=other(pairs))
    ((image, message),) = [(i, m) for code, i, m in validated(release)[1] if code == "L110"]
    assert image is None and message.startswith("train and val: ")
    assert message.endswith(" as in split_proof.json") and re.search(what, message), message


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"II*\0")])
def test_nearest_images_are_not_compared_without_all_files(
    release: Path, damage: Callable[[Path], object]
) -> None:
    change(release / "split_proof.json", nearest_images=[])
    damage(release / "images" / "farm_1.tif")
    summary, found = validated(release)
    assert [code for code, _, _ in found if code == "L110"] == []
    assert summary["unchecked"] == {
        "L110": "the nearest images were not compared: 1 image file missing or damaged"
    }


def test_a_release_without_images_compares_the_texts_only(release: Path) -> None:
    shutil.rmtree(release / "images")
    summary, found = validated(release)
    assert [code for code, _, _ in found if code == "L110"] == []
    why = "the nearest images were not compared: the release has no image files"
    assert summary["unchecked"] == {"L110": why}
    change(release / "split_proof.json", shared_captions=99)
    assert [code for code, _, _ in validated(release)[1] if code == "L110"] == ["L110"]


@pytest.mark.parametrize(
    ("pixels", "codes"),
    [
        (lambda noise: noise, ["L110", "L110"]),
        (lambda noise: noise * 0, []),
        (lambda noise: noise[:1].repeat(16, axis=0), []),
        (lambda noise: noise[:, :1].repeat(16, axis=1), []),
    ],
)
def test_images_of_one_colour_are_left_out(
    release: Path, pixels: Callable[[Pixels], Pixels], codes: list[str]
) -> None:
    """Rounding errors decide the hash of an image whose rows or columns are equal."""
    val = next(image.filename for image in load_dataset(release) if image.split == "val")
    noise = np.random.default_rng(99).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels(noise)).save(release / "images" / val)
    assert [code for code, _, _ in validated(release)[1] if code == "L110"] == codes


def test_overlapping_ground_is_found(release: Path) -> None:
    geopandas = pytest.importorskip("geopandas")

    table = geopandas.read_parquet(release / "footprints.parquet")
    home = {image.filename: image.split for image in load_dataset(release)}
    train, test = (
        next(n for n in range(len(table)) if home[table["image"][n]] == split)
        for split in ("train", "test")
    )
    table.loc[test, "geometry"] = table.geometry[train]
    table["source_sha256"] = [str(number) for number in range(len(table))]
    table.to_parquet(release / "footprints.parquet", index=False)
    found = validated(release)[1]
    assert {code for code, _, _ in found} == {"L104", "L110"}
    pair = {str(table["image"][train]), str(table["image"][test])}
    ((image, message),) = [(i, m) for code, i, m in found if code == "L104"]
    assert message.startswith("ground of ") and {image, message.split()[2]} == pair


def test_a_table_that_cannot_be_read_is_stated(release: Path) -> None:
    (release / "footprints.parquet").write_bytes(b"PAR1 no table")
    summary, found = validated(release)
    assert set(summary["unchecked"]) == {"L104", "L110"}
    assert summary["unchecked"]["L110"].startswith("footprints.parquet cannot be read (")
    assert {code for code, _, _ in found} == {"L104"}  # scenes are in images.csv too


@pytest.mark.parametrize("text", ["{", '{"splits": 3}', "[" * 100_000])
def test_a_proof_that_cannot_be_read_is_found(release: Path, text: str) -> None:
    (release / "split_proof.json").write_text(text)
    ((_, _, message),) = [f for f in validated(release)[1] if f[0] == "L110"]
    assert message.startswith("split_proof.json cannot be read (")


def test_the_text_and_the_page_state_the_numbers(release: Path, tmp_path: Path) -> None:
    line = "train and val: 1 shared scene, "
    done = CliRunner().invoke(command, [str(release), "--select", "L"])
    assert f"  {line}" in done.stdout
    page = tmp_path / "page.html"
    CliRunner().invoke(
        command, [str(release), "--select", "L", "--format", "html", "-o", str(page)]
    )
    assert line in page.read_text(encoding="utf-8")


def test_another_dataset_has_no_proof(release: Path, tmp_path: Path) -> None:
    save_dataset(load_dataset(release), tmp_path / "other", "rsitmd")
    summary, found = validated(tmp_path / "other")
    assert "split_numbers" not in summary and found == []


@pytest.mark.parametrize("missing", ["split_proof.json", "release.json"])
def test_a_release_that_lacks_a_file_is_checked_all_the_same(release: Path, missing: str) -> None:
    complete = validated(release)[1]
    (release / missing).unlink()
    write_checksums(release)
    found = validated(release)[1]
    assert [f for f in found if f[0] == "L104"] == complete != []
    absent = [("L110", None, "split_proof.json does not exist")]
    assert [f for f in found if f[0] == "L110"] == absent * (missing == "split_proof.json")


def test_a_workspace_has_the_findings_of_its_release(release: Path, tmp_path: Path) -> None:
    workspace, out = tmp_path / "workspace", tmp_path / "2"
    assert validated(workspace)[1] == validated(release)[1] != []
    with Workspace.open(workspace, write=True) as opened:
        with opened.transaction() as db:
            db.execute(
                "UPDATE place SET footprint = (SELECT footprint FROM place WHERE image_id = 1)"
                " WHERE image_id = 4"
            )
        make_release(opened, "2.0.0", out)
    found = validated(workspace)[1]
    assert found == validated(out)[1]
    assert any(message.startswith("ground of ") for _, _, message in found)
    stated = json.loads((out / "validation.json").read_text(encoding="utf-8"))["findings"]
    stated = [(f["code"], f["image"], f["message"]) for f in stated]
    assert [finding for finding in stated if finding[0] == "L104"] == found
