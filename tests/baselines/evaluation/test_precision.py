"""mAP@R against its definition over all orders."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.baselines.evaluation.metrics.map_at_r import average_precisions


def by_definition(listed: list[bool]) -> float:
    count = sum(listed)
    return sum(sum(listed[: k + 1]) / (k + 1) for k in range(count) if listed[k]) / count


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6).filter(
        lambda items: any(relevant for _, relevant in items)
    )
)
def test_ties_count_by_the_mean_over_all_orders(items: list[tuple[int, bool]]) -> None:
    values = [
        by_definition([items[i][1] for i in sorted(order, key=lambda i: -items[i][0])])
        for order in itertools.permutations(range(len(items)))
    ]
    row = np.array([score for score, _ in items], float)
    relevant = [item for item, (_, good) in enumerate(items) if good]
    assert average_precisions(row[None], [relevant])[0] == pytest.approx(np.mean(values), abs=1e-12)


def test_a_known_case() -> None:
    row = np.array([5.0, 4.0, 3.0, 2.0])
    # R = 2: first relevant (1/1), second not: 1/2.
    assert average_precisions(row[None], [[0, 2]])[0] == pytest.approx(0.5)
    both = average_precisions(np.stack([row, row]), [[0, 1], [3]])
    assert both.tolist() == pytest.approx([1, 0])
