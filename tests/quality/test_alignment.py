"""Shifted captions are found; regular orders and templates are not taken for a shift."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.quality.alignment import WINDOW, Shift, category_shift, line_shift
from tests.quality.conftest import Found, dataset, record

THINGS = ("boats", "planes", "houses", "tanks", "trees", "fields", "bridges", "courts")
COLOURS = ("red", "white", "grey", "green", "blue", "brown", "black", "yellow")
PLACES = ("pier", "road", "river", "lawn", "station", "square", "beach", "hill")
CATEGORIES = ("port", "farm", "lake", "park")


def captions(count: int, seed: int = 0) -> list[list[str]]:
    """Five annotators in the same order on each image; the third always uses one template."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        thing, colour, place = (chance.choice(words) for words in (THINGS, COLOURS, PLACES))
        found.append(
            [
                f"Some {colour} {thing} lie beside a {place}.",
                f"The {place} has {colour} {thing} on its left side.",
                f"This is a picture that shows {thing} and that was taken from above.",
                f"Seen from above, there are {thing} near the {place}.",
                f"Around the {place}, many {thing} of {colour} colour can be counted.",
            ]
        )
    return found


def data_of(blocks: Sequence[Sequence[str]]) -> Dataset:
    return dataset(
        *(
            record(f"{CATEGORIES[n % 4]}_{n}.tif", block, split="train")
            for n, block in enumerate(blocks)
        )
    )


def shifted(blocks: Sequence[Sequence[str]], lines: int, start: int = 0) -> list[list[str]]:
    """Remove lines before image ``start`` and append as many at the end."""
    rows = [raw for block in blocks for raw in block]
    moved = [*rows[: 5 * start], *rows[5 * start + lines :], *rows[:lines]]
    return [moved[5 * n : 5 * n + 5] for n in range(len(blocks))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("turn", range(5))
def test_a_regular_order_of_annotators_is_not_a_shift(found: Found, seed: int, turn: int) -> None:
    """All images in the same order, or each image ``turn`` positions further than the last."""
    blocks = captions(200, seed)
    turned = [[*block[turn * n % 5 :], *block[: turn * n % 5]] for n, block in enumerate(blocks)]
    assert found("D110", data_of(turned)) == []


@pytest.mark.parametrize("template", range(5))
def test_one_template_is_not_a_shift_at_any_position(found: Found, template: int) -> None:
    blocks = [[*b[:2], *b[3:]] for b in captions(200)]
    for number, block in enumerate(blocks):
        block.insert(template, f"This is a picture of the place of number {number}.")
    assert found("D110", data_of(blocks)) == []


def test_equal_captions_are_not_a_shift(found: Found) -> None:
    block = captions(1)[0]
    assert found("D110", data_of([block] * 120)) == []
    assert found("D110", data_of([[block[n % 7 % 5]] * 5 for n in range(120)])) == []


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
def test_a_shifted_precomp_is_found_and_its_json_too(
    tmp_path: Path, found: Found, lines: int
) -> None:
    save_dataset(data_of(shifted(captions(200), lines)), tmp_path / "precomp", "precomp")
    precomp = load_dataset(tmp_path / "precomp")
    save_dataset(precomp, tmp_path / "json", "rsitmd")
    for data in (precomp, load_dataset(tmp_path / "json")):
        [finding] = found("D110", data)
        unit = "line" if lines == 4 else "lines"
        expected = f"captions appear shifted by {5 - lines} {unit} from this image on"
        assert finding.message == expected
        assert (finding.image, finding.severity) == ("port_0.tif", "error")


def test_the_first_shifted_stretch_is_reported() -> None:
    blocks = captions(4 * WINDOW)
    assert line_shift(shifted(blocks, 1, start=2 * WINDOW)) == Shift(2 * WINDOW, 4)
    # An added line repairs the shift for the last images.
    repaired = [*shifted(blocks, 1, start=WINDOW)[: 3 * WINDOW], *blocks[3 * WINDOW :]]
    assert line_shift(repaired) == Shift(WINDOW, 4)


def test_too_few_images_give_no_finding() -> None:
    assert line_shift(shifted(captions(WINDOW), 1)) == Shift(0, 4)
    assert line_shift(shifted(captions(WINDOW - 1), 1)) is None
    assert line_shift([]) is None
    assert line_shift([["One sentence for each image."]] * 60) is None


def test_alternating_categories_are_not_a_shift() -> None:
    """Captions of one category that name the next one."""

    def images(name: Callable[[int], str]) -> Dataset:
        return dataset(
            *(
                record(f"{CATEGORIES[n % 4]}_{n}.tif", [f"Here is a {name(n)} {n}."] * 5)
                for n in range(80)
            )
        )

    true = images(lambda n: CATEGORIES[n % 4])
    moved = images(lambda n: CATEGORIES[(n + 1) % 4])
    # Only farms are called by a name: that of the port beside them.
    other = images(lambda n: "port" if n % 4 == 1 else "place")
    assert category_shift(true.images, {}) is None
    assert category_shift(other.images, {}) is None
    found = category_shift(moved.images, {})
    assert found is not None
    assert found.by == -1
