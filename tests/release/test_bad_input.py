"""Odd texts, counts and files through split, release, verify and convert.

The formats have their own tests of odd files: ``tests/formats/test_bad_input.py`` (texts, keys and
ids given twice, byte order marks, 400 000 records), ``test_images.py`` (missing images, tar files,
formulas) and ``test_caption_files.py`` (published files, mutations). Full disks and kills are in
``test_bundle_interrupted.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rsitmd_tools.cli import root
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.release import verify_release
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.workspace import Workspace

MakeWorkspace = Callable[..., Path]
TEXTS = (
    "Two\tgrey ships lie at the pier.",
    'A "long" pier, with 12" pipes; two, three.',
    "The harbour’s “old” pier lies left.",
    "Two\u00a0grey ships\u200b lie at a\u2060 pier.",
    "=cmd|' /C calc'!A0 lies at the pier.",
)


def run(*words: object) -> Result:
    return CliRunner().invoke(root.cli, [*map(str, words)], standalone_mode=False)


def change(workspace: Path, sql: str, *values: Any) -> None:
    with Workspace.open(workspace, write=True) as opened, opened.transaction() as db:
        db.execute(sql, values)


def release(workspace: Path, out: Path, *options: object) -> Result:
    return run("build", "release", workspace, "--version", "1.0.0", "-o", out, *options)


def test_odd_texts_are_released_as_they_are(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    for row, text in enumerate(TEXTS, 1):
        change(workspace, "UPDATE sentence SET raw = ? WHERE id = ?", text, row)
    # Errors of these rules (characters that nobody sees) are allowed here.
    done = release(workspace, out, "--allow", "S")
    assert done.exception is None, done.exception
    assert verify_release(out).differences == ()
    held = {image.filename: image for image in load_dataset(out)}
    assert held["harbour_1.tif"].captions == TEXTS
    precomp = {image.filename: image for image in load_dataset(out / "precomp")}
    assert precomp["harbour_1.tif"].captions == TEXTS
    for layout in ("csv", "open-clip-csv", "coco", "webdataset", "imagefolder"):
        assert run("build", "convert", out, tmp_path / layout, "--to", layout).exception is None
        again = {image.filename: image for image in load_dataset(tmp_path / layout)}
        assert again["harbour_1.tif"].captions == TEXTS, layout


@pytest.mark.parametrize("text", ["Two ships.\nA pier.", "Two ships.\r\nA pier."])
def test_a_sentence_of_two_lines_has_no_place_in_precomp(
    make_workspace: MakeWorkspace, tmp_path: Path, text: str
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    change(workspace, "UPDATE sentence SET raw = ? WHERE id = 1", text)
    done = release(workspace, out, "--allow", "S")
    assert done.exception is None, done.exception
    assert "left out: precomp/: precomp requires sentences of one line; harbour_1.tif" in (
        done.stderr
    )
    assert not (out / "precomp").exists()
    held = {image.filename: image for image in load_dataset(out)}
    assert held["harbour_1.tif"].captions[0] == text
    assert verify_release(out).differences == ()


def test_images_without_keywords_and_with_three_sentences(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out = make_workspace(sentences=3), tmp_path / "out"
    toml = workspace / "rsitmd.toml"
    toml.write_text(
        toml.read_text("utf-8").replace("annotators_per_image = 5", "annotators_per_image = 3"),
        encoding="utf-8",
    )
    change(workspace, "DELETE FROM keyword")
    done = release(workspace, out)
    assert done.exception is None, done.exception
    assert "24 sentences, 0 keywords" in done.stdout
    assert "requires 5 sentences per image; farm_1.tif has 3 (and 7 other images" in done.stderr
    assert verify_release(out).differences == ()
    assert {len(image.sentences) for image in load_dataset(out)} == {3}


def test_missing_and_extra_images_of_a_release_are_named(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert release(make_workspace(), out).exception is None
    (out / "images" / "farm_1.tif").rename(out / "images" / "Farm_1.tif")
    (out / "images" / "new.tif").write_bytes(b"x")
    write_checksums(out)
    found = {entry.file: entry.problem for entry in verify_release(out).differences}
    assert found == {
        "images/farm_1.tif": "does not exist",
        "images/Farm_1.tif": "is not in dataset_RSITMD.json",
        "images/new.tif": "is not in dataset_RSITMD.json",
    }


def test_a_dataset_with_images_and_ids_given_twice_is_a_difference(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert release(make_workspace(), out).exception is None
    file = out / "dataset_RSITMD.json"
    document = json.loads(file.read_text("utf-8"))
    document["images"].append(document["images"][0])
    file.write_text(json.dumps(document), encoding="utf-8")
    write_checksums(out)
    found = {entry.file: entry.problem for entry in verify_release(out).differences}
    assert found["dataset_RSITMD.json"] == "differs from the data_sha256 of release.json"
    text = file.read_text("utf-8").replace('"imgid": 0', '"imgid": 0, "imgid": 1', 1)
    file.write_text(text, encoding="utf-8")
    write_checksums(out)
    found = {entry.file: entry.problem for entry in verify_release(out).differences}
    assert "duplicate key 'imgid'" in found["dataset_RSITMD.json"]


@pytest.mark.parametrize("options", [(), ("--folds", "2")])
def test_a_category_of_one_image_is_assigned(
    make_workspace: MakeWorkspace, options: tuple[str, ...]
) -> None:
    workspace = make_workspace(splits=(None,))
    change(workspace, "UPDATE image SET category = 'alone' WHERE id = 1")
    done = run("build", "split", workspace, *options)
    assert done.exception is None, done.exception
    with Workspace.open(workspace) as opened:
        table = "fold" if options else "image WHERE split IS NOT NULL"
        assert opened.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 8


def test_a_group_that_is_larger_than_a_fold_is_named(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(splits=(None,))
    change(workspace, "UPDATE image SET pixel_sha256 = 'same' WHERE id <= 5")
    done = run("build", "split", workspace, "--folds", "3")
    assert "large group: 5 images (" in done.stdout, done.stdout
    assert " in fold " in done.stdout.split("large group: ")[1]


KILLED = """
import os, signal, sys
from pathlib import Path
from rsitmd_tools.cli import root

calls, real = int(sys.argv[1]), Path.rename

def killed(self, other):
    global calls
    if self.name.startswith((".there", "there")):
        calls -= 1
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return real(self, other)

Path.rename = killed
root._run(sys.argv[2:], False)
"""


@pytest.mark.parametrize("call", [1, 2])
def test_a_killed_replacement_run_again_is_the_same(
    make_workspace: MakeWorkspace, tmp_path: Path, call: int
) -> None:
    """It is killed before the old folder is moved aside, or before the new one is in its place."""
    workspace, target = make_workspace(), tmp_path / "there"
    words = ["build", "convert", str(workspace), str(target), "--to", "csv"]
    assert run(*words).exception is None
    before = (target / "captions.csv").read_bytes()
    change(workspace, "UPDATE sentence SET raw = 'A new sentence of a ship.' WHERE id = 1")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(call), *words, "--force"], check=False
    )
    assert killed.returncode == -9
    kept = target if call == 1 else tmp_path / ".there.replaced"
    assert (kept / "captions.csv").read_bytes() == before
    refused = run(*words).exception
    assert "already exists" in str(refused)
    assert (target / "captions.csv").read_bytes() == before
    assert run(*words, "--force").exception is None
    assert b"A new sentence" in (target / "captions.csv").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
