"""``split_proof.html``: the split proof with the nearest pairs of images side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.imaging.pairs import EXACT, NEAR
from rsitmd_tools.release.pairs import VerifiedPair
from rsitmd_tools.report.pairs import NEAREST, DrawnPair, PairOfImages, drawn_pairs, pair_image
from rsitmd_tools.templates import page_templates

SPLIT_PAGE = "split_proof.html"
MOST_PAIRS = 30  # verified pairs that are drawn for two splits

Drawn = tuple[Sequence[DrawnPair], Sequence[DrawnPair]]


def split_page(
    proof: Mapping[str, Any], dataset: Dataset, pairs: Sequence[VerifiedPair], *, images: bool
) -> str:
    """Return the page of a split proof, which loads no external resources and runs no script.

    Args:
        proof: The contents of ``split_proof.json``.
        dataset: The released images.
        pairs: The verified pairs of the workspace.
        images: Whether the page shows images and their names. Otherwise it has numbers only.
    """
    entries = proof["splits"]
    known = {(pair.images, pair.kind): pair for pair in pairs}
    shown = [
        [known[tuple(pair["images"]), pair["kind"]] for pair in entry["verified_pairs"]]
        for entry in entries
    ]
    drawn = _drawn(dataset, entries, shown) if images else [((), ())] * len(entries)
    return (
        page_templates("rsitmd_tools.report")
        .get_template("split_proof.html")
        .render(
            version=__version__,
            name=dataset.name,
            data_sha256=proof["data_sha256"],
            searched=proof["same_place_searched"],
            placed=any(entry["ground_distance"] is not None for entry in entries),
            images=images,
            sizes=Counter(image.split for image in dataset),
            sections=[
                _section(entry, pairs, proof["bits"])
                for entry, pairs in zip(entries, drawn, strict=True)
            ],
        )
    )


def _section(entry: Mapping[str, Any], drawn: Drawn, bits: int) -> dict[str, Any]:
    """Return what the page shows of two splits."""
    nearest, verified = entry["nearest_images"], entry["verified_pairs"]
    metres = entry["ground_distance"]
    kinds = Counter(pair["kind"] for pair in verified)
    return {
        "splits": entry["splits"],
        "entry": entry,
        "smallest": f"{nearest[0]['distance']} of {bits} bits" if nearest else "none",
        "ground": "no footprints" if metres is None else f"{metres:.1f} m",
        "distances": sorted(Counter(pair["distance"] for pair in nearest).items()),
        "copies": kinds[EXACT] + kinds[NEAR],
        "places": kinds.total() - kinds[EXACT] - kinds[NEAR],
        "verified": drawn[0],
        "more": len(verified) - len(drawn[0]),
        "nearest": drawn[1],
    }


def _drawn(
    dataset: Dataset,
    entries: Sequence[Mapping[str, Any]],
    verified: Sequence[Sequence[VerifiedPair]],
) -> list[Drawn]:
    """Draw the pairs of every two splits: those that are verified, and the nearest ones."""
    records = {image.filename: image for image in dataset}
    parts = [
        (
            _verified(dataset, records, found[:MOST_PAIRS]),
            _nearest(dataset, records, entry["nearest_images"]),
        )
        for entry, found in zip(entries, verified, strict=True)
    ]
    cards = iter(drawn_pairs([pair for part in parts for pairs in part for pair in pairs]))
    return [
        (list(islice(cards, len(first))), list(islice(cards, len(second))))
        for first, second in parts
    ]


def _verified(
    dataset: Dataset, records: Mapping[str, ImageRecord], pairs: Iterable[VerifiedPair]
) -> list[PairOfImages]:
    return [
        PairOfImages(
            pair_image(dataset, records[pair.images[0]]),
            pair_image(dataset, records[pair.images[1]]),
            kind=pair.kind,
            similarity=pair.similarity,
            inliers=pair.inliers,
            overlap=pair.overlap,
            map=pair.map,
        )
        for pair in pairs
    ]


def _nearest(
    dataset: Dataset, records: Mapping[str, ImageRecord], pairs: Iterable[Mapping[str, Any]]
) -> list[PairOfImages]:
    return [
        PairOfImages(
            pair_image(dataset, records[pair["images"][0]]),
            pair_image(dataset, records[pair["images"][1]]),
            kind=NEAREST,
            distance=pair["distance"],
        )
        for pair in pairs
    ]
