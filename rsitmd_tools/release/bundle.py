"""``build release``: one folder with all files of a dataset.

Its contents do not depend on time, place or number of runs. Two releases of the same state of a
workspace with the same version, made by the same version of the tool, have equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_folder, write_json
from rsitmd_tools.dataset.records import SPLITS, Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats import load_dataset, precomp, save_dataset
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.progress import track
from rsitmd_tools.quality.statistics import dataset_statistics, origins_of
from rsitmd_tools.release.checksums import verify_release, write_checksums
from rsitmd_tools.release.select import (
    LeftOut,
    check_filenames,
    check_splits,
    check_version,
    finished_images,
    without_names,
)
from rsitmd_tools.similarity import write_prior
from rsitmd_tools.splitting.split import FACT as SPLIT
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    annotator_numbers,
    authors_by_image,
    last_annotated,
    snapshot,
    stored_images,
)
from rsitmd_tools.workspace.imported import (
    CORRECTED_FROM,
    IMPORTED_FROM,
    records_without_file,
)
from rsitmd_tools.workspace.licence import licence_state
from rsitmd_tools.workspace.merge import (
    count_not_accepted,
    merged_images,
    untouched_sentences,
)

MANIFEST = "release.json"


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


@dataclass(frozen=True, slots=True)
class _Content:
    """The data of a release, read from the workspace in one transaction."""

    dataset: Dataset
    left_out: tuple[LeftOut, ...]
    pixels: dict[str, str]
    annotated_until: str | None
    licence: dict[str, Any] | None
    unreviewed: int
    machine_untouched: int


def make_release(workspace: Workspace, version: str, out: Path) -> ReleaseReport:
    """Write a release of the finished images; the others are left out and listed.

    An image is finished if it has the number of sentences that ``[annotation]`` requires. If
    ``[release] only_accepted`` is set, only accepted sentences count.
    The release is written to a temporary folder and renamed at the end, so that ``out`` is
    complete or does not exist.

    Args:
        workspace: An open workspace; it can be read-only.
        version: Semantic version of the release.
        out: The folder to create.

    Raises:
        RsitmdError: The version is invalid, ``out`` is another folder, images have no split,
            train or test has no finished image, an image file is damaged, or the disk is full.
    """
    check_version(version)
    content = _content(workspace)
    dataset = content.dataset
    no_precomp = _precomp_problem(dataset)
    count = Counter(image.split for image in dataset)
    report = ReleaseReport(
        version=version,
        checksum=dataset.checksum(),
        images={split: count[split] for split in SPLITS},
        sentences=len(dataset.captions()),
        keywords=sum(len(image.keywords) for image in dataset),
        left_out=len(content.left_out),
        no_precomp=no_precomp,
        not_accepted=tuple(content.licence["not_accepted"]) if content.licence else (),
        only_accepted=workspace.settings.release.only_accepted,
        unreviewed=content.unreviewed,
        machine_untouched=content.machine_untouched,
    )
    manifest = _manifest(workspace, content, report)
    if _is_complete(out, manifest):
        return report
    with atomic_folder(out) as folder, _errors_name(out, instead_of=folder):
        copies = _copy_images(dataset, content.pixels, folder / "images")
        _write_texts(dataset, folder, precomp_too=no_precomp is None)
        _write_priors(dataset, workspace.settings.similarity.definition, folder / "prior")
        write_json(folder / "statistics.json", dataset_statistics(dataset))
        write_json(folder / MANIFEST, manifest)
        _check_copies(copies, write_checksums(folder), out)
    return report


def _is_complete(out: Path, manifest: dict[str, Any]) -> bool:
    """Return whether the same release exists already, as after a kill at the end of a run."""
    try:
        there = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        if there != json.loads(json.dumps(manifest)):
            return False
        verify_release(out)
    except (OSError, ValueError, RecursionError, RsitmdError):
        return False
    return True


@contextmanager
def _errors_name(out: Path, *, instead_of: Path) -> Iterator[None]:
    """Replace the temporary folder by the release folder in errors."""
    try:
        yield
    except RsitmdError as error:
        where = None if error.where is None else error.where.replace(str(instead_of), str(out))
        raise RsitmdError(error.what, where=where, hint=error.hint) from error


def _content(workspace: Workspace) -> _Content:
    """Read the data of a release at one moment, independently of a running pull."""
    only_accepted = workspace.settings.release.only_accepted
    with snapshot(workspace):
        images = merged_images(workspace, only_accepted=only_accepted)
        unreviewed = count_not_accepted(workspace)
        untouched = len(untouched_sentences(workspace))
        numbers = annotator_numbers(workspace)
        pixels = {image.filename: image.pixel_sha256 for image in stored_images(workspace)}
        until = last_annotated(workspace)
        licence = licence_state(workspace)
        authors = authors_by_image(workspace)
        without_file = records_without_file(workspace)
    finished, left_out = finished_images(
        images,
        workspace.settings.annotation.sentences_per_image,
        "accepted sentences" if only_accepted else "sentences",
    )
    left_out += [LeftOut(image.filename, "no image file") for image in without_file]
    check_splits(finished, workspace.path, only_accepted=only_accepted)
    check_filenames(finished, workspace.path)
    # The number in the workspace, so that an annotator has the same pseudonym in all releases.
    pseudonyms = {email: f"annotator-{number}" for email, number in numbers.items()}
    dataset = Dataset(
        name=workspace.settings.dataset.name,
        images=tuple(without_names(finished, pseudonyms)),
        source=workspace.path,
        format="workspace",
        image_folder=workspace.images,
    )
    return _Content(
        dataset,
        tuple(left_out),
        pixels,
        until,
        None if licence is None else _licence(licence, authors, finished, pseudonyms),
        # The ones that are left out, or the ones in the release.
        unreviewed.total()
        if only_accepted
        else sum(unreviewed[image.filename] for image in finished),
        untouched,
    )


def _licence(
    state: dict[str, Any],
    authors: Set[tuple[str, str]],
    images: Sequence[ImageRecord],
    pseudonyms: dict[str, str],
) -> dict[str, Any]:
    """Return the licence of the annotators, and the authors who have not accepted it."""
    released = {image.filename for image in images}
    wrote = {email for filename, email in authors if filename in released}
    return {
        "name": state["name"],
        "text_sha256": state["sha256"],
        "not_accepted": sorted(pseudonyms[email] for email in wrote & set(state["missing"])),
    }


def _precomp_problem(dataset: Dataset) -> str | None:
    """Return why a dataset cannot be written as precomp, or None."""
    misfits = [i for i in dataset if len(i.sentences) != precomp.CAPTIONS_PER_IMAGE]
    if misfits:
        needs = f"precomp requires {precomp.CAPTIONS_PER_IMAGE} sentences per image"
        name, count = misfits[0].filename, len(misfits[0].sentences)
        others = len(misfits) - 1
        if not others:
            return f"{needs}; {name} has {count}"
        images = "1 other image differs" if others == 1 else f"{others} other images differ"
        return f"{needs}; {name} has {count} (and {images})"
    broken = [i for i in dataset if any(map(precomp.has_line_break, i.captions))]
    if broken:
        name = broken[0].filename
        return f"precomp requires sentences of one line; {name} has a sentence with a line break"
    return None


def _copy_images(dataset: Dataset, pixels: dict[str, str], folder: Path) -> dict[str, str]:
    """Copy the image files, after a comparison of their pixels with those of the ingest.

    Returns:
        SHA-256 of the source by path in the release.
    """
    folder.mkdir()
    copies = {}
    for image in track(dataset.images, "images", len(dataset)):
        source = dataset.image_path(image)
        data = _read(source)
        _check_pixels(data, pixels[image.filename], source)
        (folder / image.filename).write_bytes(data)
        copies[f"images/{image.filename}"] = hashlib.sha256(data).hexdigest()
    return copies


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=file, hint="check the file"
        ) from error


def _check_pixels(data: bytes, expected: str, source: Path) -> None:
    hint = "restore the file, or ingest its source into a new workspace"
    try:
        with quiet_decoders():
            image = Image.open(io.BytesIO(data), formats=["TIFF"]).convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RsitmdError(f"is damaged ({reason(error)})", where=source, hint=hint) from error
    if hashlib.sha256(image.tobytes()).hexdigest() != expected:
        raise RsitmdError("has different pixels than when it was ingested", where=source, hint=hint)


def _check_copies(copies: dict[str, str], written: dict[str, str], out: Path) -> None:
    """Compare the written copies with the files of the workspace."""
    for name, expected in copies.items():
        if written[name] != expected:
            raise RsitmdError(
                f"the copy of {name} differs from its source",
                where=out,
                hint="check the disk and run the same command again",
            )


def _write_texts(dataset: Dataset, folder: Path, *, precomp_too: bool) -> None:
    save_dataset(dataset, folder, "rsitmd")
    if precomp_too:
        (folder / "precomp").mkdir()
        save_dataset(dataset, folder / "precomp", "precomp")
    if load_dataset(folder, "rsitmd").checksum() != dataset.checksum():
        raise RsitmdError("differs from the workspace after it was written", where=dataset.source)


def _write_priors(dataset: Dataset, definition: str, folder: Path) -> None:
    folder.mkdir()
    for split in track(dataset.splits, "prior"):
        write_prior(dataset.select(split), folder / f"{split}.npy", definition)


def _settings(workspace: Workspace) -> dict[str, Any]:
    """Return the settings of a release, with the shares and the seed of the actual split.

    The settings of ``validate`` are left out, because they contain local paths.
    """
    settings = asdict(workspace.settings)
    del settings["validate"]
    recorded = workspace.fact(SPLIT)
    if recorded is not None:
        used = json.loads(recorded)
        settings["split"] |= {**used["shares"], "seed": used["seed"]}
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


def _manifest(workspace: Workspace, content: _Content, report: ReleaseReport) -> dict[str, Any]:
    """Return ``release.json``: contents, settings and what was left out."""
    return {
        "dataset": content.dataset.name,
        "version": report.version,
        "tool": f"rsitmd-tools {__version__}",
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
        "settings": _settings(workspace),
    }
