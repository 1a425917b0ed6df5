"""L107: images of one place in two splits, of a folder and of a workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest.groups import decide, find_places
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.quality import check_subject, subject_of, summary
from rsitmd_tools.quality.against import exclusion_list
from rsitmd_tools.quality.check import Result
from rsitmd_tools.quality.output import Findings
from rsitmd_tools.report.findings_page import render as findings_page
from rsitmd_tools.workspace import Settings, Workspace
from rsitmd_tools.workspace.images import set_splits
from tests.pictures import cut, ground, jpeg, photo, save_pictures
from tests.quality.conftest import dataset, record
from tests.quality.rules.scenes import folder_of
from tests.quality.written import write_dataset as written

if TYPE_CHECKING:
    from tests.quality.conftest import Found

LEAKAGE = ("I106", "I107", "L101", "L102", "L107")


def checked(data: Dataset, *codes: str, same_place: bool = False) -> Result:
    settings = Settings()
    settings = replace(settings, validate=replace(settings.validate, select=codes))
    return check_subject(subject_of(data, settings, same_place=same_place))


def found_by(result: Result) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.image) for finding in result.findings]


@pytest.fixture
def folder(tmp_path: Path) -> Dataset:
    turned = photo(1).transpose(Image.Transpose.ROTATE_90)
    return folder_of(
        tmp_path,
        train__a=photo(1),
        test__b=turned,
        train__c=photo(2),
        test__d=jpeg(photo(2), 60),
        train__e=cut(ground(3), 0, 0).convert("RGB"),
        test__f=cut(ground(3), 120, 0).convert("RGB"),
    )


def test_the_three_kinds_are_found_apart(folder: Dataset) -> None:
    result = checked(folder, *LEAKAGE, same_place=True)
    assert found_by(result) == [
        ("I106", "b_1.tif"),
        ("L101", "b_1.tif"),
        ("I107", "d_1.tif"),
        ("L102", "d_1.tif"),
        ("L107", "f_1.tif"),
    ]
    assert result.findings[-1].message.startswith("same place as e_1.tif in train (5")
    assert result.unchecked == {}


def test_without_the_option_nothing_is_searched_and_the_output_says_so(
    folder: Dataset, found: Found
) -> None:
    result = checked(folder, *LEAKAGE)
    assert "L107" not in dict(found_by(result))
    assert result.unchecked["L107"].startswith("images of one place were not searched; use --same")


@pytest.mark.parametrize(
    "data",
    [dataset(record(split="train"), record("port_2.tif", split="test")), None],
    ids=["no images", "one split"],
)
def test_nothing_is_said_where_nothing_can_be_checked(
    data: Dataset | None, folder: Dataset
) -> None:
    if data is None:
        data = folder.with_images([replace(image, split="train") for image in folder])
    assert checked(data, "L107", same_place=True) == checked(data, "L107") == Result(())


def test_without_opencv_the_option_names_the_extra(
    folder: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(RsitmdError, match=r"OpenCV.* is not installed"):
        checked(folder, "L107", same_place=True)
    assert checked(folder, "L107").unchecked


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    images = {
        "port/1.png": photo(1),
        "port/2.png": jpeg(photo(1), 70),
        "town/1.png": cut(ground(3), 0, 0),
        "town/2.png": cut(ground(3), 120, 0),
        "town/3.png": cut(ground(4), 0, 0),
    }
    with Workspace.create(tmp_path / "w") as opened:
        ingest(opened, [save_pictures(tmp_path / "s", images)], workers=1)
        with opened.transaction() as db:
            names = [f"{name}.tif" for name in ("port_1", "port_2", "town_1", "town_2", "town_3")]
            set_splits(db, zip(names, ["train", "test"] * 2 + ["test"], strict=True))
        yield opened


def of(workspace: Workspace, **options: Any) -> Result:
    return checked(load_dataset(workspace.path), "L102", "L107", **options)


def test_the_stored_pairs_of_a_workspace_are_used(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found_by(of(workspace)) == [("L102", "port_2.tif")]
    assert "were not searched" in of(workspace).unchecked["L107"]
    find_places(workspace, workers=1)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the pairs are stored")

    monkeypatch.setattr("rsitmd_tools.imaging.same_place.same_place_pairs", refuse)
    result = of(workspace, same_place=True)
    assert found_by(result) == [("L102", "port_2.tif"), ("L107", "town_2.tif")]
    assert result.unchecked == {}
    ingest(workspace, [save_pictures(tmp_path / "more", {"town/4.png": photo(5)})], workers=1)
    result = of(workspace)
    assert ("L107", "town_2.tif") in found_by(result)
    assert "images were added after the last search" in result.unchecked["L107"]


def test_corrections_count(workspace: Workspace) -> None:
    decide(workspace, "join", "town_1.tif", "town_3.tif")
    assert found_by(of(workspace)) == [("L102", "port_2.tif"), ("L107", "town_3.tif")]
    decide(workspace, "split", "port_1.tif", "port_2.tif")
    find_places(workspace, workers=1)
    decide(workspace, "split", "town_1.tif", "town_2.tif")
    decide(workspace, "split", "town_1.tif", "town_3.tif")
    assert found_by(of(workspace)) == []
    # A search of the workspace that is needed again respects them too.
    workspace.set_fact("places", "1")
    assert found_by(of(workspace, same_place=True)) == []


def test_all_outputs_say_what_was_not_checked(tmp_path: Path) -> None:
    images = {
        "1.png": ("train", cut(ground(3), 0, 0).convert("RGB"), "Houses."),
        "2.png": ("test", cut(ground(3), 120, 0).convert("RGB"), "Roofs."),
        "3.png": ("test", photo(1), "A pier."),
    }
    folder = written(tmp_path / "a", "one", images)

    def run(*options: str) -> str:
        arguments = ["validate", str(folder), "--select", "L", *options]
        done = CliRunner().invoke(root.cli, arguments, standalone_mode=False)
        assert done.exception is None
        return done.stdout

    assert "L107 not checked: images of one place were not searched" in run()
    assert "L107 same-place-across-splits not checked: images of one" in run("--format", "html")
    document = json.loads(run("--format", "json"))
    assert list(document["summary"]["unchecked"]) == ["L107"]
    document = json.loads(run("--same-place", "--format", "json"))
    assert document["summary"]["unchecked"] == {}
    assert [finding["code"] for finding in document["findings"]] == ["L107"]
    page = run("--same-place", "--format", "html")
    assert page.count('class="area"') == 2
    assert 'data-kind="same-place"' in page


def test_l108_places_of_another_dataset(tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
    new = folder_of(
        tmp_path / "new",
        train__a=photo(1),
        test__b=cut(ground(3), 0, 0).convert("RGB"),
        test__c=photo(2),
    )
    old = folder_of(
        tmp_path / "old",
        train__x=cut(ground(3), 120, 0).convert("RGB"),
        test__y=cut(ground(3), 60, 0).convert("RGB"),
        train__z=photo(2),
    )
    chosen = Settings()
    chosen = replace(chosen, validate=replace(chosen.validate, select=("L105", "L108")))
    subject = subject_of(new, chosen, [old], same_place=True)
    result = check_subject(subject)
    assert found_by(result) == [("L108", "b_1.tif"), ("L105", "c_1.tif")]
    assert result.findings[0].message.startswith("same place as x_1.tif in dataset test (5")
    excluded = exclusion_list(subject.shared_images, subject.shared_places)["exclude"]["test"]
    assert excluded == [
        {"filename": "x_1.tif", "because": "same place", "of": "b_1.tif"},
        {"filename": "z_1.tif", "because": "image", "of": "c_1.tif"},
    ]
    findings = Findings(subject, result, summary(new, result))
    page = findings_page(findings)
    assert page.count('data-kind="same-place"') == 1
    assert page.count('data-kind="exact"') == 1
    assert page.count('class="area"') == 4  # the common ground, in both images of both pairs
    result = check_subject(subject_of(new, chosen, [old]))
    assert found_by(result) == [("L105", "c_1.tif")]
    assert result.unchecked["L108"].startswith("the other datasets were not searched")


def test_images_without_a_readable_file_are_named_as_not_compared(tmp_path: Path) -> None:
    new = folder_of(tmp_path, test__b=photo(1), test__c=photo(2), train__d=photo(3))
    (tmp_path / "c_1.tif").write_bytes(b"not an image")
    (tmp_path / "d_1.tif").unlink()  # of train: it is not compared
    old = dataset(record(), record("port_2.tif", split="val"), name="old")
    settings = Settings()
    settings = replace(settings, validate=replace(settings.validate, select=("L105", "L108")))

    def unchecked(data: Dataset, *against: Dataset, same_place: bool = True) -> object:
        result = check_subject(subject_of(data, settings, against, same_place=same_place))
        assert result.findings == ()
        return result.unchecked

    missing = "1 of 2 images of the checked dataset had no readable file to compare"
    captions = "1 of 1 image of dataset old had no readable file to compare"
    assert unchecked(new) == {}
    assert unchecked(new, old) == dict.fromkeys(("L105", "L108"), f"{missing}; {captions}")
    readable = replace(new, images=new.images[:1])
    assert unchecked(readable, replace(old, images=old.images[1:])) == {}
    # The option --same-place would not help a dataset without images.
    missing = "2 of 2 images of the checked dataset had no readable file to compare"
    found = unchecked(old, replace(readable, images=()), same_place=False)
    assert found == dict.fromkeys(("L105", "L108"), missing)
