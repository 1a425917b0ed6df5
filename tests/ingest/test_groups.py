"""Groups of images of one picture or place, and their correction."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.ingest.corrections import remove, restore
from rsitmd_tools.ingest.groups import decide, find_places, groups
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.splitting.split import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.pairs import decisions
from tests.pictures import cut, ground, jpeg, photo, save_pictures


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    scene = ground(3)
    images = {
        "port/1.png": photo(1),
        "port/2.png": jpeg(photo(1), 70),
        "port/3.png": jpeg(photo(1), 40),
        "port/4.png": photo(2),
        "town/1.png": cut(scene, 0, 0),
        "town/2.png": cut(scene, 120, 0),
        "town/3.png": cut(ground(4), 0, 0),
    }
    with Workspace.create(tmp_path / "w") as opened:
        ingest(opened, [save_pictures(tmp_path / "s", images)], workers=1)
        yield opened


def members(workspace: Workspace) -> list[list[str]]:
    return [group.images for group in groups(workspace)]


PORTS = ["port_1.tif", "port_2.tif", "port_3.tif"]
TOWNS = ["town_1.tif", "town_2.tif"]


def test_places_are_grouped_after_a_search(workspace: Workspace) -> None:
    assert members(workspace) == [PORTS]
    assert find_places(workspace, workers=1) == 1
    assert members(workspace) == [PORTS, TOWNS]
    (pair,) = groups(workspace)[1].pairs
    assert (pair.first, pair.second, pair.kind) == (*TOWNS, "same-place")
    assert find_places(workspace, workers=1) == 1


def test_a_search_keeps_the_places_of_removed_images(workspace: Workspace) -> None:
    find_places(workspace, workers=1)
    remove(workspace, TOWNS[:1] * 2, "a request")
    assert find_places(workspace, workers=1) == 1
    (workspace.path / "removed" / TOWNS[0]).rename(workspace.path / "gone.tif")
    assert find_places(workspace, workers=1) == 0
    (workspace.path / "gone.tif").rename(workspace.path / "removed" / TOWNS[0])
    restored = restore(workspace, [TOWNS[0], TOWNS[0].removesuffix(".tif")])
    assert len(restored.changed) == 1 and not restored.missing_files
    assert members(workspace) == [PORTS, TOWNS]


def test_a_split_keeps_places_together(workspace: Workspace) -> None:
    find_places(workspace, workers=1)
    split(workspace, {"train": 0.5, "val": 0.0, "test": 0.5})
    homes = {image.filename: image.split for image in stored_images(workspace)}
    assert len({homes[name] for name in TOWNS}) == len({homes[name] for name in PORTS}) == 1


def test_corrections_join_and_split_and_are_kept(workspace: Workspace) -> None:
    decide(workspace, "join", "town_1.tif", "town_3.tif", "Lee", "one town")
    assert members(workspace) == [PORTS, ["town_1.tif", "town_3.tif"]]
    assert groups(workspace)[1].pairs[0].kind == "joined"
    decide(workspace, "split", "town_1.tif", "town_3.tif")
    assert members(workspace) == [PORTS]
    assert [entry.decision for entry in decisions(workspace)] == ["join", "split"]
    assert [(entry.decided_by, entry.note) for entry in decisions(workspace)] == [
        ("Lee", "one town"),
        ("", ""),
    ]
    find_places(workspace, workers=1)
    decide(workspace, "split", *TOWNS)
    find_places(workspace, workers=1)
    assert members(workspace) == [PORTS], "a later search respects the correction"


@pytest.mark.parametrize(
    ("decision", "first", "second", "error"),
    [
        ("join", "port_1.tif", "none.tif", "has no image 'none.tif'"),
        ("join", "port_1.tif", "port_1.tif", "are the same"),
        ("split", "port_1.tif", "port_4.tif", "not linked"),
    ],
)
def test_a_wrong_correction_is_refused(
    workspace: Workspace, decision: str, first: str, second: str, error: str
) -> None:
    with pytest.raises((RsitmdError, WrongUsage), match=error):
        decide(workspace, decision, first, second)
    assert decisions(workspace) == []


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        root.cli, ["build", "groups", str(folder), *arguments], standalone_mode=False
    )


def test_the_command_lists_and_corrects(workspace: Workspace) -> None:
    folder = workspace.path
    workspace.close()
    done = run(folder)
    assert done.stdout.startswith("groups: 1 with 3 images\n  port_1.tif, port_2.tif, port_3.tif\n")
    assert "    near: port_1.tif, port_2.tif, similarity 0.9" in done.stdout
    done = run(folder, "--split-pair", "port_1.tif", "port_2.tif")
    pairs = [
        (pair["first"], pair["second"])
        for group in json.loads(run(folder, "--json").stdout)["groups"]
        for pair in group["pairs"]
    ]
    assert ("port_1.tif", "port_2.tif") not in pairs
    if pairs == [("port_1.tif", "port_3.tif"), ("port_2.tif", "port_3.tif")]:
        assert "still in one group through other images" in done.stderr


def test_the_commands_join_and_show_the_history(workspace: Workspace, tmp_path: Path) -> None:
    folder = workspace.path
    workspace.close()
    done = run(folder, "--same-place", "--join", "port_4.tif", "town_3.tif", "--note", "one <b>bay")
    assert "groups: 3 with 7 images" in done.stdout
    assert "    same-place: town_1.tif, town_2.tif, similarity" in done.stdout
    run(folder, "--split-pair", "port_4.tif", "town_3.tif", "--reviewer", "B. <i>Lee")
    done = run(folder, "--html", str(tmp_path / "page.html"))
    lines = done.stdout.splitlines()
    at = lines.index("corrections: 2")
    today = lines[at + 1].split()[0]
    assert lines[at + 1 :] == [
        f"  {today} join port_4.tif, town_3.tif by {getpass.getuser()}: one <b>bay",
        f"  {today} split port_4.tif, town_3.tif by B. <i>Lee",
    ]
    made = json.loads(run(folder, "--json").stdout)["corrections"]
    assert [(entry["decision"], entry["note"]) for entry in made] == [
        ("join", "one <b>bay"),
        ("split", ""),
    ]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"<td>join</td><td>{getpass.getuser()}</td><td>one &lt;b&gt;bay</td>" in page
    assert "<td>split</td><td>B. &lt;i&gt;Lee</td><td></td>" in page
    assert page.count("<td>port_4.tif, town_3.tif</td>") == 2


def test_the_split_command_searches_places(workspace: Workspace) -> None:
    folder = workspace.path
    workspace.close()
    words = ["build", "split", str(folder), "--same-place", "--shares", "0.5,0,0.5", "--json"]
    report = json.loads(CliRunner().invoke(root.cli, words, standalone_mode=False).stdout)
    assert report["places_searched"] is True
    with Workspace.open(folder) as opened:
        homes = {image.filename: image.split for image in stored_images(opened)}
    assert len({homes[name] for name in TOWNS}) == 1


@pytest.mark.parametrize("option", ["--note", "--reviewer"])
def test_an_option_of_corrections_without_one_is_refused(workspace: Workspace, option: str) -> None:
    done = run(workspace.path, option, "why")
    assert isinstance(done.exception, WrongUsage)
    assert f"{option} requires --split-pair or --join" in str(done.exception)
