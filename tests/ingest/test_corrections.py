"""Removed, restored, renamed and recategorised images: rows, files and history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest import corrections, ingest, places, renaming
from rsitmd_tools.ingest.groups import decide
from rsitmd_tools.ingest.where import where
from rsitmd_tools.splitting.split import split
from rsitmd_tools.studio.campaign.history import history as log
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import history

PORTS, FARMS = 6, 6
HALVES = {"train": 0.5, "val": 0.0, "test": 0.5}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in range(PORTS + FARMS):
        category = "port" if number < PORTS else "farm"
        file = tmp_path / "source" / category / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = Image.effect_mandelbrot((48, 48), (-2 - number, -1, 1, 1 + number), 20)
        image.convert("RGB").rotate(30 * number).save(file)
    return tmp_path / "source"


@pytest.fixture
def workspace(tmp_path: Path, source: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as opened:
        ingest(opened, [source], workers=1, keep_originals=True)
        yield opened


def names(workspace: Workspace) -> list[str]:
    return [image.filename for image in load_dataset(workspace.path).images]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("workspace.db", ".lock"))
    }


def splits(workspace: Workspace) -> dict[str, str | None]:
    return {image.filename: image.split for image in load_dataset(workspace.path).images}


def rendition_of(workspace: Workspace, name: str) -> Path:
    file = places.rendition(workspace, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"png")
    return file


def test_a_removed_image_leaves_the_dataset_and_nothing_else_moves(
    workspace: Workspace, source: Path
) -> None:
    split(workspace, HALVES)
    before, untouched = splits(workspace), tree(source)
    shown = rendition_of(workspace, "port_3.tif")
    result = corrections.remove(workspace, ["port_3.tif"], "the owner asked us to")
    assert [entry["image"] for entry in result.changed] == ["port_3.tif"]
    assert result.categories == {"farm": FARMS, "port": PORTS - 1}
    split(workspace, HALVES)
    assert splits(workspace) == {k: v for k, v in before.items() if k != "port_3.tif"}
    assert not shown.exists() and not (workspace.images / "port_3.tif").exists()
    assert (workspace.path / "removed" / "port_3.tif").is_file()
    assert tree(source) == untouched
    assert len(list((workspace.path / "originals").iterdir())) == PORTS + FARMS - 1


def test_a_restored_image_is_as_it_was(workspace: Workspace) -> None:
    split(workspace)
    before, files = splits(workspace), tree(workspace.path)
    corrections.remove(workspace, ["port_3"], "a mistake")
    result = corrections.restore(workspace, ["port_3.tif"], "it was none")
    assert [entry["image"] for entry in result.changed] == ["port_3.tif"]
    assert splits(workspace) == before and tree(workspace.path) == files
    changes = [(c.kind, c.reason) for c in history(workspace.db, "port_3.tif")]
    assert changes == [("removed", "a mistake"), ("restored", "it was none")]


def test_the_log_of_an_image_shows_its_corrections(workspace: Workspace) -> None:
    renaming.rename(workspace, "port_3.tif", "port_90.tif", "as in the paper")
    corrections.remove(workspace, ["port_90.tif"], "no permission")
    workspace.close()
    done = CliRunner().invoke(root.cli, ["annotate", "log", str(workspace.path), "port_90"])
    assert "renamed from port_3.tif to port_90.tif: as in the paper" in done.output
    assert "removed: no permission" in done.output


def test_ingest_does_not_add_a_removed_image_again(workspace: Workspace, source: Path) -> None:
    corrections.remove(workspace, ["port_3.tif"], "no permission")
    for _ in range(2):
        report = ingest(workspace, [source], workers=1)
        assert (report.added, report.known, report.removed) == (0, PORTS + FARMS - 1, 1)
    assert "port_3.tif" not in names(workspace)
    assert not (workspace.images / "port_3.tif").exists()


def test_a_restored_image_without_a_file_gets_it_from_its_source(
    workspace: Workspace, source: Path
) -> None:
    before = tree(workspace.images)
    corrections.remove(workspace, ["port_3.tif"], "by law")
    (workspace.path / "removed" / "port_3.tif").unlink()
    assert corrections.restore(workspace, ["port_3.tif"]).missing_files == ["port_3.tif"]
    assert ingest(workspace, [source], workers=1).restored == 1
    assert tree(workspace.images) == before


def test_a_new_duplicate_of_a_removed_image_gets_its_split(
    workspace: Workspace, tmp_path: Path, source: Path
) -> None:
    split(workspace, HALVES)
    home = splits(workspace)["port_3.tif"]
    corrections.remove(workspace, ["port_3.tif"], "blurred")
    with Image.open(source / "port" / "2.png") as image:
        (tmp_path / "more" / "port").mkdir(parents=True)
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "more" / "port" / "x.png")
    ingest(workspace, [tmp_path / "more"], workers=1)
    other = "test" if home == "train" else "train"
    split(workspace, {"train": 0.0, "val": 0.0, "test": 0.0, other: 1.0})
    assert splits(workspace)[f"port_{PORTS + 1}.tif"] == home


def test_assigning_all_images_again_forgets_the_split_of_removed_ones(
    workspace: Workspace,
) -> None:
    split(workspace)
    corrections.remove(workspace, ["port_3.tif"], "blurred")
    split(workspace, reassign=True)
    corrections.restore(workspace, ["port_3.tif"])
    assert splits(workspace)["port_3.tif"] is None


def test_a_renamed_image_keeps_split_and_bytes(workspace: Workspace) -> None:
    split(workspace)
    home, data = splits(workspace)["port_3.tif"], (workspace.images / "port_3.tif").read_bytes()
    shown = rendition_of(workspace, "port_3.tif")
    renaming.rename(workspace, "port_3.tif", "port_90.tif", "as in the paper")
    assert splits(workspace)["port_90.tif"] == home and "port_3.tif" not in names(workspace)
    assert (workspace.images / "port_90.tif").read_bytes() == data
    assert not (workspace.images / "port_3.tif").exists()
    assert shown.exists(), "tasks show it until the next push"
    for act in (
        lambda: corrections.remove(workspace, ["port_3.tif"], "x"),
        lambda: log(workspace, "port_3"),
        lambda: where(workspace, "port_3"),
        lambda: decide(workspace, "join", "port_3", "port_1"),
    ):
        with pytest.raises(RsitmdError, match=r"'port_3.tif'; its name is port_90.tif now"):
            act()


def test_a_removed_image_is_not_shown_by_a_former_name(workspace: Workspace) -> None:
    shown = [rendition_of(workspace, "port_3.tif"), rendition_of(workspace, "port_90.tif")]
    renaming.rename(workspace, "port_3.tif", "port_90.tif")
    corrections.remove(workspace, ["port_90.tif"], "no permission")
    assert not any(file.exists() for file in shown)


def test_a_name_with_the_suffix_of_another_format_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WrongUsage, match=r"port_90\.jpg: has the suffix \.jpg.*use port_90\.tif"):
        renaming.rename(workspace, "port_3.tif", "port_90.jpg")
    assert renaming.rename(workspace, "port_3.tif", "port_90").changed[0]["after"] == "port_90.tif"
    assert (
        renaming.rename(workspace, "port_2.tif", "port_91.TIF").changed[0]["after"] == "port_91.tif"
    )


def test_a_name_never_means_another_image(workspace: Workspace, tmp_path: Path) -> None:
    renaming.rename(workspace, f"port_{PORTS}.tif", "quay.tif")
    Image.new("RGB", (32, 32)).save(tmp_path / "port_1.png")
    ingest(workspace, [tmp_path / "port_1.png"], workers=1)
    assert f"port_{PORTS + 1}.tif" in names(workspace)
    assert f"port_{PORTS}.tif" not in names(workspace)
    for taken in ("port_2.tif", f"port_{PORTS}.tif", "PORT_2.tif"):
        with pytest.raises(RsitmdError):
            renaming.rename(workspace, "port_1.tif", taken)
    renaming.rename(workspace, "quay.tif", f"port_{PORTS}.tif")  # back to its own
    assert f"port_{PORTS}.tif" in names(workspace)


@pytest.mark.parametrize(
    "name", ["../x.tif", "a/b.tif", ".x.tif", "x\n.tif", "", "x" * 250, "farm_9.tif"]
)
def test_names_that_cannot_be_used(workspace: Workspace, name: str) -> None:
    before = tree(workspace.path)
    with pytest.raises(WrongUsage):
        renaming.rename(workspace, "port_1.tif", name)
    assert tree(workspace.path) == before


def test_a_recategorised_image_keeps_its_name(workspace: Workspace) -> None:
    result = renaming.recategorise(workspace, ["port_3.tif", "port_1"], "Häfen")
    assert result.categories == {"farm": FARMS, "haefen": 2, "port": PORTS - 2}
    found = {i.filename: i.category for i in load_dataset(workspace.path).images}
    assert found["port_3.tif"] == "haefen" and len(found) == PORTS + FARMS
    again = renaming.recategorise(workspace, ["port_3.tif"], "haefen")
    assert (again.changed, again.unchanged) == ([], ["port_3.tif"])


def test_a_category_is_merged_with_its_removed_images(workspace: Workspace) -> None:
    corrections.remove(workspace, ["port_2.tif"], "blurred")
    result = renaming.merge_categories(workspace, "port", "farm", with_names=True)
    assert result.categories == {"farm": FARMS + PORTS - 1}
    assert {path.name for path in workspace.images.iterdir()} == set(names(workspace))
    restored = {e["image"] for e in result.changed} - set(names(workspace))
    corrections.restore(workspace, sorted(restored))
    assert sorted(names(workspace)) == sorted(f"farm_{n}.tif" for n in range(1, 13))
    assert len(list(workspace.images.iterdir())) == 12
    assert renaming.merge_categories(workspace, "port", "farm").changed == []
    with pytest.raises(RsitmdError, match="has no category 'lake'; categories: farm"):
        renaming.merge_categories(workspace, "lake", "river")


def test_d107_is_silent_about_what_was_decided(workspace: Workspace) -> None:
    from rsitmd_tools.quality.check import check

    renaming.recategorise(workspace, ["port_3.tif"], "farm")
    found = check(load_dataset(workspace.path))
    assert not [finding for finding in found if finding.code == "D107"]


def test_recategorising_again_by_the_former_name_changes_nothing(workspace: Workspace) -> None:
    for unchanged in ([], ["farm_7.tif"]):
        done = renaming.recategorise(workspace, ["port_1.tif"], "farm", with_names=True)
        assert done.unchanged == unchanged
    for to, with_names in (("beach", True), ("farm", False)):
        with pytest.raises(RsitmdError, match=r"has no image 'port_1.tif'; its name is farm_7.tif"):
            renaming.recategorise(workspace, ["port_1.tif"], to, with_names=with_names)


def test_nothing_changes_if_one_image_is_unknown(workspace: Workspace) -> None:
    before = tree(workspace.path)
    for act in (
        lambda: corrections.remove(workspace, ["port_1.tif", "nothing.tif"], "x"),
        lambda: corrections.restore(workspace, ["port_1.tif", "nothing.tif"]),
        lambda: renaming.recategorise(workspace, ["port_1.tif", "nothing.tif"], "farm"),
    ):
        with pytest.raises(RsitmdError, match=r"has no image 'nothing.tif'"):
            act()
    assert tree(workspace.path) == before and not history(workspace.db)
    with pytest.raises(WrongUsage, match="requires a reason"):
        corrections.remove(workspace, ["port_1.tif"], " ")


def command(workspace: Workspace, name: str, *words: str) -> str:
    """Run a command of ``build`` that must not fail; return what it prints."""
    workspace.close()  # it is locked while it is open
    done = CliRunner().invoke(root.cli, ["build", name, str(workspace.path), *words])
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    return done.stdout


def changes(workspace: Workspace, image: str) -> list[tuple[str, str]]:
    with Workspace.open(workspace.path) as opened:
        return [(change.kind, change.reason) for change in history(opened.db, image)]


def test_remove_and_restore_as_commands(workspace: Workspace, source: Path) -> None:
    split(workspace, HALVES)
    before, files, untouched = splits(workspace), tree(workspace.path), tree(source)
    said = command(workspace, "remove", "port_3", "farm_2.tif", "--reason", "no permission")
    assert said == "removed: 2 images\nimages: 10 in the dataset\n"
    gone = {"port_3.tif", "farm_2.tif"}
    assert splits(workspace) == {k: v for k, v in before.items() if k not in gone}
    assert {path.name for path in workspace.images.iterdir()} == before.keys() - gone
    said = command(workspace, "remove", "port_3", "--reason", "again")
    assert (
        said
        == "removed: 0 images; had been removed before: port_3.tif\nimages: 10 in the dataset\n"
    )
    said = command(workspace, "remove", "port_3", "farm_2", "--restore", "--reason", "it was given")
    assert said == "restored: 2 images\nimages: 12 in the dataset\n"
    assert splits(workspace) == before and tree(workspace.path) == files
    assert tree(source) == untouched
    assert changes(workspace, "port_3.tif") == [
        ("removed", "no permission"),
        ("restored", "it was given"),
    ]


def test_a_command_without_a_reason_removes_nothing(workspace: Workspace) -> None:
    before = tree(workspace.path)
    words = ["build", "remove", str(workspace.path), "port_3.tif"]
    done = CliRunner().invoke(root.cli, words, standalone_mode=False)
    assert isinstance(done.exception, WrongUsage)
    assert str(done.exception) == "a removal requires a reason; add one with --reason TEXT"
    assert tree(workspace.path) == before and not history(workspace.db)


def test_rename_as_a_command(workspace: Workspace, source: Path) -> None:
    split(workspace, HALVES)
    before, untouched = splits(workspace), tree(source)
    data = (workspace.images / "port_3.tif").read_bytes()
    said = command(workspace, "rename", "port_3", "--to", "port_90.tif", "--reason", "the paper")
    assert said == "renamed: port_3.tif is now port_90.tif\n"
    home = before.pop("port_3.tif")
    assert splits(workspace) == {**before, "port_90.tif": home}
    assert (workspace.images / "port_90.tif").read_bytes() == data
    assert tree(source) == untouched
    document = json.loads(command(workspace, "rename", "port_90", "--to", "port_90.tif", "--json"))
    assert (document["changed"], document["unchanged"]) == ([], ["port_90.tif"])
    assert changes(workspace, "port_90.tif") == [("renamed", "the paper")]


def categories(workspace: Workspace) -> dict[str, str | None]:
    return {image.filename: image.category for image in load_dataset(workspace.path).images}


def test_recategorise_as_a_command(workspace: Workspace, source: Path) -> None:
    before, files, untouched = categories(workspace), tree(workspace.images), tree(source)
    words = ("port_3", "port_1", "--to", "Häfen", "--reason", "they are")
    said = command(workspace, "recategorise", *words)
    assert said == "category changed: 2 images\n  farm: 6\n  haefen: 2\n  port: 4\n"
    changed = {"port_1.tif": "haefen", "port_3.tif": "haefen"}
    assert categories(workspace) == {**before, **changed}
    assert tree(workspace.images) == files and tree(source) == untouched
    assert [reason for _, reason in changes(workspace, "port_3.tif")] == ["they are"]


@pytest.mark.parametrize("with_names", [False, True])
def test_merge_as_a_command(workspace: Workspace, source: Path, with_names: bool) -> None:
    split(workspace, HALVES)
    homes, untouched = splits(workspace), tree(source)
    pictures = sorted(tree(workspace.images).values())
    words = ("--merge", "port", "--to", "farm", *(["--with-names"] if with_names else []))
    said = command(workspace, "recategorise", *words)
    assert said == "category changed: 6 images\n  farm: 12\n"
    assert set(categories(workspace).values()) == {"farm"}
    if with_names:
        assert sorted(names(workspace)) == sorted(f"farm_{n}.tif" for n in range(1, 13))
    else:
        assert splits(workspace) == homes
    assert sorted(tree(workspace.images).values()) == pictures
    assert {path.name for path in workspace.images.iterdir()} == set(names(workspace))
    assert tree(source) == untouched


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it."""


