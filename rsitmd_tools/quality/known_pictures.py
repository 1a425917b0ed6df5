"""Measures of image files that were read before, on disk.

Everything is found by content: by the SHA-256 of an image file, with the versions of the tool and
of the decoder. So a release of thousands of images need not decode files that have not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, remove_leftovers
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.imaging.pairs import ImagePair
from rsitmd_tools.imaging.place_cache import user_cache
from rsitmd_tools.imaging.same_picture import MIN_SIMILARITY, MIN_SPECTRUM_CORRELATION
from rsitmd_tools.quality.pictures import Lines, Picture, picture_pairs
from rsitmd_tools.quality.records import PictureOf

_OTHERS = ("path", "problem", "hashed")
_MEASURES = tuple(field.name for field in fields(Picture) if field.name not in _OTHERS)


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A file that was decoded.

    Attributes:
        pixel_sha256: SHA-256 of its RGB pixels.
        picture: Its measures; the path is that of the file when it was decoded.
    """

    pixel_sha256: str
    picture: Picture


class KnownPictures:
    """The images of one folder that were decoded before, and their pairs.

    A file that is damaged, or of another version, counts as absent. If the folder of caches cannot
    be written to, nothing is kept.

    Args:
        images: The folder of the images.
        lines: Thresholds of the rules, which the measures depend on.
    """

    def __init__(self, images: Path, lines: Lines) -> None:
        name = sha256_lines([str(images.absolute())])[:32]
        self._file = user_cache() / "pictures" / f"{name}.npz"
        limits = (MIN_SIMILARITY, MIN_SPECTRUM_CORRELATION)
        self._settings = repr((__version__, PIL.__version__, limits, tuple(lines), _MEASURES))
        self.lines = lines
        self._pairs_key = ""
        self._pairs: list[ImagePair] = []
        self.by_digest: Mapping[str, KnownPicture] = {}
        # zipfile and numpy raise many types of exceptions for a damaged file.
        with suppress(Exception), np.load(self._file) as pack:
            if pack["settings"].item() == self._settings:
                known = _unpacked(pack)
                self._pairs = [ImagePair(*entry) for entry in pack["pairs"].tolist()]
                self._pairs_key = pack["pairs_key"].item()
                self.by_digest = known

    def keep(self, known: Mapping[str, KnownPicture]) -> None:
        """Replace the stored measures by those of the images that exist now, by SHA-256."""
        usable = {digest: e for digest, e in known.items() if e.picture.problem is None}
        if usable.keys() != self.by_digest.keys():
            self.by_digest = usable
            self._write()

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
        if key != self._pairs_key:
            self._pairs = picture_pairs(pictures, distance)
            self._pairs_key = key
            self._write()
        return self._pairs

    def _write(self) -> None:
        known = self.by_digest.values()
        if not known:
            return
        columns = {
            name: np.array([getattr(entry.picture, name) for entry in known])
            for name in _MEASURES
            if name != "thumbnail"
        }
        thumbnails = b"".join(entry.picture.thumbnail for entry in known)
        kind = [("first", int), ("second", int), ("kind", "U16"), ("similarity", float)]
        with suppress(RsitmdError):
            remove_leftovers(self._file)
            with atomic_path(self._file) as partial, partial.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    settings=np.array(self._settings),
                    digests=np.array(list(self.by_digest)),
                    pixels=np.array([entry.pixel_sha256 for entry in known]),
                    thumbnails=np.frombuffer(thumbnails, np.uint8).reshape(len(known), -1),
                    pairs_key=np.array(self._pairs_key),
                    pairs=np.array([astuple(pair) for pair in self._pairs], kind),
                    **columns,
                )


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


@dataclass(frozen=True, slots=True)
class Measured:
    """The pictures of a dataset whose files have been read, for the rules.

    Attributes:
        pictures: The pictures, in the order of the images.
        digests: SHA-256 of their files.
        known: Where the pairs of pictures are kept.
    """

    pictures: tuple[PictureOf, ...]
    digests: tuple[str, ...]
    known: KnownPictures

    def pairs(self, distance: int) -> list[ImagePair]:
        """Return the pairs of duplicates; see :meth:`KnownPictures.pairs`."""
        pictures = [entry.picture for entry in self.pictures]
        return self.known.pairs(self.digests, pictures, distance)
