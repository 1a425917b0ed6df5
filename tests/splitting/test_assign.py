"""The assignment: stratified, seeded, groups whole, what is placed stays."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.splitting import Item, assign_splits
from tests.splitting.items import ITEMS, alone

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
SPLITS = st.sampled_from(sorted(SHARES))
WEIGHTS = (
    st.tuples(*[st.integers(0, 10)] * 3)
    .filter(any)
    .map(lambda w: {name: share / sum(w) for name, share in zip(SHARES, w, strict=True)})
)


def test_each_category_and_the_total_have_the_requested_shares() -> None:
    items = alone(port=100, farm=50, beach=37)
    count = Counter((i.category, assign_splits(items, SHARES, 0)[i.name]) for i in items)
    assert (count["port", "train"], count["port", "val"], count["port", "test"]) == (80, 10, 10)
    assert (count["farm", "train"], count["farm", "val"], count["farm", "test"]) == (40, 5, 5)
    assert count["beach", "train"] in (29, 30)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40), min_size=1),
    WEIGHTS,
    st.integers(0, 9),
)
def test_single_images_miss_a_share_by_rounding_only(
    counts: dict[str, int], shares: dict[str, float], seed: int
) -> None:
    items = alone(**counts)
    assigned = assign_splits(items, shares, seed)
    found = Counter((item.category, assigned[item.name]) for item in items)
    least = {(c, s): math.floor(shares[s] * n + 1e-9) for c, n in counts.items() for s in shares}
    # One more or less where a split that could be empty was given an image.
    sure = all(any(least[c, s] for c in counts) for s, share in shares.items() if share)
    for (category, split), lower in least.items():
        upper = math.ceil(shares[split] * counts[category] - 1e-9)
        assert lower - (not sure) <= found[category, split] <= upper + (not sure)


@given(ITEMS, WEIGHTS, st.integers(0, 9))
def test_groups_are_never_divided_and_zero_shares_stay_empty(
    items: list[Item], shares: dict[str, float], seed: int
) -> None:
    assigned = assign_splits(items, shares, seed)
    assert assigned.keys() == {item.name for item in items}
    homes = defaultdict(set)
    for item in items:
        homes[item.group].add(assigned[item.name])
    assert all(len(home) == 1 for home in homes.values())
    assert all(shares[split] > 0 for split in assigned.values())
    wanted = sum(share > 0 for share in shares.values())
    assert len(set(assigned.values())) == min(wanted, len(homes))


@given(ITEMS, st.integers(0, 9), st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(
    items: list[Item], seed: int, chance: random.Random
) -> None:
    shuffled = list(items)
    chance.shuffle(shuffled)
    assert assign_splits(items, SHARES, seed) == assign_splits(shuffled, SHARES, seed)


@given(ITEMS, st.data())
def test_assigned_images_keep_their_split(items: list[Item], data: st.DataObject) -> None:
    placed = {item.name: data.draw(SPLITS) for item in items if data.draw(st.booleans())}
    assigned = assign_splits(items, SHARES, 0, placed)
    assert placed.items() <= assigned.items()
    homes = defaultdict(set)
    for item in items:
        homes[item.group].add(placed.get(item.name))
    for item in items:
        before = homes[item.group] - {None}
        assert not before or assigned[item.name] in before, "a newcomer follows its group"


@pytest.mark.parametrize(("minor", "home"), [("test", "test"), ("val", "train")])
def test_a_newcomer_is_in_test_if_its_group_has_a_test_image(minor: str, home: str) -> None:
    items = [Item(f"a_{n}.tif", "a", "group") for n in range(4)]
    placed = {"a_0.tif": "train", "a_1.tif": "train", "a_2.tif": minor}
    assert assign_splits(items, SHARES, 0, placed)["a_3.tif"] == home


@pytest.mark.parametrize("seed", range(5))
def test_large_groups_are_placed_first_so_that_shares_are_met(seed: int) -> None:
    items = [Item(f"a_{n}.tif", "a", "large" if n < 16 else f"g{n}") for n in range(20)]
    count = Counter(assign_splits(items, SHARES, seed).values())
    assert count == {"train": 16, "val": 2, "test": 2}


def test_the_seed_decides() -> None:
    items = alone(port=60)
    assert assign_splits(items, SHARES, 1) == assign_splits(items, SHARES, 1)
    assert assign_splits(items, SHARES, 1) != assign_splits(items, SHARES, 2)


def test_new_images_bring_the_shares_back() -> None:
    items = alone(port=40)
    placed = {item.name: "train" for item in items[:20]}
    count = Counter(assign_splits(items, SHARES, 0, placed).values())
    assert count == {"train": 32, "val": 4, "test": 4}


@pytest.mark.parametrize(
    ("kept", "images", "expected"),
    [
        ("test", 20, {"train": 356, "val": 44, "test": 100}),
        ("train", 90, {"train": 450, "val": 25, "test": 25}),
        ("val", 10, {"train": 400, "val": 50, "test": 50}),
        ("former", 50, {"train": 200, "val": 25, "test": 25, "former": 250}),
    ],
)
def test_splits_share_what_one_that_keeps_more_than_its_share_leaves(
    kept: str, images: int, expected: dict[str, int]
) -> None:
    """Such as the test images of an earlier release."""
    items = alone(**dict.fromkeys("abcde", 100))
    placed = {item.name: kept for n, item in enumerate(items) if n % 100 < images}
    count = Counter(assign_splits(items, SHARES, 0, placed).values())
    assert count == expected


def test_small_categories_share_the_rest_too() -> None:
    items = alone(**dict.fromkeys("abcdefghij", 8))
    placed = {item.name: "test" for n, item in enumerate(items) if n % 8 < 2}
    count = Counter(assign_splits(items, SHARES, 0, placed).values())
    assert count == {"train": 53, "val": 7, "test": 20}
