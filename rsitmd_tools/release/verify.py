"""``build verify``: compare a release with its checksums, and its contents with one another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rsitmd_tools.dataset.folds import FOLDS, read_folds
from rsitmd_tools.dataset.records import SPLITS, Dataset
from rsitmd_tools.errors import RsitmdError, count_of, reason
from rsitmd_tools.formats import load_dataset, rsitmd
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, ListedImage, read_image_list
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.quality.split_numbers import SPLIT_PROOF
from rsitmd_tools.quality.unknown_fields import unknown_fields
from rsitmd_tools.release.checksums import UNLISTED, Difference, compare_checksums, is_hidden
from rsitmd_tools.release.contradictions import STATISTICS, Read, contradictions, difference
from rsitmd_tools.release.croissant import CROISSANT
from rsitmd_tools.release.manifest import TOOL, check_release
from rsitmd_tools.release.validation import VALIDATION
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.similarity import load_prior
from rsitmd_tools.similarity.recheck import differing_values
from rsitmd_tools.workspace.imported import CORRECTED_FROM, IMPORTED_FROM

T = TypeVar("T")
NAMED = 5  # unknown fields that are named


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification.

    Attributes:
        files: Number of files that ``SHA256SUMS`` lists.
        differences: The files that are not as they were released; empty for an intact release.
        without_images: Whether the release has no image files, because it was made without them.
    """

    files: int
    differences: tuple[Difference, ...]
    without_images: bool


def verify_release(folder: Path) -> Verification:
    """Compare the files of a release with its checksums, its schemas and one another.

    The contents are compared too, because somebody who changes a file can also write its checksum
    again. Numbers are computed again where that is fast: see :mod:`.contradictions` and
    :mod:`rsitmd_tools.similarity.recheck`.

    Args:
        folder: The folder of a release.

    Returns:
        All differences, one per file.

    Raises:
        RsitmdError: The folder is not a release, or ``SHA256SUMS`` is missing or malformed.
    """
    check_release(folder)
    files, found = compare_checksums(folder)
    contents = _Contents(folder, {difference.file: difference for difference in found})
    contents.compare()
    return Verification(files, tuple(contents.found.values()), contents.without_images)


