"""A dataset as a :class:`torch.utils.data.Dataset`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex

from torch.utils.data import Dataset as TorchDataset

from rsitmd_tools.formats.images import decoded_image

if TYPE_CHECKING:
    from PIL.Image import Image

    from rsitmd_tools.dataset import records


class Item(NamedTuple):
    """An image and a sentence, or all sentences of the image.

    Attributes:
        image: The RGB image, transformed. It is decoded as `build ingest` and `benchmark train`
            decode it: values of more than 8 bits are stretched to 8.
        text: The sentence, transformed; a list of all for items of images.
        image_index: Index of the image: the row of the prior.
        sentence_index: Index of the (first) sentence among all sentences: the column of the prior;
            -1 for an image without sentences.
    """

    image: Any
    text: Any
    image_index: int
    sentence_index: int


class ImageTexts(TorchDataset[Item]):
    """Images and their sentences.

    An image is read when its item is read, so that processes of a ``DataLoader`` share the work.

    Args:
        data: The dataset.
        transform: Applied to each RGB image.
        text_transform: Applied to each sentence.
        pairs: An item for each sentence; otherwise for each image.
    """

    def __init__(
        self,
        data: records.Dataset,
        transform: Callable[[Image], Any] | None = None,
        text_transform: Callable[[str], Any] | None = None,
        pairs: bool = True,
    ) -> None:
        self.data = data
        self.transform = transform
        self.text_transform = text_transform
        self.pairs = pairs
        self._captions = data.captions()
        self._owners = data.caption_owners()
        self._first = [-1] * len(data)
        for caption in reversed(range(len(self._owners))):
            self._first[self._owners[caption]] = caption

    def __len__(self) -> int:
        return len(self._owners) if self.pairs else len(self.data)

    def __getitem__(self, index: SupportsIndex) -> Item:
        """Return an item. Negative indices count from the end.

        Raises:
            IndexError: There is no such item.
            RsitmdError: The image cannot be read.
        """
        at = range(len(self))[operator.index(index)]
        if self.pairs:
            owner = self._owners[at]
            return Item(self._image(owner), self._text(self._captions[at]), owner, at)
        texts = [self._text(caption) for caption in self.data.images[at].captions]
        return Item(self._image(at), texts, at, self._first[at])

    def __iter__(self) -> Iterator[Item]:
        """Yield all items in order."""
        return (self[index] for index in range(len(self)))

    def _image(self, index: int) -> Any:
        image = decoded_image(self.data, self.data.images[index])
        return image if self.transform is None else self.transform(image)

    def _text(self, text: str) -> Any:
        return text if self.text_transform is None else self.text_transform(text)
