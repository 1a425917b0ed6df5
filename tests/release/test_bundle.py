"""Releases: contents and reproducibility."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rsitmd_tools.cli import root
from rsitmd_tools.cli.building.release import command
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.quality.statistics import dataset_statistics
from rsitmd_tools.release import images
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.similarity import compute_prior, load_prior
from rsitmd_tools.splitting.grouping import record_by
from rsitmd_tools.splitting.recorded import FACT
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.licence import accept
from rsitmd_tools.workspace.people import join
from tests.release.releases import change, contents, files, release

MakeWorkspace = Callable[..., Path]


def test_a_release_has_the_contents_of_the_workspace(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    out = tmp_path / "release 1.0.0"
    report = release(workspace, out)
    assert report.images == {"train": 4, "val": 2, "test": 2}
    assert (report.sentences, report.left_out, report.no_precomp) == (40, 0, None)

    held, asked = load_dataset(out), load_dataset(workspace)
    assert held.checksum() == asked.checksum() == report.checksum
    document = json.loads((out / "dataset_RSITMD.json").read_text(encoding="utf-8"))
    assert first_error(document, load_schema("dataset")) is None
    assert document["dataset"] == "Häfen"
    for image in held:
        assert held.image_path(image).read_bytes() == asked.image_path(image).read_bytes()

    lines = load_dataset(out / "precomp")
    assert {i.filename: (i.split, i.captions) for i in lines} == {
        i.filename: (i.split, i.captions) for i in held
    }
    for split in ("train", "val", "test"):
        part = held.select(split)
        prior = load_prior(out / "prior" / f"{split}.npy", part)
        np.testing.assert_array_equal(prior.values, compute_prior(part))
    statistics = json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    assert statistics == dataset_statistics(held)

    manifest = json.loads((out / "release.json").read_text(encoding="utf-8"))
    assert manifest["data_sha256"] == report.checksum
    assert manifest["version"] == "1.0.0"
    assert manifest["annotated_until"] == "2026-01-02T03:04:05Z"
    assert manifest["settings"]["annotation"]["annotators_per_image"] == 5
    assert manifest["annotators_licence"] is None  # none was asked for
    assert report.not_accepted == ()
    assert not list(tmp_path.glob(".*"))


def test_authors_without_an_accepted_licence_are_listed_by_number(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    folder = make_workspace()
    settings = "[annotation]\nlicence = 'CC-BY-4.0'\n[release]\nimage_licence = 'CC0-1.0'\n"
    (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        join(workspace, "idle@example.org")  # wrote nothing: the release needs nothing of them
        for slot in (0, 1, 3, 4):
            accept(workspace, f"person{slot}@example.org", "Lee")
    done = CliRunner().invoke(
        command, [str(folder), "--version", "1.0.0", "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert (
        "warning: the release has text of annotator-3 without their acceptance of the licence"
        in done.stderr
    )
    manifest = json.loads((tmp_path / "out" / "release.json").read_text(encoding="utf-8"))
    assert manifest["annotators_licence"]["name"] == "CC-BY-4.0"
    assert len(manifest["annotators_licence"]["text_sha256"]) == 64
    assert manifest["annotators_licence"]["not_accepted"] == ["annotator-3"]


def test_addresses_of_annotators_stay_in_the_workspace(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    release(make_workspace(), tmp_path / "out")
    assert not [name for name, data in contents(tmp_path / "out").items() if b"example.org" in data]
    image = load_dataset(tmp_path / "out").images[0]
    assert [s.annotator for s in image.sentences] == [f"annotator-{n}" for n in range(1, 6)]


@pytest.mark.parametrize("names", [[], ["--with-names"]])
def test_who_changed_a_sentence_is_a_pseudonym_too(
    make_workspace: MakeWorkspace, tmp_path: Path, names: list[str]
) -> None:
    folder = make_workspace()
    change(folder, "UPDATE annotation SET updated_by = 4 WHERE task_id = 1 AND annotator_id = 2")
    done = CliRunner().invoke(
        command, [str(folder), "--version", "1.0.0", "-o", str(tmp_path / "out"), *names]
    )
    assert done.exit_code == 0, done.output
    assert not [name for name, data in contents(tmp_path / "out").items() if b"example.org" in data]
    document = json.loads((tmp_path / "out" / "validation.json").read_text(encoding="utf-8"))
    [finding] = [found for found in document["findings"] if found["code"] == "N107"]
    assert finding["message"] == "written by annotator-2, changed by annotator-4"
    assert (finding["image"], finding["sentence_index"]) == ("harbour_1.tif", 1)


def test_sha256sum_and_verify_agree(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    release(make_workspace(), out)
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=out,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(checked.stdout.splitlines()) == files(out) == len(contents(out)) - 1


def test_two_releases_of_one_workspace_are_equal_byte_for_byte(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(lacking=(5,))
    release(workspace, tmp_path / "first")
    release(workspace, tmp_path / "elsewhere" / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "elsewhere" / "second")


def test_unfinished_images_are_left_out_and_named(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(lacking=(0, 5))
    out = tmp_path / "out"
    result = CliRunner().invoke(command, [str(workspace), "--version", "1.0.0", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "left out: 2 images without all sentences" in result.stderr
    assert "release: train 2, val 2, test 2; 30 sentences" in result.stdout
    manifest = json.loads((out / "release.json").read_text(encoding="utf-8"))
    assert manifest["left_out"]["reasons"] == [
        {"filename": "farm_3.tif", "reason": "4 of 5 sentences"},
        {"filename": "harbour_1.tif", "reason": "4 of 5 sentences"},
    ]
    assert not (out / "images" / "farm_3.tif").exists()
    assert len(load_dataset(out)) == 6


def test_a_removed_image_is_in_no_part_of_a_release(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(images=16)
    release(workspace, tmp_path / "before")
    before = load_dataset(tmp_path / "before")
    gone = before.select("test").images[1].filename
    done = CliRunner().invoke(
        root.cli, ["build", "remove", str(workspace), gone, "--reason", "the owner asked us to"]
    )
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    report = release(workspace, out, "1.0.1")
    assert report.images == {"train": 8, "val": 4, "test": 3}
    kept = [image for image in before if image.filename != gone]
    held = load_dataset(out)
    assert list(held) == kept  # names, splits and texts
    assert [i.filename for i in held.select("test")] == [
        i.filename for i in before.select("test") if i.filename != gone
    ]
    assert {path.name for path in (out / "images").iterdir()} == {i.filename for i in kept}
    for image in kept:
        assert held.image_path(image).read_bytes() == before.image_path(image).read_bytes()
    texts = {name: data for name, data in contents(out).items() if not name.startswith("images/")}
    assert [name for name, data in texts.items() if gone.encode() in data] == []


def test_a_release_contains_the_origin_of_every_sentence(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    """Also of one that a person wrote wholly anew beside a machine's text."""
    workspace, out = make_workspace(), tmp_path / "out"
    marked = "UPDATE sentence SET origin = ?, machine_raw = 'A port.', edit_distance = ? WHERE id ="
    change(workspace, f"{marked} 1", "human", 41)
    change(workspace, f"{marked} 2", "machine changed", 4)
    change(workspace, f"{marked} 10", "machine untouched", 0)
    release(workspace, out)
    document = json.loads((out / "dataset_RSITMD.json").read_text(encoding="utf-8"))
    assert first_error(document, load_schema("dataset")) is None
    image = next(i for i in document["images"] if i["filename"] == "harbour_1.tif")
    fields = ("origin", "edit_distance", "machine_given")
    said = [tuple(sentence.get(name) for name in fields) for sentence in image["sentences"]]
    assert said[:3] == [
        ("human", 41, True), ("machine changed", 4, True), ("human", None, False),
    ]  # fmt: skip
    manifest = json.loads((out / "release.json").read_text(encoding="utf-8"))
    # The image with the machine's text lacks a sentence now.
    assert manifest["origins"] == {
        "human": 34, "machine changed": 1, "machine untouched": 0, "unknown": 0,
        "machine_given": 2, "edit_distance": 4.0,
    }  # fmt: skip
    assert manifest["left_out"]["machine_untouched"] == 1
    statistics = json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    assert statistics["origins"] == manifest["origins"]
    # Read and written again they are the same; no rule takes them for foreign fields.
    read = load_dataset(out)
    (tmp_path / "again").mkdir()
    save_dataset(read, tmp_path / "again", "rsitmd")
    again = json.loads((tmp_path / "again" / "dataset_RSITMD.json").read_text(encoding="utf-8"))
    assert again["images"] == document["images"]
    assert not [f for f in check(read) if f.code in ("D101", "D111")]


