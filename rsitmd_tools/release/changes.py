"""``CHANGELOG.md`` of a release: how it differs from the previous one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of, reason
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, read_image_list
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.release.manifest import check_release
from rsitmd_tools.schemas import first_error, load_schema

CHANGELOG = "CHANGELOG.md"
TITLE = "# Changes\n"
LISTED = 20  # images of one kind of change


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between two releases.

    Attributes:
        added: File names of images that the previous release does not have.
        removed: File names of images that only the previous release has.
        moved: File names of images in another split.
        files: File names of images whose files have other contents.
        sentences: Number of ``added``, ``changed`` and ``removed`` sentences of the images that
            both releases have.
        keywords: File names of images with other keywords.
        categories: File names of images with another category.
        licences: Lines about other licences.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    files: tuple[str, ...]
    sentences: Counter[str]
    keywords: tuple[str, ...]
    categories: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Previous:
    """What the previous release contains.

    Attributes:
        dataset: Its dataset.
        files: SHA-256 of its image files, by file name.
        log: The entries of its ``CHANGELOG.md``.
        licences: The licences in its ``release.json``; None if they are not recorded.
    """

    dataset: Dataset
    files: Mapping[str, str]
    log: str
    licences: Mapping[str, Any] | None = None


def compare(
    previous: Previous,
    now: Dataset,
    files: Mapping[str, str],
    licences: Mapping[str, Any] | None = None,
) -> Changes:
    """Return the differences between two releases, by file name.

    Args:
        previous: The previous release.
        now: The dataset of this one.
        files: SHA-256 of its image files, by file name.
        licences: The licences in its ``release.json``.
    """
    before = previous.dataset
    old = {image.filename: image for image in before}
    new = {image.filename: image for image in now}
    both = [name for name in new if name in old]
    sentences: Counter[str] = Counter()
    for name in both:
        sentences += _sentences(old[name], new[name])
    return Changes(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        moved=tuple(name for name in both if old[name].split != new[name].split),
        files=tuple(name for name in both if previous.files.get(name, files[name]) != files[name]),
        sentences=sentences,
        keywords=tuple(name for name in both if old[name].keywords != new[name].keywords),
        categories=tuple(name for name in both if old[name].category != new[name].category),
        licences=tuple(_licences(previous.licences or {}, licences or {})),
    )


def _licences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for the texts and the images if both releases record other licences."""
    for what in sorted(before.keys() & now.keys(), reverse=True):
        old, new = (", ".join(_listed(licences[what])) or "none" for licences in (before, now))
        if old != new:
            yield f"licence of the {what}: {new} (before: {old})"


def _listed(licences: str | Sequence[str]) -> Sequence[str]:
    return [licences] if isinstance(licences, str) else licences


def _sentences(old: ImageRecord, new: ImageRecord) -> Counter[str]:
    """Count the sentences of one image that were added, changed or removed."""
    found: Counter[str] = Counter()
    matcher = SequenceMatcher(None, old.captions, new.captions, autojunk=False)
    for _, first, last, start, end in matcher.get_opcodes():
        if old.captions[first:last] == new.captions[start:end]:
            continue
        changed = min(last - first, end - start)
        found["changed"] += changed
        found["removed"] += last - first - changed
        found["added"] += end - start - changed
    return found


def read_previous(folder: Path, version: str) -> Previous:
    """Read the previous release.

    Args:
        folder: Its folder.
        version: The version of the new release.

    Raises:
        RsitmdError: The folder is not a release, or cannot be read.
        WrongUsage: It has the same version.
    """
    check_release(folder)
    log = _earlier(folder / CHANGELOG)
    if f"\n## {version}\n" in log:
        raise WrongUsage(
            f"the previous release already has version {version}",
            where=folder,
            hint="use --version with a later version",
        )
    listed = read_image_list(folder / IMAGE_LIST) if (folder / IMAGE_LIST).exists() else []
    files = {image.filename: image.sha256 for image in listed}
    return Previous(load_dataset(folder, "rsitmd"), files, log, _recorded_licences(folder))


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
    files: Mapping[str, str],
    licences: Mapping[str, Any] | None = None,
) -> str:
    """Return the Markdown text of ``CHANGELOG.md``: this release, then the earlier ones.

    Args:
        now: The dataset of the release.
        version: Its version.
        previous: The previous release; None for the first one.
        files: SHA-256 of the image files of the release, by file name.
        licences: The licences in its ``release.json``.
    """
    if previous is None:
        numbers = f"{count_of(len(now), 'image')}, {count_of(len(now.captions()), 'sentence')}"
        return f"{TITLE}\n## {version}\n\nFirst release: {numbers}.\n"
    changes = compare(previous, now, files, licences)
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
    named = (
        ("added", changes.added),
        ("removed", changes.removed),
        ("moved to another split", changes.moved),
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
        lines.append(f"sentences of other images: {', '.join(counted)}")
    return [*lines, *changes.licences]


def _shown(names: tuple[str, ...]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
