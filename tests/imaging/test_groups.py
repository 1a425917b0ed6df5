"""Groups of related items, against networkx."""

from __future__ import annotations

import networkx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.imaging.groups import components, spanning_pairs

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(PAIRS, st.integers(1, 7))
def test_few_pairs_have_the_components_of_all(pairs: list[tuple[int, int]], part: int) -> None:
    given_pairs = np.array(pairs, np.int64).reshape(-1, 2)
    parts = [given_pairs[start : start + part].T for start in range(0, len(pairs), part)]
    found = spanning_pairs(20, ((ones, others) for ones, others in parts))
    graph = networkx.Graph(pairs)
    graph.add_nodes_from(range(20))
    expected = list(networkx.connected_components(graph))
    assert len(found) == 20 - len(expected)
    groups = components(20, found)
    for members in expected:
        first = min(members) if len(members) > 1 else None
        assert {groups[member] for member in members} == {first}
