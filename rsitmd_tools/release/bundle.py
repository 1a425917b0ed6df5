"""``build release``: one folder with all files of a dataset.

Its contents do not depend on time, place or number of runs. Two releases of the same state of a
workspace with the same version, made by the same version of the tool, have equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.atomic import atomic_folder, check_replaceable, write_json, write_text
from rsitmd_tools.collector import without_collector
from rsitmd_tools.dataset.folds import FOLDS, folds_text
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, precomp, rsitmd, save_dataset
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, image_list
from rsitmd_tools.formats.source_places import STAC
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging.known_pictures import KnownPictures
from rsitmd_tools.imaging.measures import lines_of
from rsitmd_tools.ingest.where import write_footprints
from rsitmd_tools.progress import track
from rsitmd_tools.quality.provenance import FOOTPRINTS
from rsitmd_tools.quality.split_numbers import SPLIT_PROOF
from rsitmd_tools.quality.statistics import dataset_statistics
from rsitmd_tools.release.ahead import hashed_ahead, written_ahead
from rsitmd_tools.release.card import CARD, card
from rsitmd_tools.release.changes import CHANGELOG, Previous, changelog, read_previous
from rsitmd_tools.release.checksums import FILENAME as CHECKSUMS
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.release.citation import CITATION, citation
from rsitmd_tools.release.contents import Contents, contents_of
from rsitmd_tools.release.croissant import CROISSANT, croissant
from rsitmd_tools.release.facts import ReleaseFacts, facts_of
from rsitmd_tools.release.images import copy_images, list_images, start_workers
from rsitmd_tools.release.manifest import ReleaseReport, manifest_of
from rsitmd_tools.release.select import (
    check_folds,
    check_licences,
    check_sources,
    unlicensed,
)
from rsitmd_tools.release.sheet import SheetFacts, sheet_facts_of
from rsitmd_tools.release.split_page import SPLIT_PAGE, split_page
from rsitmd_tools.release.split_proof import split_proof
from rsitmd_tools.release.validation import VALIDATION, check_allowed, records_ahead, validation
from rsitmd_tools.release.verify import counts, verify_release
from rsitmd_tools.release.version import check_version
from rsitmd_tools.similarity import Prior, write_prior
from rsitmd_tools.similarity.compute import check_space
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.settings import FILENAME


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """What a release contains.

    Attributes:
        images: Whether it contains the image files. Without them it lists their checksums, and
            ``build complete`` adds the files.
        prior: Whether it contains the prior of each split, whose size grows with the square of the
            number of images.
        previous: Folder of the previous release, for ``CHANGELOG.md``; None for the first one.
        allowed: Codes or families of rules whose errors do not prevent the release.
        unlicensed: Whether texts or images can lack a licence.
        names: Whether annotators appear by their names. Their addresses never appear.
        replace: Whether an existing folder is replaced when the new release is complete. If not,
            a folder with another release is an error, and one with the same release is kept.
    """

    images: bool = True
    prior: bool = True
    previous: Path | None = None
    allowed: tuple[str, ...] = ()
    unlicensed: bool = False
    names: bool = False
    replace: bool = False


DEFAULTS = ReleaseOptions()


@without_collector()
def make_release(
    workspace: Workspace, version: str, out: Path, options: ReleaseOptions = DEFAULTS
) -> ReleaseReport:
    """Write a release of the finished images; the others are left out and listed.

    An image is finished if it has the number of sentences that ``[annotation]`` requires. If
    ``[release] only_accepted`` is set, only accepted sentences count.
    The release is written to a temporary folder and renamed at the end, so that ``out`` is
    complete or does not exist.

    Args:
        workspace: An open workspace; it can be read-only.
        version: Semantic version of the release.
        out: The folder to create.
        options: What the release contains.

    Raises:
        RsitmdError: The version is invalid, texts or images have no licence, ``out`` is another
            folder, images have no split, train or test has no finished image, an image file is
            damaged, or the disk is full.
    """
    check_version(version)
    check_allowed(options.allowed)
    if not options.unlicensed:
        check_licences(workspace.settings, workspace.path / FILENAME, images=options.images)
    start_workers(workspace.images)
    content = contents_of(workspace, names=options.names)
    if options.images and not options.unlicensed:
        check_sources(content.licences, workspace.path / FILENAME)
    report = _report(workspace, content, version)
    check_folds(content.dataset, content.folds)
    previous = None if options.previous is None else read_previous(options.previous, version)
    manifest = manifest_of(workspace, content, report) | _choices(workspace, content, options)
    # A manifest does not say everything: CHANGELOG.md depends on the previous release, and
    # folds.csv and split_proof.json on the workspace.
    again = not options.replace and _has_manifest(out, manifest)
    if out.exists() and not (options.replace or again):
        raise _exists(out)
    _check_replaceable(out, workspace)
    partial = atomic_folder(out, replace=options.replace or again)
    with suppress(_Unchanged), partial as folder, _errors_name(out, instead_of=folder):
        _write(workspace, content, options, folder, version, previous, manifest)
        if again:
            if (out / CHECKSUMS).read_bytes() != (folder / CHECKSUMS).read_bytes():
                raise _exists(out)
            raise _Unchanged
    return report


def _report(workspace: Workspace, content: Contents, version: str) -> ReleaseReport:
    dataset = content.dataset
    numbers = counts(dataset)
    return ReleaseReport(
        version=version,
        checksum=dataset.checksum(),
        images=numbers["splits"],
        sentences=numbers["sentences"],
        keywords=numbers["keywords"],
        left_out=len(content.left_out),
        no_precomp=_precomp_problem(dataset),
        not_accepted=tuple(content.licence["not_accepted"]) if content.licence else (),
        only_accepted=workspace.settings.release.only_accepted,
        unreviewed=content.unreviewed,
        machine_untouched=content.machine_untouched,
    )


def _choices(workspace: Workspace, content: Contents, options: ReleaseOptions) -> dict[str, Any]:
    """Return what a manifest says of the options; nothing of those that have their default."""
    missing = unlicensed(workspace.settings, images=options.images)
    if options.images and "images" not in missing and not all(content.licences.values()):
        missing.append("images")
    found = {
        "without_images": not options.images,
        "without_prior": not options.prior,
        "allowed_errors": list(options.allowed),
        "unlicensed": missing,
    }
    return {key: value for key, value in found.items() if value}


def _check_replaceable(out: Path, workspace: Workspace) -> None:
    """Check that nothing but a release is replaced.

    Raises:
        RsitmdError: ``out`` contains the workspace, or is a folder with other files.
    """
    # A workspace can contain its releases; its own folders are never replaced.
    earlier = (out / MANIFEST).is_file()
    check_replaceable(out, [workspace.path], result=earlier)
    if out.is_dir() and not (earlier or out.is_symlink()) and any(out.iterdir()):
        raise RsitmdError(
            "is not a release, so --force does not replace it",
            where=out,
            hint="use another folder, or remove this one",
        )


class _Unchanged(Exception):
    """The release exists already with the same bytes, so that nothing is replaced."""


def _exists(out: Path) -> RsitmdError:
    return RsitmdError(
        "already exists", where=out, hint="use another folder, or replace this one with --force"
    )


def _write(
    workspace: Workspace,
    content: Contents,
    options: ReleaseOptions,
    folder: Path,
    version: str,
    previous: Previous | None,
    manifest: dict[str, Any],
) -> None:
    """Write all files of a release to a folder.

    Images are copied and records are checked by other processes, while this one does what needs
    neither.
    """
    dataset, settings = content.dataset, workspace.settings
    known = KnownPictures(workspace.images, lines_of(settings.validate.thresholds))
    images = folder / "images" if options.images else None
    with (
        written_ahead(folder),
        copy_images(dataset, content.pixels, images, known) as copying,
        records_ahead(dataset, settings) as records,
    ):
        if content.folds:
            folds = {image.filename: content.folds[image.filename] for image in dataset}
            write_text(folder / FOLDS, folds_text(folds))
        precomp_too = manifest["left_out"]["precomp"] is None
        _write_texts(dataset, folder, precomp_too=precomp_too)
        definition = settings.similarity.definition
        priors = _write_priors(dataset, definition, folder / "prior") if options.prior else {}
        with hashed_ahead(folder, [prior.path for prior in priors.values()]) as sums:
            known_priors = priors if definition == "reference" else None
            write_json(folder / "statistics.json", dataset_statistics(dataset, known_priors))
            write_json(folder / MANIFEST, manifest)
            crossing = _write_split_proof(content, folder, with_images=options.images)
            facts = facts_of(
                workspace,
                dataset,
                version,
                content.places,
                content.licences,
                with_images=options.images,
                with_prior=options.prior,
                crossing=crossing,
                places_searched=content.places_searched,
            )
            sheet = sheet_facts_of(workspace, content, previous, precomp=precomp_too)
            _write_metadata(content, facts, sheet, folder)
            copies, measured = copying.wait()
            listed = list_images(dataset, copies, content.sources)
            log = changelog(dataset, version, previous, listed, manifest["licences"], content.folds)
            write_text(folder / CHANGELOG, log)
            write_text(folder / IMAGE_LIST, image_list(listed))
            found = validation(dataset, settings, options.allowed, measured, records)
            write_text(folder / VALIDATION, found)
            write_checksums(folder, sums() | (copies if options.images else {}))


def _has_manifest(out: Path, manifest: dict[str, Any]) -> bool:
    """Return whether an intact release has this manifest, as after a kill at the end of a run."""
    try:
        there = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        if there != json.loads(json.dumps(manifest)):
            return False
        return not verify_release(out).differences
    except (OSError, ValueError, RecursionError, RsitmdError):
        return False


@contextmanager
def _errors_name(out: Path, *, instead_of: Path) -> Iterator[None]:
    """Replace the temporary folder by the release folder in errors."""
    try:
        yield
    except RsitmdError as error:
        where = None if error.where is None else error.where.replace(str(instead_of), str(out))
        raise RsitmdError(error.what, where=where, hint=error.hint) from error


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


def _write_texts(dataset: Dataset, folder: Path, *, precomp_too: bool) -> None:
    save_dataset(dataset, folder, "rsitmd")
    if precomp_too:
        (folder / "precomp").mkdir()
        save_dataset(dataset, folder / "precomp", "precomp")
    _check_texts(dataset, folder)


def _check_texts(dataset: Dataset, folder: Path) -> None:
    """Read the written texts back, and compare them with those of the workspace."""
    if load_dataset(folder, "rsitmd").checksum() != dataset.checksum():
        raise RsitmdError("differs from the workspace after it was written", where=dataset.source)


def _write_metadata(
    content: Contents, facts: ReleaseFacts, sheet: SheetFacts, folder: Path
) -> None:
    """Write citation, card, Croissant and, if images have a place, the footprints."""
    if content.places:
        for name in (FOOTPRINTS, STAC):
            write_footprints(
                content.places, folder / name, folder / "images", facts.image_size, content.licences
            )
    write_text(folder / CITATION, citation(facts))
    write_text(folder / CARD, card(facts, sheet))
    sums = {rsitmd.FILENAME: sha256_file(folder / rsitmd.FILENAME)}
    write_json(folder / CROISSANT, croissant(facts, sums))


def _write_split_proof(content: Contents, folder: Path, *, with_images: bool) -> int:
    """Write the split proof and its page; return the number of verified pairs across splits."""
    dataset, pairs = content.dataset, content.pairs
    proof = split_proof(
        dataset,
        content.hashes,
        content.places,
        pairs,
        scenes={name: source.sha256 for name, source in content.sources.items()},
        same_place_searched=content.places_searched,
    )
    write_json(folder / SPLIT_PROOF, proof)
    write_text(folder / SPLIT_PAGE, split_page(proof, dataset, pairs, images=with_images))
    return sum(len(entry["verified_pairs"]) for entry in proof["splits"])


def _write_priors(dataset: Dataset, definition: str, folder: Path) -> dict[str, Prior]:
    """Write the prior of each split.

    Raises:
        RsitmdError: They are larger than the free space of the disk.
    """
    folder.mkdir()
    parts = {split: dataset.select(split) for split in dataset.splits}
    hint = "use --without-prior, or another disk"
    check_space(folder, parts.values(), "float64", hint)
    return {
        split: write_prior(part, folder / f"{split}.npy", definition)
        for split, part in track(parts.items(), "prior")
    }
