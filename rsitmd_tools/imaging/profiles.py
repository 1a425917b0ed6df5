"""Embedded colour profiles: colours are converted to sRGB, as a viewer shows them."""

from __future__ import annotations

import io

from PIL import Image

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an image with a profile to RGB.

    Nothing is converted without a profile, with one of sRGB, of another mode than the image or
    that is damaged.

    Args:
        image: An image of mode RGB, L, CMYK or LAB.
        profile: The embedded ICC profile.

    Returns:
        An RGB image, or the image itself.
    """
    if image.mode != "LAB" and (not profile or image.mode not in SPACES):
        return image
    from PIL import ImageCms

    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
            if source.profile.xcolor_space.strip() != SPACES[image.mode]:
                return image
            if "srgb" in ImageCms.getProfileDescription(source).lower():
                return image
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted
