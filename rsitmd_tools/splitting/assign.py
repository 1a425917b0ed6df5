"""The assignment itself, a pure function."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """An image to be placed.

    Attributes:
        name: Its file name.
        category: Its class.
        group: Images of one group go to one split; the name where it stands alone.
    """

    name: str
    category: str
    group: str


def assign_splits(items: Sequence[Item], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Assign every image to a split.

    Groups are placed in a seeded order, the largest first, each where its categories
    lack most compared with their shares. The result depends on names, groups and the
    seed, not on the order of the items.

    Args:
        items: The images.
        shares: Share of each split; they sum to 1.
        seed: Seed of the order.

    Returns:
        Split by file name.
    """
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.name):
        groups[item.group].append(item)
    wanted = {name: share for name, share in shares.items() if share > 0}
    totals = Counter(item.category for item in items)
    placed: dict[str, Counter[str]] = {name: Counter() for name in wanted}
    order = sorted(groups.values(), key=lambda group: group[0].name)
    random.Random(seed).shuffle(order)
    order.sort(key=len, reverse=True)
    assigned: dict[str, str] = {}
    for group in order:
        categories = Counter(item.category for item in group)
        chosen = max(
            wanted,
            key=lambda name: _lack(name, categories, totals, placed, wanted, len(assigned)),
        )
        placed[chosen].update(categories)
        assigned.update((item.name, chosen) for item in group)
    return assigned


def _lack(
    name: str,
    categories: Counter[str],
    totals: Counter[str],
    placed: Mapping[str, Counter[str]],
    shares: Mapping[str, float],
    done: int,
) -> tuple[float, float]:
    """How far a split is behind its share: in the group's categories, then over all."""
    share = shares[name]
    by_category = sum(
        count * (share * totals[category] - placed[name][category])
        for category, count in categories.items()
    )
    over_all = share * (done + 1) - placed[name].total()
    return round(by_category, 9), over_all
