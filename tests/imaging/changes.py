"""Changes of a picture that keep it the same picture, and fingerprints of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

from rsitmd_tools.imaging.pairs import (
    Fingerprint,
)
from rsitmd_tools.imaging.perceptual import (
    grey_thumbnail,
    perceptual_hashes,
)
from tests.pictures import cropped, jpeg


def fingerprints(folder: Path, images: Sequence[Image.Image]) -> list[Fingerprint]:
    found = []
    for number, image in enumerate(images):
        path = folder / f"{number}.png"
        image.save(path)
        grey = grey_thumbnail(image)
        found.append(Fingerprint(path, grey, perceptual_hashes([grey])[0]))
    return found


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG quality 60": lambda image: jpeg(image, 60),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "crop of 3 %": lambda image: cropped(image, 0.03),
    "flipped JPEG": lambda image: jpeg(image, 80).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}
