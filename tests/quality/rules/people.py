"""Images that five people captioned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from tests.quality.conftest import dataset, record

if TYPE_CHECKING:
    pass


PEOPLE = ("anna", "berta", "clara", "dora", "emil")


NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def image(number: int, *texts: str, people: tuple[str, ...] = PEOPLE) -> ImageRecord:
    pairs = zip(texts, people, strict=False)
    return record(f"port_{number}.tif", [Sentence(raw, annotator=who) for raw, who in pairs])


def varied(number: int) -> list[str]:
    """Five sentences that nobody could object to."""
    first, second = NUMBERS[number % 10], NUMBERS[number // 10]
    return [
        f"{first} boats and {second} cars stand beside the long pier {number}.",
        f"Near {second} houses the harbour number {number} holds {first} ships.",
        f"{number} vessels are seen from above along {second} green lawns.",
        f"{first} yachts on grey water fill the basin called {number}.",
        f"Beyond {second} roads lie watercraft, {first} of them red, at {number}.",
    ]


def campaign(**other: object) -> Dataset:
    """25 images by five people; ``other`` gives what one person wrote on each instead."""
    images = []
    for number in range(25):
        texts = varied(number)
        for person, say in other.items():
            texts[PEOPLE.index(person)] = say(number)  # type: ignore[operator]
        images.append(image(number, *texts))
    return dataset(*images)
