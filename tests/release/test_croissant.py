"""``croissant.json``: read by the reference implementation."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.release import ReleaseOptions, make_release
from rsitmd_tools.release.croissant import croissant
from rsitmd_tools.workspace import Workspace
from tests.release.conftest import MakeFacts

MakeWorkspace = Callable[..., Path]
SUMS = {"dataset_RSITMD.json": "0" * 64}


def read(file: Path) -> mlcroissant.Dataset:
    """Open the document; an error of the reference implementation is raised."""
    return mlcroissant.Dataset(jsonld=file)


def test_the_records_of_a_release(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", out)
    dataset = read(out / "croissant.json")
    held = load_dataset(out)
    images = [_decoded(record) for record in dataset.records("images")]
    assert [(r["images/filename"], r["images/split"], r["images/category"]) for r in images] == [
        (image.filename, image.split, image.category) for image in held
    ]
    sentences = [_decoded(record) for record in dataset.records("sentences")]
    assert [r["sentences/sentence"] for r in sentences] == list(held.captions())
    names = {r["images/imgid"]: r["images/filename"] for r in images}
    assert [names[r["sentences/imgid"]] for r in sentences] == [
        image.filename for image in held for _ in image.sentences
    ]
    pixels = [_decoded(record) for record in dataset.records("pixels")]
    assert {r["pixels/filename"] for r in pixels} == {image.filename for image in held}
    assert {r["pixels/image"].size for r in pixels} == {(16, 16)}


def _decoded(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in record.items()
    }


def test_a_release_without_images_has_no_records_of_them(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", tmp_path / "out", ReleaseOptions(images=False))
    dataset = read(tmp_path / "out" / "croissant.json")
    assert [records.id for records in dataset.metadata.record_sets] == ["images", "sentences"]


def test_every_fact_is_accepted(
    make_facts: MakeFacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = make_facts(
        title='Häfen "A"', text_licence="CC-BY-4.0", image_licence="CC0-1.0",
        url="https://example.org/ports", doi="10.1/x", box=(170.0, -50.0, 171.5, -49.0),
        resolution=0.3, period="2020-01-01/2021-02-03", machine_given=3,
    )  # fmt: skip
    file = tmp_path / "croissant.json"
    file.write_text(json.dumps(croissant(facts, SUMS)), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        metadata = read(file).metadata
    assert metadata.version == "1.0.0"
    assert "not standard" not in caplog.text
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
        "http://mlcommons.org/croissant/geo/1.0",
    ]
    assert document["rai:dataAnnotationPlatform"] == "Label Studio, driven by rsitmd-tools"
    assert document["rai:machineAnnotationTools"].startswith("3 sentences were written")
    one = croissant(make_facts(machine_given=1), SUMS)
    assert one["rai:machineAnnotationTools"].startswith("1 sentence was written")
    # The reference reads the vocabulary, too.
    assert metadata.data_annotation_platform == [document["rai:dataAnnotationPlatform"]]
    assert document["spatialCoverage"]["geo"]["box"] == "-50.0 170.0 -49.0 171.5"
    assert document["geocr:spatialResolution"]["value"] == 0.3
    assert document["rai:dataPreprocessingProtocol"] == (
        "Each image is a square of its source file (the centre, or a tile), resized to 256 x 256"
        " pixels (RGB, 8 bits)."
    )
    assert document["license"] == ["CC-BY-4.0", "CC0-1.0"]


def test_a_document_that_is_not_croissant_is_refused_by_the_reference(
    make_facts: MakeFacts, tmp_path: Path
) -> None:
    document = croissant(make_facts(), SUMS)
    document["recordSet"][1]["field"][1]["references"]["field"]["@id"] = "images/nothing"
    (tmp_path / "c.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(mlcroissant.ValidationError):
        read(tmp_path / "c.json")
