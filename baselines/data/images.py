"""Images decoded once into a memory-mapped array."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from rsitmd_tools.baselines.data.digests import images_checksum
from rsitmd_tools.baselines.data.mapped import MappedArray, make_once, new_array
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.imaging.pixels import rgb_image
from rsitmd_tools.progress import progress

# Version of the pixels that decode_image returns. Stored pixels of other versions are not used.
# Since version 2, images of 16 or 32 bits are stretched; since version 3, images are upright and
# transparent pixels are black.
DECODING = 3
# Images that wait for a thread.
BLOCK = 512


def decode_images(
    dataset: Dataset, size: int, file: Path, threads: int | None = None
) -> npt.NDArray[np.uint8]:
    """Decode all images of a dataset to a memory-mapped ``(N, size, size, 3)`` uint8 array.

    Args:
        dataset: The images.
        size: Side of a decoded image in pixels.
        file: The file of the array.
        threads: Number of threads, one per core by default. Pillow decodes without the lock of
            the interpreter.

    Raises:
        RsitmdError: An image is missing or cannot be decoded; the message contains its path.
    """
    count = threads or os.cpu_count() or 1
    with (
        new_array(file, (len(dataset), size, size, 3), np.uint8) as pixels,
        ThreadPoolExecutor(count) as pool,
        progress("decode", len(dataset)) as step,
    ):

        def decode(index: int) -> None:
            pixels[index] = decode_image(dataset.image_path(dataset.images[index]), size)

        # In blocks: the first error ends the work, and few results wait.
        for first in range(0, len(dataset), BLOCK):
            for _ in pool.map(decode, range(first, min(first + BLOCK, len(dataset)))):
                step(1)
    return MappedArray(file).array


def decode_image(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """Decode an image file to ``(size, size, 3)`` uint8.

    Raises:
        RsitmdError: It is missing or cannot be decoded; the message contains its path.
    """
    return np.asarray(rgb_image(path).resize((size, size), Image.Resampling.BICUBIC))


def cached_images(
    dataset: Dataset, size: int, folder: Path, threads: int | None = None
) -> MappedArray:
    """Decode all images of a dataset once; the file name is a key of the images and the size."""
    file = folder / f"images-{size}-{DECODING}-{images_key(dataset)}.npy"
    make_once(folder / file.stem, [file], lambda: decode_images(dataset, size, file, threads))
    return MappedArray(file)


def images_key(dataset: Dataset) -> str:
    """Return a key of the contents of a dataset's image files, in order."""
    return images_checksum(dataset)[:16]


def unit_images(
    pixels: npt.NDArray[np.uint8] | Tensor, device: torch.device | str | None = None
) -> Tensor:
    """Map ``(B, S, S, 3)`` uint8 to ``(B, 3, S, S)`` float32 in [0, 1].

    Args:
        pixels: Decoded images.
        device: Where the result goes; whole bytes are sent there, a quarter of the floats.
    """
    images = pixels if isinstance(pixels, Tensor) else torch.from_numpy(np.array(pixels))
    return images.to(device).permute(0, 3, 1, 2).float() / 255
