"""OpenCV, which only the comparison of places needs."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.errors import MissingExtra
from rsitmd_tools.extras import EXTRAS


def load_opencv() -> Any:
    """Import OpenCV.

    Raises:
        RsitmdError: It is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise MissingExtra("OpenCV, which compares places,", EXTRAS["cv2"]) from None
    cv2.setNumThreads(1)  # images are processed in parallel
    return cv2
