"""``build overlap --html`` and ``build groups --html``: self-contained pages of image pairs."""

from __future__ import annotations

from collections.abc import Sequence

from rsitmd_tools import __version__
from rsitmd_tools.imaging.pairs import KINDS
from rsitmd_tools.ingest.groups import Group, corrections
from rsitmd_tools.quality.overlap import Overlap, OverlapPair
from rsitmd_tools.quality.overlap_document import overlap_matrix, sorted_sides
from rsitmd_tools.report.pairs import (
    DrawnPair,
    PairImage,
    PairOfImages,
    drawn_pairs,
    pair_image,
    pair_order,
)
from rsitmd_tools.templates import page_templates
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images

MOST_PAIRS = 200  # pairs on a page: about six megabytes
MOST_ROWS = 100  # rows of a table
MOST_GROUPS = 1000
MOST_NAMES = 50  # file names that are listed of a group


def render_overlap(found: Overlap, *, same_place: bool) -> str:
    """Return the page of an overlap, which loads no external resources and runs no script.

    Pairs across splits or datasets come first. Of more than :data:`MOST_PAIRS` pairs, the first
    ones are drawn.

    Args:
        found: The overlap.
        same_place: Whether images of one place were searched.
    """
    pairs = sorted((_pair(found, pair) for pair in found.pairs), key=pair_order)
    matrix = [(*_sides(found, key), images) for key, images in overlap_matrix(found).items()]
    captions = [(*_sides(found, key), common) for key, common in sorted_sides(found.captions)]
    return (
        page_templates("rsitmd_tools.report")
        .get_template("overlap.html")
        .render(
            version=__version__,
            datasets=list(zip(found.datasets, found.compared, strict=True)),
            same_place=same_place,
            counts=[(kind, sum(p.kind == kind for p in pairs)) for kind in KINDS],
            crossing=sum(pair.crosses for pair in pairs),
            matrix=matrix[:MOST_ROWS],
            more_matrix=len(matrix[MOST_ROWS:]),
            captions=captions[:MOST_ROWS],
            more_captions=len(captions[MOST_ROWS:]),
            pairs=drawn_pairs(pairs[:MOST_PAIRS]),
            more_pairs=len(pairs[MOST_PAIRS:]),
        )
    )


def render_groups(workspace: Workspace, found: Sequence[Group]) -> str:
    """Return the page of groups, which loads no external resources and runs no script.

    Groups in several splits come first. :data:`MOST_PAIRS` pairs are drawn.

    Args:
        workspace: The workspace.
        found: Its groups.
    """
    splits = {image.filename: image.split for image in stored_images(workspace, removed=True)}
    ordered = sorted(found, key=lambda group: -len(group.splits))
    pairs: list[PairOfImages] = []
    owners: list[int] = []
    for number, group in enumerate(ordered[:MOST_GROUPS]):
        for pair in group.pairs:
            first, second = (
                PairImage(name, workspace.images / name, splits.get(name))
                for name in (pair.first, pair.second)
            )
            pairs.append(
                PairOfImages(
                    first,
                    second,
                    kind=pair.kind,
                    similarity=pair.similarity,
                    inliers=pair.inliers,
                    overlap=pair.overlap,
                    map=pair.map,
                )
            )
            owners.append(number)
    drawn: list[list[DrawnPair]] = [[] for _ in ordered[:MOST_GROUPS]]
    shown = pairs[:MOST_PAIRS]
    for number, card in zip(owners, drawn_pairs(shown), strict=False):
        drawn[number].append(card)
    return (
        page_templates("rsitmd_tools.report")
        .get_template("groups.html")
        .render(
            version=__version__,
            name=workspace.settings.dataset.name,
            images=sum(len(group.images) for group in ordered),
            groups=list(zip(ordered, drawn, strict=False)),
            total=len(ordered),
            more_groups=len(ordered[MOST_GROUPS:]),
            more_pairs=sum(len(group.pairs) for group in ordered) - len(shown),
            most_names=MOST_NAMES,
            corrections=corrections(workspace),
        )
    )


def _sides(
    found: Overlap, key: tuple[int, str | None, int, str | None]
) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
    a, split_a, b, split_b = key
    return (str(found.datasets[a].name), split_a), (str(found.datasets[b].name), split_b)


def _pair(found: Overlap, pair: OverlapPair) -> PairOfImages:
    names = ["" if len(found.datasets) == 1 else str(data.name) for data in found.datasets]
    return PairOfImages(
        pair_image(found.datasets[pair.a], pair.image_a, names[pair.a]),
        pair_image(found.datasets[pair.b], pair.image_b, names[pair.b]),
        kind=pair.kind,
        similarity=pair.similarity,
        inliers=pair.inliers,
        overlap=pair.overlap,
        map=pair.map,
    )
