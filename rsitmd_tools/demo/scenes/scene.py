"""Synthetic scenes: description, image and captions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from rsitmd_tools.demo.scenes.captions import keywords_of, sentences_of
from rsitmd_tools.demo.scenes.description import Description, describe
from rsitmd_tools.demo.scenes.draw import draw


@dataclass(frozen=True, slots=True)
class DrawnScene:
    """A scene with the annotations of five annotators."""

    category: str
    description: Description
    image: Image.Image
    sentences: tuple[tuple[str, str], ...]
    keywords: tuple[str, ...]


def draw_scenes(count: int, seed: int = 0, alike: int = 1) -> Iterator[DrawnScene]:
    """Draw scenes of all categories in turn; scene ``i`` does not depend on ``count``.

    Args:
        count: Number of scenes.
        seed: Seed of all scenes.
        alike: Number of consecutive scenes that differ in one fact (see :func:`describe`).
    """
    for index in range(count):
        description = describe(index, seed, alike)
        yield DrawnScene(
            category=description.kind.category,
            description=description,
            image=draw(description),
            sentences=sentences_of(description),
            keywords=keywords_of(description),
        )
