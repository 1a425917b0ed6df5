"""The attention ``halved``: the text counts half, whatever the image shows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rsitmd_tools.baselines.amfmn.attention import Attention


class HalvedAttention(Attention):
    """F_t = t / 2."""

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the images; nothing of them is used."""
        return (images,)

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Return the texts."""
        return (texts,)

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Return half the text for every image."""
        return (0 * image[0] + text[0]) / 2
