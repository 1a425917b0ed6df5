"""``CHANGELOG.md`` of a release: how it differs from the previous one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of, reason
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.release.manifest import check_release

CHANGELOG = "CHANGELOG.md"
TITLE = "# Changes\n"


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between two releases.

    Attributes:
        added: File names of images that the previous release does not have.
        removed: File names of images that only the previous release has.
        moved: File names of images in another split.
        sentences: Number of ``added``, ``changed`` and ``removed`` sentences of the images that
            both releases have.
        keywords: File names of images with other keywords.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    sentences: Counter[str]
    keywords: tuple[str, ...]


def compare(before: Dataset, now: Dataset) -> Changes:
    """Return the differences between two releases, by file name."""
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
        sentences=sentences,
        keywords=tuple(name for name in both if old[name].keywords != new[name].keywords),
    )


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


def changelog(now: Dataset, version: str, previous: Path | None) -> str:
    """Return the Markdown text of ``CHANGELOG.md``: this release, then the earlier ones.

    Args:
        now: The dataset of the release.
        version: Its version.
        previous: Folder of the previous release; None for the first one.

    Raises:
        RsitmdError: ``previous`` cannot be read.
        WrongUsage: ``previous`` has the same version.
    """
    if previous is None:
        numbers = f"{count_of(len(now), 'image')}, {count_of(len(now.captions()), 'sentence')}"
        return f"{TITLE}\n## {version}\n\nFirst release: {numbers}.\n"
    check_release(previous)
    before = load_dataset(previous, "rsitmd")
    earlier = _earlier(previous / CHANGELOG)
    if f"\n## {version}\n" in earlier:
        raise WrongUsage(
            f"the previous release already has version {version}",
            where=previous,
            hint="use --version with a later version",
        )
    lines = "".join(f"- {line}\n" for line in _lines(compare(before, now))) or "No changes.\n"
    return f"{TITLE}\n## {version}\n\n{lines}{earlier}"


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
    return lines


def _shown(names: tuple[str, ...], most: int = 20) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
