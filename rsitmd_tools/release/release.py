"""``build release``: images, texts, prior, statistics and checksums in one folder.

Nothing in a release depends on when or where it was made: two releases of the same
workspace and version are equal byte by byte.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_folder, write_json, write_text
from rsitmd_tools.dataset import Dataset, load_dataset, save_dataset
from rsitmd_tools.dataset.formats.precomp import CAPTIONS_PER_IMAGE
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.progress import track
from rsitmd_tools.workspace import Workspace

SUMS = "SHA256SUMS"
# https://semver.org, without build metadata: it would make two names of one version.
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """What a release holds.

    Attributes:
        images: Images by split.
        sentences: Sentences in all.
        keywords: Keywords in all.
        left_out: Images that have not all their sentences yet.
        precomp: Whether the precomp layout is there; it holds five sentences an image.
    """

    images: dict[str, int]
    sentences: int
    keywords: int
    left_out: int
    precomp: bool


def make_release(workspace: Workspace, version: str, out: Path) -> ReleaseReport:
    """Make a release of the finished images of a workspace.

    Args:
        workspace: The workspace.
        version: A semantic version.
        out: The folder; it must not exist and appears whole or not at all.

    Raises:
        WrongUsage: The version is none.
        RsitmdError: No image is finished, images have no split, or a split has no
            images; or ``out`` exists or cannot be written to.
    """
    if not _VERSION.fullmatch(version):
        raise WrongUsage(f"--version {version}", mend="give a semantic version such as 1.0.0")
    everything = load_dataset(workspace.path, "workspace")
    dataset = _finished(workspace, everything)
    with atomic_folder(out) as partial:
        report = _fill(workspace, dataset, len(everything) - len(dataset), version, partial)
        sums = sorted(path for path in partial.rglob("*") if path.is_file())
        lines = [f"{sha256_file(path)}  {path.relative_to(partial).as_posix()}\n" for path in sums]
        write_text(partial / SUMS, "".join(lines))
    return report


def verify_release(folder: Path) -> int:
    """Check every file of a release against SHA256SUMS; return how many there are.

    Raises:
        RsitmdError: A file is absent, differs, or is not listed.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError("is no release", where=folder, mend=f"{SUMS} must be there") from error
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != SUMS
    }
    for name in sorted(present ^ set(listed)):
        what = "is not listed in SHA256SUMS" if name in present else "is absent"
        raise RsitmdError(what, where=folder / name, mend="get the release again")
    for name, digest in listed.items():
        if sha256_file(folder / name) != digest:
            raise RsitmdError("was changed", where=folder / name, mend="get the release again")
    return len(listed)


def _finished(workspace: Workspace, dataset: Dataset) -> Dataset:
    """Return the images that have all their sentences, checked for a release."""
    wanted = workspace.settings.annotation.sentences_per_image
    finished = dataset.with_images(i for i in dataset if len(i.sentences) >= wanted)
    if not len(finished):
        raise RsitmdError(
            f"no image has its {wanted} sentences yet",
            where=workspace.path,
            mend=f"see: rsitmd annotate status {workspace.path}",
        )
    without = sum(image.split is None for image in finished)
    if without:
        raise RsitmdError(
            f"{without} images have no split",
            where=workspace.path,
            mend=f"run: rsitmd build split {workspace.path}",
        )
    shares = asdict(workspace.settings.split)
    for split in ("train", "val", "test"):
        if shares[split] > 0 and split not in finished.splits:
            raise RsitmdError(
                f"no finished image is in split {split!r}",
                where=workspace.path,
                mend="have more images captioned, or set its share to 0 and split again",
            )
    return finished


def _fill(
    workspace: Workspace, dataset: Dataset, left_out: int, version: str, folder: Path
) -> ReleaseReport:
    from rsitmd_tools.quality import dataset_statistics
    from rsitmd_tools.similarity import write_prior

    (folder / "images").mkdir()
    for image in track(dataset.images, "release"):
        shutil.copyfile(dataset.image_path(image), folder / "images" / image.filename)
    save_dataset(dataset, folder, "rsitmd")
    precomp = all(len(image.sentences) == CAPTIONS_PER_IMAGE for image in dataset)
    if precomp:
        save_dataset(dataset, folder / "precomp", "precomp")
    definition = workspace.settings.similarity.definition
    for split in dataset.splits:
        write_prior(dataset.select(split), folder / "prior" / f"{split}.npy", definition)
    write_json(folder / "statistics.json", dataset_statistics(dataset))
    report = ReleaseReport(
        images={split: len(dataset.select(split)) for split in dataset.splits},
        sentences=len(dataset.captions()),
        keywords=sum(len(image.keywords) for image in dataset),
        left_out=left_out,
        precomp=precomp,
    )
    write_json(
        folder / "release.json",
        {
            "tool": f"rsitmd-tools {__version__}",
            "name": dataset.name,
            "version": version,
            "data_sha256": dataset.checksum(),
            "settings": asdict(workspace.settings),
            **asdict(report),
        },
    )
    return report
