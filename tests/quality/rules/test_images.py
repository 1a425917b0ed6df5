"""Families I and L: image files, duplicates, leakage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageFilter

from rsitmd_tools.dataset import Sentence
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.workspace import Settings
from tests.quality.conftest import FIVE, dataset, record
from tests.quality.rules.scenes import SIZE, folder_of, placed, scene

if TYPE_CHECKING:
    from tests.quality.conftest import Found


def test_i101_unreadable_image(tmp_path: Path, found: Found) -> None:
    scene(1).save(tmp_path / "whole.jpg")
    half = (tmp_path / "whole.jpg").read_bytes()[:900]
    (tmp_path / "whole.jpg").unlink()
    data = folder_of(tmp_path, good=scene(1), empty=b"", half=half, text=b"no image at all")
    assert [f.image for f in found("I101", data)] == ["empty_1.tif", "half_1.tif", "text_1.tif"]


def test_i102_image_shape(tmp_path: Path, found: Found) -> None:
    data = folder_of(
        tmp_path,
        a=scene(1),
        b=scene(2),
        small=scene(3).resize((50, 96)),
        grey=scene(4).convert("L"),
    )
    assert [(f.image, f.message) for f in found("I102", data)] == [
        ("small_1.tif", "50 x 96 pixels, expected 96 x 96"),
        ("grey_1.tif", "mode L, expected RGB"),
    ]


def test_i103_i104_i105_images_without_content(tmp_path: Path, found: Found) -> None:
    black = Image.new("RGB", (SIZE, SIZE))
    edge = scene(1)
    edge.paste((0, 0, 0), (0, 0, SIZE, 60))
    blurred = scene(2).filter(ImageFilter.GaussianBlur(9))
    data = folder_of(
        tmp_path, black=black, edge=edge, blurred=blurred, good=scene(3),
        grey=Image.new("RGB", (SIZE, SIZE), (130, 130, 130)),
    )  # fmt: skip
    assert {f.image for f in found("I103", data)} == {"black_1.tif", "grey_1.tif"}
    assert {f.image for f in found("I104", data)} == {"blurred_1.tif"}
    assert [(f.image, f.message) for f in found("I105", data)] == [
        ("edge_1.tif", "62% of the pixels have one value, pure black or pure white")
    ]


def test_i105_does_not_add_up_black_and_white(tmp_path: Path, found: Found) -> None:
    both = scene(1)
    both.paste((0, 0, 0), (0, 0, SIZE, 30))
    both.paste((255, 255, 255), (0, 30, SIZE, 60))
    assert found("I105", folder_of(tmp_path, both=both)) == []


TURNS = [
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
]


@pytest.mark.parametrize("turn", TURNS)
def test_i106_i107_l101_l102_under_every_turn(
    tmp_path: Path, found: Found, turn: Image.Transpose
) -> None:
    near = scene(2).transpose(turn).resize((90, 90)).resize((SIZE, SIZE))
    data = folder_of(
        tmp_path, train__a=scene(1), train__b=scene(2), test__copy=scene(1).transpose(turn),
        test__near=near, test__other=scene(3),
    )  # fmt: skip
    [exact] = found("I106", data)
    assert (exact.image, exact.message) == ("copy_1.tif", "duplicate of a_1.tif")
    [alike] = found("I107", data)
    assert alike.image == "near_1.tif"
    assert "similar to b_1.tif" in alike.message
    assert [f.image for f in found("L101", data)] == ["copy_1.tif"]
    assert [f.image for f in found("L102", data)] == ["near_1.tif"]


def test_leakage_needs_two_splits(tmp_path: Path, found: Found) -> None:
    data = folder_of(tmp_path, train__a=scene(1), train__b=scene(1), c=scene(1))
    assert found("L101", data) == []
    assert len(found("I106", data)) == 2


def test_l104_scene_across_splits(found: Found) -> None:
    scenes = dataset(
        placed("a_1.tif", "train", scene="S2"),
        placed("a_2.tif", "test", scene="S2"),
        placed("a_3.tif", "test", scene="S3"),
    )
    assert [f.image for f in found("L104", scenes)] == ["a_2.tif"]
    side_by_side = dataset(
        placed("a_1.tif", "train", bounds=[0, 0, 10, 10], crs="EPSG:32631"),
        placed("a_2.tif", "test", bounds=[12, 0, 22, 10], crs="EPSG:32631"),
        placed("a_3.tif", "test", bounds=[40, 0, 50, 10], crs="EPSG:32631"),
        placed("a_4.tif", "test", bounds=[1, 1, 9, 9], crs="EPSG:32632"),
        placed("a_5.tif", "test", bounds=["x", None]),
        placed("a_6.tif", "test", bounds=[5, 5, 1, 1]),
    )
    [finding] = found("L104", side_by_side)
    assert (finding.image, finding.message) == ("a_2.tif", "adjacent to a_1.tif in train")


@pytest.mark.parametrize(
    "system",
    ["epsg:32632", 32632, " EPSG:32632 ", "urn:ogc:def:crs:EPSG::32632",
     "http://www.opengis.net/def/crs/EPSG/0/32632"],
)  # fmt: skip
def test_l104_knows_one_system_by_its_names(system: str | int, found: Found) -> None:
    images = (
        placed("a_1.tif", "train", bounds=[0, 0, 100, 100], crs="EPSG:32632"),
        placed("a_2.tif", "test", bounds=[50, 50, 150, 150], crs=system),
    )
    [finding] = found("L104", dataset(*images))
    assert finding.message == "adjacent to a_1.tif in train"


def test_l104_says_that_other_systems_are_not_compared() -> None:
    images = (
        placed(f"a_{number}.tif", split, bounds=[0, 0, 9, 9], crs=system)
        for number, (split, system) in enumerate([("train", "EPSG:4326"), ("test", "local")])
    )
    settings = replace(Settings(), validate=replace(Settings().validate, select=("L104",)))
    result = check_subject(subject_of(dataset(*images), settings))
    assert result.unchecked == {
        "L104": "bounds in 2 coordinate systems are not compared with one another"
    }


def test_l104_reads_scenes_that_are_numbers(found: Found) -> None:
    images = [record("a_1.tif", split="train", scene=0), record("a_2.tif", split="test", scene=0)]
    [finding] = found("L104", dataset(*images))
    assert finding.message == "from the same scene as a_1.tif in train"


def test_i101_says_the_same_each_time(tmp_path: Path, found: Found) -> None:
    (tmp_path / "port_1.tif").write_bytes(b"<html>404 not found</html>" * 50)
    [finding] = found("I101", dataset(record(), folder=tmp_path))
    assert finding.message.endswith("is not a TIFF, JPEG or PNG image")


def test_l105_l106_against_another_dataset(tmp_path: Path, found: Found) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
    new = folder_of(tmp_path / "new", test__a=scene(1), test__b=scene(2), train__c=scene(3))
    own = "Seven long red barges lie side by side at the quay."
    new = new.with_images(
        [new.images[0], record("b_1.tif", [own, *FIVE[1:]], split="test"), new.images[2]]
    )
    turned = scene(1).transpose(Image.Transpose.ROTATE_90)
    old = folder_of(tmp_path / "old", train__x=turned, test__y=scene(2), train__z=scene(3))
    other = [own.upper(), *(f"{n} trees." for n in range(4))]
    old = old.with_images(
        [
            record("x_1.tif", [f"{n} roads." for n in range(5)], split="train"),
            record("y_1.tif", [f"{n} farms." for n in range(5)], split="test"),
            record("z_1.tif", [Sentence(s) for s in other], split="train"),
        ]
    )
    [image] = found("L105", new, against=[old])
    assert (image.image, image.message) == ("a_1.tif", "duplicate of x_1.tif in dataset test")
    [caption] = found("L106", new, against=[old])
    assert (caption.image, caption.sentence_index) == ("b_1.tif", 0)
    assert found("L105", new) == found("L106", new) == []
