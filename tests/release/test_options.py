"""Options of ``build release``: allowed errors, names, one file, replacement."""

from __future__ import annotations

import csv
import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rsitmd_tools import atomic
from rsitmd_tools.cli.building.release import command
from rsitmd_tools.cli.building.split import command as split_command
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.formats.image_list import read_image_list
from rsitmd_tools.release import ReleaseOptions, make_release, verify_release
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.workspace import Workspace

MakeWorkspace = Callable[..., Path]


def release(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments), "--version", "1.0.0"])


def change(workspace: Path, sql: str) -> None:
    with Workspace.open(workspace, write=True) as opened, opened.transaction() as db:
        db.execute(sql)


def test_the_findings_are_in_the_release(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace()
    change(workspace, "UPDATE sentence SET raw = 'There are some ships.' WHERE id = 1")
    assert release(workspace, "-o", tmp_path / "out").exit_code == 0
    document = json.loads((tmp_path / "out" / "validation.json").read_text(encoding="utf-8"))
    assert first_error(document, load_schema("findings")) is None
    assert "S104" in {finding["code"] for finding in document["findings"]}
    assert str(tmp_path) not in json.dumps(document)


def test_an_error_prevents_a_release_unless_its_rule_is_allowed(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    change(workspace, "UPDATE sentence SET raw = 'A ship \x07 in the harbour.' WHERE id = 1")
    errors = release(workspace, "-o", out).exception
    assert isinstance(errors, RsitmdError)
    assert errors.what == "has 1 finding of severity error: S119 (1)"
    assert errors.hint is not None
    assert errors.hint.endswith("or use --allow S119")
    assert not out.exists()
    done = release(workspace, "-o", out, "--allow", "S119")
    assert done.exit_code == 0, done.output
    manifest = json.loads((out / "release.json").read_text(encoding="utf-8"))
    assert manifest["allowed_errors"] == ["S119"]
    assert verify_release(out).differences == ()


@pytest.mark.parametrize(
    ("settings", "options", "missing", "keys"),
    [
        ("", [], "texts and the images", "text_licence and image_licence"),
        ("[release]\ntext_licence = 'CC0-1.0'", [], "images", "image_licence"),
        ("[release]\nimage_licence = 'CC0-1.0'", [], "texts", "text_licence"),
        ("", ["--without-images"], "texts", "text_licence"),
    ],
)
def test_a_missing_licence_prevents_a_release_unless_allowed(
    make_workspace: MakeWorkspace,
    tmp_path: Path,
    settings: str,
    options: list[str],
    missing: str,
    keys: str,
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    (workspace / "rsitmd.toml").write_text(settings, encoding="utf-8")
    refused = release(workspace, "-o", out, *options).exception
    assert isinstance(refused, RsitmdError)
    assert refused.exit_code == 1
    assert str(refused) == (
        f"{workspace / 'rsitmd.toml'}: has no licence of the {missing}; set {keys} under [release],"
        ' such as "CC-BY-4.0", or use --allow-no-licence'
    )
    assert not out.exists()
    done = release(workspace, "-o", out, *options, "--allow-no-licence")
    assert done.exit_code == 0, done.output
    assert f"warning: no licence of the {missing}; " in done.stderr
    manifest = json.loads((out / "release.json").read_text(encoding="utf-8"))
    assert manifest["unlicensed"] == missing.split(" and the ")
    assert verify_release(out).differences == ()


def test_the_licence_of_the_annotators_is_that_of_the_texts(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    settings = "[annotation]\nlicence = 'CC-BY-4.0'\n[release]\nimage_licence = 'CC0-1.0'\n"
    (workspace / "rsitmd.toml").write_text(settings, encoding="utf-8")
    assert "no licence" not in release(workspace, "-o", out).stderr
    assert "Texts: CC-BY-4.0. Images: CC0-1.0." in (out / "README.md").read_text(encoding="utf-8")
    (workspace / "rsitmd.toml").write_text(f"{settings}text_licence = 'CC-BY-SA-4.0'\n")
    assert release(workspace, "-o", out, "--force").exit_code == 0
    assert "Texts: CC-BY-SA-4.0." in (out / "README.md").read_text(encoding="utf-8")


def test_an_unknown_rule_cannot_be_allowed(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    with (
        Workspace.open(make_workspace()) as workspace,
        pytest.raises(WrongUsage, match="unknown rule 'X999'"),
    ):
        make_release(workspace, "1.0.0", tmp_path / "out", ReleaseOptions(allowed=("X999",)))


def test_names_replace_pseudonyms_on_request_and_addresses_never(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    change(
        workspace,
        "UPDATE annotator SET name = CASE id WHEN 1 THEN 'Anna Bell' WHEN 2 THEN 'a@example.org'"
        " WHEN 3 THEN 'Twin' WHEN 4 THEN 'Twin' ELSE 'annotator-2' END",
    )
    assert release(workspace, "-o", tmp_path / "out", "--with-names").exit_code == 0
    image = load_dataset(tmp_path / "out").images[0]
    assert [sentence.annotator for sentence in image.sentences] == [
        "Anna Bell", "annotator-2", "annotator-3", "annotator-4", "annotator-5",
    ]  # fmt: skip
    for file in (tmp_path / "out").rglob("*"):
        assert file.is_dir() or b"example.org" not in file.read_bytes()


def test_the_tar_file_has_the_same_bytes_anywhere(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    tars = []
    for folder, mask in (("a", 0o022), ("b", 0o077)):
        before = os.umask(mask)
        try:
            done = release(workspace, "-o", tmp_path / folder / "ports-1.0.0", "--tar")
        finally:
            os.umask(before)
        assert done.exit_code == 0, done.output
        tars.append(tmp_path / folder / "ports-1.0.0.tar")
    assert tars[0].read_bytes() == tars[1].read_bytes()
    with tarfile.open(tars[0]) as tar:
        tar.extractall(tmp_path / "c", filter="data")
    assert verify_release(tmp_path / "c" / "ports-1.0.0").differences == ()


def test_the_tar_file_is_to_be_unpacked_before_it_is_used(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    assert release(make_workspace(), "-o", tmp_path / "out", "--tar").exit_code == 0
    tar = tmp_path / "out.tar"
    with pytest.raises(RsitmdError, match=r"is not a release; unpack it and pass its folder"):
        verify_release(tar)
    with pytest.raises(RsitmdError, match=r"is the tar file of a release; unpack it"):
        load_dataset(tar)


def test_a_tar_file_is_replaced_only_on_request(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out, tar = make_workspace(), tmp_path / "out", tmp_path / "out.tar"
    tar.write_bytes(b"the only copy of something")
    for _ in range(2):  # before the release is made, and after
        refused = release(workspace, "-o", out, "--tar").exception
        hint = "move it away, or replace it with --force"
        assert str(refused) == f"{tar}: already exists; {hint}"
        assert tar.read_bytes() == b"the only copy of something"
        assert not list(tmp_path.glob(".*"))
        release(workspace, "-o", out)
    assert release(workspace, "-o", out, "--tar", "--force").exit_code == 0
    before = tar.read_bytes()
    assert release(workspace, "-o", out, "--tar").exit_code == 0  # the same release again
    assert tar.read_bytes() == before
    with tarfile.open(tar) as opened:
        assert "out/release.json" in opened.getnames()


def test_a_folder_is_replaced_only_on_request_and_when_the_new_one_is_complete(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    assert release(workspace, "-o", out).exit_code == 0
    change(workspace, "UPDATE sentence SET raw = 'A new text of a ship.' WHERE id = 1")
    refused = release(workspace, "-o", out).exception
    assert isinstance(refused, RsitmdError)
    assert "--force" in str(refused)

    def fails(*_: object) -> None:
        raise RsitmdError("full")

    monkeypatch.setattr("rsitmd_tools.release.bundle.write_prior", fails)
    assert release(workspace, "-o", out, "--force").exception is not None
    assert "A new text" not in (out / "dataset_RSITMD.json").read_text(encoding="utf-8")
    assert verify_release(out).differences == ()
    monkeypatch.undo()
    assert release(workspace, "-o", out, "--force").exit_code == 0
    assert "A new text" in (out / "dataset_RSITMD.json").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("what", ["previous", "folds"])
def test_a_release_that_differs_beside_its_manifest_is_another_one(
    make_workspace: MakeWorkspace, tmp_path: Path, what: str
) -> None:
    workspace, out, more = make_workspace(), tmp_path / "out", []
    assert release(workspace, "-o", out).exit_code == 0
    before = {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}
    if what == "previous":
        with Workspace.open(workspace) as opened:
            make_release(opened, "0.9.0", tmp_path / "previous")
        more = ["--previous", tmp_path / "previous"]
    else:
        split = CliRunner().invoke(split_command, [str(workspace), "--folds", "2"])
        assert split.exit_code == 0, split.output
    refused = release(workspace, "-o", out, *more).exception
    assert isinstance(refused, RsitmdError)
    assert (refused.what, refused.where) == ("already exists", str(out))
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()} == before
    assert release(workspace, "-o", out, *more, "--force").exit_code == 0
    if what == "previous":
        assert "## 0.9.0" in (out / "CHANGELOG.md").read_text(encoding="utf-8")
    else:
        assert (out / "folds.csv").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_with_the_workspace_is_never_replaced(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    for out in (workspace, tmp_path, workspace / "images"):
        refused = release(workspace, "-o", out, "--force").exception
        assert "which the new folder is made from" in str(refused)
    assert (workspace / "workspace.db").is_file()
    assert list((workspace / "images").iterdir())


def test_a_folder_that_is_no_release_is_never_replaced(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out = make_workspace(), tmp_path / "photos"
    out.mkdir()
    (out / "port.jpg").write_bytes(b"a picture")
    refused = release(workspace, "-o", out, "--force").exception
    assert f"{out}: is not a release, so --force does not replace it" in str(refused)
    assert [path.name for path in out.iterdir()] == ["port.jpg"]
    (out / "port.jpg").unlink()
    assert release(workspace, "-o", out, "--force").exit_code == 0


def test_a_release_in_the_workspace_can_be_replaced(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace()
    out = workspace / "releases" / "1.0.0"
    assert release(workspace, "-o", out).exit_code == 0
    (out / "README.md").unlink()
    assert release(workspace, "-o", out, "--force").exit_code == 0
    assert (out / "README.md").is_file()


def test_a_file_is_never_replaced(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace, out = make_workspace(), tmp_path / "notes"
    out.write_text("mine")
    for _ in range(2):
        assert "is a file" in str(release(workspace, "-o", out, "--force").exception)
    assert out.read_text() == "mine"
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_link_is_replaced_and_its_folder_stays(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, kept = make_workspace(), tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    (tmp_path / "out").symlink_to(kept)
    assert release(workspace, "-o", tmp_path / "out", "--force").exit_code == 0
    assert verify_release(tmp_path / "out").differences == ()
    assert (kept / "file").read_text() == "mine"
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_was_moved_aside_by_a_killed_replacement_is_put_back(
    tmp_path: Path,
) -> None:
    aside = tmp_path / f".out{atomic.REPLACED}"
    aside.mkdir()
    (aside / "old.txt").write_text("old")
    with (
        pytest.raises(RsitmdError, match="stop"),
        atomic.atomic_folder(tmp_path / "out", replace=True),
    ):
        raise RsitmdError("stop")
    assert (tmp_path / "out" / "old.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_images_have_the_licence_of_their_source(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    folder = "CASE WHEN id < 4 THEN '/home/me/naip/' ELSE 'C:\\spot\\' END"
    change(workspace, f"UPDATE image SET source = {folder} || filename")
    texts = "[release]\ntext_licence = 'CC-BY-4.0'\n"
    file = workspace / "rsitmd.toml"
    file.write_text(f"{texts}image_licences = {{'*/naip/*' = 'CC0-1.0'}}\n", encoding="utf-8")
    refused = release(workspace, "-o", out).exception
    assert "no licence fits the sources of 5 images, first " in str(refused)
    both = "{'*/naip/*' = 'CC0-1.0', '*/spot/*' = 'CC-BY-NC-4.0'}"
    file.write_text(f"{texts}image_licences = {both}\n", encoding="utf-8")
    done = release(workspace, "-o", out)
    assert done.exit_code == 0, done.output
    with (out / "images.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert Counter(row["licence"] for row in rows) == {"CC0-1.0": 3, "CC-BY-NC-4.0": 5}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "Images: CC-BY-NC-4.0 (5 images), CC0-1.0 (3 images)." in card
    croissant = json.loads((out / "croissant.json").read_text(encoding="utf-8"))
    assert croissant["license"] == ["CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0"]
    assert "/home/me" not in (out / "release.json").read_text(encoding="utf-8")
    assert verify_release(out).differences == ()
    assert len(read_image_list(out / "images.csv")) == 8


def test_one_licence_of_all_sources_is_that_of_the_images(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace, out = make_workspace(), tmp_path / "out"
    settings = "[release]\ntext_licence = 'CC0-1.0'\nimage_licences = {'*' = 'CC0-1.0'}\n"
    (workspace / "rsitmd.toml").write_text(settings, encoding="utf-8")
    assert release(workspace, "-o", out).exit_code == 0
    header = (out / "images.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "filename,sha256,source,source_sha256"
    assert '\nlicense: "cc0-1.0"\n' in (out / "README.md").read_text(encoding="utf-8")
