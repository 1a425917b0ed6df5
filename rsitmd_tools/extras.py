"""Optional packages: imported on demand, with an error that names their extra."""

from __future__ import annotations

import importlib.util

from rsitmd_tools.errors import MissingExtra

EXTRAS = {
    "label_studio": "studio",
    "label_studio_sdk": "studio",
    "markdown_it": "studio",
    "torch": "train",
    "torchvision": "train",
    "timm": "train",
    "lightning": "train",
    "open_clip": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "yaml": "train",
    "rasterio": "geo",
    "geopandas": "geo",
    "pystac": "geo",
    "pyarrow": "geo",
    "antimeridian": "geo",
    "cv2": "geo",
    "shapely": "geo",
    "sentence_transformers": "sentences",
    "fastapi": "serve",
    "uvicorn": "serve",
}


TRAINING = ("torch", "torchvision", "timm", "lightning")


def require_training(*more: str) -> None:
    """Check that the packages which run a baseline are installed, and ``more`` of others.

    Raises:
        MissingExtra: One of them is not installed. The message names its extra.
    """
    require(*TRAINING, *more)


def require(*modules: str) -> None:
    """Check that optional packages are installed, without importing them.

    Raises:
        MissingExtra: One of ``modules`` is not installed. The message names its extra.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(module, EXTRAS[module])
