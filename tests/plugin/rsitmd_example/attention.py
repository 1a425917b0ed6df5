"""The attention ``averaged``: the text is moved halfway to the image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rsitmd_tools.baselines.amfmn.attention import Attention


class AveragedAttention(Attention):
    """F_t = (v + t) / 2."""

    def of_images(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the images."""
        return (images,)

    def of_texts(self, texts: Tensor) -> tuple[Tensor, ...]:
        """Return the texts."""
        return (texts,)

    def combine(self, image: Sequence[Tensor], text: Sequence[Tensor]) -> Tensor:
        """Return the mean of image and text for all pairs."""
        return (image[0] + text[0]) / 2
