"""``CHANGELOG.md`` of a release: how it differs from the previous one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.folds import FOLDS, read_folds
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of, reason
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, ListedImage, read_image_list
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.release.manifest import check_release
from rsitmd_tools.release.version import is_version, precedence
from rsitmd_tools.schemas import first_error, load_schema

CHANGELOG = "CHANGELOG.md"
TITLE = "# Changes\n"
LISTED = 20  # images of one kind of change
Content = tuple[str, str]  # the SHA-256 of a file, and a window in it


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between two releases.

    Attributes:
        added: File names of images that the previous release does not have.
        removed: File names of images that only the previous release has.
        renamed: File names of images that have another name, the previous name first.
        moved: File names of images in another split.
        splits: The earlier and the present split of these images.
        files: File names of images whose files have other contents.
        sentences: Number of ``added``, ``changed`` and ``removed`` sentences of the images that
            both releases have.
        texts: File names of the images that have these sentences.
        keywords: File names of images with other keywords.
        categories: File names of images with another category.
        licences: Lines about other licences.
        folds: File names of images in another test fold, if both releases have test folds.
        number_of_folds: The earlier and the present number of test folds.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    moved: tuple[str, ...]
    files: tuple[str, ...]
    sentences: Counter[str]
    keywords: tuple[str, ...]
    categories: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    splits: tuple[tuple[str, str], ...] = ()
    texts: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    number_of_folds: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Previous:
    """What the previous release contains.

    Attributes:
        dataset: Its dataset.
        listed: The lines of its ``images.csv``; empty if it has none.
        log: The entries of its ``CHANGELOG.md``.
        licences: The licences in its ``release.json``; None if they are not recorded.
        folds: Its test folds by file name; empty if it has none.
    """

    dataset: Dataset
    listed: Sequence[ListedImage]
    log: str
    licences: Mapping[str, Any] | None = None
    folds: Mapping[str, int] = field(default_factory=dict)


def compare(
    previous: Previous,
    now: Dataset,
    listed: Sequence[ListedImage],
    licences: Mapping[str, Any] | None = None,
    folds: Mapping[str, int] | None = None,
) -> Changes:
    """Return the differences between two releases.

    Images are compared by their sources and files, so that they can have other names, then by
    file name.

    Args:
        previous: The previous release.
        now: The dataset of this one.
        listed: The lines of its ``images.csv``.
        licences: The licences in its ``release.json``.
        folds: Its test folds by file name.
    """
    both = _in_both(previous, now, listed)
    old_names = {old.filename for old, _ in both}
    new_names = {new.filename for _, new in both}
    old_files = {image.filename: image.sha256 for image in previous.listed}
    files = {image.filename: image.sha256 for image in listed}
    before, after = previous.folds, folds or {}

    def where(differ: Callable[[ImageRecord, ImageRecord], bool]) -> tuple[str, ...]:
        return tuple(new.filename for old, new in both if differ(old, new))

    def other_file(old: ImageRecord, new: ImageRecord) -> bool:
        file = files[new.filename]
        return old_files.get(old.filename, file) != file

    return Changes(
        added=tuple(i.filename for i in now if i.filename not in new_names),
        removed=tuple(i.filename for i in previous.dataset if i.filename not in old_names),
        renamed=tuple(
            (old.filename, new.filename) for old, new in both if old.filename != new.filename
        ),
        moved=where(lambda old, new: old.split != new.split),
        splits=tuple(
            (old.split or "none", new.split or "none")
            for old, new in both
            if old.split != new.split
        ),
        files=where(other_file),
        sentences=sum((_sentences(old, new) for old, new in both), Counter()),
        texts=where(lambda old, new: _sentences(old, new).total() > 0),
        keywords=where(lambda old, new: old.keywords != new.keywords),
        categories=where(lambda old, new: old.category != new.category),
        licences=tuple(_licences(previous.licences or {}, licences or {})),
        folds=where(lambda old, new: before.get(old.filename) != after.get(new.filename))
        if before and after
        else (),
        number_of_folds=(len(set(before.values())), len(set(after.values()))),
    )


def _in_both(
    previous: Previous, now: Dataset, listed: Sequence[ListedImage]
) -> list[tuple[ImageRecord, ImageRecord]]:
    """Return the images of two releases that are one, the earlier record first."""
    old = {image.filename: image for image in previous.dataset}
    former = _former_names(previous.listed, listed)
    taken = set(former.values())
    pairs = []
    for image in now:
        name = image.filename
        before = former.get(name, None if name in taken else name)
        if before in old:
            pairs.append((old[before], image))
    return pairs


def _former_names(before: Sequence[ListedImage], now: Sequence[ListedImage]) -> dict[str, str]:
    """Return the previous names of the images whose source or file both releases list once.

    The source of an image can be the file of the previous release, if that was imported.
    """
    found: dict[str, str] = {}
    for of_old, of_new in ((_source, _source), (_file, _file), (_file, _source)):
        old, new = _once(before, of_old), _once(now, of_new)
        taken = set(found.values())
        found |= {
            name: old[content]
            for content, name in new.items()
            if content in old and name not in found and old[content] not in taken
        }
    return found


def _source(image: ListedImage) -> Content:
    return image.source_sha256, image.window


def _file(image: ListedImage) -> Content:
    return image.sha256, ""


def _once(
    listed: Sequence[ListedImage], content: Callable[[ListedImage], Content]
) -> dict[Content, str]:
    """Return file names by source and window or by file, if an image alone has them."""
    contents = [content(image) for image in listed]
    count = Counter(contents)
    return {
        found: image.filename
        for found, image in zip(contents, listed, strict=True)
        if count[found] == 1
    }


def _licences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for the texts and the images if both releases record other licences."""
    for what in sorted(before.keys() & now.keys(), reverse=True):
        old, new = (", ".join(_listed(licences[what])) or "none" for licences in (before, now))
        if old != new:
            yield f"licence of the {what}: {new} (before: {old})"