Act = Callable[[Workspace], object]
ACTS: dict[str, Act] = {
    "remove": lambda w: corrections.remove(w, ["port_1.tif", "port_3.tif"], "why"),
    "rename": lambda w: renaming.rename(w, "port_3.tif", "port_90.tif"),
    "recategorise": lambda w: renaming.recategorise(
        w, ["port_1.tif", "port_3"], "farm", with_names=True
    ),
    "merge": lambda w: renaming.merge_categories(w, "port", "farm", with_names=True),
}


@pytest.mark.parametrize("moment", range(1, 8))
@pytest.mark.parametrize("name", ACTS)
def test_a_killed_correction_run_again_is_the_same(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, name: str, moment: int
) -> None:
    state = []
    for folder in ("whole", "killed"):
        with Workspace.create(tmp_path / folder, "same") as workspace:
            ingest(workspace, [source], workers=1)
            if folder == "killed":
                with monkeypatch.context() as patched:
                    _kill_at(patched, moment)
                    try:
                        ACTS[name](workspace)
                    except Killed:
                        files = {path.name for path in workspace.images.iterdir()}
                        assert set(names(workspace)) <= files, "each image has its file"
            ACTS[name](workspace)
            # Before an ingest, which removes names that were left.
            assert {path.name for path in workspace.images.iterdir()} == set(names(workspace))
            ingest(workspace, [source], workers=1)
            rows = [
                tuple(row)
                for row in workspace.db.execute("SELECT filename, category, number FROM kept_image")
            ]
            state.append((rows, tree(workspace.path), len(history(workspace.db))))
    (rows, files, changes), (again_rows, again_files, again_changes) = state
    assert again_files.keys() == files.keys()
    assert {name for name in files if files[name] != again_files[name]} == set()
    assert (again_rows, again_changes) == (rows, changes)


def _kill_at(patched: pytest.MonkeyPatch, moment: int) -> None:
    """Stop at the n-th step that changes a file."""
    steps = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **named: object) -> object:
            nonlocal steps
            steps += 1
            if steps == moment:
                raise Killed
            return real(*arguments, **named)

        return step

    patched.setattr("os.link", counted(places.os.link))
    patched.setattr(Path, "unlink", counted(Path.unlink))
