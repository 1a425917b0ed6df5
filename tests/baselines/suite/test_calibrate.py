"""What the calibration counts."""

from __future__ import annotations

import pytest

from rsitmd_tools.baselines.suite import calibrate
from rsitmd_tools.baselines.suite.plan import plan_runs
from rsitmd_tools.dataset import Dataset
from tests.baselines.suite.conftest import CHANGES


def test_the_sentences_of_training_are_encoded_once(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "_seconds_a_sentence", lambda *_: 2.0)
    changes = [*CHANGES, "epochs=0", "validate=false"]
    plan = plan_runs(["vsepp"], changes, [0])
    found = calibrate.calibrate(plan, tiny, "cpu", {}, pytest.fail)["vsepp"]
    assert found.training == 2.0 * len(set(tiny.select("train").captions()))
    assert found.evaluation > 2.0 * len(set(tiny.select("test").captions()))
