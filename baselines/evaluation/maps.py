"""Saliency maps of MVSA drawn over images (figure 10)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from rsitmd_tools.atomic import atomic_folder
from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.evaluation.examples import spread
from rsitmd_tools.baselines.evaluation.overlay import Pixels, overlay
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

DRAWN = 24
ACROSS = 4
GAP = 6
SHEET = "sheet.png"


@torch.no_grad()
def draw_maps(model: RetrievalModel, part: Dataset, pixels: Pixels, folder: Path) -> Path:
    """Draw the maps of images spread evenly over a split: ``<name>.png`` and ``sheet.png``.

    Each picture shows the image, and beside it the map over the image, from its lowest
    value (blue) to its highest (red). Each image has a scale of its own, because the linear
    layer that turns the map into a mask can have weights of either sign.

    Args:
        model: An AMFMN with MVSA.
        part: The images.
        pixels: ``(N, S, S, 3)``, as the model sees them.
        folder: The folder; it is replaced if it exists, see :func:`check_maps_folder`.

    Returns:
        The sheet with all pictures.

    Raises:
        RsitmdError: The folder cannot be written.
    """
    chosen = spread(len(part), DRAWN)
    shown = np.ascontiguousarray(pixels[chosen])
    maps = saliency_maps(model, shown)
    assert maps is not None  # see check_maps
    drawn = [draw_map(image, salient) for image, salient in zip(shown, maps, strict=True)]
    with atomic_folder(folder, replace=True) as partial:
        for index, picture in zip(chosen, drawn, strict=True):
            name = quote(part.images[index].filename, safe="")
            Image.fromarray(picture).save(partial / f"{name}.png")
        Image.fromarray(_sheet(drawn)).save(partial / SHEET)
    return folder / SHEET


def check_maps_folder(folder: Path) -> None:
    """Check that a folder does not exist, or has nothing but earlier maps.

    Raises:
        RsitmdError: It has other files, which would be lost.
    """
    others = [path for path in folder.iterdir() if path.suffix != ".png"] if folder.is_dir() else []
    if others or (folder.is_dir() and any(folder.iterdir()) and not (folder / SHEET).is_file()):
        raise RsitmdError(
            "has files that are not saliency maps and would be lost",
            where=folder,
            hint="move them, or write the result to another folder with -o DIR",
        )


def check_maps(model: RetrievalModel, run: Path) -> None:
    """Check that a model has saliency maps.

    Raises:
        RsitmdError: It has none.
    """
    if not isinstance(model, AMFMN) or model.mvsa is None:
        raise RsitmdError(
            "has no saliency maps",
            where=run,
            hint="leave out --maps, or use a run of AMFMN with multiscale: true",
        )


@torch.no_grad()
def saliency_maps(model: RetrievalModel, pixels: Pixels) -> npt.NDArray[np.float32] | None:
    """Return the maps ``(B, g, g)`` of images ``(B, S, S, 3)``; None if the model has none."""
    if not isinstance(model, AMFMN):
        return None
    device = next(model.parameters()).device
    maps = model.saliency(unit_images(pixels, device))
    return None if maps is None else maps[:, 0].float().cpu().numpy()


def draw_map(image: Pixels, salient: npt.NDArray[np.float32]) -> Pixels:
    """Return an image beside the image with its map drawn over it: ``(S, 2 S + gap, 3)``.

    Args:
        image: ``(S, S, 3)``.
        salient: ``(g, g)``, of any scale.
    """
    gap = np.full((len(image), GAP, 3), 255, np.uint8)
    return np.concatenate([image, gap, overlay(image, salient)], axis=1)


def _sheet(drawn: list[Pixels]) -> Pixels:
    height, width, _ = drawn[0].shape
    across = min(ACROSS, len(drawn))
    down = -(-len(drawn) // across)
    shape = (down * (height + GAP) - GAP, across * (width + 3 * GAP) - 3 * GAP, 3)
    sheet = np.full(shape, 255, np.uint8)
    for place, picture in enumerate(drawn):
        top, left = (place // across) * (height + GAP), (place % across) * (width + 3 * GAP)
        sheet[top : top + height, left : left + width] = picture
    return sheet