class _Contents:
    """Compares the contents of a release with its dataset; collects the differences by file."""

    def __init__(self, folder: Path, found: dict[str, Difference]) -> None:
        self._folder = folder
        self.found = found
        self.without_images = False
        self._documents: dict[str, dict[str, Any]] = {}  # those that are valid, by file

    def compare(self) -> None:
        manifest = self._document(MANIFEST, "release")
        dataset = self._try(rsitmd.FILENAME, lambda: load_dataset(self._folder, "rsitmd"))
        if manifest is None or dataset is None:
            return
        has_images = (self._folder / "images").is_dir()
        self.without_images = bool(manifest.get("without_images")) and not has_images
        self._compare_manifest(manifest, dataset)
        self._compare_croissant()
        self._compare_document(dataset, manifest["tool"])
        self._compare_statistics(dataset)
        self._compare_precomp(dataset, manifest["left_out"]["precomp"])
        means = self._compare_priors(dataset, released=not manifest.get("without_prior"))
        self._compare_images(dataset)
        listed = self._compare_image_list(dataset)
        self._compare_folds(dataset)
        self._compare_split_proof(dataset)
        self._compare_validation(dataset)
        if manifest["tool"] == TOOL and rsitmd.FILENAME not in self.found:
            read = Read(self._folder, dataset, self._documents, listed, means)
            for file, problem in contradictions(read):
                self._add(file, problem)

    def _add(self, file: str, problem: str) -> None:
        self.found.setdefault(file, Difference(file, problem))

    def _try(self, file: str, read: Callable[[], T]) -> T | None:
        """Return what a function reads; None and a difference if it cannot."""
        try:
            return read()
        except RsitmdError as error:
            self._add(file, error.what)
            return None

    def _document(self, file: str, schema: str) -> dict[str, Any] | None:
        try:
            document = json.loads((self._folder / file).read_text(encoding="utf-8"))
        except OSError as error:
            self._add(file, f"cannot be read ({reason(error)})")
            return None
        except (ValueError, RecursionError):
            self._add(file, "is not a JSON document")
            return None
        invalid = first_error(document, load_schema(schema))
        if invalid is not None:
            self._add(file, f"{invalid.key}: {invalid.message}")
            return None
        self._documents[file] = dict(document)
        return self._documents[file]

    def _compare_manifest(self, manifest: dict[str, Any], dataset: Dataset) -> None:
        if manifest["data_sha256"] != dataset.checksum():
            self._add(rsitmd.FILENAME, f"differs from the data_sha256 of {MANIFEST}")
        for name, number in counts(dataset).items():
            if manifest[name] != number:
                self._add(MANIFEST, f"{name} is {manifest[name]}; the dataset has {number}")

    def _compare_croissant(self) -> None:
        """Compare the checksum of the dataset in the metadata, which covers all of its fields."""
        try:
            found = json.loads((self._folder / CROISSANT).read_text(encoding="utf-8"))
            files = {entry.get("contentUrl"): entry for entry in found["distribution"]}
            expected = files[rsitmd.FILENAME]["sha256"]
        except FileNotFoundError:
            return
        except OSError as error:
            self._add(CROISSANT, f"cannot be read ({reason(error)})")
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            self._add(CROISSANT, f"has no checksum of {rsitmd.FILENAME}")
        else:
            self._documents[CROISSANT] = found
            if sha256_file(self._folder / rsitmd.FILENAME) != expected:
                self._add(rsitmd.FILENAME, f"differs from the sha256 in {CROISSANT}")

    def _compare_document(self, dataset: Dataset, tool: str) -> None:
        """Compare the JSON with the document that `build release` writes for its records.

        Such a document is valid against the schema, and comparing is much faster than validating.
        A release of another version of the tool may lack fields, so it is validated. One of a later
        version may have more fields; use that version to verify it.
        """
        unknown = unknown_fields(dataset)
        if unknown:
            named = [f"{key!r} ({count_of(n, 'place')})" for key, n in unknown.items()]
            more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
            listed = ", ".join(named[:NAMED]) + more
            self._add(rsitmd.FILENAME, f"has fields that are not in the schema: {listed}")
        if tool != TOOL or not _has_own_fields(dataset):
            self._document(rsitmd.FILENAME, "dataset")
        if tool != TOOL:
            return
        found = rsitmd.load_document(self._folder / rsitmd.FILENAME)
        where = difference(found, rsitmd.document_of(dataset))
        if where is not None:
            self._add(rsitmd.FILENAME, f"{where}: is not what `build release` writes")

    def _compare_statistics(self, dataset: Dataset) -> None:
        statistics = self._document(STATISTICS, "statistics")
        if statistics is not None and statistics["data_sha256"] != dataset.checksum():
            self._add(STATISTICS, "was computed from other data")

    def _compare_precomp(self, dataset: Dataset, absent: str | None) -> None:
        if absent is not None:
            return
        found = self._try("precomp", lambda: load_dataset(self._folder / "precomp", "precomp"))
        if found is None:
            return
        for split in SPLITS:
            if _lines(found, split) != _lines(dataset, split):
                self._add(f"precomp/{split}_caps.txt", f"differs from {rsitmd.FILENAME}")

    def _compare_priors(self, dataset: Dataset, *, released: bool) -> dict[str, float | None]:
        """Compare the priors with the captions: those of the release, or those added to it.

        Returns:
            The means of the ``reference`` priors that do not differ, by split.
        """
        means = {}
        for split in dataset.splits:
            part = dataset.select(split)
            file = f"prior/{split}.npy"
            if not released:
                for name in (file, f"prior/{split}.json"):
                    if self.found.get(name) == Difference(name, UNLISTED):
                        del self.found[name]
                if not (self._folder / file).is_file():
                    continue
            prior = self._try(
                file,
                lambda file=file, part=part: load_prior(self._folder / file, part),  # type: ignore[misc]
            )
            if prior is None:
                continue
            problem = differing_values(prior, part)
            if problem is not None:
                self._add(file, problem)
            elif prior.definition == "reference":
                means[split] = prior.metadata["mean"]
        return means

    def _compare_images(self, dataset: Dataset) -> None:
        if self.without_images:
            return
        names = {f"images/{image.filename}" for image in dataset}
        present = {f"images/{path.name}" for path in (self._folder / "images").glob("*")}
        for name in sorted(names - present):
            self._add(name, "does not exist")
        for name in sorted(name for name in present - names if not is_hidden(name)):
            self._add(name, f"is not in {rsitmd.FILENAME}")

    def _compare_image_list(self, dataset: Dataset) -> list[ListedImage]:
        """Compare the names, so that the checksums of the list cover every image; return it."""
        listed = self._try(IMAGE_LIST, lambda: read_image_list(self._folder / IMAGE_LIST))
        names = {image.filename for image in dataset}
        if listed is not None and {image.filename for image in listed} != names:
            self._add(IMAGE_LIST, f"lists other images than {rsitmd.FILENAME}")
        return listed or []

    def _compare_folds(self, dataset: Dataset) -> None:
        if (self._folder / FOLDS).exists():
            found = self._try(FOLDS, lambda: read_folds(self._folder / FOLDS))
            if found is not None and list(found) != [image.filename for image in dataset]:
                self._add(FOLDS, f"lists other images than {rsitmd.FILENAME}")

    def _compare_split_proof(self, dataset: Dataset) -> None:
        if (self._folder / SPLIT_PROOF).exists():
            proof = self._document(SPLIT_PROOF, "split_proof")
            if proof is not None and proof["data_sha256"] != dataset.checksum():
                self._add(SPLIT_PROOF, "was computed from other data")

    def _compare_validation(self, dataset: Dataset) -> None:
        if (self._folder / VALIDATION).exists():
            findings = self._document(VALIDATION, "findings")
            if findings is not None and findings["summary"]["data_sha256"] != dataset.checksum():
                self._add(VALIDATION, "was computed from other data")


def _has_own_fields(dataset: Dataset) -> bool:
    """Return whether all fields that the reader takes over as they are come from a release.

    The comparison with a newly written document cannot find such a field of a wrong type.
    """
    texts = (IMPORTED_FROM, CORRECTED_FROM)
    return not dataset.extra and all(
        key in texts and isinstance(value, str)
        for image in dataset
        for sentence in image.sentences
        for key, value in sentence.extra.items()
    )


def counts(dataset: Dataset) -> dict[str, Any]:
    """Return the numbers of images, sentences and keywords, and the images by split."""
    split = Counter(image.split for image in dataset)
    return {
        "images": len(dataset),
        "sentences": len(dataset.captions()),
        "keywords": sum(len(image.keywords) for image in dataset),
        "splits": {name: split[name] for name in SPLITS},
    }


def _lines(dataset: Dataset, split: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(image.filename, tuple(image.captions)) for image in dataset if image.split == split]
