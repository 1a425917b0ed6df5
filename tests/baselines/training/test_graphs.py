"""The number of CUDA graphs; test_cuda.py runs them where there is a GPU."""

from __future__ import annotations

import pytest

from rsitmd_tools.baselines.training.graphs import MAX_GRAPHS, allowed_graphs

GB = 2**30


@pytest.mark.parametrize(
    ("gradients", "total", "graphs"),
    [(GB // 16, 80 * GB, MAX_GRAPHS), (GB, 80 * GB, 8), (GB, 8 * GB, 0), (0, GB, MAX_GRAPHS)],
)
def test_gradients_of_graphs_take_a_small_share(gradients: int, total: int, graphs: int) -> None:
    assert allowed_graphs(gradients, total) == graphs
