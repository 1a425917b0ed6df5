"""Measures of image files that were read before, on disk.

Everything is found by content: by the SHA-256 of an image file, with the versions of the tool and
of the decoder. So a release of thousands of images need not decode files that an import or an
earlier release has measured.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from rsitmd_tools import __version__
from rsitmd_tools.atomic import PARTIAL, atomic_path, write_text
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.imaging.measures import Lines, Picture, picture_pairs
from rsitmd_tools.imaging.pairs import ImagePair
from rsitmd_tools.imaging.place_cache import user_cache
from rsitmd_tools.imaging.same_picture import MIN_SIMILARITY, MIN_SPECTRUM_CORRELATION

_OTHERS = ("path", "problem", "hashed")
_MEASURES = tuple(field.name for field in fields(Picture) if field.name not in _OTHERS)


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A file whose pixels and measures are known.

    Attributes:
        pixel_sha256: SHA-256 of its RGB pixels.
        picture: Its measures; the path is not stored.
    """

    pixel_sha256: str
    picture: Picture


class KnownPictures:
    """The images of one folder that were measured before, and their pairs.

    The measures are in packs, each a file with those of many images. A pack that is damaged, or of
    another version, counts as absent. If the folder of caches cannot be written to, nothing is
    kept.

    Args:
        images: The folder of the images.
        lines: Thresholds of the rules, which the measures depend on.
    """

    def __init__(self, images: Path, lines: Lines) -> None:
        self._images = images
        self._folder = user_cache() / "pictures" / sha256_lines([str(images.absolute())])[:32]
        limits = (MIN_SIMILARITY, MIN_SPECTRUM_CORRELATION)
        self._settings = repr((__version__, PIL.__version__, limits, tuple(lines), _MEASURES))
        self._packs: list[Path] = []
        self.lines = lines

    @cached_property
    def by_digest(self) -> Mapping[str, KnownPicture]:
        """The measures by the SHA-256 of the file, read from all packs on first use."""
        return self._read()

    def add(self, entries: Mapping[str, KnownPicture]) -> None:
        """Store more measures in a pack of their own, without reading the others.

        Objects that are made later find them.
        """
        self._write(_usable(entries))

    def keep(self, known: Mapping[str, KnownPicture]) -> None:
        """Store the measures of the images of a release, by SHA-256, in one pack.

        Other images that have been measured may be in the next release. Their measures are
        dropped only if there are more of all than files in the folder of the images.
        """
        usable = _usable(known)
        everything = {**self.by_digest, **usable}
        kept = everything if len(everything) <= self._files() else usable
        if kept.keys() != self.by_digest.keys():
            self.by_digest = kept
            pack = self._write(kept)
            if pack is not None:
                self._remove_others(pack)

    def pairs(
        self, digests: Sequence[str], pictures: Sequence[Picture], distance: int
    ) -> list[ImagePair]:
        """Return the pairs of images as :func:`picture_pairs`, from the cache if it has them.

        Args:
            digests: SHA-256 of the file of each picture.
            pictures: The pictures.
            distance: Maximum number of different hash bits of candidates.
        """
        key = sha256_lines([self._settings, str(distance), *digests])
        if key != self._pairs[0]:
            self._pairs = key, picture_pairs(pictures, distance)
            self._write_pairs()
        return self._pairs[1]

    @cached_property
    def _pairs(self) -> tuple[str, list[ImagePair]]:
        """The stored pairs, and what they depend on."""
        with suppress(OSError, TypeError, ValueError):
            key, pairs = json.loads(self._pairs_file.read_bytes())
            return key, [ImagePair(*entry) for entry in pairs]
        return "", []

    @property
    def _pairs_file(self) -> Path:
        return self._folder / "pairs.json"

    def _write_pairs(self) -> None:
        key, pairs = self._pairs
        with suppress(RsitmdError):
            write_text(self._pairs_file, json.dumps([key, [astuple(pair) for pair in pairs]]))

    def _remove_others(self, pack: Path) -> None:
        """Remove the packs that were read, and unfinished ones of killed processes.

        Another process may have added packs since: they stay.
        """
        with suppress(OSError):
            for path in (*self._packs, *self._folder.glob(f".*{PARTIAL}*")):
                if path != pack:
                    path.unlink(missing_ok=True)
        self._packs = [pack]

    def _files(self) -> int:
        with suppress(OSError), os.scandir(self._images) as entries:
            return sum(1 for _ in entries)
        return 0

    def _read(self) -> dict[str, KnownPicture]:
        known: dict[str, KnownPicture] = {}
        with suppress(OSError):
            self._packs = sorted(self._folder.glob("*.npz"))
        for path in self._packs:
            # zipfile and numpy raise many types of exceptions for a damaged file.
            with suppress(Exception), np.load(path) as pack:
                if pack["settings"].item() == self._settings:
                    known.update(_unpacked(pack))
        return known

    def _write(self, entries: Mapping[str, KnownPicture]) -> Path | None:
        """Write a pack; return None if there is nothing to write, or it cannot be written."""
        if not entries:
            return None
        known = entries.values()
        columns = {
            name: np.array([getattr(entry.picture, name) for entry in known])
            for name in _MEASURES
            if name != "thumbnail"
        }
        thumbnails = b"".join(entry.picture.thumbnail for entry in known)
        target = self._folder / f"{sha256_lines(entries)[:32]}.npz"
        with suppress(RsitmdError):
            with atomic_path(target) as partial, partial.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    settings=np.array(self._settings),
                    digests=np.array(list(entries)),
                    pixels=np.array([entry.pixel_sha256 for entry in known]),
                    thumbnails=np.frombuffer(thumbnails, np.uint8).reshape(len(known), -1),
                    **columns,
                )
            return target
        return None


def _usable(entries: Mapping[str, KnownPicture]) -> dict[str, KnownPicture]:
    return {digest: e for digest, e in entries.items() if e.picture.problem is None}


def _unpacked(pack: Mapping[str, npt.NDArray[Any]]) -> dict[str, KnownPicture]:
    columns = {name: pack[name].tolist() for name in _MEASURES if name != "thumbnail"}
    thumbnails = map(bytes, pack["thumbnails"])
    rows = zip(
        pack["digests"].tolist(),
        pack["pixels"].tolist(),
        thumbnails,
        *columns.values(),
        strict=True,
    )
    return {
        digest: KnownPicture(
            pixels,
            Picture(Path(), thumbnail=thumbnail, **dict(zip(columns, values, strict=True))),
        )
        for digest, pixels, thumbnail, *values in rows
    }
