"""What a scene shows, chosen at random from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsitmd_tools.demo.scenes.kinds import COLOURS, KINDS, Kind

SPOTS = ("upper left", "upper right", "lower left", "lower right")
SIZES = ("small", "large")
MOST = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Equal objects in one quarter of the scene."""

    count: int
    colour: str
    size: str
    spot: str


@dataclass(frozen=True, slots=True)
class Description:
    """All that a caption may say about a scene.

    Attributes:
        kind: The category and its words.
        ground: Name of the ground's colour.
        band: ``horizontal`` or ``vertical``, where the kind has a strip across it.
        groups: Two groups of objects in two quarters.
        seed: Places objects and textures within what is described.
    """

    kind: Kind
    ground: str
    band: str
    groups: tuple[Group, Group]
    seed: tuple[int, int]


def describe(index: int, seed: int) -> Description:
    """Choose what scene ``index`` shows."""
    random = np.random.default_rng([seed, index])
    kind = KINDS[index % len(KINDS)]
    ground = str(random.choice(list(kind.grounds)))
    spots = random.permutation(SPOTS)[:2]
    # Objects of the ground's own colour could not be seen.
    colours = random.permutation([name for name in COLOURS if name != ground])[:2]
    counts = random.permutation(np.arange(1, MOST + 1))[:2]
    groups = tuple(
        Group(int(counts[i]), str(colours[i]), str(random.choice(SIZES)), str(spots[i]))
        for i in range(2)
    )
    band = str(random.choice(["horizontal", "vertical"]))
    return Description(kind, ground, band, (groups[0], groups[1]), (seed, index))
