"""Pictures for tests of duplicates: drawn from a seed, changed, and cut from one scene."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.source import ImageFile


def photo(seed: int, side: int = 256) -> Image.Image:
    """Return an image with large shapes and fine texture."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 200, (10, 10, 3), dtype=np.uint8))
    fine = Image.fromarray(rng.integers(0, 200, (96, 96, 3), dtype=np.uint8))
    size = (side, side)
    bicubic = Image.Resampling.BICUBIC
    return Image.blend(coarse.resize(size, bicubic), fine.resize(size, bicubic), 0.4)


def decode(data: bytes, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """Return an image as a dataset has it, and the width and height of the file."""
    decoded = decode_file(ImageFile(data), size)
    return decoded.image, (decoded.width, decoded.height)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=quality)
    return Image.open(stored).convert("RGB")


def cropped(image: Image.Image, share: float) -> Image.Image:
    cut = int(image.width * share)
    box = (cut // 3, cut, image.width - cut + cut // 3, image.height)
    return image.crop(box).resize(image.size, Image.Resampling.BICUBIC)


def plain(colour: int, noise: float = 0.0, slope: float = 0.0) -> Image.Image:
    rows = np.linspace(0, slope, 256)[:, None]
    values = colour + rows + np.random.default_rng(colour).normal(0, noise, (256, 256))
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8)).convert("RGB")


SIDE = 256


def ground(seed: int, side: int = 640) -> Image.Image:
    """Return a large scene of houses on textured ground."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(60, 160, (side // 8, side // 8), dtype=np.uint8))
    scene = np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC)).copy()
    for _ in range(260):
        x, y = rng.integers(0, side - 30, 2)
        w, h = rng.integers(8, 28, 2)
        scene[y : y + h, x : x + w] = rng.integers(0, 256)
    return Image.fromarray(scene)


def lawn(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return ground with a fine texture of three grey levels: too little for keypoints."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4), dtype=np.uint8)
    wide = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    return (100 + np.asarray(wide, np.float32) / 256 * 12).round().astype(np.uint8)


def crops_with_a_lawn() -> tuple[Image.Image, Image.Image]:
    """Return two crops of one scene whose common strip, 46 of 256 pixels, has no keypoints."""
    scene = np.asarray(ground(1)).copy()
    scene[:, 180:280] = lawn(640, 100)
    return Image.fromarray(scene[:SIDE, :SIDE]), Image.fromarray(scene[:SIDE, 210 : 210 + SIDE])


def cut(scene: Image.Image, x: int, y: int, side: int = SIDE, angle: float = 0.0) -> Image.Image:
    """Return a square of the scene, rotated about its centre and resized to SIDE."""
    centre = (x + side / 2, y + side / 2)
    turned = scene.rotate(angle, Image.Resampling.BICUBIC, center=centre)
    return turned.crop((x, y, x + side, y + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def save_pictures(folder: Path, images: dict[str, Image.Image]) -> Path:
    for name, image in images.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return folder


def save_noise(file: Path, seed: int, side: int = 40) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(values).save(file)
    return file
