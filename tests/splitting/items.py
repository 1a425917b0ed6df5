"""Images to be split."""

from __future__ import annotations

from hypothesis import strategies as st

from rsitmd_tools.splitting import Item

ITEMS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 15)), min_size=1, max_size=60
).map(lambda rows: [Item(f"{c}_{n}.tif", c, f"g{g}") for n, (c, g) in enumerate(rows)])


def alone(**counts: int) -> list[Item]:
    names = [(f"{c}_{i}.tif", c) for c, count in counts.items() for i in range(count)]
    return [Item(name, category, name) for name, category in names]
