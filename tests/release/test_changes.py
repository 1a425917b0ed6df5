"""``CHANGELOG.md``: how a release differs from the previous one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats.image_list import ListedImage
from rsitmd_tools.ingest import renaming
from rsitmd_tools.release import ReleaseOptions, make_release
from rsitmd_tools.release.changes import Changes, Previous, changelog, compare
from rsitmd_tools.workspace import Workspace

MakeWorkspace = Callable[..., Path]


def dataset(**images: tuple[str, ...]) -> Dataset:
    records = tuple(
        ImageRecord(
            filename=f"{name}.tif",
            category="port",
            split="train",
            sentences=tuple(Sentence(raw=raw) for raw in sentences),
        )
        for name, sentences in images.items()
    )
    return Dataset(name="ports", images=records, source=Path("x"), format="rsitmd")


def changes(before: Dataset, now: Dataset) -> Changes:
    return compare(Previous(before, [], ""), now, listed(**{i.filename[0]: "" for i in now}))


def listed(**sums: str) -> list[ListedImage]:
    """Return lines of ``images.csv`` by the checksums of the files, which all have one source."""
    return [ListedImage(f"{name}.tif", sha256, "x.png", "0") for name, sha256 in sums.items()]


def test_images_and_sentences_are_compared_by_file_name() -> None:
    before = dataset(a=("One.", "Two.", "Three."), b=("Four.",), c=("Five.", "Six."))
    now = dataset(a=("One.", "Two ships.", "Three."), c=("Six.", "Seven."), d=("Eight.",))
    found = changes(before, now)
    assert (found.added, found.removed, found.moved) == (("d.tif",), ("b.tif",), ())
    assert found.sentences == {"changed": 2}


def test_sentences_are_compared_in_any_order() -> None:
    before = dataset(a=("One.", "Two.", "Three."), b=("Four.",), c=("Five.", "Five."))
    now = dataset(a=("Three.", "One.", "Two."), b=("Six.", "Four."), c=("Five.",))
    assert changes(before, now).sentences == {"added": 1, "removed": 1}


def test_a_renamed_image_is_compared_with_its_former_self() -> None:
    """The name of one can be the former name of another one."""
    before = dataset(a=("One.",), b=("Two.",), c=("Three.",))
    now = dataset(b=("One.",), c=("Two ships.",), d=("Four.",))
    old = [
        ListedImage(f"{name}.tif", "1", "x.tif", "x", f"{n} 0 8 8") for n, name in enumerate("abc")
    ]
    new = [replace(image, filename=f"{name}.tif") for image, name in zip(old, "bc", strict=False)]
    new.append(ListedImage("d.tif", "2", "d.png", "d"))
    text = changelog(now, "1.0.1", Previous(before, old, ""), new)
    assert text == (
        "# Changes\n\n## 1.0.1\n\n- 1 image added: d.tif\n- 1 image removed: c.tif\n"
        "- 2 images renamed: a.tif -> b.tif, b.tif -> c.tif\n"
        "- sentences of other images: 1 changed (c.tif)\n"
    )


def test_an_image_of_an_imported_release_is_compared_with_the_released_file() -> None:
    """Its source is that file, so the sources of the releases differ."""
    before = dataset(a=("One.",), b=("Two.",), c=("Three.",))
    now = dataset(b=("One.",), c=("Two.",), d=("Three.",))
    old = [ListedImage(f"{name}.tif", name, f"{name}.jpg", f"jpg of {name}") for name in "abc"]
    new = [
        ListedImage("b.tif", "a", "a.tif", "a"),
        ListedImage("c.tif", "b in another size", "b.tif", "b"),
        ListedImage("d.tif", "c", "c.png", "png of c"),
    ]
    found = compare(Previous(before, old, ""), now, new)
    assert found.renamed == (("a.tif", "b.tif"), ("b.tif", "c.tif"), ("c.tif", "d.tif"))
    assert (found.added, found.removed, found.files) == ((), (), ("c.tif",))
    assert not found.sentences


def test_an_equal_dataset_has_no_changes() -> None:
    found = changes(dataset(a=("One.",)), dataset(a=("One.",)))
    assert not any([found.added, found.removed, found.moved, found.keywords])
    assert found.sentences.total() == 0


def test_an_image_with_other_pixels_is_listed() -> None:
    one = dataset(a=("One.",), b=("Two.",), c=("Three.",))
    previous = Previous(one, listed(a="1", b="2"), "")  # no checksum of c.tif is known
    text = changelog(one, "1.0.1", previous, listed(a="1", b="3", c="4"))
    assert text == "# Changes\n\n## 1.0.1\n\n- 1 image with other pixels: b.tif\n"


def test_other_categories_and_licences_are_listed() -> None:
    one, now = dataset(a=("One.",), b=("Two.",)), dataset(a=("One.",), b=("Two.",))
    now = now.with_images([now.images[0], replace(now.images[1], category="harbour")])
    files = listed(a="1", b="2")
    old = {"texts": "CC0-1.0", "images": []}
    new = {"texts": "CC-BY-4.0", "images": ["A", "B"]}
    text = changelog(now, "1.0.1", Previous(one, files, "", old), files, new)
    assert text == (
        "# Changes\n\n## 1.0.1\n\n- 1 image with another category: b.tif\n"
        "- licence of the texts: CC-BY-4.0 (before: CC0-1.0)\n"
        "- licence of the images: A, B (before: none)\n"
    )
    # Earlier versions did not record them.
    assert "licence" not in changelog(now, "1.0.1", Previous(one, files, ""), files, new)


def test_images_in_another_test_fold_are_listed() -> None:
    one, files = dataset(a=("One.",), b=("Two.",)), listed(a="1", b="2")
    previous = Previous(one, files, "", folds={"a.tif": 0, "b.tif": 1})
    text = changelog(one, "1.0.1", previous, files, None, {"a.tif": 0, "b.tif": 2})
    assert text == "# Changes\n\n## 1.0.1\n\n- 1 image moved to another test fold: b.tif\n"
    first = changelog(one, "1.0.1", Previous(one, files, ""), files, None, {"a.tif": 0, "b.tif": 1})
    assert "- test folds: 2 (before: none)\n" in first
    assert "- test folds: none (before: 2)\n" in changelog(one, "1.0.1", previous, files)


def release(workspace: Path, version: str, out: Path, previous: Path | None) -> str:
    with Workspace.open(workspace, write=True) as opened:
        make_release(opened, version, out, ReleaseOptions(previous=previous))
    return (out / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_change_log_lists_the_releases_newest_first(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make_workspace()
    first, second, third = (tmp_path / f"v{number}" for number in (1, 2, 3))
    text = release(workspace, "1.0.0", first, None)
    assert text == "# Changes\n\n## 1.0.0\n\nFirst release: 8 images, 40 sentences.\n"
    text = release(workspace, "1.0.1", second, first)
    assert "## 1.0.1\n\nNo changes.\n\n## 1.0.0\n" in text
    with Workspace.open(workspace, write=True) as opened:
        renaming.rename(opened, "farm_2.tif", "farm_90.tif")
        with opened.transaction() as db:
            db.execute("UPDATE image SET split = 'val' WHERE filename = 'farm_1.tif'")
            db.execute("UPDATE sentence SET raw = 'A new text.' WHERE id = 1")
    settings = workspace / "rsitmd.toml"
    written = settings.read_text(encoding="utf-8")
    with Workspace.open(workspace) as opened:
        before = opened.settings.text_licence
    changed = written.replace(f'text_licence = "{before}"', 'text_licence = "CC0-1.0"')
    settings.write_text(changed, encoding="utf-8")
    text = release(workspace, "1.1.0", third, second)
    assert text.startswith(
        "# Changes\n\n## 1.1.0\n\n- 1 image renamed: farm_2.tif -> farm_90.tif\n"
        "- 1 image moved to another split: farm_1.tif (train -> val)\n"
        "- sentences of other images: 1 changed (harbour_1.tif)\n"
        f"- licence of the texts: CC0-1.0 (before: {before})\n\n## 1.0.1\n"
    )


def test_a_version_is_released_once(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make_workspace()
    release(workspace, "1.0.0", tmp_path / "v1", None)
    with pytest.raises(WrongUsage, match=r"already has version 1\.0\.0"):
        release(workspace, "1.0.0", tmp_path / "v2", tmp_path / "v1")
    for earlier in ("0.9.9", "1.0.0-rc.1"):
        with pytest.raises(
            WrongUsage, match=rf"has version 1\.0\.0, which is later than {earlier}"
        ):
            release(workspace, earlier, tmp_path / "v2", tmp_path / "v1")
    with pytest.raises(RsitmdError, match="nowhere"):
        release(workspace, "1.0.0", tmp_path / "v2", tmp_path / "nowhere")
    assert not (tmp_path / "v2").exists()
