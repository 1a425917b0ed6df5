"""The contents of a scene, chosen at random from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rsitmd_tools.demo.scenes.kinds import COLOURS, KINDS, Kind

SPOTS = ("upper left", "upper right", "lower left", "lower right")
SIZES = ("small", "large")
MOST = 4
# Maximum number of similar scenes, and the scale of their objects.
MOST_ALIKE = 4
SMALLER = 0.6


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one kind in a quarter of the scene."""

    count: int
    colour: str
    size: str
    spot: str


@dataclass(frozen=True, slots=True)
class Description:
    """All facts about a scene that a caption can state.

    Attributes:
        kind: The category and its words.
        ground: Name of the ground's colour.
        band: ``horizontal`` or ``vertical``, if the kind has a strip across it.
        groups: Two groups of objects in two quarters.
        seed: Seed of the positions of objects and of textures.
        scale: Scale of the objects.
    """

    kind: Kind
    ground: str
    band: str
    groups: tuple[Group, Group]
    seed: tuple[int, int]
    scale: float = 1.0


def describe(index: int, seed: int, alike: int = 1) -> Description:
    """Choose the contents of scene ``index``.

    Args:
        index: Number of the scene.
        seed: Seed of all scenes.
        alike: Number of consecutive scenes (1 to 4) that differ in one fact each. If it is
            greater than 1, the objects are small: the harder mode.
    """
    if not 1 <= alike <= MOST_ALIKE:
        raise ValueError(f"{alike} scenes alike: one to {MOST_ALIKE}")
    base, variant = divmod(index, alike)
    random = np.random.default_rng([seed, base])
    kind = KINDS[base % len(KINDS)]
    ground = str(random.choice(list(kind.grounds)))
    spots = random.permutation(SPOTS)[:2]
    # Objects in the colour of the ground would be invisible.
    colours = random.permutation([name for name in COLOURS if name != ground])[:2]
    counts = random.permutation(np.arange(1, MOST + 1))[:2]
    groups = tuple(
        Group(int(counts[i]), str(colours[i]), str(random.choice(SIZES)), str(spots[i]))
        for i in range(2)
    )
    band = str(random.choice(["horizontal", "vertical"]))
    first, second = _varied(groups[0], groups[1], variant, ground)
    scale = 1.0 if alike == 1 else SMALLER
    return Description(kind, ground, band, (first, second), (seed, index), scale)


def _varied(first: Group, second: Group, variant: int, ground: str) -> tuple[Group, Group]:
    """Change one fact: a count, a size or a colour."""
    if variant == 1:
        counts = {first.count, second.count}
        other = next(n for n in range(1, MOST + 1) if n not in counts)
        return replace(first, count=other), second
    if variant == 2:
        return first, replace(second, size=SIZES[1 - SIZES.index(second.size)])
    if variant == 3:
        used = {first.colour, second.colour, ground}
        return first, replace(second, colour=next(c for c in COLOURS if c not in used))
    return first, second
