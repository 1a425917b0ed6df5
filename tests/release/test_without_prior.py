"""Releases without priors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import rsitmd_tools
from rsitmd_tools.cli.building.release import command
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.release import ReleaseOptions, make_release, verify_release
from rsitmd_tools.release.checksums import Difference
from rsitmd_tools.similarity import write_prior
from rsitmd_tools.workspace import Workspace

MakeWorkspace = Callable[..., Path]


@pytest.fixture
def release(make_workspace: MakeWorkspace, tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    arguments = [str(make_workspace()), "--version", "1.0.0", "-o", str(folder), "--without-prior"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder


def test_it_is_intact_and_says_nothing_of_a_prior(release: Path) -> None:
    assert not (release / "prior").exists()
    assert verify_release(release).differences == ()
    assert "prior/" not in (release / "README.md").read_text(encoding="utf-8")
    assert "prior/" not in (release / "SHA256SUMS").read_text(encoding="utf-8")


def test_all_else_is_that_of_a_release_with_priors(
    release: Path, make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    with Workspace.open(tmp_path / "workspace") as workspace:
        make_release(workspace, "1.0.0", tmp_path / "whole")
    names = {file.name for file in release.iterdir()}
    assert {file.name for file in (tmp_path / "whole").iterdir()} == {*names, "prior"}
    for name in names - {"README.md", "SHA256SUMS", "release.json", "images", "precomp"}:
        assert (release / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_an_added_prior_is_compared_with_the_captions(release: Path, tmp_path: Path) -> None:
    data = rsitmd_tools.load(release)
    (release / "prior").mkdir()
    for split in ("train", "test"):
        write_prior(data.split(split), release / "prior" / f"{split}.npy")
    assert verify_release(release).differences == ()
    assert data.split("train").prior().row(0).shape == (len(data.split("train").captions()),)

    shutil.copy(release / "prior" / "train.npy", release / "prior" / "test.npy")
    [found] = verify_release(release).differences
    assert found.file == "prior/test.npy"
    np.save(release / "prior" / "other.npy", np.zeros(3))
    other = Difference("prior/other.npy", "is not in SHA256SUMS")
    assert other in verify_release(release).differences


def test_priors_that_do_not_fit_on_the_disk_are_refused_at_once(
    make_workspace: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(free=100, total=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with Workspace.open(make_workspace()) as workspace:
        with pytest.raises(RsitmdError, match="the prior takes") as error:
            make_release(workspace, "1.0.0", tmp_path / "release")
        assert error.value.hint == "use --without-prior, or another disk"
        assert not (tmp_path / "release").exists()
        make_release(workspace, "1.0.0", tmp_path / "release", ReleaseOptions(prior=False))