def _listed(licences: str | Sequence[str]) -> Sequence[str]:
    return [licences] if isinstance(licences, str) else licences


def _sentences(old: ImageRecord, new: ImageRecord) -> Counter[str]:
    """Count the sentences of one image that were added, changed or removed, in any order."""
    before, now = Counter(old.captions), Counter(new.captions)
    lost, found = (before - now).total(), (now - before).total()
    changed = min(lost, found)
    return Counter(added=found - changed, changed=changed, removed=lost - changed)


def read_previous(folder: Path, version: str) -> Previous:
    """Read the previous release.

    Args:
        folder: Its folder.
        version: The version of the new release.

    Raises:
        RsitmdError: The folder is not a release, or cannot be read.
        WrongUsage: It has the same version or a later one.
    """
    check_release(folder)
    log = _earlier(folder / CHANGELOG)
    if f"\n## {version}\n" in log:
        raise WrongUsage(
            f"the previous release already has version {version}",
            where=folder,
            hint="use --version with a later version",
        )
    last = re.search(r"(?m)^## (\S+)$", log)
    if last is not None and is_version(last[1]) and precedence(version) < precedence(last[1]):
        raise WrongUsage(
            f"the previous release has version {last[1]}, which is later than {version}",
            where=folder,
            hint="use --version with a later version, or --previous with an earlier release",
        )
    listed = read_image_list(folder / IMAGE_LIST) if (folder / IMAGE_LIST).exists() else []
    folds = read_folds(folder / FOLDS) if (folder / FOLDS).exists() else {}
    dataset = load_dataset(folder, "rsitmd")
    return Previous(dataset, listed, log, _recorded_licences(folder), folds)


def _recorded_licences(folder: Path) -> Mapping[str, Any] | None:
    """Return the licences in ``release.json``; None for a release of an earlier version."""
    if not (folder / MANIFEST).exists():
        return None
    document = load_document(folder / MANIFEST)
    problem = first_error(document, load_schema("release"))
    if problem is not None:
        raise RsitmdError(
            f"{problem.key}: {problem.message}",
            where=folder / MANIFEST,
            hint="use an intact release",
        )
    found: Mapping[str, Any] | None = document.get("licences")
    return found


def changelog(
    now: Dataset,
    version: str,
    previous: Previous | None,
    listed: Sequence[ListedImage],
    licences: Mapping[str, Any] | None = None,
    folds: Mapping[str, int] | None = None,
) -> str:
    """Return the Markdown text of ``CHANGELOG.md``: this release, then the earlier ones.

    Args:
        now: The dataset of the release.
        version: Its version.
        previous: The previous release; None for the first one.
        listed: The lines of its ``images.csv``.
        licences: The licences in its ``release.json``.
        folds: Its test folds by file name.
    """
    if previous is None:
        numbers = f"{count_of(len(now), 'image')}, {count_of(len(now.captions()), 'sentence')}"
        return f"{TITLE}\n## {version}\n\nFirst release: {numbers}.\n"
    changes = compare(previous, now, listed, licences, folds)
    lines = "".join(f"- {line}\n" for line in _lines(changes)) or "No changes.\n"
    return f"{TITLE}\n## {version}\n\n{lines}{previous.log}"


def _earlier(file: Path) -> str:
    """Return the entries of an earlier change log; nothing if it has none."""
    try:
        return file.read_text(encoding="utf-8").removeprefix(TITLE)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=file, hint="use an intact release"
        ) from error


def _lines(changes: Changes) -> list[str]:
    moved = tuple(
        f"{name} ({old} -> {new})"
        for name, (old, new) in zip(changes.moved, changes.splits, strict=True)
    )
    named = (
        ("added", changes.added),
        ("removed", changes.removed),
        ("renamed", tuple(" -> ".join(names) for names in changes.renamed)),
        ("moved to another split", moved),
        ("moved to another test fold", changes.folds),
        ("with other pixels", changes.files),
        ("with another category", changes.categories),
        ("with other keywords", changes.keywords),
    )
    lines = [
        f"{count_of(len(names), 'image')} {what}: {_shown(names)}" for what, names in named if names
    ]
    counted = [
        f"{changes.sentences[what]} {what}"
        for what in ("added", "changed", "removed")
        if changes.sentences[what]
    ]
    if counted:
        texts = _shown(changes.texts)
        lines.append(f"sentences of other images: {', '.join(counted)} ({texts})")
    old, new = (number or "none" for number in changes.number_of_folds)
    if old != new:
        lines.append(f"test folds: {new} (before: {old})")
    return [*lines, *changes.licences]


def _shown(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
