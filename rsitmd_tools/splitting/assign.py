"""The assignment of images to splits."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TEST = "test"
EPSILON = 1e-9  # 0.29 * 100 is 28.999999999999996


@dataclass(frozen=True, slots=True)
class Item:
    """An image to be assigned.

    Attributes:
        name: File name.
        category: Category of the scene.
        group: Images of one group get the same split; the file name if it has no group.
    """

    name: str
    category: str
    group: str


def assign_splits(
    items: Sequence[Item],
    shares: Mapping[str, float],
    seed: int,
    placed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Assign every image to a split.

    Each split gets its share of each category, rounded down or up so that its share of all images
    is also correct. If images that keep their split are more than its share, the other splits get
    their shares of the rest. Groups are assigned as a whole, the largest first. Only groups can
    change the share of a split by more than the rounding. If a split would be empty, it gets the
    smallest group that another split can give up. The result depends on names, groups and the
    seed, but not on the order of the items.

    Args:
        items: All images, including those that keep their split.
        shares: Share of each split; they sum to 1. A split with share 0 gets no new images.
        seed: Seed of the order in which groups are assigned.
        placed: Split by file name of the images that keep their split. New images of their
            group are in test if one of them is, else in the split of most of them.

    Returns:
        Split by file name, for all items.
    """
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.name):
        groups[item.group].append(item)
    fixed = placed or {}
    assigned: dict[str, str] = {}
    free: list[list[Item]] = []
    for group in sorted(groups.values(), key=lambda group: group[0].name):
        held = Counter(fixed[item.name] for item in group if item.name in fixed)
        if not held:
            free.append(group)
            continue
        home = TEST if TEST in held else max(sorted(held), key=held.__getitem__)
        assigned.update((item.name, fixed.get(item.name, home)) for item in group)
    tally = _Tally(items, {name: share for name, share in shares.items() if share > 0}, assigned)
    random.Random(seed).shuffle(free)
    free.sort(key=len, reverse=True)
    homes = []
    for group in free:
        homes.append(tally.best(group))
        tally.add(homes[-1], group)
    _fill_empty(free, homes, tally)
    for group, home in zip(free, homes, strict=True):
        assigned.update((item.name, home) for item in group)
    return assigned


class _Tally:
    """Current and expected numbers of images in each split.

    Attributes:
        held: Current number of images by split and category.
    """

    def __init__(
        self, items: Sequence[Item], shares: Mapping[str, float], assigned: Mapping[str, str]
    ) -> None:
        categories = Counter(item.category for item in items)
        kept: dict[str, Counter[str]] = {category: Counter() for category in categories}
        for item in items:
            if item.name in assigned:
                kept[item.category][assigned[item.name]] += 1
        targets = {c: _targets(n, shares, kept[c]) for c, n in categories.items()}
        self.held: dict[str, Counter[str]] = {name: Counter() for name in shares}
        self._wanted = {
            name: share * len(items)
            + sum(targets[c][name] - share * n for c, n in categories.items())
            for name, share in shares.items()
        }
        self._least = {
            name: Counter({c: math.floor(targets[c][name] + EPSILON) for c in categories})
            for name in shares
        }
        self._most = {
            name: Counter({c: math.ceil(targets[c][name] - EPSILON) for c in categories})
            for name in shares
        }
        # Number of images that a split has or certainly gets, independently of the rounding.
        self._sure = {name: least.total() for name, least in self._least.items()}
        for item in items:
            if item.name in assigned:
                self.add(assigned[item.name], [item])

    def add(self, split: str, group: Sequence[Item]) -> None:
        if split not in self.held:  # the image has a split whose share is 0 now
            return
        for item in group:
            self.held[split][item.category] += 1
            if self.held[split][item.category] > self._least[split][item.category]:
                self._sure[split] += 1

    def best(self, group: Sequence[Item]) -> str:
        """Return the best split for a group."""
        counts = Counter(item.category for item in group)
        return max(self.held, key=lambda split: self._merit(split, counts))

    def surplus(self, split: str) -> float:
        """Return the number of images of a split above its share."""
        return self.held[split].total() - self._wanted[split]

    def _merit(self, split: str, counts: Mapping[str, int]) -> tuple[int, int, float]:
        """Compare required images first, then the allowed maximum, then the share of all images."""
        held, least, most = self.held[split], self._least[split], self._most[split]
        due = sum(min(n, max(0, least[c] - held[c])) for c, n in counts.items())
        excess = sum(min(n, max(0, held[c] + n - most[c])) for c, n in counts.items())
        return due, -excess, self._wanted[split] - self._sure[split]


def _targets(images: int, shares: Mapping[str, float], kept: Mapping[str, int]) -> dict[str, float]:
    """Return the number of images of a category that each split should have.

    It is the share of the split, unless a split keeps more than that. Such a split gets no more,
    and the others share the rest.
    """
    targets = {name: share * images for name, share in shares.items()}
    full = {name for name in kept if name not in shares}  # splits whose share is 0 now
    over = full | _over(targets, kept)
    while over:
        full |= over
        rest = images - sum(kept.get(name, 0) for name in full)
        total = sum(share for name, share in shares.items() if name not in full)
        targets = {
            name: float(kept[name]) if name in full else share / total * rest
            for name, share in shares.items()
        }
        over = _over(targets, kept) - full
    return targets


def _over(targets: Mapping[str, float], kept: Mapping[str, int]) -> set[str]:
    """Return the splits that keep more images than they should have, rounded up."""
    return {
        name for name, target in targets.items() if kept.get(name, 0) > math.ceil(target - EPSILON)
    }


def _fill_empty(groups: Sequence[list[Item]], homes: list[str], tally: _Tally) -> None:
    """Move a group to each empty split, as long as another split has two groups."""
    for split in [name for name, held in tally.held.items() if not held.total()]:
        spare = [
            index
            for index, group in enumerate(groups)
            if tally.held[homes[index]].total() > len(group)
        ]
        if not spare:
            return
        chosen = min(
            spare, key=lambda index: (len(groups[index]), -tally.surplus(homes[index]), index)
        )
        tally.held[homes[chosen]].subtract(item.category for item in groups[chosen])
        tally.held[split].update(item.category for item in groups[chosen])
        homes[chosen] = split
