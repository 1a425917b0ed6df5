"""A dataset for programs: records, images, tables, torch and the prior."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, SupportsIndex, overload

from rsitmd_tools import extras
from rsitmd_tools.dataset import records
from rsitmd_tools.dataset.folds import with_fold
from rsitmd_tools.dataset.records import ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line, count_of, reason

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL.Image import Image

    from rsitmd_tools.api.torch_dataset import ImageTexts
    from rsitmd_tools.similarity import Prior

Per = Literal["sentence", "image"]


@dataclass(frozen=True, slots=True, repr=False)
class Dataset(records.Dataset):
    """Images with sentences, as :func:`load` returns them.

    It is a :class:`rsitmd_tools.dataset.records.Dataset` with more methods, and every function of
    the package that takes a dataset takes it. Iteration yields the records; no image is opened
    before :meth:`open`.
    """

    # Index of the first image of each file name and location; filled on first use.
    _places: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __repr__(self) -> str:
        parts = [f"{split} {len(self.select(split))}" for split in self.splits]
        sizes = [count_of(len(self), "image"), count_of(len(self.captions()), "sentence"), *parts]
        return f"<Dataset {self.name!r}: {', '.join(sizes)}>"

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> ImageRecord: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[ImageRecord, ...]: ...

    def __getitem__(
        self, key: SupportsIndex | str | slice
    ) -> ImageRecord | tuple[ImageRecord, ...]:
        """Return an image by its index or by its file name; the images of a slice as a tuple.

        Raises:
            IndexError: There is no such index.
            KeyError: There is no image of this name.
        """
        if not isinstance(key, str):
            return self.images[key]
        return self.images[self._by_name()[key]]

    def __contains__(self, value: object) -> bool:
        """Return whether there is this record, or an image of this file name."""
        if isinstance(value, str):
            return value in self._by_name()
        return any(_is(image, value) for image in self.images)

    def index(self, value: object, start: int = 0, stop: int = sys.maxsize) -> int:
        """Return the index of the first image that is this record or has this file name.

        Args:
            value: A record or a file name.
            start: The search begins at this index.
            stop: The search ends before this index.

        Raises:
            ValueError: No image is this record or has this file name.
        """
        for index in range(*slice(start, stop).indices(len(self.images))):
            if _is(self.images[index], value):
                return index
        raise ValueError(f"{value!r} is not in the dataset")

    def count(self, value: object) -> int:
        """Return how many images are this record or have this file name."""
        return sum(_is(image, value) for image in self.images)

    def _by_name(self) -> dict[str, int]:
        if not self._places:
            found: dict[str, int] = {}
            for index, image in enumerate(self.images):
                found.setdefault(image.filename, index)
                found.setdefault(image.location, index)
            self._places.update(found)  # at once: another thread can look up a name
        return self._places

    def split(self, name: str) -> Self:
        """Return the images of one split.

        Raises:
            RsitmdError: There is no such split; the message lists the existing ones.
        """
        return self.select(name)

    def fold(self, number: int) -> Self:
        """Return the dataset that is tested on one fold; all other images are in train.

        Args:
            number: A fold of the workspace, or of ``folds.csv`` in the folder of the dataset, from
                0. ``rsitmd build split --folds`` assigns folds, and a release lists them.

        Raises:
            RsitmdError: There is no such file, or images have no fold.
            WrongUsage: There is no such fold, or a part of a dataset has no image in it.
        """
        from rsitmd_tools.workspace.folds import folds_of

        return with_fold(self, folds_of(self.source), number)

    def open(self, image: ImageRecord | SupportsIndex | str) -> Image:
        """Open the file of an image. Pillow decodes it when its pixels are first used.

        The pixels are those that Pillow reads. :meth:`to_torch` gives every image as RGB of 8
        bits.

        Args:
            image: A record, an index or a file name.

        Raises:
            RsitmdError: There is no such file, or it is not an image.
        """
        from PIL import Image, UnidentifiedImageError

        from rsitmd_tools.imaging.decode import FORMATS

        record = image if isinstance(image, ImageRecord) else self[image]
        try:
            return Image.open(io.BytesIO(self.image_bytes(record)), formats=FORMATS)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise RsitmdError(
                f"is not a readable image ({reason(error)})",
                where=f"{self.source}: {record.location}",
                hint="replace the image",
            ) from error

    def to_pandas(self, per: Per = "sentence") -> DataFrame:
        """Return the dataset as a table.

        Args:
            per: ``sentence``: a row for each sentence, with the columns ``filename``, ``split``,
                ``category``, ``image_index``, ``sentence_index``, ``sentence`` and ``annotator``.
                ``image``: a row for each image, with the columns ``filename``, ``split``,
                ``category``, ``sentences`` and ``keywords`` (tuples).
        """
        import pandas

        _check(per)
        if per == "image":
            of_images = [(i.filename, i.split, i.category, i.captions, i.keywords) for i in self]
            columns = ["filename", "split", "category", "sentences", "keywords"]
            return pandas.DataFrame(of_images, columns=columns)
        rows = [
            (image.filename, image.split, image.category, number, index, text.raw, text.annotator)
            for number, image in enumerate(self)
            for index, text in enumerate(image.sentences)
        ]
        columns = ["filename", "split", "category", "image_index", "sentence_index", "sentence"]
        return pandas.DataFrame(rows, columns=[*columns, "annotator"])

    def to_torch(
        self,
        transform: Callable[[Image], Any] | None = None,
        text_transform: Callable[[str], Any] | None = None,
        per: Per = "sentence",
    ) -> ImageTexts:
        """Return a :class:`torch.utils.data.Dataset` of images and texts.

        Args:
            transform: Applied to each RGB image, such as one of ``torchvision.transforms.v2``;
                None leaves Pillow images.
            text_transform: Applied to each sentence, such as a tokenizer; None leaves strings.
            per: ``sentence``: an item for each pair of image and sentence. ``image``: an item for
                each image, with a list of its sentences.

        Raises:
            RsitmdError: torch is not installed (extra ``train``), or there are no images.
        """
        extras.require("torch")
        from rsitmd_tools.api.torch_dataset import ImageTexts

        _check(per)
        if not self.has_images:
            raise RsitmdError(
                "has no images", where=self.source, hint="pass load(..., images=FOLDER)"
            )
        return ImageTexts(self, transform, text_transform, per == "sentence")

    def prior(self, path: str | os.PathLike[str] | None = None) -> Prior:
        """Open the prior of these images; ``.row(index)`` is a row of it.

        Args:
            path: The ``.npy`` or ``.npz`` file. By default that of the release: the file in
                ``prior/`` that is named after the split of these images.

        Raises:
            RsitmdError: There is no prior, it is malformed, or it was computed from other data.
        """
        from rsitmd_tools.similarity import load_prior

        return load_prior(self._prior_file() if path is None else Path(path), self)

    def _prior_file(self) -> Path:
        if len(self.splits) != 1:
            raise WrongUsage(
                f"a prior belongs to one split, these images have {len(self.splits)}",
                where=self.source,
                hint='use data.split("test").prior()',
            )
        base = self.source if self.source.is_dir() else self.source.parent
        [split] = self.splits
        files = [base / "prior" / f"{split}.{suffix}" for suffix in ("npy", "npz")]
        found = next((file for file in files if file.is_file()), None)
        if found is None:
            raise RsitmdError(
                "does not exist",
                where=files[0],
                hint="to compute it, run: "
                + command_line(
                    "build", "similarity", self.source, "--split", split, "-o", files[0]
                ),
            )
        return found


def load(
    path: str | os.PathLike[str],
    *,
    input_format: str | None = None,
    images: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read a dataset in any known format. No image is opened.

    Args:
        path: A folder or file: a release, a workspace, or a dataset in any known format.
        input_format: Name of the format; recognised by default.
        images: Folder of the images, if it is not beside the dataset.

    Raises:
        RsitmdError: The path does not exist, has no known format or is malformed.
    """
    from rsitmd_tools.formats import load_dataset

    found = load_dataset(Path(path), input_format, None if images is None else Path(images))
    names = [each.name for each in fields(found) if each.init]
    values: Mapping[str, Any] = {name: getattr(found, name) for name in names}
    return Dataset(**values)


def _is(image: ImageRecord, value: object) -> bool:
    """Return whether an image is the record, or has the file name."""
    if isinstance(value, str):
        return value in (image.filename, image.location)
    return isinstance(value, ImageRecord) and image == value


def _check(per: str) -> None:
    if per not in ("sentence", "image"):
        raise WrongUsage(f"per={per!r} is unknown", hint="use 'sentence' or 'image'")
