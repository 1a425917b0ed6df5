"""The selection of images for a release, and checks of splits and file names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, command_line, count_of
from rsitmd_tools.workspace.settings import Settings

REQUIRED_SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that is not in the release, and the reason."""

    filename: str
    reason: str


def unlicensed(settings: Settings, *, images: bool) -> list[str]:
    """Return what has no licence: texts and, if a release contains them, images."""
    found = [] if settings.text_licence else ["texts"]
    licensed = settings.release.image_licence or settings.release.image_licences
    return found if licensed or not images else [*found, "images"]


def check_licences(settings: Settings, file: Path, *, images: bool) -> None:
    """Check that the texts and images of a release have a licence.

    Args:
        settings: The settings of the workspace.
        file: Their file.
        images: Whether the release contains the images.

    Raises:
        RsitmdError: One of them has none.
    """
    missing = unlicensed(settings, images=images)
    if missing:
        keys = " and ".join(f"{what.removesuffix('s')}_licence" for what in missing)
        raise RsitmdError(
            f"has no licence of the {' and the '.join(missing)}",
            where=file,
            hint=f'set {keys} under [release], such as "CC-BY-4.0", or use --allow-no-licence',
        )


def check_sources(licences: Mapping[str, str], file: Path) -> None:
    """Check that each image has a licence.

    Args:
        licences: Licence by file name, empty without one.
        file: The file of the settings.

    Raises:
        RsitmdError: Some have none.
    """
    missing = [name for name, licence in licences.items() if not licence]
    if missing:
        raise RsitmdError(
            f"no licence fits the sources of {count_of(len(missing), 'image')}, first {missing[0]}",
            where=file,
            hint="add a pattern to image_licences under [release], set image_licence for the"
            " others, or use --allow-no-licence",
        )


def finished_images(
    images: Iterable[ImageRecord], sentences: int, what: str = "sentences"
) -> tuple[list[ImageRecord], list[LeftOut]]:
    """Separate the images with all their sentences from the others.

    Args:
        images: All images of a workspace.
        sentences: Minimum number of sentences of a finished image.
        what: Name of the counted sentences in the reason.
    """
    finished = []
    left_out = []
    for image in images:
        # Imported sentences can be blank: no release contains these.
        written = tuple(sentence for sentence in image.sentences if sentence.raw.strip())
        if len(written) >= sentences:
            finished.append(replace(image, sentences=written))
        else:
            left_out.append(LeftOut(image.filename, f"{len(written)} of {sentences} {what}"))
    return finished, left_out


def check_splits(
    finished: Sequence[ImageRecord], workspace: Path, *, only_accepted: bool = False
) -> None:
    """Check that every image has a split, and that train and test have images.

    Raises:
        RsitmdError: No release is possible yet. The message has the next step.
    """
    if not finished and only_accepted:
        raise RsitmdError(
            "has no image with all its sentences accepted ([release] only_accepted = true)",
            where=workspace,
            hint="to accept sentences, run: "
            + command_line("annotate", "review", workspace, "--accept"),
        )
    if not finished:
        raise RsitmdError(
            "has no image with all its sentences",
            where=workspace,
            hint="to check the progress of the campaign, run: "
            + command_line("annotate", "status", workspace),
        )
    count = Counter(image.split for image in finished)
    if count[None]:
        raise RsitmdError(
            f"{count[None]} of {len(finished)} finished images have no split",
            where=workspace,
            hint="run: " + command_line("build", "split", workspace),
        )
    empty = [split for split in REQUIRED_SPLITS if not count[split]]
    if empty:
        raise RsitmdError(
            f"has no finished image in {' and '.join(empty)}",
            where=workspace,
            hint="finish more images, or change the shares in rsitmd.toml and split again",
        )


def check_folds(dataset: Dataset, folds: Mapping[str, int]) -> None:
    """Check that either all images of a release have a test fold, or none.

    Raises:
        RsitmdError: Some images have no fold.
    """
    lacking = [image.filename for image in dataset if image.filename not in folds]
    if folds and lacking:
        raise RsitmdError(
            f"{count_of(len(lacking), 'finished image')} of {len(dataset)} without a fold",
            where=dataset.source,
            hint="run: "
            + command_line("build", "split", dataset.source, "--folds", max(folds.values()) + 1),
        )


def check_filenames(images: Iterable[ImageRecord], workspace: Path) -> None:
    """Check that every file name is valid on all systems.

    Raises:
        RsitmdError: A name has a folder or an unprintable character, or two names only differ
            in case.
    """
    seen: dict[str, str] = {}
    for image in images:
        name = image.filename
        if name in {".", ".."} or "/" in name or "\\" in name or not name.isprintable():
            raise RsitmdError(
                f"invalid file name {name!r} for a released image",
                where=workspace,
                hint="ingest the image again",
            )
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise RsitmdError(
                f"{other!r} and {name!r} are the same file name on case-insensitive file systems",
                where=workspace,
                hint="ingest one of them under another category",
            )
