"""``build verify``: what differs in a release, also where the checksums fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.building.verify import command
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.quality.unknown_fields import unknown_fields
from rsitmd_tools.release import ReleaseOptions, make_release
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.release.complete import complete_release
from rsitmd_tools.workspace import Workspace
from tests.pictures import save_noise
from tests.release.releases import problems, rewrite

MakeWorkspace = Callable[..., Path]


@pytest.fixture
def release(make_workspace: MakeWorkspace, tmp_path: Path) -> Path:
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", tmp_path / "out")
    return tmp_path / "out"


def fit_metadata(release: Path, before: str) -> None:
    """Replace the checksum of the dataset in the metadata, which states it twice."""
    after = hashlib.sha256((release / "dataset_RSITMD.json").read_bytes()).hexdigest()
    for _ in range(2):
        rewrite(release, "croissant.json", before, after)


def test_an_intact_release(release: Path) -> None:
    result = CliRunner().invoke(command, [str(release)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{release}: {len(list_files(release))} files, intact\n"


def list_files(release: Path) -> list[Path]:
    return [path for path in release.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]


def test_every_difference_is_listed_and_the_exit_code_is_1(release: Path) -> None:
    (release / "images" / "farm_1.tif").unlink()
    (release / "statistics.json").write_text("{}")
    result = CliRunner().invoke(command, [str(release)], standalone_mode=False)
    assert result.return_value == 1
    assert "images/farm_1.tif: does not exist\n" in result.stdout
    assert "statistics.json: has a wrong checksum\n" in result.stdout
    assert result.stdout.endswith(", 2 differences\n")
    found = json.loads(CliRunner().invoke(command, [str(release), "--json"]).stdout)
    assert (found["intact"], len(found["differences"])) == (False, 2)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("release.json", '"sentences": 40', '"sentences": 41', "sentences is 41; the dataset has"),
        ("release.json", '"train": 4', '"train": 5', "splits is "),
        ("release.json", '"version": "1.0.0"', '"version": 1', "version: must be a string"),
        ("precomp/train_caps.txt", "e", "E", "differs from dataset_RSITMD.json"),
        ("prior/train.json", '"captions_sha256": "', '"captions_sha256": "0', None),
        ("statistics.json", '"data_sha256": "', '"data_sha256": "0', None),
        ("split_proof.json", '"shared_captions": 0', '"shared_captions": -1', "at least 0, not -1"),
        ("split_proof.json", '"bits": 64', '"bits": 63', "bits: "),
        ("validation.json", '"data_sha256": "', '"data_sha256": "0', None),
        ("validation.json", '"sentences": 40', '"sentences": -1', "sentences: "),
    ],
)
def test_contents_that_contradict_one_another_are_found(
    release: Path, file: str, old: str, new: str, problem: str | None
) -> None:
    rewrite(release, file, old, new)
    found = problems(release)
    assert [name.rpartition(".")[0] for name in found] == [file.rpartition(".")[0]]
    assert problem is None or problem in found[file]


@pytest.mark.parametrize("kept", [1, 5, None])
def test_a_list_without_the_images_is_found(release: Path, kept: int | None) -> None:
    """Otherwise nothing says that two images were exchanged."""
    file = release / "images.csv"
    if kept is None:
        file.unlink()
    else:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(lines[:kept]), encoding="utf-8")
    write_checksums(release)
    found = problems(release)
    assert set(found) == {"images.csv"}
    expected = "lists other images than dataset_RSITMD.json" if kept else ""
    assert expected in found["images.csv"]


@pytest.mark.parametrize("line", ["{other}  {name}\n", ""])
def test_a_checksum_of_an_image_that_differs_from_the_list_of_images_is_found(
    release: Path, line: str
) -> None:
    sums = release / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines(keepends=True)
    index, name = next((n, line.split()[1]) for n, line in enumerate(lines) if "  images/" in line)
    lines[index] = line.format(other="0" * 64, name=name)
    sums.write_text("".join(lines), encoding="utf-8")
    problem = "has a wrong checksum" if line else "is not in SHA256SUMS"
    assert problems(release) == {name: problem}


WRITES = ": is not what `build release` writes"
COUNTED = "statistics.json"
COUNTS = [
    f"{key}: is not that of dataset_RSITMD.json"
    for key in ("categories", "annotators.annotator-1.sentences")
]
UNKNOWN = "has fields that are not in the schema: "


@pytest.mark.parametrize(
    ("change", "problem", "elsewhere"),
    [
        (lambda image: image["sentences"][0].pop("tokens"),
         f"images[2].sentences[0].tokens{WRITES}", True),
        (lambda image: image["sentences"][1].update(sentid=0),
         f"images[2].sentences[1].sentid{WRITES}", False),
        (lambda image: image.update(imgid="2"), f"images[2].imgid{WRITES}", True),
        (lambda image: image.update(note=1), f"{UNKNOWN}'images[].note' (1 place)", True),
        (lambda image: [sentence.update(a=1) for sentence in image["sentences"]],
         f"{UNKNOWN}'images[].sentences[].a' (5 places)", True),
        (lambda image: image.update(dict.fromkeys("cbafedg")),
         UNKNOWN + ", ".join(f"'images[].{key}' (1 place)" for key in "abcde") + " and 2 more",
         True),
        (lambda image: image["sentences"][0].update(imported_from=5),
         "images[2].sentences[0].imported_from: must be a string, not 5", True),
        (lambda image: image["sentences"][0].update(edit_distance="3"),
         "images[2].sentences[0].edit_distance: must be an integer, not \"3\"", True),
        (lambda image: image.update(category="port"), COUNTS[0], False),
        (lambda image: image["sentences"][0].update(annotator="eve"), COUNTS[1], False),
    ],
)  # fmt: skip
def test_fields_that_are_in_no_other_file_are_compared(
    release: Path, change: Callable[[dict[str, Any]], object], problem: str, elsewhere: bool
) -> None:
    file = release / "dataset_RSITMD.json"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document["images"][2])
    file.write_text(json.dumps(document), encoding="utf-8")
    write_checksums(release)
    assert problems(release) == {file.name: "differs from the sha256 in croissant.json"}
    # The metadata was written again too: what does not fit the format is found all the same.
    fit_metadata(release, before)
    assert problems(release) == {COUNTED if problem in COUNTS else file.name: problem}
    # A release of another version is compared with the schema.
    rewrite(release, "release.json", "rsitmd-tools 0", "rsitmd-tools 9")
    assert (file.name in problems(release)) == elsewhere


@pytest.mark.parametrize(
    ("field", "problem"),
    [("note", f"{UNKNOWN}'note' (1 place)"), ("precomp", "precomp: must be an object, not 1")],
)
def test_fields_of_the_document_are_compared(release: Path, field: str, problem: str) -> None:
    file = release / "dataset_RSITMD.json"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(document | {field: 1}), encoding="utf-8")
    fit_metadata(release, before)
    assert problems(release) == {file.name: problem}


def test_a_release_of_an_imported_dataset_has_no_unknown_fields(tmp_path: Path) -> None:
    """Fields of other people stay readable, and a release has only those of the schema."""
    old = tmp_path / "old"
    entries = []
    for number in (1, 2):
        save_noise(old / "images" / f"port_{number}.png", number)
        sentences = [{"raw": f"{n} boats lie at pier {number}.", "mood": n} for n in range(5)]
        split = "train" if number == 1 else "test"
        entries.append(
            {"filename": f"port_{number}.png", "split": split, "sentences": sentences, "source": 7}
        )
    document = {"dataset": "Old", "images": entries, "homepage": "https://example.org"}
    (old / "dataset_RSITMD.json").write_text(json.dumps(document), encoding="utf-8")
    data = load_dataset(old)
    assert unknown_fields(data) == {
        "homepage": 1, "images[].sentences[].mood": 10, "images[].source": 2,
    }  # fmt: skip
    out = tmp_path / "out"
    with Workspace.create(tmp_path / "w", text_licence="CC0-1.0", image_licence="CC0-1.0") as made:
        import_dataset(made, data, workers=1)
        make_release(made, "1.0.0", out)
    assert problems(out) == {}
    released = json.loads((out / "dataset_RSITMD.json").read_text(encoding="utf-8"))
    assert {s.get("imported_from") for i in released["images"] for s in i["sentences"]} == {"Old"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"distribution": [1]}'])
def test_metadata_without_a_checksum_of_the_dataset(release: Path, text: str) -> None:
    (release / "croissant.json").write_text(text)
    write_checksums(release)
    assert problems(release) == {"croissant.json": "has no checksum of dataset_RSITMD.json"}


def test_another_sentence_contradicts_manifest_precomp_and_prior(release: Path) -> None:
    document = json.loads((release / "dataset_RSITMD.json").read_text(encoding="utf-8"))
    image = next(image for image in document["images"] if image["split"] == "val")
    image["sentences"][0]["raw"] = "A different sentence."
    (release / "dataset_RSITMD.json").write_text(json.dumps(document), encoding="utf-8")
    write_checksums(release)
    assert set(problems(release)) == {
        "dataset_RSITMD.json", "statistics.json", "precomp/val_caps.txt", "prior/val.npy",
        "split_proof.json", "validation.json",
    }  # fmt: skip


@pytest.mark.parametrize("text", [None, "x\n", "\udcff"])
@pytest.mark.parametrize("images", [True, False])
def test_a_damaged_list_of_images_does_not_hide_other_differences(
    make_workspace: MakeWorkspace, tmp_path: Path, text: str | None, images: bool
) -> None:
    out = tmp_path / "out"
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", out, ReleaseOptions(images=images))
        if not images:
            complete_release(out, workspace.images)
    (out / "README.md").write_text("")
    (out / "images.csv").unlink()
    if text is not None:
        (out / "images.csv").write_bytes(text.encode(errors="surrogateescape"))
    assert problems(out) == {
        "README.md": "has a wrong checksum",
        "images.csv": "does not exist" if text is None else "has a wrong checksum",
    }


def test_hidden_files_of_other_programs_are_ignored(release: Path) -> None:
    (release / ".gitattributes").write_text("")
    (release / "images" / ".DS_Store").write_text("")
    assert problems(release) == {}


def test_a_file_that_is_not_json(release: Path) -> None:
    (release / "release.json").write_text("[" * 100_000)
    write_checksums(release)
    assert problems(release) == {"release.json": "is not a JSON document"}


def test_a_folder_that_is_no_release_is_a_one_line_error(tmp_path: Path) -> None:
    for folder, problem in ((tmp_path, "is not a release"), (tmp_path / "none", "does not exist")):
        result = CliRunner().invoke(command, [str(folder)])
        assert result.exit_code != 0
        hint = "pass a folder created by: rsitmd build release"
        assert str(result.exception) == f"{folder}: {problem}; {hint}"
