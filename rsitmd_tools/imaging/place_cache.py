"""Local features and verified candidates of earlier or interrupted searches, on disk.

Everything is found by content, not by path: by the SHA-256 of the image files and the settings. So
a dataset folder may be read-only or moved, and a copy of a dataset shares its features.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.atomic import atomic_path, remove_leftovers, write_text
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.imaging.local_features import Features, PlaceMatch

VARIABLE = "RSITMD_CACHE"
Pairs = list[tuple[int, int]]
Matches = list[tuple[int, int, PlaceMatch]]


def user_cache() -> Path:
    """Return the folder of caches: ``$RSITMD_CACHE``, or ``rsitmd-tools`` in the user's cache."""
    if own := os.environ.get(VARIABLE):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "rsitmd-tools"


class PlaceCache:
    """A folder of features and searches.

    A file that is damaged counts as absent. If the folder cannot be written to, nothing is kept.

    Args:
        folder: The folder; created when something is written.
        features: All that features depend on, besides the image.
        settings: All that candidates and matches depend on, besides the images.
    """

    def __init__(
        self, folder: Path, features: Sequence[object], settings: Sequence[object]
    ) -> None:
        self._settings = [str(setting) for setting in settings]
        self._features = folder / f"features-{sha256_lines(list(map(str, features)))[:16]}"
        self._searches = folder / "places"
        self._writable = True

    def features(self, digests: Iterable[str]) -> dict[str, Features]:
        """Return the stored features of images by the SHA-256 of their files."""
        wanted = set(digests)
        found: dict[str, Features] = {}
        for path in sorted(self._features.glob("*.npz")) if wanted else ():
            # zipfile and numpy raise many types of exceptions for a damaged file.
            with suppress(Exception), np.load(path) as pack:
                names = pack["digests"].tolist()
                if not wanted.isdisjoint(names):
                    entries = zip(names, _unpacked(pack), strict=True)
                    found.update(entry for entry in entries if entry[0] in wanted)
        return found

    def add_features(self, entries: Sequence[tuple[str, Features]]) -> None:
        """Store the features of images, in one file."""
        if not entries or not self._writable:
            return
        digests = [digest for digest, _ in entries]
        features = [entry for _, entry in entries]
        target = self._features / f"{sha256_lines(digests)[:32]}.npz"
        try:
            remove_leftovers(target)
            with atomic_path(target) as partial, partial.open("wb") as file:
                np.savez(
                    file,
                    digests=np.array(digests),
                    counts=np.array([len(entry.points) for entry in features]),
                    points=np.concatenate([entry.points for entry in features]),
                    descriptors=np.concatenate([entry.descriptors for entry in features]),
                    sizes=np.array([entry.size for entry in features]),
                    strong=np.array([entry.strong for entry in features]),
                    widths=np.array([entry.thumbnail.shape[1] for entry in features]),
                    thumbnails=np.concatenate([entry.thumbnail.T for entry in features]),
                )
        except RsitmdError:
            self._writable = False

    def search(self, digests: Sequence[str], settings: Sequence[object]) -> PlaceSearch:
        """Return the stored part of a search of these images, in this order."""
        key = sha256_lines([*self._settings, *map(str, settings), *digests])
        return PlaceSearch(self._searches / key[:32])


def _unpacked(pack: Mapping[str, npt.NDArray[Any]]) -> list[Features]:
    ends, edges = np.cumsum(pack["counts"])[:-1], np.cumsum(pack["widths"])[:-1]
    fields = zip(
        np.split(pack["points"], ends),
        np.split(pack["descriptors"], ends),
        pack["sizes"].tolist(),
        pack["strong"].tolist(),
        np.split(pack["thumbnails"], edges),
        strict=True,
    )
    return [
        Features(points, descriptors, (width, height), strong, np.ascontiguousarray(columns.T))
        for points, descriptors, (width, height), strong, columns in fields
    ]


class PlaceSearch:
    """Candidates of a search, and the blocks of them that are verified."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writable = True

    def candidates(self) -> Pairs | None:
        """Return the candidates, or None if they are not known."""
        document = self._read("candidates")
        try:
            return None if document is None else [(int(i), int(j)) for i, j in document]
        except (TypeError, ValueError, OverflowError):
            return None

    def keep_candidates(self, pairs: Pairs) -> None:
        """Store the candidates."""
        self._write("candidates", pairs)

    def matches(self, block: int) -> Matches | None:
        """Return the pairs of a block that show one place, or None if it is not verified."""
        document = self._read(f"block-{block}")
        try:
            return None if document is None else [_match(entry) for entry in document]
        except (TypeError, ValueError, OverflowError):
            return None

    def keep_matches(self, block: int, matches: Matches) -> None:
        """Store the pairs of a block that show one place."""
        entries = [
            [i, j, m.inliers, m.agreement, m.overlap, *m.matrix[0], *m.matrix[1]]
            for i, j, m in matches
        ]
        self._write(f"block-{block}", entries)

    def _read(self, name: str) -> list[list[Any]] | None:
        try:
            document = json.loads((self._folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, list) else None

    def _write(self, name: str, document: object) -> None:
        if self._writable:
            target = self._folder / f"{name}.json"
            try:
                remove_leftovers(target)
                write_text(target, json.dumps(document))
            except RsitmdError:
                self._writable = False


def _match(entry: list[Any]) -> tuple[int, int, PlaceMatch]:
    i, j, inliers, *others = entry
    agreement, overlap, a, b, c, d, e, f = map(float, others)
    agreeing = None if inliers is None else int(inliers)
    return int(i), int(j), PlaceMatch(agreeing, agreement, overlap, ((a, b, c), (d, e, f)))
