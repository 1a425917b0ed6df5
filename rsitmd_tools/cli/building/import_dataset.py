"""``rsitmd build import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.messages import list_some, note
from rsitmd_tools.cli.options import (
    input_options,
    json_option,
    print_json,
    workers_option,
    workspace_argument,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from collections.abc import Container

    from rsitmd_tools.dataset import Dataset
    from rsitmd_tools.ingest.importing import ImportReport


@click.command("import")
@workspace_argument
@click.argument("source", metavar="SRC", type=PathType(path_type=Path))
@input_options
@click.option(
    "--name",
    metavar="NAME",
    help="Name of the dataset in the workspace; by default the one in its files.",
)
@workers_option
@json_option
def command(
    folder: Path,
    source: Path,
    input_format: str | None,
    image_folder: Path | None,
    name: str | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Add images, sentences, keywords and splits of a dataset in any known format.

    Images are normalised as by `build ingest`. Their sentences have no annotator: they are in the
    dataset and in its releases, but not in the counts and payments of annotators. Texts of images
    without a file are imported too. A later import with --images adds the files. Images are
    identified by the name of the dataset and their name in it. Known images and texts are not
    added again. A different dataset with a known name is refused: pass another name with --name.
    A dataset that was made from the workspace itself, such as a release of it, is refused.
    Data that a workspace does not store, such as unknown fields, is listed.

    With `template = "correction"` in rsitmd.toml, annotators correct the imported sentences in
    Label Studio. A corrected sentence takes the place of the imported one.

    The images of a release keep their places: the windows in their scenes, and where they are on
    the ground. So `build split` keeps images of one place together.

    The exit code is 1 if the image files that exist could not be used.

    \b
    Examples:
      rsitmd build import my-dataset RSITMD/                  # dataset_RSITMD.json and images/
      rsitmd build import my-dataset dataset_rsicd.json --images RSICD_images/
      rsitmd build import my-dataset RSITMD.csv               # texts alone
      rsitmd build import my-dataset captions.jsonl --name ships
    """
    from dataclasses import asdict

    from rsitmd_tools.formats import load_dataset, lost_in
    from rsitmd_tools.formats.source_places import read_source_places
    from rsitmd_tools.formats.unpacked import image_files
    from rsitmd_tools.ingest.importing import import_dataset
    from rsitmd_tools.workspace import Workspace

    with (
        Workspace.open(folder, write=True) as workspace,
        image_files(_named(load_dataset(source, input_format, image_folder), name)) as dataset,
    ):
        release = source if source.is_dir() else source.parent
        places = read_source_places(release)
        report = import_dataset(workspace, dataset, workers, places)
        not_imported = [loss.message for loss in lost_in(dataset, "workspace")]
        not_imported += _of_image_list(release, places)
    if as_json:
        document = asdict(report)
        lists = {"not_imported": not_imported, "warnings": list(dataset.notes)}
        print_json({**document, **lists, **document.pop("files")})
    else:
        _print(report, not_imported)
    list_some("warning", dataset.notes)
    usable = len(report.files.without_file) < report.images
    return int(bool(report.files.rejected) and not usable)


def _named(dataset: Dataset, name: str | None) -> Dataset:
    from dataclasses import replace

    if name is None:
        return dataset
    if not name.strip() or not name.isprintable():
        raise WrongUsage("--name is blank or has control characters", hint="use another name")
    return replace(dataset, name=name.strip())


def _of_image_list(release: Path, places: Container[str]) -> list[str]:
    """Name what ``images.csv`` of a release has and a workspace does not store."""
    from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, read_image_list

    file = release / IMAGE_LIST
    there = file.is_file() and (release / MANIFEST).is_file()
    images = read_image_list(file) if there else []
    unplaced = sum(image.filename not in places for image in images)
    found = []
    if unplaced:
        found.append(f"sources of {count_of(unplaced, 'image')} without a window ({IMAGE_LIST})")
    if any(image.licence for image in images):
        found.append(f"licences of the images ({IMAGE_LIST})")
    return found


def _print(report: ImportReport, not_imported: list[str]) -> None:
    files = report.files
    click.echo(
        f"{count_of(report.images, 'image')} with {count_of(report.sentences, 'sentence')}:"
        f" {report.added} added, {report.known} known"
    )
    click.echo(
        f"image files: {files.added} added, {files.linked} already in the workspace,"
        f" {len(files.without_file)} missing, {len(files.rejected)} rejected;"
        f" {count_of(files.duplicates, 'duplicate')} in"
        f" {count_of(files.duplicate_groups, 'group')}"
    )
    if files.places:
        click.echo(f"places: {count_of(files.places, 'image')} with a place in a scene")
    if files.restored:
        click.echo(f"restored: {count_of(files.restored, 'missing image file')}")
    if files.other_suffix:
        name, other = files.other_suffix[0]
        number = count_of(len(files.other_suffix), "image file")
        note(f"{number} with another suffix, case or Unicode form, first {other} for {name}")
    for split, count in report.other_split.items():
        note(f"{count_of(count, 'image')} of the split {split} have no split here")
    if report.keywords_over:
        number = count_of(report.keywords_over, "keyword")
        note(
            f"{number} beyond keywords_max of an image; to have them in the dataset,"
            " raise keywords_max in rsitmd.toml"
        )
    changed = report.categories.items()
    list_some("category", [f"{old} is {new} in the workspace" for old, new in changed])
    list_some("not imported", not_imported)
    list_some("repeated in the dataset", report.repeated)
    list_some("text changed in the dataset; the imported text is kept", report.changed)
    list_some("other sentences than imported under this name; nothing is added", report.other)
    list_some("keywords changed in the dataset; the imported ones are kept", report.keywords)
    list_some("category or split changed in the dataset; the imported one is kept", report.moved)
    list_some("has another split in the workspace, which is kept", files.kept_split)
    list_some("has sentences already; those of the dataset are added", files.more_sentences)
    list_some("without an image file", files.without_file)
    list_some("note", [f"{name}: {text}" for name, text in files.notes])
    list_some("rejected", [f"{name}: {problem}" for name, problem in files.rejected])
