"""L104: tiles of one scene, or neighbouring footprints, in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.footprints import neighbours, systems
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.split_numbers import overlapping
from rsitmd_tools.quality.subject import Subject


@rule("L104", "scene-across-splits", "warning")
def scene_across_splits(subject: Subject) -> Iterator[Violation]:
    """Tiles of one scene, or adjacent tiles, are in two splits.

    Neighbouring tiles share roofs, light, season and sensor; overlapping ones share pixels.
    The rule reads the fields `scene` (a name or a number) and `bounds` ([left, bottom, right,
    top]) with `crs` of a record; images without them are not checked. Tiles are adjacent if their
    bounds overlap or are less than half a tile apart. Bounds in two systems are not compared.
    Of a release, the rule reads scenes from `images.csv` and footprints from `footprints.parquet`,
    of a workspace those that it stores (footprints need the extra geo). It reports footprints
    that overlap.

    Bad:
        {"filename": "port_1.tif", "scene": "S2_31UFT", "split": "train"}
        {"filename": "port_2.tif", "scene": "S2_31UFT", "split": "test"}
    Good:
        all tiles of a scene in one split
    Fix:
        Put all tiles of a scene into one split.
    """
    first: dict[str, tuple[str, str]] = {}
    for image in subject.dataset:
        scene = image.extra.get("scene")
        if scene in (None, ""):
            scene = subject.provenance.scenes.get(image.filename)
        named = isinstance(scene, str | int) and not isinstance(scene, bool)
        if named and image.split is not None:
            name, split = first.setdefault(str(scene), (image.filename, image.split))
            if split != image.split:
                yield Violation(f"from the same scene as {name} in {split}", image)
    for earlier, later in neighbours(subject.dataset.images):
        if earlier.split != later.split and None not in (earlier.split, later.split):
            yield Violation(f"adjacent to {earlier.filename} in {earlier.split}", later)
    places, number = subject.provenance, systems(subject.dataset.images)
    reasons = [places.unchecked] if places.unchecked is not None else []
    if number > 1 and len(subject.dataset.splits) > 1:
        reasons.append(f"bounds in {number} coordinate systems are not compared with one another")
    if reasons:
        subject.unchecked["L104"] = "; ".join(reasons)
    for earlier, later in overlapping(subject.dataset.images, places.footprints):
        if earlier.split != later.split and None not in (earlier.split, later.split):
            yield Violation(f"ground of {earlier.filename} in {earlier.split}", later)
