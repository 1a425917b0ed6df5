"""``benchmark suspects --html``: suspicious sentences between their image and a better one."""

from __future__ import annotations

from dataclasses import dataclass

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.dataset.suspects import Suspect, Suspects
from rsitmd_tools.report.pairs import NEAREST, DrawnPair, PairOfImages, drawn_pairs, pair_image
from rsitmd_tools.templates import page_templates

MOST = 200  # sentences on a page: about six megabytes


@dataclass(frozen=True, slots=True)
class DrawnSuspect:
    """A sentence with both pictures.

    Attributes:
        suspect: The sentence.
        drawn: Its image and the one that fits better.
        others: The other sentences of its image.
        better: The sentences of the image that fits better.
    """

    suspect: Suspect
    drawn: DrawnPair
    others: tuple[str, ...]
    better: tuple[str, ...]


def render_suspects(found: Suspects, dataset: Dataset) -> str:
    """Return the page, which loads no external resources and runs no script.

    Args:
        found: The sentences; those that are findings are shown, at most :data:`MOST`.
        dataset: Their dataset.
    """
    records = {image.filename: image for image in dataset}
    shown = list(found)[:MOST]
    pairs = drawn_pairs([_pair(suspect, records, dataset) for suspect in shown])
    return (
        page_templates("rsitmd_tools.report")
        .get_template("suspects.html")
        .render(
            version=__version__,
            name=dataset.name,
            sentences=len(found.suspects),
            flagged=found.flagged,
            more=found.flagged - len(shown),
            suspects=[
                DrawnSuspect(
                    suspect,
                    drawn,
                    _without(records[suspect.image], suspect.sentence_index),
                    records[suspect.better_image].captions,
                )
                for suspect, drawn in zip(shown, pairs, strict=True)
            ],
        )
    )


def _pair(suspect: Suspect, records: dict[str, ImageRecord], dataset: Dataset) -> PairOfImages:
    return PairOfImages(
        pair_image(dataset, records[suspect.image]),
        pair_image(dataset, records[suspect.better_image]),
        kind=NEAREST,
    )


def _without(image: ImageRecord, index: int) -> tuple[str, ...]:
    return tuple(raw for place, raw in enumerate(image.captions) if place != index)
