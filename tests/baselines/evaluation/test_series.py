"""Which single runs of equal settings are repetitions of each other."""

from __future__ import annotations

import pytest

from rsitmd_tools.baselines.evaluation.series import divide_series


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ("any:0 names:1", [0, 0]),
        ("a-0:0 b-0:0 b-1:1 a-1:1 a-2:2", [0, 1, 1, 0, 0]),
        ("a-1:1 a-0:0 b-0:0", [1, 1, 2]),
        ("seed-0/a:0 seed-0/b:0 seed-1/a:1 seed-1/b:1", [0, 1, 0, 1]),
        ("soft2-0:0 soft3-0:0 soft3-3:3 soft2-2:2", [0, 1, 1, 0]),
        ("big:0 small:0 other:1", [0, 1, 2]),
        ("a:0 a:0 a:1", [0, 1, 2]),
        ("a-0:0 b-0:0 a-1:1 a-1-copy:1", [0, 1, 2, 3]),
    ],
)
def test_runs_belong_to_the_series_of_the_nearest_name(runs: str, expected: list[int]) -> None:
    pairs = [run.split(":") for run in runs.split()]
    assert divide_series([name for name, _ in pairs], [seed for _, seed in pairs]) == expected
