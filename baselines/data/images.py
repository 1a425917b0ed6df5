"""Images decoded once into a memory-mapped array, and their seeded augmentation."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from rsitmd_tools.baselines.data.mapped import MappedArray, make_once, new_array
from rsitmd_tools.baselines.data.views import turned
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.progress import track

# Resize to 278 and crop to 256 pixels, as in the paper; other sizes in proportion.
RESIZED_TO_CROP = 278 / 256
# Exceptions of Pillow for files that are not images, are damaged, or are too large.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def decode_images(dataset: Dataset, size: int, file: Path) -> npt.NDArray[np.uint8]:
    """Decode all images of a dataset to a memory-mapped ``(N, size, size, 3)`` uint8 array.

    Raises:
        RsitmdError: An image is missing or cannot be decoded; the message contains its path.
    """
    with new_array(file, (len(dataset), size, size, 3), np.uint8) as pixels:
        for index, image in enumerate(track(dataset.images, "decode")):
            pixels[index] = decode_image(dataset.image_path(image), size)
    return MappedArray(file).array


def decode_image(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """Decode an image file to ``(size, size, 3)`` uint8.

    Raises:
        RsitmdError: It is missing or cannot be decoded; the message contains its path.
    """
    try:
        with Image.open(path) as opened:
            resized = opened.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    except UNREADABLE as error:
        raise RsitmdError(
            f"cannot be decoded ({reason(error)})", where=path, hint="replace the image"
        ) from error
    return np.asarray(resized)


def cached_images(dataset: Dataset, size: int, folder: Path) -> MappedArray:
    """Decode all images of a dataset once; the file name is a key of the images and the size."""
    file = folder / f"images-{size}-{images_key(dataset)}.npy"
    make_once(folder / file.stem, [file], lambda: decode_images(dataset, size, file))
    return MappedArray(file)


def images_key(dataset: Dataset) -> str:
    """Return a key of the contents of a dataset's image files, in order."""
    key = hashlib.sha256()
    for image in dataset:
        key.update(sha256_file(dataset.image_path(image)).encode())
    return key.hexdigest()[:16]


def resized_size(crop: int) -> int:
    """Return the size to which images are resized before a training crop of size ``crop``."""
    return round(crop * RESIZED_TO_CROP)


class TrainingTransform:
    """Augmentation that depends only on a seed.

    With one view, as in the paper: rotation by 0 to 90 degrees and a random crop. With more
    views: a random crop in one of the views, without the black corners of a rotation.

    Args:
        crop: Side C of the crop in pixels.
        views: Number of views.
    """

    def __init__(self, crop: int, views: int = 1) -> None:
        # Only training augments images: search and evaluation must not wait for this import.
        from torchvision.transforms import v2

        rotation = v2.RandomRotation((0, 90), interpolation=v2.InterpolationMode.BILINEAR)
        steps = [v2.RandomCrop(crop), v2.ToDtype(torch.float32, scale=True)]
        self._transform = v2.Compose(steps if views > 1 else [rotation, *steps])

    def __call__(self, pixels: npt.NDArray[np.uint8], seed: int, view: int = 0) -> Tensor:
        """Map ``(S, S, 3)`` uint8 to ``(3, C, C)`` float32 in [0, 1]."""
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            transformed: Tensor = self._transform(image)
        return turned(transformed, view)


def unit_images(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Map ``(B, S, S, 3)`` uint8 to ``(B, 3, S, S)`` float32 in [0, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
