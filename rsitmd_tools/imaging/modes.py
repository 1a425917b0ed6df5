"""Images of any mode of Pillow: upright, without a palette, on black."""

from __future__ import annotations

from contextlib import suppress

from PIL import Image

from rsitmd_tools.imaging.profiles import to_srgb
from rsitmd_tools.imaging.tiff import ORIENTATION

WITH_ALPHA = {"RGBA", "LA"}
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """Return an image as its orientation tag (EXIF) says; a damaged tag is ignored."""
    image.load()  # Pillow turns a TIFF itself, and then has no tag
    turned = None
    with suppress(Exception):  # damaged EXIF raises exceptions of many types
        turned = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    return image if turned is None else image.transpose(turned)


def without_palette(image: Image.Image) -> Image.Image:
    """Return an image that can be resized: numbers of colours cannot be averaged."""
    if image.mode == "PA" or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "La":
        return image.convert("LA")
    if image.mode in {"P", "1"}:
        return image.convert("RGB")
    return to_srgb(image, None) if image.mode == "LAB" else image


def on_black(image: Image.Image) -> Image.Image:
    """Return an image with its transparent pixels on black; others have no hidden colours."""
    if image.mode not in WITH_ALPHA:
        return image
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