def test_sentences_that_are_not_accepted_are_counted_or_left_out(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    change(workspace, "UPDATE sentence SET state = 'accepted' WHERE id NOT IN (1, 2, 10)")

    def made(out: str, only_accepted: str) -> tuple[str, dict[str, Any]]:
        toml = (
            f"[release]\nonly_accepted = {only_accepted}\n"
            "text_licence = 'CC0-1.0'\nimage_licence = 'CC0-1.0'\n"
        )
        (workspace / "rsitmd.toml").write_text(toml, encoding="utf-8")
        arguments = [str(workspace), "--version", "1.0.0", "-o", str(tmp_path / out)]
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        manifest = json.loads((tmp_path / out / "release.json").read_text(encoding="utf-8"))
        return done.output, manifest

    said, manifest = made("all", "false")
    assert "not accepted: 3 sentences, included ([release] only_accepted = false" in said
    assert (manifest["images"], manifest["sentences"], manifest["sentences_not_accepted"]) == (
        8,
        40,
        3,
    )
    assert manifest["left_out"]["sentences_not_accepted"] == 0

    said, manifest = made("accepted", "true")
    assert "not accepted: 3 sentences, left out ([release] only_accepted = true" in said
    assert "left out: 2 images without all accepted sentences" in said
    assert (manifest["images"], manifest["sentences"], manifest["sentences_not_accepted"]) == (
        6,
        30,
        0,
    )
    assert manifest["left_out"]["sentences_not_accepted"] == 3
    assert manifest["left_out"]["reasons"][0]["reason"] == "4 of 5 accepted sentences"

    change(workspace, "UPDATE sentence SET state = 'new'")
    with pytest.raises(RsitmdError, match=r"all its sentences accepted .*annotate review .*--acc"):
        release(workspace, tmp_path / "none")


def test_a_campaign_with_one_sentence_per_image_has_no_precomp(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace(sentences=1)
    toml = workspace / "rsitmd.toml"
    toml.write_text(
        toml.read_text().replace("annotators_per_image = 5", "annotators_per_image = 1")
    )
    out = tmp_path / "out"
    result = CliRunner().invoke(
        command, [str(workspace), "--version", "0.1.0", "-o", str(out), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert "left out: precomp/: precomp requires 5 sentences per image; " in (result.stderr)
    assert json.loads(result.stdout)["images"] == {"train": 4, "val": 2, "test": 2}
    assert not (out / "precomp").exists()
    assert files(out) == len(contents(out)) - 1


def test_val_may_be_empty(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace(splits=("train", "test"))
    assert release(workspace, tmp_path / "out").images == {"train": 4, "val": 0, "test": 4}
    assert not (tmp_path / "out" / "prior" / "val.npy").exists()


def test_the_settings_of_the_split_are_those_it_was_made_by(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    shares = {"train": 0.5, "val": 0.0, "test": 0.5}
    with Workspace.open(workspace, write=True) as opened:
        # As `split --shares 0.5,0,0.5 --seed 7` leaves it; these images are all duplicates.
        opened.set_fact(FACT, json.dumps({"shares": shares, "seed": 7}))
        record_by(opened, "scene")
    release(workspace, tmp_path / "out")
    made_by = json.loads((tmp_path / "out" / "release.json").read_text())["settings"]["split"]
    assert {name: made_by[name] for name in shares} == shares
    assert (made_by["seed"], made_by["by"]) == (7, "scene")
    assert made_by["assignments"] == [{"shares": shares, "seed": 7}]


def test_settings_that_name_files_stay_in_the_workspace(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    toml = workspace / "rsitmd.toml"
    toml.write_text(toml.read_text().replace('word_lists = ""', 'word_lists = "lists"'))
    (workspace / "lists").mkdir()
    release(workspace, tmp_path / "out")
    assert str(tmp_path).encode() not in (tmp_path / "out" / "release.json").read_bytes()


def test_a_known_image_is_not_decoded_again_but_a_changed_one_is(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace()
    release(workspace, tmp_path / "first")
    decoded = []
    real = images._check_pixels
    monkeypatch.setattr(images, "_check_pixels", lambda *a: decoded.append(a[2].name) or real(*a))
    release(workspace, tmp_path / "second")
    assert decoded == []
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    swapped = workspace / "images" / "harbour_2.tif"
    swapped.write_bytes((workspace / "images" / "harbour_1.tif").read_bytes())
    with pytest.raises(RsitmdError, match=r"harbour_2.tif: has different pixels"):
        release(workspace, tmp_path / "third")
    assert decoded == ["harbour_2.tif"]
