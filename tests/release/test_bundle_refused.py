"""Releases: what is refused, and what is never written or touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.release import make_release
from rsitmd_tools.workspace import Workspace
from tests.release.releases import change, contents, release

MakeWorkspace = Callable[..., Path]


@pytest.mark.parametrize(
    "version", ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0\n", "1.0.0+2", "../x"]
)
def test_an_invalid_version_is_refused(
    make_workspace: MakeWorkspace, tmp_path: Path, version: str
) -> None:
    with pytest.raises(WrongUsage, match=r"is not a version; use a version such as 1\.0\.0"):
        release(make_workspace(), tmp_path / "out", version)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["0.0.1", "10.20.30", "1.0.0-rc.1", "1.0.0-0a.b-c"])
def test_semantic_versions_are_accepted(
    make_workspace: MakeWorkspace, tmp_path: Path, version: str
) -> None:
    assert release(make_workspace(images=4), tmp_path / "out", version).version == version


def test_an_unfinished_workspace_is_refused_with_the_next_step(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cases = {
        "empty": (make_workspace(images=0, name="empty"), "has no images; run: rsitmd build inges"),
        "unwritten": (
            make_workspace(lacking=tuple(range(8)), name="unwritten"),
            r"has no image with all its sentences; .* run: rsitmd annotate status .*unwritten",
        ),
        "unsplit": (
            make_workspace(splits=(None,), name="unsplit"),
            r"8 of 8 finished images have no split; run: rsitmd build split .*unsplit",
        ),
        "untested": (
            make_workspace(splits=("train", "val"), name="untested"),
            "has no finished image in test",
        ),
        "unfinished": (
            make_workspace(lacking=(3, 7), name="unfinished"),
            "has no finished image in test",
        ),
    }
    for workspace, line in cases.values():
        with pytest.raises(RsitmdError, match=line):
            release(workspace, out)
    assert not out.exists()


def test_a_folder_that_exists_is_never_touched(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(RsitmdError, match="already exists"):
        release(make_workspace(), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_that_cannot_be_made_is_a_one_line_error(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RsitmdError, match="cannot be written"):
        release(make_workspace(), tmp_path / "file" / "out")


def test_damaged_images_are_found(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace()
    out = tmp_path / "out"
    image = workspace / "images" / "harbour_2.tif"
    whole = image.read_bytes()
    image.write_bytes(whole[:200])
    with pytest.raises(RsitmdError, match=r"harbour_2.tif: is damaged"):
        release(workspace, out)
    image.write_bytes((workspace / "images" / "harbour_1.tif").read_bytes())
    with pytest.raises(RsitmdError, match=r"harbour_2.tif: has different pixels"):
        release(workspace, out)
    image.unlink()
    with pytest.raises(RsitmdError, match=r"harbour_2.tif: image file does not exist"):
        release(workspace, out)
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))
    image.write_bytes(whole)
    release(workspace, out)


@pytest.mark.parametrize("name", ["../../evil.tif", "a/b.tif", "a\\b.tif", "a\nb.tif", ".."])
def test_a_name_cannot_leave_the_release(
    make_workspace: MakeWorkspace, tmp_path: Path, name: str
) -> None:
    workspace = make_workspace()
    change(workspace, "UPDATE image SET filename = ? WHERE id = 1", name)
    with pytest.raises(RsitmdError, match=r"invalid file name .* for a released image") as caught:
        release(workspace, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "evil.tif").exists()


def test_a_link_in_the_workspace_is_not_followed_out(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    image = workspace / "images" / "harbour_1.tif"
    outside = image.rename(tmp_path / "outside.tif")
    image.symlink_to(outside)
    with pytest.raises(RsitmdError, match="is outside the image folder"):
        release(workspace, tmp_path / "out")


def test_names_that_differ_in_case_only_are_refused(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    change(workspace, "UPDATE image SET filename = 'Farm_1.tif' WHERE filename = 'harbour_1.tif'")
    with pytest.raises(RsitmdError, match="are the same file name on case-insensitive"):
        release(workspace, tmp_path / "out")


@pytest.mark.parametrize("change", ["other version", "damaged"])
def test_a_folder_with_another_release_is_never_changed(
    make_workspace: MakeWorkspace, tmp_path: Path, change: str
) -> None:
    workspace = make_workspace()
    out = tmp_path / "out"
    release(workspace, out)
    if change == "damaged":
        (out / "statistics.json").write_text("{}")
    before = contents(out)
    with (
        Workspace.open(workspace) as opened,
        pytest.raises(RsitmdError, match="already exists"),
    ):
        make_release(opened, "1.0.0" if change == "damaged" else "1.0.1", out)
    assert contents(out) == before
