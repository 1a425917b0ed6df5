"""``release.json``: what a release contains, how it was made and what was left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.image_list import MANIFEST
from rsitmd_tools.formats.rsitmd import FILENAME as DATASET
from rsitmd_tools.quality.statistics import origins_of
from rsitmd_tools.release.checksums import FILENAME as CHECKSUMS
from rsitmd_tools.release.contents import Contents
from rsitmd_tools.splitting.grouping import recorded_by
from rsitmd_tools.splitting.recorded import recorded_assignments
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.imported import CORRECTED_FROM, IMPORTED_FROM

TOOL = f"rsitmd-tools {__version__}"


def check_release(folder: Path) -> None:
    """Check that a folder is a release, complete or damaged.

    Raises:
        RsitmdError: It does not exist or is not a release.
    """
    if not any((folder / name).exists() for name in (MANIFEST, CHECKSUMS, DATASET)):
        raise RsitmdError(
            "is not a release" if folder.exists() else "does not exist",
            where=folder,
            hint="unpack it and pass its folder"
            if folder.suffix == ".tar" and folder.is_file()
            else "pass a folder created by: rsitmd build release",
        )


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """The contents of a release.

    Attributes:
        version: The version.
        checksum: Checksum of names, splits, sentences and keywords.
        images: Number of images by split.
        sentences: Total number of sentences.
        keywords: Total number of keywords.
        left_out: Number of images without all their sentences.
        no_precomp: Reason why ``precomp/`` was not written, or None.
        not_accepted: Pseudonyms of annotators who have not accepted the licence.
        only_accepted: Whether the release includes only accepted sentences.
        unreviewed: Number of sentences that no reviewer accepted. They are left out if
            ``only_accepted`` is set, otherwise included.
        machine_untouched: Number of unchanged machine texts, which are left out.
    """

    version: str
    checksum: str
    images: dict[str, int]
    sentences: int
    keywords: int
    left_out: int
    no_precomp: str | None
    not_accepted: tuple[str, ...]
    only_accepted: bool
    unreviewed: int
    machine_untouched: int


def _settings(workspace: Workspace) -> dict[str, Any]:
    """Return the settings of a release, with how the images were assigned to splits.

    The settings of ``validate`` and the licences by source are left out, because they contain
    local paths.
    """
    settings = asdict(workspace.settings)
    del settings["validate"], settings["release"]["image_licences"]
    del settings["annotation"]["works_like"]  # it follows from the template
    assigned = recorded_assignments(workspace)
    if assigned:
        first = assigned[0]
        settings["split"] |= {**first.shares, "seed": first.seed, "by": recorded_by(workspace)}
        settings["split"]["assignments"] = [entry.document() for entry in assigned]
    return settings


def _sources(dataset: Dataset) -> dict[str, Any]:
    """Return how many sentences come from other datasets, as they are or corrected."""
    found = {
        name: Counter(
            str(sentence.extra[field])
            for image in dataset
            for sentence in image.sentences
            if field in sentence.extra
        )
        for name, field in (("imported", IMPORTED_FROM), ("corrected", CORRECTED_FROM))
    }
    # Nothing in a release of a workspace without an import, so that its bytes stay what they were.
    return {"sources": found} if any(found.values()) else {}


def manifest_of(workspace: Workspace, content: Contents, report: ReleaseReport) -> dict[str, Any]:
    """Return ``release.json``: contents, settings and what was left out."""
    return {
        "dataset": content.dataset.name,
        "version": report.version,
        "tool": TOOL,
        "data_sha256": report.checksum,
        "annotated_until": content.annotated_until,
        "images": sum(report.images.values()),
        "sentences": report.sentences,
        "keywords": report.keywords,
        "splits": report.images,
        "left_out": {
            "images": report.left_out,
            "reasons": [asdict(image) for image in content.left_out],
            "precomp": report.no_precomp,
            "sentences_not_accepted": report.unreviewed if report.only_accepted else 0,
            "machine_untouched": report.machine_untouched,
        },
        "sentences_not_accepted": 0 if report.only_accepted else report.unreviewed,
        "origins": origins_of(content.dataset),
        **_sources(content.dataset),
        "annotators_licence": content.licence,
        "licences": {
            "texts": workspace.settings.text_licence,
            "images": sorted(set(content.licences.values()) - {""}),
        },
        "settings": _settings(workspace),
    }
