"""L104: tiles of one scene, or neighbouring footprints, in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.footprints import neighbours
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L104", "scene-across-splits", "warning")
def scene_across_splits(subject: Subject) -> Iterator[Violation]:
    """Tiles that were cut from one scene, or lie side by side, stand in two splits.

    Neighbouring tiles share roofs, light, season and sensor; overlapping ones share pixels.
    Read from the fields `scene` (any name), and `bounds` ([left, bottom, right, top]) with
    `crs`, of the image's record; images without them are not looked at. Bounds that overlap
    or lie nearer than half a tile are neighbours.

    Bad:
        {"filename": "port_1.tif", "scene": "S2_31UFT", "split": "train"}
        {"filename": "port_2.tif", "scene": "S2_31UFT", "split": "test"}
    Good:
        all tiles of a scene in one split
    Fix:
        Split by scenes.
    """
    first: dict[str, tuple[str, str]] = {}
    for image in subject.dataset:
        scene = image.extra.get("scene")
        if isinstance(scene, str) and image.split is not None:
            name, split = first.setdefault(scene, (image.filename, image.split))
            if split != image.split:
                yield Violation(f"is of the scene of {name} in {split}", image)
    for earlier, later in neighbours(subject.dataset.images):
        if earlier.split != later.split and None not in (earlier.split, later.split):
            yield Violation(f"lies beside {earlier.filename} in {earlier.split}", later)
