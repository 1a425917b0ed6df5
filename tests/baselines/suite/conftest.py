"""A small suite of two configurations and two seeds."""

from __future__ import annotations

import pytest

from rsitmd_tools.baselines.suite.plan import PlannedRun, plan_runs
from tests.baselines.training.common import SMALL

CONFIGS = ("vsepp", "m1")
CHANGES = (*SMALL, "epochs=1", "freeze_backbone=true")


@pytest.fixture
def plan() -> list[PlannedRun]:
    """Two configurations, two seeds."""
    return plan_runs(CONFIGS, CHANGES, [0, 1])
